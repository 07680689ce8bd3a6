// SPDX-License-Identifier: Apache-2.0
#include "userspace/planner/service_ports.h"

#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"

namespace shunt::planner {
namespace {

constexpr int32_t kAffinityTimeoutMaxS = 86'400;  // the Kubernetes API's own limit

}  // namespace

std::vector<model::ServicePort> ReadPorts(const model::Service& service, uint32_t ports_max, Warnings& warnings) {
  std::vector<model::ServicePort> ports;
  ports.reserve(service.ports.size());
  absl::flat_hash_set<std::pair<uint16_t, model::Protocol>> numbers;
  absl::flat_hash_set<std::pair<uint16_t, model::Protocol>> node_ports;
  for (const model::ServicePort& port : service.ports) {
    const auto text = [&](uint16_t number) { return absl::StrCat(number, "/", model::ProtocolName(port.protocol)); };
    if (port.port == 0) {
      warnings.Add(absl::StrCat("port ", Quoted(port.name), " has number 0: not served"));
      continue;
    }
    if (!numbers.emplace(port.port, port.protocol).second) {
      warnings.Add(absl::StrCat("port ", text(port.port), " appears twice: the second is not served"));
      continue;
    }
    if (ports.size() == ports_max) {
      warnings.Add(absl::StrCat("more than ", ports_max, " ports: the others are not served"));
      break;
    }
    ports.push_back(port);
    if (port.node_port != 0 && !node_ports.emplace(port.node_port, port.protocol).second) {
      warnings.Add(absl::StrCat("nodePort ", text(port.node_port), " appears twice: the second is not served"));
      ports.back().node_port = 0;
    }
  }
  return ports;
}

int32_t ReadAffinityTimeout(const model::Service& service, Warnings& warnings) {
  const int32_t timeout_s = service.affinity_timeout_s;
  if (timeout_s >= 0 && timeout_s <= kAffinityTimeoutMaxS) return timeout_s;
  const int32_t used_s = timeout_s < 0 ? 0 : kAffinityTimeoutMaxS;
  warnings.Add(absl::StrCat("sessionAffinityConfig.clientIP.timeoutSeconds: ", timeout_s, " is not from 1 to ",
                            kAffinityTimeoutMaxS, ": ", used_s, " is used"));
  return used_s;
}

}  // namespace shunt::planner
