// SPDX-License-Identifier: Apache-2.0
// Frontends that go from one Service to another within one Apply. Such a key is never out of the index: its new row
// replaces the old one.
#ifndef SHUNT_DATAPATH_TRANSFERS_H_
#define SHUNT_DATAPATH_TRANSFERS_H_

#include <memory>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/types/span.h"
#include "bpf/abi.h"
#include "userspace/datapath/change.h"
#include "userspace/datapath/codec.h"
#include "userspace/datapath/datapath.h"
#include "userspace/datapath/published.h"
#include "userspace/model/service_plan.h"

namespace shunt::datapath {

using FrontendKeySet = absl::flat_hash_set<shunt_frontend_key, FrontendKeyHash, FrontendKeyEqual>;
using ServiceSet = absl::flat_hash_set<const ServiceState*>;

class Transfers {
 public:
  struct Transfer {
    const ServiceState* giver = nullptr;
    const ServiceState* taker = nullptr;  // the first one, if several Services want the key
  };

  // No key goes to another Service.
  Transfers() = default;
  // Looks at all Services of an Apply before any of them is staged. It stays valid while the keys change hands.
  explicit Transfers(absl::Span<const Request> requests);

  // Returns null if the key stays with its Service or leaves the index.
  const Transfer* Find(const shunt_frontend_key& key) const;
  bool empty() const { return transfers_.empty(); }
  // Names in each failure the Services with which its Service was to exchange frontends.
  void NamePartners(std::vector<ServiceFailure>& failures) const;

 private:
  absl::flat_hash_map<shunt_frontend_key, Transfer, FrontendKeyHash, FrontendKeyEqual> transfers_;
};

// Fails every change that takes a frontend from a Service that keeps what it has, because its change failed or because
// `changes` has none for it; then those that take a frontend from one of these, and so on.
void FailTakers(absl::Span<const std::unique_ptr<Change>> changes);

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_TRANSFERS_H_
