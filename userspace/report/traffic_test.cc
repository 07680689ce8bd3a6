// SPDX-License-Identifier: Apache-2.0
#include "userspace/report/traffic.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace shunt::report {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const model::ObjectName kCart = {"shop", "cart"};
const model::ObjectName kOrders = {"shop", "orders"};

model::SocketAddress Address(uint32_t low) {
  return {model::IpAddress::FromV4(0x0a000000 + low), 8080};
}

class TrafficTest : public ::testing::Test {
 protected:
  TrafficTest() {
    maps_["service_ports"] = {ServicePortRow{.service_port = 4,
                                             .service = kCart,
                                             .port_name = "dns",
                                             .port = 53,
                                             .protocol = model::Protocol::kUdp,
                                             .family = model::IpFamily::kV6},
                              ServicePortRow{.service_port = 5, .service = kOrders, .port_name = "", .port = 81}};
    maps_["service_counters"] = {ServiceCountersRow{9, 77, 0, 0}, ServiceCountersRow{4, 100, 2, 3}};
    maps_["backends"] = {BackendRow{7, Address(2)}, BackendRow{8, Address(3)}};
    maps_["backend_counters"] = {BackendCountersRow{3, 40}, BackendCountersRow{7, 60}};
  }

  VisitRows Rows() {
    return [this](absl::string_view map, const std::function<bool(const MapRow&)>& visit) {
      for (const MapRow& row : maps_[std::string(map)]) {
        if (!visit(row)) return;
      }
    };
  }

  std::map<std::string, std::vector<MapRow>> maps_;
};

TEST_F(TrafficTest, CountersMeetTheirPort) {
  const std::vector<PortTraffic> ports = ReadPortTraffic(Rows());
  ASSERT_THAT(ports, SizeIs(2));
  EXPECT_EQ(ports[0].service_port, 4u);
  EXPECT_EQ(ports[0].service, kCart);
  EXPECT_EQ(ports[0].port_name, "dns");
  EXPECT_EQ(ports[0].port, 53);
  EXPECT_EQ(ports[0].protocol, model::Protocol::kUdp);
  EXPECT_EQ(ports[0].family, model::IpFamily::kV6);
  EXPECT_EQ(ports[0].counters.translated, 100u);
  EXPECT_EQ(ports[0].counters.no_endpoints, 2u);
  EXPECT_EQ(ports[0].counters.local_misses, 3u);
}

TEST_F(TrafficTest, APortWithoutCountersHasZeros) {
  const std::vector<PortTraffic> ports = ReadPortTraffic(Rows());
  ASSERT_THAT(ports, SizeIs(2));
  EXPECT_EQ(ports[1].service, kOrders);
  EXPECT_EQ(ports[1].counters.translated + ports[1].counters.no_endpoints + ports[1].counters.local_misses, 0u);
}

TEST_F(TrafficTest, PortsOfOneServiceOnly) {
  maps_["service_counters"].push_back(ServiceCountersRow{5, 1, 0, 0});
  const std::vector<PortTraffic> ports = ReadPortTraffic(Rows(), &kOrders);
  ASSERT_THAT(ports, SizeIs(1));
  EXPECT_EQ(ports[0].service_port, 5u);
  EXPECT_EQ(ports[0].counters.translated, 1u);
}

TEST_F(TrafficTest, CountersMeetTheirBackend) {
  const std::vector<BackendTraffic> backends = ReadBackendTraffic(Rows());
  ASSERT_THAT(backends, SizeIs(2));
  EXPECT_EQ(backends[0].backend, 7u);
  EXPECT_EQ(backends[0].address, Address(2));
  EXPECT_EQ(backends[0].chosen, 60u);
  EXPECT_EQ(backends[1].backend, 8u);
  EXPECT_EQ(backends[1].chosen, 0u);
}

TEST_F(TrafficTest, AMapThatCannotBeReadIsEmpty) {
  maps_.erase("service_counters");
  maps_.erase("backends");
  EXPECT_THAT(ReadPortTraffic(Rows()), SizeIs(2));
  EXPECT_THAT(ReadBackendTraffic(Rows()), IsEmpty());
}

TEST_F(TrafficTest, RowsOfAnotherTypeAreSkipped) {
  maps_["pools"] = {SlotRow{.slot = 1}, PoolRow{.pool = 2}, SlotRow{.slot = 3}};
  std::vector<uint32_t> slots;
  ForEachRow<SlotRow>(Rows(), "pools", [&slots](const SlotRow& row) { slots.push_back(row.slot); });
  EXPECT_THAT(slots, ElementsAre(1u, 3u));
}

}  // namespace
}  // namespace shunt::report
