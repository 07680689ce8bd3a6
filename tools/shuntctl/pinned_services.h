// SPDX-License-Identifier: Apache-2.0
// Rebuilds Services and backends from the rows of the maps, for use without an agent.
#ifndef SHUNT_TOOLS_SHUNTCTL_PINNED_SERVICES_H_
#define SHUNT_TOOLS_SHUNTCTL_PINNED_SERVICES_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "userspace/report/agent_status.h"
#include "userspace/report/map_rows.h"

namespace shunt::shuntctl {

using DumpRows =
    std::function<absl::Status(absl::string_view map, const std::function<bool(const report::MapRow&)>& visit)>;

struct PinnedState {
  std::vector<report::ServiceStatus> services;  // in name order; from_maps is set
  std::vector<report::BackendStatus> backends;  // by id
  uint32_t frontends = 0;
  std::vector<report::ReasonRow> reasons;
};

// Reads the maps by `dump`. They may change meanwhile or be damaged: an id without a row is left out.
absl::StatusOr<PinnedState> ReadPinnedState(const DumpRows& dump);

}  // namespace shunt::shuntctl

#endif  // SHUNT_TOOLS_SHUNTCTL_PINNED_SERVICES_H_
