// SPDX-License-Identifier: Apache-2.0
#include "tools/shuntctl/testing/memory_pins.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <string>
#include <variant>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "userspace/datapath/grace.h"
#include "userspace/datapath/map_reader.h"
#include "userspace/datapath/table_datapath.h"
#include "userspace/datapath/testing/written_flows.h"
#include "userspace/model/ip_address.h"
#include "userspace/report/device_report.h"

namespace shunt::shuntctl::testing {
namespace {

// Tight enough that one map is nearly full.
constexpr datapath::Limits kLimits = {.frontends = 16,
                                      .service_ports = 16,
                                      .pools = 16,
                                      .slots = 64,
                                      .backends = 4,
                                      .sockets = 64,
                                      .socket_peers = 16,
                                      .affinities = 16,
                                      .flows = 1024};

constexpr uint64_t kJiffyNs = 4'000'000;

class OpenedPins final : public report::PinnedMaps {
 public:
  explicit OpenedPins(const datapath::Tables& tables)
      : reader_(tables, &datapath::MapReader::ReadBootClock, kJiffyNs) {}

  const std::string& pin_directory() const override { return directory_; }
  std::vector<report::MapFill> FillLevels() const override { return reader_.FillLevels(); }
  std::vector<report::ProgramStatus> Programs() const override {
    return {{.name = "sock_connect4", .hook = "cgroup/connect4", .attach_point = "/sys/fs/cgroup", .attached = true},
            {.name = "sock_connect6", .hook = "cgroup/connect6", .attach_point = "/sys/fs/cgroup", .attached = true}};
  }
  // One device has its programs, as far as pins tell.
  absl::StatusOr<std::vector<report::DeviceStatus>> Devices() const override {
    report::DeviceStatus uplink{.index = 2, .name = "eth0", .role = report::DeviceRole::kExternal, .in_force = true};
    uplink.hook = report::DeviceHook::kTcx;
    uplink.source_v4 = model::IpAddress::Parse("203.0.113.5");
    uplink.mtu = 1500;
    return std::vector<report::DeviceStatus>{uplink};
  }
  report::SignOfLife LastSignOfLife() const override { return {}; }
  absl::Status DumpMap(absl::string_view map, const std::function<bool(const report::MapRow&)>& visit) const override {
    return reader_.Dump(map, [&](report::MapRow row) {
      auto* reason = std::get_if<report::ReasonRow>(&row);
      if (reason != nullptr && reason->name == "no_endpoints") reason->count = 46;
      return visit(row);
    });
  }

 private:
  const std::string directory_ = "/sys/fs/bpf/shunt/plan-v1-1";
  const datapath::MapReader reader_;
};

}  // namespace

MemoryPins::MemoryPins(const std::vector<report::ServiceStatus>& services) : maps_(kLimits), tables_(maps_.Open()) {
  std::vector<const model::ServicePlan*> plans;
  for (const report::ServiceStatus& service : services) {
    if (service.applied.ok()) plans.push_back(&service.plan);
  }
  datapath::WorkerGracePeriod grace(nullptr);
  auto datapath = datapath::TableDatapath::Open(maps_.Open(), grace);
  EXPECT_TRUE(datapath.ok()) << datapath.status();
  if (!datapath.ok()) return;
  const auto failures = (*datapath)->Apply(plans, datapath::ApplyScope::kAll);
  EXPECT_TRUE(failures.empty()) << failures[0].status;
  datapath::WriteFlows(tables_);
}

std::unique_ptr<const report::PinnedMaps> MemoryPins::Open() const {
  return std::make_unique<OpenedPins>(tables_);
}

}  // namespace shunt::shuntctl::testing
