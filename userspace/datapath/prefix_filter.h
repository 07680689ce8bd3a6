// SPDX-License-Identifier: Apache-2.0
// The sets that let programs ignore a destination at once: a clear bit proves that no frontend, or no backend, has an
// address of that prefix.
#ifndef SHUNT_DATAPATH_PREFIX_FILTER_H_
#define SHUNT_DATAPATH_PREFIX_FILTER_H_

#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "userspace/datapath/table.h"
#include "userspace/model/ip_address.h"

namespace shunt::datapath {

// What an address that is looked up is for. It decides the sets that have its prefix.
enum class AddressUse : uint8_t {
  kNone,     // in none: nothing leads to it
  kNode,     // only as one of the node's own, for NodePorts: SHUNT_PREFIX_FRONTENDS
  kService,  // a frontend's, or a ClusterIP: SHUNT_PREFIX_FRONTENDS and SHUNT_PREFIX_SERVICES
};

// Counts the addresses that need each bit, beside a copy of what the map holds. The backends' bits are only ever set,
// because a socket may remember a backend long after every pool has lost it, and finds what it remembers by this bit;
// there are only as many as prefixes that pods have ever had. Not thread-safe.
class PrefixFilter {
 public:
  // `filter` must outlive this.
  explicit PrefixFilter(Table& filter);

  // Copies the map. Adoption calls it before anything else.
  absl::Status ReadBack();

  // Counts the bits that the address needs for `after`, and no longer those that it was counted with for `before`.
  // Writes nothing.
  void Recount(const model::IpAddress& address, AddressUse before, AddressUse after);

  // Makes sure, by at most one store, that the bits which the address needs are set in the map. REQUIRES: it is
  // counted.
  absl::Status Set(const model::IpAddress& address, AddressUse use);
  absl::Status SetBackend(const model::IpAddress& address);
  // Clears the bits that no address needs. On an error the rest is left for the next call. REQUIRES: every address that
  // programs can find is added.
  absl::Status ClearUnneeded();
  // Says that a backend of an earlier agent has this address. Repair sets its bit if it is missing.
  void AdoptBackend(const model::IpAddress& address);
  // Sets the bits that are missing and clears those that no address needs. To be called after adoption.
  absl::Status Repair();
  // Returns whether the map holds what was last read from it or written to it.
  bool Agrees() const;
  // Returns how many bits Repair has found wrong.
  uint32_t repaired() const { return repaired_; }

 private:
  bool Holds(uint32_t bit) const { return (words_[bit / 64] >> (bit % 64) & 1) != 0; }
  absl::Status Flip(uint32_t bit) { return Store(bit / 64, words_[bit / 64] ^ uint64_t{1} << (bit % 64)); }
  absl::Status Store(uint32_t index, uint64_t word);

  Table& filter_;
  std::vector<uint64_t> words_;                   // what the map holds
  absl::flat_hash_map<uint32_t, uint32_t> need_;  // bit of a set that is counted -> addresses
  std::vector<uint32_t> unneeded_;                // candidates, looked at again before they are cleared
  std::vector<uint32_t> missing_;                 // backends' bits that may be missing
  uint32_t repaired_ = 0;
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_PREFIX_FILTER_H_
