// SPDX-License-Identifier: Apache-2.0
// Services and backends put together again from rows of maps, for when there is no agent to ask.
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
  std::vector<report::ServiceStatus> services;  // in name order, from_maps
  std::vector<report::BackendStatus> backends;  // by id
  uint32_t frontends = 0;
  std::vector<report::ReasonRow> reasons;
};

// The maps may be changing meanwhile, or be damaged: an id that leads nowhere is left out, never followed.
absl::StatusOr<PinnedState> ReadPinnedState(const DumpRows& dump);

}  // namespace shunt::shuntctl

#endif  // SHUNT_TOOLS_SHUNTCTL_PINNED_SERVICES_H_
