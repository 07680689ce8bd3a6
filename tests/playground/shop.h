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

// Everything in the directory. A document that cannot be read is an error: these are examples.
absl::StatusOr<Shop> ReadShop(const std::string& directory);

// One for every endpoint, by its pod's name, listening on every port of its slices.
std::vector<Pod> PodsOf(const Shop& shop);

// Takes the pod's endpoints out of every slice of the file and replaces the file by one rename. kNotFound: no
// endpoint is the pod's.
absl::Status RemovePodFromFile(const std::string& file, const std::string& pod);

}  // namespace shunt::playground

#endif  // SHUNT_PLAYGROUND_SHOP_H_
