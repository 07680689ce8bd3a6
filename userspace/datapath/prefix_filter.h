// SPDX-License-Identifier: Apache-2.0
// The sets that let programs ignore a destination at once: a clear bit proves that no frontend, or no backend, has an
// address of that prefix.
#ifndef SHUNT_DATAPATH_PREFIX_FILTER_H_
#define SHUNT_DATAPATH_PREFIX_FILTER_H_

#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "userspace/datapath/mapped_bitmap.h"
#include "userspace/datapath/table.h"
#include "userspace/model/ip_address.h"
#include "userspace/model/service_plan.h"

namespace shunt::datapath {

// Counts the addresses that need each bit of the frontends' set, beside a copy of what the map holds. The bits of the
// other sets are only ever set: a socket may remember a backend long after every pool has lost it, and a flow goes on
// after its frontend is gone; both are found by these bits. There are only as many as prefixes that pods and Services
// have ever had. Not thread-safe.
class PrefixFilter {
 public:
  // `filter` must outlive this.
  explicit PrefixFilter(Table& filter) : bits_(filter) {}

  // Copies the map. Adoption calls it before anything else.
  absl::Status ReadBack() { return bits_.ReadBack(); }

  // Counts one more need of the address's bit, by a frontend or an address row; or one less. They write nothing.
  void Add(const model::IpAddress& address);
  void Remove(const model::IpAddress& address);

  // Make sure, by at most one store, that the address is in the set of frontends, or in it and in the one that is for
  // frontends of this kind. REQUIRES: added.
  absl::Status Set(const model::IpAddress& address);
  absl::Status SetFrontend(const model::IpAddress& address, model::FrontendKind kind);
  absl::Status SetBackend(const model::IpAddress& address);
  // Clears the bits that no address needs. On an error the rest is left for the next call. REQUIRES: every address that
  // programs can find is added.
  absl::Status ClearUnneeded();
  // Say that a backend, or a frontend, of an earlier agent has this address. Repair sets its bit if it is missing.
  void AdoptBackend(const model::IpAddress& address);
  void AdoptFrontend(const model::IpAddress& address, model::FrontendKind kind);
  // Sets the bits that are missing and clears those that no address needs. To be called after adoption.
  absl::Status Repair();
  // Returns whether the map holds what was last read from it or written to it.
  bool Agrees() const { return bits_.Agrees(); }
  // Returns how many bits Repair has found wrong.
  uint32_t repaired() const { return bits_.repaired() + found_unneeded_; }

 private:
  MappedBitmap bits_;
  absl::flat_hash_map<uint32_t, uint32_t> need_;  // bit of the frontends' set -> addresses
  std::vector<uint32_t> unneeded_;                // candidates, looked at again before they are cleared
  uint32_t found_unneeded_ = 0;                   // by Repair
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_PREFIX_FILTER_H_
