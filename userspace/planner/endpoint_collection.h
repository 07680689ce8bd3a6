// SPDX-License-Identifier: Apache-2.0
// Collects the endpoints of one ServicePort in one family: several slices become one list, with a verdict on each
// endpoint's address. endpoint_selection decides whether it takes traffic.
#ifndef SHUNT_PLANNER_ENDPOINT_COLLECTION_H_
#define SHUNT_PLANNER_ENDPOINT_COLLECTION_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/types/span.h"
#include "userspace/model/endpoint_slice.h"
#include "userspace/model/service.h"
#include "userspace/model/service_plan.h"
#include "userspace/model/shared_text.h"
#include "userspace/planner/planner_options.h"
#include "userspace/planner/warnings.h"
#include "userspace/planner/weights.h"

namespace shunt::planner {

// A slice that this proxy serves, with the weight that its annotation gives.
struct WeightedSlice {
  const model::EndpointSlice* slice = nullptr;
  uint32_t weight = kWeightDefault;
  model::SharedText name;  // the slice's name, shared by all of its endpoints
};
using WeightedSlices = absl::InlinedVector<WeightedSlice, 8>;

model::AddressType AddressTypeOf(model::IpFamily family);

// Returns the slices that this proxy serves, in name order. Leaves out FQDN slices with a warning.
WeightedSlices ReadSlices(absl::Span<const model::EndpointSlice* const> slices, Warnings& warnings);

// An endpoint that may become part of a plan. Points into the slices.
struct Candidate {
  model::SocketAddress backend;  // the address is unset if the text is not one; the port is 0 under kNoPort
  const WeightedSlice* slice = nullptr;
  const model::Endpoint* endpoint = nullptr;
  uint32_t weight = kWeightDefault;
  bool ready = false;
  bool serving = false;
  bool terminating = false;
  bool is_local = false;
  // kSelected until a rule excludes the endpoint.
  model::EndpointVerdict cluster_verdict = model::EndpointVerdict::kSelected;
  model::EndpointVerdict local_verdict = model::EndpointVerdict::kSelected;

  // Excludes the endpoint from both sets.
  void Refuse(model::EndpointVerdict verdict) { cluster_verdict = local_verdict = verdict; }
};
using Candidates = std::vector<Candidate>;

// What the collection of a ServicePort's endpoints depends on.
struct CollectionContext {
  const EndpointWeights& weights;
  const NodeContext& node;
};

// Returns every endpoint of the family's slices, ordered by backend, then slice name, then position in the slice. An
// endpoint port belongs to the ServicePort by name and protocol; slices may differ in its number. It refuses:
//  - text that is not an address of the slice's family (kBadAddress); ::ffff:10.0.0.1 is an IPv4 address;
//  - an address of a class that ForbiddenClass() names (kForbiddenAddress);
//  - endpoints of a slice without the port (kNoPort);
//  - all but one of the endpoints with one address and port (kDuplicate): it prefers one that is not terminating, then
//    a local one, then a ready one, then that of the lowest slice UID.
// An endpoint may be one of its Service's own frontends, as that of an ingress in the host's network whose externalIPs
// are its nodes' addresses: a socket is translated once, so that is no loop.
Candidates CollectEndpoints(const model::ServicePort& port, model::IpFamily family, const WeightedSlices& slices,
                            const CollectionContext& context);

}  // namespace shunt::planner

#endif  // SHUNT_PLANNER_ENDPOINT_COLLECTION_H_
