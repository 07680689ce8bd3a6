// SPDX-License-Identifier: Apache-2.0
// Frontends that go from one Service to another within one Apply. Such a key is never out of the index: its new
// row replaces the old one.
#ifndef SHUNT_DATAPATH_TRANSFERS_H_
#define SHUNT_DATAPATH_TRANSFERS_H_

#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/types/span.h"
#include "bpf/abi.h"
#include "userspace/datapath/codec.h"
#include "userspace/datapath/published.h"
#include "userspace/model/service_plan.h"

namespace shunt::datapath {

// Whether a plan's frontend is one for the kernel: not in conflict, and of a protocol that has a socket hook.
bool IsProgrammed(const model::PortPlan& port, const model::Frontend& frontend);

// One Service in the hands of an Apply.
struct Request {
  const model::ServicePlan* plan = nullptr;  // null: it is to have nothing
  ServiceState* state = nullptr;
};

using FrontendKeySet = absl::flat_hash_set<shunt_frontend_key, FrontendKeyHash, FrontendKeyEqual>;
using ServiceSet = absl::flat_hash_set<const ServiceState*>;

class Transfers {
 public:
  // No key goes anywhere.
  Transfers() = default;
  // Looks at all Services of an Apply before any of them is staged; stays right while keys go over.
  explicit Transfers(absl::Span<const Request> requests);

  struct Transfer {
    const ServiceState* giver = nullptr;
    const ServiceState* taker = nullptr;  // the first, if several want the key
  };
  // Null: the key stays with whom it is, or leaves the index.
  const Transfer* Find(const shunt_frontend_key& key) const;
  bool empty() const { return transfers_.empty(); }

 private:
  absl::flat_hash_map<shunt_frontend_key, Transfer, FrontendKeyHash, FrontendKeyEqual> transfers_;
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_TRANSFERS_H_
