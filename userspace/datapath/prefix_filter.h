// SPDX-License-Identifier: Apache-2.0
// The bitmaps that let programs pass by at once: a clear bit proves that no frontend, or no backend, has an
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

// Counts the addresses that need each bit of the frontends' set, beside a copy of what the map holds. The
// backends' bits are only ever set: a socket may remember a backend long after no pool has it, and finds what
// it remembers by this bit. They are as few as the prefixes that pods have ever had. Not thread-safe.
class PrefixFilter {
 public:
  // `filter` must outlive this.
  explicit PrefixFilter(Table& filter);

  // Copies the map: adoption, before anything else.
  absl::Status ReadBack();

  // Says that the address, of a frontend or of an address row, needs its bit, or one time less. Writes nothing.
  void Add(const model::IpAddress& address);
  void Remove(const model::IpAddress& address);

  // Makes sure that the address's bit is set in the map. REQUIRES: added.
  absl::Status Set(const model::IpAddress& address);
  absl::Status SetBackend(const model::IpAddress& address);
  // Clears the bits that nobody needs any more. REQUIRES: nothing that programs can find has an address that is
  // not added. On an error the rest is left for the next call.
  absl::Status ClearUnneeded();
  // Says that an earlier agent's backend has this address: Repair sets its bit if it is missing.
  void AdoptBackend(const model::IpAddress& address);
  // After adoption: sets what is missing and clears what nobody needs.
  absl::Status Repair();
  // How many bits Repair has found wrong.
  uint32_t repaired() const { return repaired_; }

 private:
  bool Holds(uint32_t bit) const { return (words_[bit / 64] >> (bit % 64) & 1) != 0; }
  absl::Status Flip(uint32_t bit);

  Table& filter_;
  std::vector<uint64_t> words_;                   // what the map holds
  absl::flat_hash_map<uint32_t, uint32_t> need_;  // bit of the frontends' set -> addresses
  std::vector<uint32_t> unneeded_;                // perhaps: looked at again before clearing
  std::vector<uint32_t> missing_;                 // backends' bits, perhaps
  uint32_t repaired_ = 0;
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_PREFIX_FILTER_H_
