// SPDX-License-Identifier: Apache-2.0
// How much of a Service's traffic each endpoint should get: the annotations shunt-lb.io/weight on a slice and
// shunt-lb.io/endpoint-weights on the Service.
#ifndef SHUNT_PLANNER_WEIGHTS_H_
#define SHUNT_PLANNER_WEIGHTS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "userspace/model/endpoint_slice.h"
#include "userspace/model/ip_address.h"
#include "userspace/model/service.h"
#include "userspace/planner/warnings.h"

namespace shunt::planner {

inline constexpr uint32_t kWeightDefault = 1;

// The weight that the slice's annotation gives to its endpoints; kWeightDefault if there is none or, with a
// warning, if it is not an integer from 0 to kWeightMax.
uint32_t SliceWeight(const model::EndpointSlice& slice, Warnings& warnings);

// The Service's own map of weights. Immutable.
class EndpointWeights {
 public:
  // An entry that cannot be read is ignored with a warning; an annotation that is no JSON object, whole.
  EndpointWeights(const model::Service& service, Warnings& warnings);

  // The most specific weight wins: by address, then by pod, by node, by zone, then `slice_weight`.
  uint32_t Of(const model::IpAddress& address, const model::Endpoint& endpoint, uint32_t slice_weight) const;

 private:
  using ByName = absl::flat_hash_map<std::string, uint32_t>;

  // False if the key names nothing that a weight can be given to.
  bool Insert(absl::string_view key, uint32_t weight);

  bool empty_ = true;
  absl::flat_hash_map<model::IpAddress, uint32_t> by_address_;
  ByName by_pod_;
  ByName by_node_;
  ByName by_zone_;
};

}  // namespace shunt::planner

#endif  // SHUNT_PLANNER_WEIGHTS_H_
