// SPDX-License-Identifier: Apache-2.0
// The hash table from frontend keys to row ids that programs search; see bpf/abi.h for its layout.
#ifndef SHUNT_DATAPATH_FRONTEND_INDEX_H_
#define SHUNT_DATAPATH_FRONTEND_INDEX_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "bpf/abi.h"
#include "userspace/datapath/table.h"

namespace shunt::datapath {

// Knows which places are taken and how many keys stand beyond each bucket; which key stands where is the
// caller's to remember. A place is (bucket * SHUNT_INDEX_ENTRIES + entry). Not thread-safe.
class FrontendIndex {
 public:
  static constexpr uint32_t kNowhere = ~uint32_t{0};

  // `index` must outlive this. REQUIRES: its capacity is a power of two. `seed` is meta's.
  FrontendIndex(Table& index, uint64_t seed);

  // Takes the place where programs look for the key first and find room; kNowhere if all that they look at is
  // full. Writes nothing.
  uint32_t Take(const shunt_frontend_key& key);
  // REQUIRES: taken, and nothing is written there.
  void GiveBack(uint32_t place);

  // Lets the key lead to the row, in place of the row it led to, if any: one store. REQUIRES: the place is taken for
  // this key; the row is written.
  absl::Status Put(const shunt_frontend_key& key, uint32_t place, uint32_t row, bool is_new);
  // Makes a key unknown and gives its place back. REQUIRES: put.
  absl::Status Remove(const shunt_frontend_key& key, uint32_t place);
  // A key that stands beyond its bucket is found only once the buckets before count it: Put and Remove write those
  // counts too, but what could not be written is left to this. OK: programs find exactly the keys that are put.
  absl::Status WriteCounts();

  // ---- adoption ----
  // Reads the table. `visit` gets every entry in use, in the order of places, and says for which key it stands; for
  // none if it makes no sense. The place of a key that programs would not find there makes no sense either.
  using Visit = std::function<std::optional<shunt_frontend_key>(uint32_t row)>;
  // Called for what does make sense; false: the key stands somewhere else already.
  using Found = std::function<bool(const shunt_frontend_key& key, uint32_t place, uint32_t row)>;
  absl::Status Adopt(const Visit& visit, const Found& found);
  // Frees the entries that made no sense.
  absl::Status RemoveForeign();
  // Entries and counts that RemoveForeign and WriteCounts have to put right.
  size_t wrong() const { return foreign_.size() + miscounted_.size(); }

 private:
  struct Bucket {
    uint8_t taken = 0;     // a bit an entry
    uint32_t beyond = 0;   // keys that stand further on
    uint64_t written = 0;  // what the table says of them
  };

  uint32_t HomeOf(const shunt_frontend_key& key) const;
  // Adds `change` to every bucket before the place.
  void Count(const shunt_frontend_key& key, uint32_t place, int change);

  Table& index_;
  const uint64_t seed_;
  const uint32_t mask_;
  std::vector<Bucket> buckets_;
  std::vector<uint32_t> miscounted_;  // buckets whose count is perhaps to be written
  std::vector<uint32_t> foreign_;     // places
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_FRONTEND_INDEX_H_
