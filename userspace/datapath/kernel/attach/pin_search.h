// SPDX-License-Identifier: Apache-2.0
// Finds pins of Shunt in other directories than the configured one.
#ifndef SHUNT_DATAPATH_KERNEL_ATTACH_PIN_SEARCH_H_
#define SHUNT_DATAPATH_KERNEL_ATTACH_PIN_SEARCH_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "userspace/datapath/kernel/object/pins.h"

namespace shunt::datapath {

struct PinnedLink {
  std::string path;
  uint32_t id = 0;
  bool on_cgroup = false;  // it is attached to one
};

// Returns the links that are pinned in the directory, in every layout.
std::vector<PinnedLink> FindLinksIn(const PinDirectory& pins);
// Returns only their ids.
std::vector<uint32_t> PinnedLinks(const PinDirectory& pins);

// Looks through every BPF file system that this process sees, to a depth that has its bound, for what is pinned there
// by any agent. Returns the --bpffs of that agent by the link's id. What is covered by another mount is not seen.
std::map<uint32_t, std::string> FindPinnedLinks();

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_ATTACH_PIN_SEARCH_H_
