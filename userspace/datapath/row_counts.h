// SPDX-License-Identifier: Apache-2.0
// How many rows of each map are in use, counted without decoding them: a scrape of the metrics asks for every map.
#ifndef SHUNT_DATAPATH_ROW_COUNTS_H_
#define SHUNT_DATAPATH_ROW_COUNTS_H_

#include <cstdint>

#include "userspace/datapath/tables.h"

namespace shunt::datapath {

// Each returns how many rows MapReader::Dump would visit, except that a row with invalid content counts too. What
// cannot be read is not counted.

// Bits that are set in all sets of prefix_filter.
uint64_t CountFilterBits(const Tables& tables);
// Entries of frontend_index, and so rows of frontend_rows.
uint64_t CountFrontends(const Tables& tables);
uint64_t CountPools(const Tables& tables);
// Slots that the words of the pools name.
uint64_t CountSlots(const Tables& tables);
// Rows of backends, and so of backend_counters.
uint64_t CountBackends(const Tables& tables);
// Rows of service_ports, and so of service_counters.
uint64_t CountServicePorts(const Tables& tables);
// Bits that are set in socket_taken.
uint64_t CountSockets(const Tables& tables);
uint64_t CountPreviousSockets(const Tables& tables);
uint64_t CountPeers(const Tables& tables);
// Counts that are not 0.
uint64_t CountPeerCounts(const Tables& tables);
uint64_t CountAffinities(const Tables& tables);
// Every reason has a row.
uint64_t CountReasons(const Tables& tables);
uint64_t CountMeta(const Tables& tables);
// Kinds of objects whose version is known.
uint64_t CountSourceVersions(const Tables& tables);

// Bits that are set in the packet path's bitmaps.
uint64_t CountNodePorts(const Tables& tables);
uint64_t CountEndpointBits(const Tables& tables);
uint64_t CountSnatPorts(const Tables& tables);
// Bits of flow_taken, and so rows of flow_rows.
uint64_t CountFlows(const Tables& tables);
// Two for each of these rows, although retired ones have none: the index is too large to be read at every scrape.
uint64_t CountFlowEntries(const Tables& tables);
uint64_t CountFlowLevel(const Tables& tables);
uint64_t CountScopes(const Tables& tables);
uint64_t CountScopeBits(const Tables& tables);
uint64_t CountSourceRanges(const Tables& tables);
uint64_t CountDevices(const Tables& tables);
uint64_t CountFragments(const Tables& tables);

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_ROW_COUNTS_H_
