// SPDX-License-Identifier: Apache-2.0
// What programs of the packet path leave in the tables, for readers of them.
#ifndef SHUNT_DATAPATH_TESTING_WRITTEN_FLOWS_H_
#define SHUNT_DATAPATH_TESTING_WRITTEN_FLOWS_H_

#include <cstdint>

#include "userspace/datapath/tables.h"

namespace shunt::datapath {

// Writes two flows from outside, of which the first has service port 1 and a source port of this node and is idle for
// 500 jiffies, and one of the host itself. REQUIRES: the tables have room for flows.
void WriteFlows(const Tables& tables);

// Writes the row of an external device.
void WriteDevice(const Tables& tables, uint32_t ifindex);

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_TESTING_WRITTEN_FLOWS_H_
