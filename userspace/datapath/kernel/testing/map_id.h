// SPDX-License-Identifier: Apache-2.0
// Tells maps apart, for tests.
#ifndef SHUNT_DATAPATH_KERNEL_TESTING_MAP_ID_H_
#define SHUNT_DATAPATH_KERNEL_TESTING_MAP_ID_H_

#include <gtest/gtest.h>
#include <linux/bpf.h>

#include <cstdint>

#include "absl/status/statusor.h"
#include "userspace/datapath/kernel/maps/map_set.h"
#include "userspace/datapath/kernel/object/bpf_fd.h"

namespace shunt::datapath {

// Returns the kernel's id of the set's map of this name: equal if two sets have the same map. If there is no such map,
// fails the test.
inline uint32_t IdOf(const MapSet& maps, const char* map) {
  const absl::StatusOr<bpf_map_info> facts = DescribeMap(maps.Fd(map), map);
  EXPECT_TRUE(facts.ok()) << facts.status();
  return facts.ok() ? facts->id : 0;
}

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_TESTING_MAP_ID_H_
