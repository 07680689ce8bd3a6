// SPDX-License-Identifier: Apache-2.0
// Which id stands for which list of source ranges: one id per list, however many frontends have it.
#ifndef SHUNT_DATAPATH_SOURCE_LISTS_H_
#define SHUNT_DATAPATH_SOURCE_LISTS_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "bpf/packet_abi.h"
#include "userspace/datapath/resource.h"
#include "userspace/datapath/table.h"
#include "userspace/model/ip_address.h"

namespace shunt::datapath {

// The most prefixes of clients inside the cluster. That many rows of the map are kept for them, whatever lists need.
inline constexpr uint32_t kInsideMax = 64;

// The row of every frontend with source ranges holds one reference to its list, from before the list is written until a
// grace period after nothing names the row. So what an id stands for never changes while a program can read it. A list
// without ranges is an id without rows in the map: it admits no client. Not thread-safe.
class SourceLists {
 public:
  // `source_ranges` must outlive this.
  explicit SourceLists(Table& source_ranges) : table_(source_ranges) {}
  SourceLists(const SourceLists&) = delete;
  SourceLists& operator=(const SourceLists&) = delete;

  // Adds a reference to the id of the list, which is a new id if the list has none. Returns nothing if the map has too
  // few free rows. REQUIRES: the ranges are sorted and each stands there once.
  std::optional<uint32_t> Acquire(absl::Span<const model::IpPrefix> ranges);
  // Makes sure that every range of the list is in the map. REQUIRES: the id is referenced.
  absl::Status Write(uint32_t id);
  // Removes one reference. With the last one, removes the list from the map if it was written, and frees the id. On an
  // error the reference stays. REQUIRES: no program can get to the id through the row that gives up its reference.
  absl::Status Release(uint32_t id);

  // Returns whether the id stands for this list and the list is written.
  bool Is(uint32_t id, absl::Span<const model::IpPrefix> ranges) const;
  // Returns whether the map holds every written list whole, and nothing that was never written.
  bool Agrees() const;

  // Makes the map hold exactly these under SHUNT_LIST_INSIDE, one by one. REQUIRES: at most kInsideMax.
  absl::Status SetInside(absl::Span<const model::IpPrefix> ranges);

  // Rows of the map for lists. Those of a list count from its first reference to its last.
  uint32_t capacity() const { return table_.capacity() - kInsideMax; }
  uint32_t taken() const { return taken_; }
  uint32_t available() const { return capacity() - taken_; }

  // ---- adoption ----
  // Reads what the map holds. To be called before the others.
  absl::Status ReadBack();
  // Adds a reference of an adopted row that names this id. What the map has under it counts as the list, whole or not.
  // Returns no list if the id is none that a row may name.
  SourceList Adopt(uint32_t id);
  // Retires the lists that no row names.
  void RetireUnnamed(std::vector<Retired>& retired);
  // Removes rows that belong to no list.
  absl::Status RemoveForeign();
  // Returns how many rows RemoveForeign and SetInside have changed.
  uint32_t repaired() const { return repaired_; }

 private:
  struct Entry {
    std::vector<model::IpPrefix> ranges;
    uint32_t references = 0;
    bool begun = false;  // some of its rows may be in the map
    bool whole = false;  // all of them are
  };

  uint32_t NextId();

  Table& table_;
  uint32_t next_ = SHUNT_LIST_FIRST;
  uint32_t taken_ = 0;
  uint32_t repaired_ = 0;
  absl::flat_hash_map<uint32_t, Entry> entries_;  // by id
  // The keys are the vectors of `entries_`, whose memory stays where it is when an entry moves.
  absl::flat_hash_map<absl::Span<const model::IpPrefix>, uint32_t> by_ranges_;
  absl::btree_set<model::IpPrefix> inside_;  // what the map has under SHUNT_LIST_INSIDE
  std::vector<shunt_source_key> foreign_;
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_SOURCE_LISTS_H_
