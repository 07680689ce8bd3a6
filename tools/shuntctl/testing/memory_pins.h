// SPDX-License-Identifier: Apache-2.0
// What an agent's datapath leaves in the maps, without a kernel: for tests of what can be told from pins alone.
#ifndef SHUNT_TOOLS_SHUNTCTL_TESTING_MEMORY_PINS_H_
#define SHUNT_TOOLS_SHUNTCTL_TESTING_MEMORY_PINS_H_

#include <vector>

#include "absl/strings/string_view.h"
#include "tools/shuntctl/pinned_services.h"
#include "userspace/datapath/tables.h"
#include "userspace/datapath/testing/memory_table.h"
#include "userspace/report/agent_status.h"

namespace shunt::shuntctl::testing {

class MemoryPins {
 public:
  // Writes the plans of those `services` that an agent could apply, as the agent does.
  explicit MemoryPins(const std::vector<report::ServiceStatus>& services);

  // As the kernel's, but for the counts: reason no_endpoints has been met 46 times.
  absl::Status Dump(absl::string_view map, const std::function<bool(const report::MapRow&)>& visit) const;
  // What `shuntctl --offline` has to answer from, with two programs in force.
  report::AgentQueries Queries() const;

 private:
  datapath::MemoryMaps maps_;
  datapath::Tables tables_;
};

}  // namespace shunt::shuntctl::testing

#endif  // SHUNT_TOOLS_SHUNTCTL_TESTING_MEMORY_PINS_H_
