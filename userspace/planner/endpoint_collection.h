// SPDX-License-Identifier: Apache-2.0
// From slices to the endpoints of one ServicePort in one family: several slices become one list, each endpoint
// judged as an address. Whether it takes traffic is endpoint_selection's question.
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
#include "userspace/planner/service_addresses.h"
#include "userspace/planner/warnings.h"
#include "userspace/planner/weights.h"

namespace shunt::planner {

// A slice that takes part, with the weight that its annotation gives.
struct WeightedSlice {
  const model::EndpointSlice* slice = nullptr;
  uint32_t weight = kWeightDefault;
  model::SharedText name;  // the slice's, once for all of its endpoints
};
using WeightedSlices = absl::InlinedVector<WeightedSlice, 8>;

model::AddressType AddressTypeOf(model::IpFamily family);

// The slices that this proxy serves, in name order. FQDN slices are left out with a warning.
WeightedSlices ReadSlices(absl::Span<const model::EndpointSlice* const> slices, Warnings& warnings);

// An endpoint on its way into a plan. Points into the slices.
struct Candidate {
  model::SocketAddress backend;  // unset address if the text was no address; port 0 under kNoPort
  const WeightedSlice* slice = nullptr;
  const model::Endpoint* endpoint = nullptr;
  uint32_t weight = kWeightDefault;
  bool ready = false;
  bool serving = false;
  bool terminating = false;
  bool is_local = false;
  // kSelected until something speaks against the endpoint.
  model::EndpointVerdict cluster_verdict = model::EndpointVerdict::kSelected;
  model::EndpointVerdict local_verdict = model::EndpointVerdict::kSelected;

  // Both sets refuse the endpoint, and no flow to it is kept either.
  void Refuse(model::EndpointVerdict verdict) { cluster_verdict = local_verdict = verdict; }
};
using Candidates = std::vector<Candidate>;

// What the endpoints of a ServicePort are collected by.
struct CollectionContext {
  const model::Service& service;
  const ServiceAddresses& addresses;
  const EndpointWeights& weights;
  const NodeContext& node;
};

// Every endpoint of the family's slices, ordered by backend, then slice name, then place in the slice. An endpoint
// port belongs to the ServicePort by name and protocol; its number is the slice's own, so slices may differ in it.
// Refused are: texts that are no address of the slice's family (kBadAddress); addresses of a class that
// ForbiddenClass() names, and v4-mapped text (kForbiddenAddress); the Service's own frontends (kOwnFrontend),
// except on this node's own addresses, where a process of the host may well listen; endpoints of a slice
// without the port (kNoPort); all but one of those that share address and port (kDuplicate). Of these the one stays
// that is not terminating, then the local one, then the ready one, then that of the lowest slice UID.
Candidates CollectEndpoints(const model::ServicePort& port, model::IpFamily family, const WeightedSlices& slices,
                            const CollectionContext& context);

}  // namespace shunt::planner

#endif  // SHUNT_PLANNER_ENDPOINT_COLLECTION_H_
