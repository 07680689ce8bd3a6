// SPDX-License-Identifier: Apache-2.0
// What an agent's datapath leaves in the maps, without a kernel: for tests of what can be told from pins alone.
#ifndef SHUNT_TOOLS_SHUNTCTL_TESTING_MEMORY_PINS_H_
#define SHUNT_TOOLS_SHUNTCTL_TESTING_MEMORY_PINS_H_

#include <memory>
#include <vector>

#include "userspace/datapath/tables.h"
#include "userspace/datapath/testing/memory_table.h"
#include "userspace/report/agent_status.h"
#include "userspace/report/pinned_maps.h"

namespace shunt::shuntctl::testing {

class MemoryPins {
 public:
  // Writes the plans of those `services` that an agent could apply, as the agent does.
  explicit MemoryPins(const std::vector<report::ServiceStatus>& services);

  // What `shuntctl --offline` has to answer from: the maps, in which reason no_endpoints has been met 46 times, two
  // programs of sockets in force, a device with those of the packet path, and three flows. The pins must outlive it.
  std::unique_ptr<const report::PinnedMaps> Open() const;

 private:
  datapath::MemoryMaps maps_;
  datapath::Tables tables_;
};

}  // namespace shunt::shuntctl::testing

#endif  // SHUNT_TOOLS_SHUNTCTL_TESTING_MEMORY_PINS_H_
