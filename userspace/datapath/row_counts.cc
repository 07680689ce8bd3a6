// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/row_counts.h"

#include <bit>
#include <cstdint>

#include "bpf/abi.h"
#include "bpf/scope_abi.h"
#include "userspace/datapath/codec.h"
#include "userspace/datapath/table.h"

namespace shunt::datapath {
namespace {

// Adds up `count(row)` over an array.
template <typename Row, typename Count>
uint64_t Sum(const Table& table, const Count& count) {
  uint64_t sum = 0;
  for (uint32_t i = 0; i < table.capacity(); ++i) {
    Row row = {};
    if (!table.Load(i, MutableBytesOf(row)).ok()) break;
    sum += count(row);
  }
  return sum;
}

uint64_t CountHash(const Table& table) {
  uint64_t rows = 0;
  table.ForEach([&rows](Bytes, Bytes) { ++rows; }).IgnoreError();
  return rows;
}

uint64_t CountBits(const Table& table) {
  return Sum<uint64_t>(table, [](uint64_t word) { return static_cast<uint64_t>(std::popcount(word)); });
}

}  // namespace

uint64_t CountFilterBits(const Tables& tables) {
  return CountBits(*tables.prefix_filter);
}

uint64_t CountFrontends(const Tables& tables) {
  return Sum<shunt_index_bucket>(*tables.frontend_index, [](const shunt_index_bucket& bucket) {
    uint64_t entries = 0;
    for (const uint64_t entry : bucket.entry) entries += static_cast<uint32_t>(entry) != 0 ? 1 : 0;
    return entries;
  });
}

uint64_t CountPools(const Tables& tables) {
  return Sum<uint64_t>(*tables.pools, [](uint64_t word) { return uint64_t{word != 0}; });
}

uint64_t CountSlots(const Tables& tables) {
  return Sum<uint64_t>(*tables.pools, [](uint64_t word) { return uint64_t{shunt_pool_count(word)}; });
}

uint64_t CountBackends(const Tables& tables) {
  return Sum<shunt_backend>(*tables.backends, [](const shunt_backend& row) { return uint64_t{row.in_use != 0}; });
}

uint64_t CountServicePorts(const Tables& tables) {
  return Sum<shunt_service_port>(*tables.service_ports,
                                 [](const shunt_service_port& row) { return uint64_t{row.family != 0}; });
}

uint64_t CountSockets(const Tables& tables) {
  return CountBits(*tables.socket_taken);
}

uint64_t CountPreviousSockets(const Tables& tables) {
  return CountBits(*tables.previous_taken);
}

uint64_t CountPeers(const Tables& tables) {
  return CountHash(*tables.socket_peers);
}

uint64_t CountPeerCounts(const Tables& tables) {
  return Sum<uint32_t>(*tables.socket_peer_counts, [](uint32_t count) { return uint64_t{count != 0}; });
}

uint64_t CountAffinities(const Tables& tables) {
  return CountHash(*tables.affinities);
}

uint64_t CountReasons(const Tables&) {
  return SHUNT_REASON_COUNT;
}

uint64_t CountMeta(const Tables&) {
  return 1;
}

uint64_t CountSourceVersions(const Tables& tables) {
  return Sum<shunt_source_version>(*tables.source_versions,
                                   [](const shunt_source_version& row) { return uint64_t{row.version[0] != 0}; });
}

uint64_t CountScopes(const Tables& tables) {
  return CountHash(*tables.scopes);
}

uint64_t CountScopeBits(const Tables& tables) {
  return Sum<shunt_scope_filter>(*tables.scope_filter, [](const shunt_scope_filter& row) {
    uint64_t bits = 0;
    for (const uint64_t word : row.bits) bits += static_cast<uint64_t>(std::popcount(word));
    return bits;
  });
}

uint64_t CountNodePorts(const Tables& tables) {
  return CountBits(*tables.node_ports);
}

uint64_t CountEndpointBits(const Tables& tables) {
  return CountBits(*tables.endpoint_filter);
}

uint64_t CountSnatPorts(const Tables& tables) {
  return CountBits(*tables.snat_ports);
}

uint64_t CountFlows(const Tables& tables) {
  return CountBits(*tables.flow_taken);
}

uint64_t CountFlowEntries(const Tables& tables) {
  return 2 * CountFlows(tables);
}

uint64_t CountFlowLevel(const Tables&) {
  return 1;
}

uint64_t CountSourceRanges(const Tables& tables) {
  return CountHash(*tables.source_ranges);
}

uint64_t CountDevices(const Tables& tables) {
  return CountHash(*tables.devices);
}

uint64_t CountFragments(const Tables& tables) {
  return CountHash(*tables.fragments);
}

}  // namespace shunt::datapath
