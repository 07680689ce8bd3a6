// SPDX-License-Identifier: Apache-2.0
// Reads how much of a Service's traffic each endpoint should get: the annotations shunt-lb.io/weight on a slice and
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

// Returns the weight that the slice's annotation gives to its endpoints; kWeightDefault if there is none or, with a
// warning, if it is not an integer from 0 to kWeightMax.
uint32_t SliceWeight(const model::EndpointSlice& slice, Warnings& warnings);

// The weights in the Service's annotation. Immutable.
class EndpointWeights {
 public:
  // Ignores, with a warning, an entry that cannot be read, and the whole annotation if it is not a JSON object.
  EndpointWeights(const model::Service& service, Warnings& warnings);

  // The most specific weight wins: by address, then by pod, by node, by zone, then `slice_weight`.
  uint32_t Of(const model::IpAddress& address, const model::Endpoint& endpoint, uint32_t slice_weight) const;

 private:
  using ByName = absl::flat_hash_map<std::string, uint32_t>;

  // Returns false if a weight cannot be given to what the key names.
  bool Insert(absl::string_view key, uint32_t weight);

  bool empty_ = true;
  absl::flat_hash_map<model::IpAddress, uint32_t> by_address_;
  ByName by_pod_;
  ByName by_node_;
  ByName by_zone_;
};

}  // namespace shunt::planner

#endif  // SHUNT_PLANNER_WEIGHTS_H_
