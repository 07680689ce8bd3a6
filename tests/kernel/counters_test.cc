// SPDX-License-Identifier: Apache-2.0
// Every decision is counted once, in the counter where people look for it.
#include <string>
#include <variant>

#include "tests/kernel/kernel_test.h"

namespace shunt::kernel_test {
namespace {

class CountersTest : public DiallingTest {
 protected:
  // Returns the counters of this Service's ServicePort, in the family of the service that is dialled.
  report::ServiceCountersRow CountersOf(const std::string& service, uint16_t port) {
    uint32_t index = ~0u;
    EXPECT_TRUE(maps()
                    .Dump("service_ports",
                          [&](const report::MapRow& row) {
                            const auto& entry = std::get<report::ServicePortRow>(row);
                            if (entry.service.name == service && entry.port == port &&
                                entry.family == Service(0).address.family()) {
                              index = entry.service_port;
                            }
                            return true;
                          })
                    .ok());
    EXPECT_NE(index, ~0u) << service;
    report::ServiceCountersRow counters;
    EXPECT_TRUE(maps()
                    .Dump("service_counters",
                          [&](const report::MapRow& row) {
                            const auto& entry = std::get<report::ServiceCountersRow>(row);
                            if (entry.service_port == index) counters = entry;
                            return true;
                          })
                    .ok());
    return counters;
  }

  uint64_t ChosenOf(const SocketAddress& backend) {
    uint32_t id = ~0u;
    EXPECT_TRUE(maps()
                    .Dump("backends",
                          [&](const report::MapRow& row) {
                            const auto& entry = std::get<report::BackendRow>(row);
                            if (entry.address == backend) id = entry.backend;
                            return true;
                          })
                    .ok());
    uint64_t chosen = 0;
    EXPECT_TRUE(maps()
                    .Dump("backend_counters",
                          [&](const report::MapRow& row) {
                            const auto& entry = std::get<report::BackendCountersRow>(row);
                            if (entry.backend == id) chosen = entry.chosen;
                            return true;
                          })
                    .ok());
    return chosen;
  }
};
SHUNT_IN_EVERY_DIALLING(CountersTest);

TEST_P(CountersTest, EveryConnectCountsForItsServicePortAndItsBackend) {
  for (int i = 0; i < 10; ++i) ASSERT_EQ(Open(SOCK_STREAM).Connect(Service(80)), 0);
  for (int i = 0; i < 7; ++i) ASSERT_EQ(Open(SOCK_DGRAM).Connect(Service(53)), 0);
  EXPECT_EQ(CountersOf("web", 80).translated, 10u);
  EXPECT_EQ(CountersOf("web", 53).translated, 7u);
  EXPECT_EQ(CountersOf("api", 80).translated, 0u);
  EXPECT_EQ(ChosenOf(Backend(8080)), 10u);
  EXPECT_EQ(ChosenOf(Backend(8081)), 7u);
}

TEST_P(CountersTest, ASocketThatSendsAgainToTheSameServiceIsCountedOnce) {
  ClientSocket socket = Open(SOCK_DGRAM);
  for (int i = 0; i < 5; ++i) {
    ASSERT_EQ(socket.SendTo(Service(53), "x"), 0);
    ASSERT_EQ(socket.SendTo(OtherService(53), "x"), 0);
  }
  EXPECT_EQ(CountersOf("web", 53).translated, 1u);
  EXPECT_EQ(CountersOf("api", 53).translated, 1u);
}

TEST_P(CountersTest, RefusalsCountForTheirServicePort) {
  Open(SOCK_STREAM).Connect(Unserved(80));
  Open(SOCK_DGRAM).SendTo(Unserved(53), "x");
  EXPECT_EQ(CountersOf("empty", 80).no_endpoints, 1u);
  EXPECT_EQ(CountersOf("empty", 53).no_endpoints, 1u);
  EXPECT_EQ(CountersOf("empty", 80).translated, 0u);
}

TEST_P(CountersTest, EveryWayOutWithoutATranslationIsCounted) {
  const uint64_t strangers = Reason("not_a_service"), states = Reason("no_state");
  ASSERT_EQ(Open(SOCK_STREAM).Connect(Backend(8080)), 0);
  EXPECT_EQ(Reason("not_a_service"), strangers + 1);
  ClientSocket direct = Open(SOCK_DGRAM);
  ASSERT_EQ(direct.SendTo(Backend(8081), "x"), 0);
  ASSERT_EQ(direct.Receive().error, 0);
  EXPECT_EQ(Reason("not_a_service"), strangers + 2);
  EXPECT_EQ(Reason("no_state"), states + 1);
}

}  // namespace
}  // namespace shunt::kernel_test
