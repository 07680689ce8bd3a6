// SPDX-License-Identifier: Apache-2.0
// How many rows the packet path's maps have, from the limit on flows: the rules of bpf/packet_abi.h.
#ifndef SHUNT_DATAPATH_FLOW_SIZES_H_
#define SHUNT_DATAPATH_FLOW_SIZES_H_

#include <algorithm>
#include <bit>
#include <cstdint>

#include "bpf/packet_abi.h"

namespace shunt::datapath {

// The default is that of a packet path which is off: each map has the least size that its readers can use.
struct FlowSizes {
  uint32_t rows = 1;         // flow_rows
  uint32_t buckets = 1;      // flow_index
  uint32_t taken_words = 1;  // flow_taken
  uint32_t snat_sets = 1;    // snat_ports has SHUNT_SNAT_WORDS words for each
  uint32_t fragments = 1;
};

// REQUIRES: `flows` is 0 or a power of two from kFlowsMin to kRowsMax (limits.h).
inline FlowSizes FlowSizesOf(uint32_t flows) {
  if (flows == 0) return {};
  // Each flow has two entries, and at most half of all entries may be taken.
  const uint32_t buckets = (4 * flows + SHUNT_FLOW_ENTRIES - 1) / SHUNT_FLOW_ENTRIES;
  return {.rows = flows,
          .buckets = std::bit_ceil(buckets),
          .taken_words = flows / 64,
          .snat_sets = std::max(flows / 256, 1u),
          .fragments = 8192};
}

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_FLOW_SIZES_H_
