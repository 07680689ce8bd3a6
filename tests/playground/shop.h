// SPDX-License-Identifier: Apache-2.0
// The manifests of the playground, read by the agent's own source.
#ifndef SHUNT_PLAYGROUND_SHOP_H_
#define SHUNT_PLAYGROUND_SHOP_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tests/playground/pod.h"
#include "userspace/model/endpoint_slice.h"
#include "userspace/model/node.h"
#include "userspace/model/service.h"

namespace shunt::playground {

struct Shop {
  std::vector<model::Service> services;  // in the order of their names
  std::vector<model::EndpointSlice> slices;
  std::vector<model::Node> nodes;
};

// Reads everything in the directory. A document that cannot be read is an error, because these are examples.
absl::StatusOr<Shop> ReadShop(const std::string& directory);

// Returns a pod for every endpoint, by its pod's name, which listens on every port of its slices.
std::vector<Pod> PodsOf(const Shop& shop);

// Removes the pod's endpoints from every slice of the file and replaces the file by one rename. Returns kNotFound if
// the pod has no endpoint there.
absl::Status RemovePodFromFile(const std::string& file, const std::string& pod);

}  // namespace shunt::playground

#endif  // SHUNT_PLAYGROUND_SHOP_H_
