// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/maps/map_sizes.h"

#include <bit>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bpf/abi.h"
#include "bpf/packet_abi.h"
#include "userspace/datapath/flow_sizes.h"

namespace shunt::datapath {
namespace {

constexpr uint32_t kBitsPerWord = 64;

// A power of two with at least two entries for every row that there may be.
uint32_t IndexBuckets(uint32_t frontends) {
  const uint32_t entries = 2 * frontends;
  return std::bit_ceil((entries + SHUNT_INDEX_ENTRIES - 1) / SHUNT_INDEX_ENTRIES);
}

// RowsOf() for the maps whose size is the packet path's.
std::optional<uint64_t> RowsOfPacketPath(absl::string_view map, uint32_t flows) {
  const FlowSizes sizes = FlowSizesOf(flows);
  if (map == "flow_rows") return sizes.rows;
  if (map == "flow_index") return sizes.buckets;
  if (map == "flow_taken") return sizes.taken_words;
  if (map == "snat_ports") return uint64_t{sizes.snat_sets} * SHUNT_SNAT_WORDS;
  if (map == "fragments") return sizes.fragments;
  return std::nullopt;
}

}  // namespace

absl::Status CheckLimits(const Limits& limits) {
  static_assert(kRowsMax <= SHUNT_POOL_FIRST_MAX + 1, "a pool points to its first slot");
  const std::pair<const char*, uint32_t> all[] = {{"frontends", limits.frontends},
                                                  {"service_ports", limits.service_ports},
                                                  {"pools", limits.pools},
                                                  {"slots", limits.slots},
                                                  {"backends", limits.backends},
                                                  {"sockets", limits.sockets},
                                                  {"socket_peers", limits.socket_peers},
                                                  {"affinities", limits.affinities}};
  for (const auto& [name, limit] : all) {
    if (limit == 0 || limit > kRowsMax) {
      return absl::InvalidArgumentError(absl::StrCat("limit ", name, " is ", limit, ", not from 1 to ", kRowsMax));
    }
  }
  if (!std::has_single_bit(limits.sockets) || limits.sockets < kBitsPerWord) {
    return absl::InvalidArgumentError(
        absl::StrCat("limit sockets is ", limits.sockets, ", not a power of two from ", kBitsPerWord, " on"));
  }
  if (limits.flows == 0) return absl::OkStatus();
  if (!std::has_single_bit(limits.flows) || limits.flows < kFlowsMin || limits.flows > kRowsMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("limit flows is ", limits.flows, ", not 0 or a power of two from ", kFlowsMin, " to ", kRowsMax));
  }
  return absl::OkStatus();
}

std::optional<uint64_t> RowsOf(absl::string_view map, const Limits& limits, uint32_t cpus) {
  if (map == "frontend_rows") return limits.frontends;
  if (map == "frontend_index") return IndexBuckets(limits.frontends);
  if (map == "pools") return limits.pools;
  if (map == "slots") return limits.slots;
  if (map == "backends") return limits.backends;
  if (map == "service_ports") return limits.service_ports;
  if (map == "socket_state") return limits.sockets;
  if (map == "socket_taken") return limits.sockets / kBitsPerWord;
  if (map == "socket_peers") return limits.socket_peers;
  if (map == "affinities") return limits.affinities;
  // Counters: a block of rows for every CPU.
  if (map == "service_counters") return uint64_t{cpus} * limits.service_ports;
  if (map == "backend_counters") return uint64_t{cpus} * limits.backends;
  if (map == "reasons") return uint64_t{cpus} * SHUNT_REASON_STRIDE;
  return RowsOfPacketPath(map, limits.flows);
}

bool IsOfPreviousRows(absl::string_view map) {
  return map == "previous_state" || map == "previous_taken";
}

Limits LimitsOf(const std::function<uint32_t(const std::string& map)>& rows) {
  const uint32_t flow_rows = rows("flow_rows");
  return Limits{.frontends = rows("frontend_rows"),
                .service_ports = rows("service_ports"),
                .pools = rows("pools"),
                .slots = rows("slots"),
                .backends = rows("backends"),
                .sockets = rows("socket_state"),
                .socket_peers = rows("socket_peers"),
                .affinities = rows("affinities"),
                .flows = flow_rows <= FlowSizes().rows ? 0 : flow_rows};
}

}  // namespace shunt::datapath
