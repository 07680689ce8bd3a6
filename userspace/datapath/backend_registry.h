// SPDX-License-Identifier: Apache-2.0
// Which id stands for which backend: one id per (address, port), however many pools use it.
#ifndef SHUNT_DATAPATH_BACKEND_REGISTRY_H_
#define SHUNT_DATAPATH_BACKEND_REGISTRY_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "userspace/datapath/id_pool.h"
#include "userspace/datapath/table.h"
#include "userspace/model/service_plan.h"

namespace shunt::datapath {

// Every slot run holds one reference to each of its members, from before the run is written until a grace period after
// nothing names it. So a backend that returns meanwhile gets its old id, and an id whose last reference is released can
// be used again at once. Not thread-safe.
class BackendRegistry {
 public:
  // Both tables must outlive the registry.
  BackendRegistry(Table& backends, Table& counters);
  BackendRegistry(const BackendRegistry&) = delete;
  BackendRegistry& operator=(const BackendRegistry&) = delete;

  // Adds a reference to the backend's id, which is a new id if the backend has none. Returns nothing if the map is
  // full.
  std::optional<uint32_t> Acquire(const model::SocketAddress& backend);
  // Makes sure that the rows are in the map, each with its counters at zero if another backend had the id before.
  // REQUIRES: the ids are referenced.
  absl::Status Write(absl::Span<const uint32_t> ids);
  // Removes one reference. With the last one, marks the row as free if it was written, and frees the id. On an error
  // the reference stays. REQUIRES: no program can get to the id through the run that gives up its reference.
  absl::Status Release(uint32_t id);

  // Returns whether the id stands for this backend and its row is written.
  bool Is(uint32_t id, const model::SocketAddress& backend) const;
  // Returns whether the map's row holds what the id stands for.
  bool Agrees(uint32_t id) const;
  // Reserves memory for `backends` entries.
  void Reserve(size_t backends);

  // ---- adoption ----
  // Says that row `id` of the map holds this backend, and adds a reference to it.
  void Adopt(uint32_t id, const model::SocketAddress& backend);
  bool IsReferenced(uint32_t id) const { return id < entries_.size() && entries_[id].references > 0; }
  void MarkUsed(uint32_t id) { ids_.MarkUsed(id); }

  const IdPool& ids() const { return ids_; }

 private:
  struct Entry {
    model::SocketAddress backend;
    bool written = false;
    uint32_t references = 0;
  };
  // The set holds ids only; the address stands once, in entries_.
  struct Hash {
    using is_transparent = void;
    const std::vector<Entry>* entries;
    size_t operator()(uint32_t id) const { return (*this)((*entries)[id].backend); }
    size_t operator()(const model::SocketAddress& backend) const;
  };
  struct Equal {
    using is_transparent = void;
    const std::vector<Entry>* entries;
    bool operator()(uint32_t a, uint32_t b) const { return a == b; }
    bool operator()(uint32_t id, const model::SocketAddress& b) const { return (*entries)[id].backend == b; }
    bool operator()(const model::SocketAddress& b, uint32_t id) const { return (*entries)[id].backend == b; }
  };

  Entry& EntryOf(uint32_t id);

  Table& backends_;
  Table& counters_;
  IdPool ids_;
  std::vector<Entry> entries_;  // by id
  absl::flat_hash_set<uint32_t, Hash, Equal> by_address_;
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_BACKEND_REGISTRY_H_
