// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/backend_registry.h"

#include <algorithm>
#include <cstring>

#include "absl/hash/hash.h"
#include "bpf/abi.h"
#include "userspace/datapath/codec.h"

namespace shunt::datapath {

size_t BackendRegistry::Hash::operator()(const model::SocketAddress& backend) const {
  return absl::HashOf(backend);
}

BackendRegistry::BackendRegistry(Table& backends, Table& counters)
    : backends_(backends),
      counters_(counters),
      ids_(backends.capacity()),
      by_address_(0, Hash{&entries_}, Equal{&entries_}) {}

void BackendRegistry::Reserve(size_t backends) {
  backends = std::min<size_t>(backends, ids_.capacity());
  entries_.reserve(backends);
  by_address_.reserve(backends);
}

BackendRegistry::Entry& BackendRegistry::EntryOf(uint32_t id) {
  if (id >= entries_.size()) entries_.resize(id + 1);
  return entries_[id];
}

std::optional<uint32_t> BackendRegistry::Acquire(const model::SocketAddress& backend) {
  if (ids_.available() == 0 && !by_address_.contains(backend)) return std::nullopt;
  // One search for both cases: a full load does this for every endpoint.
  const auto found = by_address_.lazy_emplace(backend, [&](const auto& construct) {
    const uint32_t id = *ids_.Allocate();
    EntryOf(id) = {.backend = backend, .written = false, .references = 0};
    construct(id);
  });
  ++entries_[*found].references;
  return *found;
}

absl::Status BackendRegistry::Write(absl::Span<const uint32_t> ids) {
  std::vector<uint32_t> reused;
  for (const uint32_t id : ids) {
    if (!entries_[id].written && ids_.WasUsed(id)) reused.push_back(id);
  }
  std::sort(reused.begin(), reused.end());
  if (absl::Status status = ZeroCounters(counters_, ids_.capacity(), reused); !status.ok()) return status;
  for (const uint32_t id : ids) {
    Entry& entry = entries_[id];
    if (entry.written) continue;
    if (absl::Status status = backends_.Store(id, BytesOf(EncodeBackend(entry.backend))); !status.ok()) return status;
    entry.written = true;
  }
  return absl::OkStatus();
}

absl::Status BackendRegistry::Release(uint32_t id) {
  Entry& entry = entries_[id];
  if (entry.references == 1 && entry.written) {
    // The address stays: it tells the next agent that this id has been used.
    shunt_backend row = EncodeBackend(entry.backend);
    row.in_use = 0;
    if (absl::Status status = backends_.Store(id, BytesOf(row)); !status.ok()) return status;
  }
  if (--entry.references > 0) return absl::OkStatus();
  // After a corrupted start two ids may stand for one address; the set knows only one of them.
  if (const auto found = by_address_.find(entry.backend); found != by_address_.end() && *found == id) {
    by_address_.erase(found);
  }
  entry.written = false;
  ids_.Free(id);
  return absl::OkStatus();
}

bool BackendRegistry::Is(uint32_t id, const model::SocketAddress& backend) const {
  return IsReferenced(id) && entries_[id].written && entries_[id].backend == backend;
}

bool BackendRegistry::Agrees(uint32_t id) const {
  if (!IsReferenced(id) || !entries_[id].written) return false;
  const shunt_backend expected = EncodeBackend(entries_[id].backend);
  shunt_backend row = {};
  return backends_.Load(id, MutableBytesOf(row)).ok() && std::memcmp(&row, &expected, sizeof(row)) == 0;
}

void BackendRegistry::Adopt(uint32_t id, const model::SocketAddress& backend) {
  Entry& entry = EntryOf(id);
  if (entry.references++ > 0) return;
  ids_.Reserve(id);
  entry.backend = backend;
  entry.written = true;
  if (!by_address_.contains(backend)) by_address_.insert(id);
}

}  // namespace shunt::datapath
