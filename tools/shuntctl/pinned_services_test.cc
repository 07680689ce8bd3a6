// SPDX-License-Identifier: Apache-2.0
// Services are rebuilt from rows: what the maps hold is found, and damaged rows are left out.
#include "tools/shuntctl/pinned_services.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>

#include "userspace/admin/to_message.h"

namespace shunt::shuntctl {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

model::SocketAddress Address(absl::string_view text, uint16_t port) {
  return {*model::IpAddress::Parse(text), port};
}

class PinnedServicesTest : public ::testing::Test {
 protected:
  // shop/cart, port 80: a ClusterIP on pool 2 (backends 5 and 6, a quarter of slot 17 goes to 5) and a NodePort whose
  // outside clients use pool 3 (a local miss). shop/idle: no frontend.
  PinnedServicesTest() {
    maps_["service_ports"] = {report::ServicePortRow{1, {"shop", "idle"}, "", 81},
                              report::ServicePortRow{7, {"shop", "cart"}, "http", 80}};
    report::FrontendRow cluster_ip{.row = 1, .address = {*model::IpAddress::Parse("10.96.0.4"), 80}, .service_port = 7};
    cluster_ip.internal_pool = cluster_ip.external_pool = 2;
    cluster_ip.affinity_timeout_s = 60;
    report::FrontendRow node_port{.row = 2,
                                  .address = {*model::IpAddress::Parse("0.0.0.0"), 30'080},
                                  .kind = model::FrontendKind::kNodePort,
                                  .service_port = 7,
                                  .internal_pool = 2,
                                  .external_pool = 3};
    node_port.flags = {.source_ranges = true, .node_in_ranges = true};
    report::FrontendRow about{.row = 3, .address = {*model::IpAddress::Parse("10.96.0.4"), 0}, .about_address = true};
    about.service_port = 7;
    maps_["frontend_rows"] = {node_port, cluster_ip, about};
    maps_["pools"] = {report::PoolRow{2, 16, 2, 9, std::nullopt},
                      report::PoolRow{3, 16, 2, 9, model::EmptyPool::kLocalMiss}};
    maps_["slots"] = {report::SlotRow{16, 6, 6, UINT32_MAX}, report::SlotRow{17, 5, 6, uint32_t{1} << 31}};
    maps_["backends"] = {report::BackendRow{5, Address("10.244.0.1", 8080)},
                         report::BackendRow{6, Address("10.244.0.2", 8080)},
                         report::BackendRow{9, Address("10.244.0.9", 8080)}};
    maps_["service_counters"] = {report::ServiceCountersRow{7, 100, 1, 2}};
    maps_["backend_counters"] = {report::BackendCountersRow{6, 75}};
    maps_["reasons"] = {report::ReasonRow{"no_endpoints", "refused", 1}};
  }

  PinnedState Read() {
    auto state = ReadPinnedState([this](absl::string_view map, const auto& visit) -> absl::Status {
      for (const report::MapRow& row : maps_[std::string(map)]) visit(row);
      return absl::OkStatus();
    });
    EXPECT_TRUE(state.ok()) << state.status();
    return *std::move(state);
  }

  std::map<std::string, std::vector<report::MapRow>> maps_;
};

TEST_F(PinnedServicesTest, FindsServicesFrontendsPoolsAndShares) {
  const PinnedState state = Read();
  ASSERT_EQ(state.services.size(), 2u);
  EXPECT_EQ(state.frontends, 2u);
  const report::ServiceStatus& cart = state.services[0];
  EXPECT_EQ(cart.plan.service.ToString(), "shop/cart");
  EXPECT_TRUE(cart.from_maps);
  EXPECT_TRUE(cart.applied.ok());
  EXPECT_EQ(cart.port_counters[0].translated, 100u);
  EXPECT_EQ(cart.port_counters[0].local_misses, 2u);
  ASSERT_EQ(cart.plan.ports.size(), 1u);
  const model::PortPlan& port = cart.plan.ports[0];
  EXPECT_EQ(port.name, "http");
  EXPECT_EQ(port.affinity_timeout_s, 60);
  ASSERT_EQ(port.frontends.size(), 2u);
  EXPECT_EQ(port.frontends[0].kind, model::FrontendKind::kClusterIp);
  ASSERT_EQ(port.pools.size(), 2u);
  const model::Frontend& node_port = port.frontends[1];
  EXPECT_NE(node_port.internal_pool, node_port.external_pool);
  EXPECT_TRUE(node_port.node_in_source_ranges);
  EXPECT_THAT(cart.restricted_frontends, ElementsAre(node_port.address)) << "which ranges, the row does not say";
  const model::Pool& missed = port.pools[node_port.external_pool];
  EXPECT_EQ(missed.empty, model::EmptyPool::kLocalMiss);
  EXPECT_EQ(missed.members.size(), 2u) << "they keep their flows";
  EXPECT_THAT(admin::SharesPercent(missed), Each(0.0)) << "and get no new ones";
  // Members are ordered by address although the slots are not.
  const model::Pool& pool = port.pools[node_port.internal_pool];
  ASSERT_EQ(pool.members.size(), 2u);
  EXPECT_EQ(pool.members[0].backend, Address("10.244.0.1", 8080));
  EXPECT_THAT(admin::SharesPercent(pool), ElementsAre(25.0, 75.0));
  ASSERT_EQ(port.endpoints.size(), 2u);
  EXPECT_EQ(port.endpoints[1].backend, Address("10.244.0.2", 8080));
  EXPECT_THAT(state.services[1].plan.ports[0].frontends, IsEmpty());
}

TEST_F(PinnedServicesTest, FindsWhoUsesABackend) {
  const PinnedState state = Read();
  ASSERT_EQ(state.backends.size(), 3u);
  EXPECT_EQ(state.backends[1].id, 6u);
  EXPECT_EQ(state.backends[1].chosen, 75u);
  EXPECT_THAT(state.backends[1].services, ElementsAre(model::ObjectName{"shop", "cart"}));
  EXPECT_THAT(state.backends[2].services, IsEmpty()) << "no Service uses this backend now";
  EXPECT_EQ(state.reasons.size(), 1u);
}

TEST_F(PinnedServicesTest, FollowsNoIdThatLeadsNowhere) {
  maps_["slots"] = {report::SlotRow{16, 6, 4711, 1}, report::SlotRow{17, 5, 5, UINT32_MAX}};
  EXPECT_THAT(Read().services[0].plan.ports[0].pools[0].members.size(), 1u) << "an alias that is no backend";
  maps_["slots"] = {report::SlotRow{17, 4711, 5, 1}};
  EXPECT_THAT(Read().services[0].plan.ports[0].pools[0].members, IsEmpty()) << "a missing and a dangling slot";
  maps_["pools"] = {report::PoolRow{2, 16, UINT32_MAX >> 12, 9, std::nullopt}};
  EXPECT_EQ(Read().services[0].plan.ports[0].pools.size(), 2u) << "a pool that is gone, and one far too long";
}

TEST_F(PinnedServicesTest, AMapThatCannotBeReadIsTheAnswer) {
  const auto state = ReadPinnedState([](absl::string_view map, const auto&) -> absl::Status {
    return map == "slots" ? absl::InternalError("map slots: EIO") : absl::OkStatus();
  });
  EXPECT_EQ(state.status().message(), "map slots: EIO");
}

}  // namespace
}  // namespace shunt::shuntctl
