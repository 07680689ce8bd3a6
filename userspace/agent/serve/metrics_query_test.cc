// SPDX-License-Identifier: Apache-2.0
#include "userspace/agent/serve/metrics_query.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace shunt::agent {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

model::SocketAddress Backend(uint32_t low) {
  return {model::IpAddress::FromV4(0x0a000000 + low), 8080};
}

class MetricsQueryTest : public ::testing::Test {
 protected:
  MetricsQueryTest() {
    rows_["service_ports"] = {report::ServicePortRow{.service_port = 4, .service = {"shop", "cart"}, .port = 80},
                              report::ServicePortRow{.service_port = 5, .service = {"shop", "new"}, .port = 81}};
    rows_["service_counters"] = {report::ServiceCountersRow{4, 100, 2, 3}, report::ServiceCountersRow{9, 77, 0, 0}};
    rows_["backends"] = {report::BackendRow{7, Backend(2)}};
    rows_["backend_counters"] = {report::BackendCountersRow{7, 60}, report::BackendCountersRow{3, 40}};
  }

  MapViews Maps() {
    MapViews maps;
    maps.dump = [this](absl::string_view map, const std::function<bool(const report::MapRow&)>& visit) {
      ++dumps_;
      const auto place = rows_.find(std::string(map));
      if (place == rows_.end()) return absl::NotFoundError(absl::StrCat("no map ", map));
      for (const report::MapRow& row : place->second) visit(row);
      return absl::OkStatus();
    };
    return maps;
  }

  std::map<std::string, std::vector<report::MapRow>> rows_;
  int dumps_ = 0;
};

TEST_F(MetricsQueryTest, CountersMeetTheirPortsAndBackends) {
  const report::Traffic traffic = ReadTraffic(Maps(), {}, TrafficLimits());
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

TEST_F(MetricsQueryTest, AboveALimitNothingOfThatKindIsEvenRead) {
  const std::vector<report::MapFill> fills = {{.name = "service_ports", .used = 11}, {.name = "backends", .used = 21}};
  const report::Traffic fits = ReadTraffic(Maps(), fills, {.service_ports = 11, .backends = 20});
  EXPECT_THAT(fits.ports, SizeIs(2));
  EXPECT_THAT(fits.backends, IsEmpty());
  EXPECT_EQ(fits.backends_left_out, 21u);
  dumps_ = 0;
  const report::Traffic none = ReadTraffic(Maps(), fills, {.service_ports = 10, .backends = 20});
  EXPECT_THAT(none.ports, IsEmpty());
  EXPECT_EQ(none.ports_left_out, 11u);
  EXPECT_EQ(dumps_, 0);
}

TEST_F(MetricsQueryTest, TheSnapshotIsOfAllItsSources) {
  Ledger ledger;
  Metrics metrics(0);
  metrics.AuditDone(1, 0, 0);
  bool maps_open = true;
  const report::MetricsQuery query = MakeMetricsQuery({
      .status = [] { return report::AgentStatus{.version = "1.2.3"}; },
      .ledger = ledger,
      .metrics = metrics,
      .source = [] { return report::SourceStatus{.server = "https://10.0.0.1:6443"}; },
      .open_maps = [&]() -> absl::StatusOr<MapViews> {
        if (!maps_open) return absl::NotFoundError("nothing is pinned");
        return Maps();
      },
  });
  const report::MetricsSnapshot snapshot = query();
  EXPECT_EQ(snapshot.status.version, "1.2.3");
  EXPECT_EQ(snapshot.agent.audit.audits, 1u);
  EXPECT_EQ(snapshot.source.server, "https://10.0.0.1:6443");
  EXPECT_THAT(snapshot.traffic.ports, SizeIs(2));
  EXPECT_GT(snapshot.process.resident_bytes, 0u);
  EXPECT_GT(snapshot.now_ms, 1'700'000'000'000);
  maps_open = false;
  EXPECT_THAT(query().traffic.ports, IsEmpty());
}

}  // namespace
}  // namespace shunt::agent
