// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/testing/simulated_reader.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "bpf/packet_abi.h"
#include "userspace/datapath/codec.h"

namespace shunt::datapath {
namespace {

template <typename T>
T Load(const Table& table, uint32_t index) {
  T row = {};
  table.Load(index, MutableBytesOf(row)).IgnoreError();
  return row;
}

}  // namespace

std::string SetText(const ReadSet& set) {
  if (set.dangling) return "dangling";
  std::string text = set.empty_reason == SHUNT_EMPTY_NOT ? "" : absl::StrCat("empty(", set.empty_reason, ")");
  for (const ReadSlot& slot : set.slots) {
    absl::StrAppend(&text, text.empty() ? "" : " ", slot.backend.address.ToStringWithPort(slot.backend.port), "|",
                    slot.alias.address.ToStringWithPort(slot.alias.port), "<", slot.threshold);
  }
  return absl::StrCat("{", text, "}");
}

std::string ServicePortText(const model::ObjectName& service, const std::string& port_name, uint16_t port,
                            model::Protocol protocol, model::IpFamily family) {
  return absl::StrCat(service.ToString(), ":", port_name, " ", port, "/", model::ProtocolName(protocol), " IPv",
                      static_cast<int>(family));
}

std::string Reading::ToString() const {
  switch (outcome) {
    case Outcome::kNotAService:
      return "not a service";
    case Outcome::kHostOnly:
      return "host only";
    case Outcome::kUnusedPort:
      return "unused port";
    case Outcome::kDangling:
      return "DANGLING";
    case Outcome::kFound:
      break;
  }
  const auto name = [](std::string* out, const model::IpPrefix& range) { out->append(range.ToString()); };
  return absl::StrCat(service_port, " kind ", static_cast<int>(kind), " flags ", flags, " sources (",
                      absl::StrJoin(source_ranges, " ", name), ") affinity ", affinity_timeout_s, " idle ", udp_idle_s,
                      " internal ", SetText(internal), " external ", SetText(external));
}

bool SimulatedReader::PassesFilter(const model::IpAddress& address) const {
  const shunt_address encoded = EncodeAddress(address);
  const uint32_t bit = shunt_prefix_bit(&encoded, SHUNT_PREFIX_FRONTENDS);
  return (Load<uint64_t>(*tables_.prefix_filter, bit / 64) >> (bit % 64) & 1) != 0;
}

bool SimulatedReader::PassesNodePorts(const shunt_frontend_row& row) const {
  if (row.kind == SHUNT_KIND_CLUSTER_IP) return true;
  const uint32_t bit = shunt_node_port_bit(row.key.protocol, ntohs(row.key.port));
  return (Load<uint64_t>(*tables_.node_ports, bit / 64) >> (bit % 64) & 1) != 0;
}

bool SimulatedReader::PassesEndpointFilter(const shunt_backend& backend) const {
  const uint32_t bit = shunt_endpoint_bit(&backend.address, backend.port);
  return (Load<uint64_t>(*tables_.endpoint_filter, bit / 64) >> (bit % 64) & 1) != 0;
}

std::optional<uint32_t> SimulatedReader::FindRow(const shunt_frontend_key& key) const {
  const uint64_t hash = shunt_key_hash(Load<shunt_meta>(*tables_.meta, 0).index_seed, &key);
  const uint32_t mask = tables_.frontend_index->capacity() - 1;
  for (uint32_t probe = 0, at = static_cast<uint32_t>(hash) & mask; probe < SHUNT_INDEX_PROBES;
       ++probe, at = (at + 1) & mask) {
    const auto bucket = Load<shunt_index_bucket>(*tables_.frontend_index, at);
    for (const uint64_t entry : bucket.entry) {
      if ((entry ^ hash) >> 32 != 0 || static_cast<uint32_t>(entry) == 0) continue;
      const uint32_t row = static_cast<uint32_t>(entry) - 1;
      if (row < tables_.frontend_rows->capacity() && FrontendKeyEqual()(Row(row).key, key)) return row;
    }
    if (bucket.passed_over == 0) break;
  }
  return std::nullopt;
}

shunt_frontend_row SimulatedReader::Row(uint32_t id) const {
  return Load<shunt_frontend_row>(*tables_.frontend_rows, id);
}

std::optional<std::string> SimulatedReader::ServicePort(uint32_t index) const {
  const auto identity = DecodeServicePort(Load<shunt_service_port>(*tables_.service_ports, index));
  if (!identity) return std::nullopt;
  return ServicePortText(identity->service, identity->port_name, identity->port, identity->protocol, identity->family);
}

std::vector<model::IpPrefix> SimulatedReader::Sources(uint32_t list) const {
  std::vector<model::IpPrefix> sources;
  const absl::Status status = tables_.source_ranges->ForEach([&](Bytes key_bytes, Bytes) {
    const auto key = FromBytes<shunt_source_key>(key_bytes);
    if (key.list != list) return;
    if (const auto range = DecodeSource(key)) sources.push_back(*range);
  });
  status.IgnoreError();
  std::sort(sources.begin(), sources.end());
  return sources;
}

size_t SimulatedReader::SourceCount() const {
  size_t rows = 0;
  tables_.source_ranges->ForEach([&](Bytes, Bytes) { ++rows; }).IgnoreError();
  return rows;
}

uint64_t SimulatedReader::PoolWord(uint32_t pool) const {
  return Load<uint64_t>(*tables_.pools, pool);
}

ReadSet SimulatedReader::Set(uint64_t pool_word) const {
  ReadSet set;
  const uint32_t first = shunt_pool_first(pool_word);
  const uint32_t count = shunt_pool_count(pool_word);
  set.empty_reason = shunt_pool_emptiness(pool_word);
  const auto backend = [&](uint32_t id) {
    if (id >= tables_.backends->capacity()) {
      set.dangling = true;
      return model::SocketAddress();
    }
    const auto row = Load<shunt_backend>(*tables_.backends, id);
    set.dangling |= row.in_use != 1 || !PassesEndpointFilter(row);
    return DecodeBackend(row);
  };
  for (uint32_t i = first; i < first + count && !set.dangling; ++i) {
    set.dangling |= i >= tables_.slots->capacity();
    const auto slot = Load<shunt_slot>(*tables_.slots, i);
    set.slots.push_back({backend(slot.backend), backend(slot.alias), slot.threshold});
  }
  return set;
}

std::vector<uint32_t> SimulatedReader::AllRows() const {
  std::vector<uint32_t> rows;
  for (uint32_t at = 0; at < tables_.frontend_index->capacity(); ++at) {
    const auto bucket = Load<shunt_index_bucket>(*tables_.frontend_index, at);
    for (const uint64_t entry : bucket.entry) {
      if (static_cast<uint32_t>(entry) != 0) rows.push_back(static_cast<uint32_t>(entry) - 1);
    }
  }
  return rows;
}

Reading SimulatedReader::Follow(const shunt_frontend_row& row) const {
  Reading reading;
  reading.outcome = Outcome::kDangling;
  if (row.internal_pool >= tables_.pools->capacity() || row.external_pool >= tables_.pools->capacity() ||
      row.service_port >= tables_.service_ports->capacity() || !PassesNodePorts(row)) {
    return reading;
  }
  const std::optional<std::string> service_port = ServicePort(row.service_port);
  if (!service_port) return reading;
  reading.outcome = Outcome::kFound;
  reading.service_port = *service_port;
  reading.kind = static_cast<model::FrontendKind>(row.kind);
  reading.flags = row.flags;
  // Without a list a restricted frontend would let every packet in.
  if (((row.flags & SHUNT_ROW_SOURCE_RANGES) != 0) != (row.source_ranges >= SHUNT_LIST_FIRST)) {
    reading.outcome = Outcome::kDangling;
  }
  if (row.source_ranges != 0) reading.source_ranges = Sources(row.source_ranges);
  reading.affinity_timeout_s = row.affinity_timeout_s;
  reading.udp_idle_s = row.udp_idle_s;
  reading.internal = Set(PoolWord(row.internal_pool));
  reading.external = Set(PoolWord(row.external_pool));
  if (reading.internal.dangling || reading.external.dangling) reading.outcome = Outcome::kDangling;
  return reading;
}

Reading SimulatedReader::Read(const model::FrontendAddress& dialled, bool on_host) const {
  Reading reading;
  if (!PassesFilter(dialled.address)) return reading;
  if (const auto row = FindRow(EncodeFrontend(dialled))) return Follow(Row(*row));
  const auto about_address = FindRow(EncodeAddressKey(dialled.address));
  if (!about_address) return reading;
  const uint16_t flags = Row(*about_address).flags;
  if ((flags & SHUNT_ADDRESS_NODE) != 0) {
    if ((flags & SHUNT_ADDRESS_HOST_ONLY) != 0 && !on_host) {
      reading.outcome = Outcome::kHostOnly;
      return reading;
    }
    model::FrontendAddress wildcard = dialled;
    wildcard.address = model::IpAddress::Unspecified(dialled.address.family());
    if (const auto row = FindRow(EncodeFrontend(wildcard))) return Follow(Row(*row));
  }
  if ((flags & SHUNT_ADDRESS_CLUSTER_IP) != 0) reading.outcome = Outcome::kUnusedPort;
  return reading;
}

}  // namespace shunt::datapath
