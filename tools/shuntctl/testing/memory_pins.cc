// SPDX-License-Identifier: Apache-2.0
#include "tools/shuntctl/testing/memory_pins.h"

#include <gtest/gtest.h>

#include <memory>
#include <utility>
#include <variant>

#include "userspace/datapath/grace.h"
#include "userspace/datapath/map_reader.h"
#include "userspace/datapath/table_datapath.h"

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
                                      .affinities = 16};

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
}

absl::Status MemoryPins::Dump(absl::string_view map, const std::function<bool(const report::MapRow&)>& visit) const {
  return datapath::MapReader(tables_).Dump(map, [&](report::MapRow row) {
    auto* reason = std::get_if<report::ReasonRow>(&row);
    if (reason != nullptr && reason->name == "no_endpoints") reason->count = 46;
    return visit(row);
  });
}

report::AgentQueries MemoryPins::Queries() const {
  absl::StatusOr<PinnedState> read =
      ReadPinnedState([this](absl::string_view map, const auto& visit) { return Dump(map, visit); });
  EXPECT_TRUE(read.ok()) << read.status();
  if (!read.ok()) return {};
  return PinnedQueries(*std::move(read), [this] {
    return PinDescription{
        .abi_version = 1,
        .directory = "/sys/fs/bpf/shunt/v1",
        .programs =
            {{.name = "sock_connect4", .hook = "cgroup/connect4", .attach_point = "/sys/fs/cgroup", .attached = true},
             {.name = "sock_connect6", .hook = "cgroup/connect6", .attach_point = "/sys/fs/cgroup", .attached = true}},
        .maps = datapath::MapReader(tables_).FillLevels()};
  });
}

}  // namespace shunt::shuntctl::testing
