// SPDX-License-Identifier: Apache-2.0
#include "userspace/agent/serve/read_traffic.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "userspace/report/testing/scripted_maps.h"

namespace shunt::agent {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

model::SocketAddress Backend(uint32_t low) {
  return {model::IpAddress::FromV4(0x0a000000 + low), 8080};
}

class ReadTrafficTest : public ::testing::Test {
 protected:
  ReadTrafficTest() {
    maps_.rows["service_ports"] = {report::ServicePortRow{.service_port = 4, .service = {"shop", "cart"}, .port = 80},
                                   report::ServicePortRow{.service_port = 5, .service = {"shop", "new"}, .port = 81}};
    maps_.rows["service_counters"] = {report::ServiceCountersRow{4, 100, 2, 3},
                                      report::ServiceCountersRow{9, 77, 0, 0}};
    maps_.rows["backends"] = {report::BackendRow{7, Backend(2)}};
    maps_.rows["backend_counters"] = {report::BackendCountersRow{7, 60}, report::BackendCountersRow{3, 40}};
  }

  report::testing::ScriptedMaps maps_;
};

TEST_F(ReadTrafficTest, CountersMeetTheirPortsAndBackends) {
  const report::Traffic traffic = ReadTraffic(maps_, {}, TrafficLimits());
  ASSERT_THAT(traffic.ports, SizeIs(2));
  EXPECT_EQ(traffic.ports[0].service, (model::ObjectName{"shop", "cart"}));
  EXPECT_EQ(traffic.ports[0].counters.translated, 100u);
  EXPECT_EQ(traffic.ports[0].counters.no_endpoints, 2u);
  EXPECT_EQ(traffic.ports[0].counters.local_misses, 3u);
  EXPECT_EQ(traffic.ports[1].counters.translated, 0u);
  ASSERT_THAT(traffic.backends, SizeIs(1));
  EXPECT_EQ(traffic.backends[0].address, Backend(2));
  EXPECT_EQ(traffic.backends[0].chosen, 60u);
  EXPECT_EQ(traffic.ports_left_out + traffic.backends_left_out, 0u);
}

TEST_F(ReadTrafficTest, AboveALimitNothingOfThatKindIsEvenRead) {
  const std::vector<report::MapFill> fills = {{.name = "service_ports", .used = 11}, {.name = "backends", .used = 21}};
  const report::Traffic fits = ReadTraffic(maps_, fills, {.service_ports = 11, .backends = 20});
  EXPECT_THAT(fits.ports, SizeIs(2));
  EXPECT_THAT(fits.backends, IsEmpty());
  EXPECT_EQ(fits.backends_left_out, 21u);
  maps_.dumps = 0;
  const report::Traffic none = ReadTraffic(maps_, fills, {.service_ports = 10, .backends = 20});
  EXPECT_THAT(none.ports, IsEmpty());
  EXPECT_EQ(none.ports_left_out, 11u);
  EXPECT_EQ(maps_.dumps, 0);
}

}  // namespace
}  // namespace shunt::agent
