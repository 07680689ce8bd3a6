// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/testing/plans.h"

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <optional>

namespace shunt::datapath {

model::IpAddress Ip(absl::string_view text) {
  const std::optional<model::IpAddress> address = model::IpAddress::Parse(text);
  if (!address) {
    std::cerr << "no address: " << text << "\n";
    std::abort();
  }
  return *address;
}

model::SocketAddress Socket(absl::string_view address, uint16_t port) {
  return {Ip(address), port};
}

model::FrontendAddress Dial(absl::string_view address, uint16_t port, model::Protocol protocol) {
  return {Ip(address), port, protocol};
}

model::Pool MakePool(std::vector<model::PoolMember> members) {
  std::sort(members.begin(), members.end(), [](const auto& a, const auto& b) { return a.backend < b.backend; });
  model::Pool pool;
  pool.members = std::move(members);
  const uint64_t count = pool.members.size();
  uint64_t total = 0;
  for (const model::PoolMember& member : pool.members) total += member.weight;
  if (total == 0) return pool;
  // Shares in units of 1 / (total * count), so that a whole slot is `total`.
  std::vector<uint64_t> share;
  std::vector<uint32_t> poor, rich;
  for (uint32_t i = 0; i < count; ++i) {
    share.push_back(pool.members[i].weight * count);
    (share[i] < total ? poor : rich).push_back(i);
    pool.slots.push_back({.member = i, .alias = i, .threshold = ~uint32_t{0}});
  }
  while (!poor.empty() && !rich.empty()) {
    const uint32_t small = poor.back();
    const uint32_t large = rich.back();
    poor.pop_back();
    pool.slots[small].alias = large;
    pool.slots[small].threshold = static_cast<uint32_t>((share[small] << 32) / total);
    share[large] -= total - share[small];
    if (share[large] >= total) continue;
    rich.pop_back();
    poor.push_back(large);
  }
  return pool;
}

model::Pool MakePool(std::initializer_list<absl::string_view> addresses, uint16_t port) {
  std::vector<model::PoolMember> members;
  for (const absl::string_view address : addresses) members.push_back({Socket(address, port), 1});
  return MakePool(std::move(members));
}

model::Pool MakeEmptyPool(model::EmptyPool reason) {
  model::Pool pool;
  pool.empty = reason;
  return pool;
}

model::Frontend MakeFrontend(model::FrontendKind kind, absl::string_view address, uint16_t port,
                             model::Protocol protocol) {
  model::Frontend frontend;
  frontend.address = Dial(address, port, protocol);
  frontend.kind = kind;
  return frontend;
}

model::PortPlan MakePort(absl::string_view cluster_ip, uint16_t port, model::Pool pool) {
  model::PortPlan plan;
  plan.port = port;
  plan.family = Ip(cluster_ip).family();
  plan.frontends.push_back(MakeFrontend(model::FrontendKind::kClusterIp, cluster_ip, port));
  plan.pools.push_back(std::move(pool));
  return plan;
}

model::ServicePlan MakePlan(absl::string_view name, std::vector<model::PortPlan> ports) {
  model::ServicePlan plan;
  plan.service = {"default", std::string(name)};
  plan.ports = std::move(ports);
  return plan;
}

model::ServicePlan MakePlan(absl::string_view name, absl::string_view cluster_ip, uint16_t port, model::Pool pool) {
  std::vector<model::PortPlan> ports;
  ports.push_back(MakePort(cluster_ip, port, std::move(pool)));
  return MakePlan(name, std::move(ports));
}

}  // namespace shunt::datapath
