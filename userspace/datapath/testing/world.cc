// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/testing/world.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "userspace/datapath/testing/plans.h"

namespace shunt::datapath {
namespace {

constexpr uint32_t kServices = 7;
constexpr uint32_t kBackends = 10;
constexpr const char* kClusterIps[] = {"10.96.0.1", "10.96.0.2", "10.96.0.3", "10.97.200.4"};
constexpr const char* kClusterIps6[] = {"fd00::1", "fd00:0:0:1::2"};
constexpr const char* kOtherIps[] = {"192.0.2.1", "192.0.2.2", "10.96.0.3"};  // the last is a ClusterIP as well
constexpr const char* kOtherIps6[] = {"2001:db8::1", "2001:db8::2", "fd00::1"};
constexpr const char* kNodeIps[] = {"127.0.0.1", "203.0.113.5", "203.0.113.6", "::1", "2001:db8:5::5"};
constexpr const char* kRanges[] = {"0.0.0.0/0", "10.0.0.0/8", "192.0.2.7/32"};  // in the order of a plan
constexpr const char* kRanges6[] = {"2001:db8::/32", "2001:db8:5::/48", "fd00::/8"};
constexpr uint16_t kPorts[] = {80, 443};
constexpr uint16_t kNodePorts[] = {30080, 30443};
constexpr model::Protocol kProtocols[] = {model::Protocol::kTcp, model::Protocol::kUdp, model::Protocol::kSctp};

ReadSet ExpectSet(const model::Pool& pool) {
  ReadSet set;
  if (pool.slots.empty()) {
    set.empty_reason = pool.empty == model::EmptyPool::kLocalMiss ? SHUNT_EMPTY_LOCAL_MISS : SHUNT_EMPTY_NO_ENDPOINTS;
  }
  for (const model::AliasSlot& slot : pool.slots) {
    set.slots.push_back({pool.members[slot.member].backend, pool.members[slot.alias].backend, slot.threshold});
  }
  if (pool.slots.empty()) {
    for (const model::PoolMember& member : pool.members) set.slots.push_back({member.backend, member.backend, 0});
  }
  return set;
}

Reading ExpectFrontend(const model::ServicePlan& plan, const model::PortPlan& port, const model::Frontend& frontend) {
  Reading reading;
  reading.outcome = Outcome::kFound;
  reading.service_port = ServicePortText(plan.service, port.name, port.port, port.protocol, port.family);
  reading.kind = frontend.kind;
  reading.source_ranges = frontend.source_ranges;
  if (frontend.IsRestricted()) {
    reading.flags = SHUNT_ROW_SOURCE_RANGES | (frontend.node_in_source_ranges ? SHUNT_ROW_NODE_IN_RANGES : 0);
  }
  reading.affinity_timeout_s = static_cast<uint32_t>(port.affinity_timeout_s);
  reading.udp_idle_s = port.udp_idle_s;
  reading.internal = ExpectSet(port.pools[frontend.internal_pool]);
  reading.external = ExpectSet(port.pools[frontend.external_pool]);
  return reading;
}

}  // namespace

Reading World::Expect(const model::FrontendAddress& dialled, bool on_host) const {
  model::FrontendAddress wildcard = dialled;
  wildcard.address = model::IpAddress::Unspecified(dialled.address.family());
  Reading by_node_port;
  bool any_node_port = false;
  bool is_cluster_ip = false;
  for (const auto& [name, plan] : plans) {
    for (const model::PortPlan& port : plan.ports) {
      for (const model::Frontend& frontend : port.frontends) {
        if (!frontend.IsProgrammed()) continue;
        if (frontend.address == dialled) return ExpectFrontend(plan, port, frontend);
        if (frontend.address == wildcard) by_node_port = ExpectFrontend(plan, port, frontend);
        any_node_port |= frontend.kind == model::FrontendKind::kNodePort;
        is_cluster_ip |=
            frontend.kind == model::FrontendKind::kClusterIp && frontend.address.address == dialled.address;
      }
    }
  }
  for (const NodeAddress& node : node_addresses) {
    if (node.address != dialled.address || !any_node_port) continue;
    if (node.host_only && !on_host) return {.outcome = Outcome::kHostOnly};
    if (by_node_port.outcome == Outcome::kFound) return by_node_port;
  }
  return {.outcome = is_cluster_ip ? Outcome::kUnusedPort : Outcome::kNotAService};
}

std::multimap<std::string, ReadSet> World::Sets() const {
  std::multimap<std::string, ReadSet> sets;
  for (const auto& [name, plan] : plans) {
    for (const model::PortPlan& port : plan.ports) {
      for (const model::Frontend& frontend : port.frontends) {
        if (!frontend.IsProgrammed()) continue;
        Reading reading = ExpectFrontend(plan, port, frontend);
        sets.emplace(reading.service_port, std::move(reading.internal));
        sets.emplace(reading.service_port, std::move(reading.external));
      }
    }
  }
  return sets;
}

std::vector<const model::ServicePlan*> World::AllPlans() const {
  std::vector<const model::ServicePlan*> all;
  for (const auto& [name, plan] : plans) all.push_back(&plan);
  return all;
}

size_t World::BackendCount() const {
  std::set<model::SocketAddress> backends;
  for (const auto& [name, plan] : plans) {
    for (const model::PortPlan& port : plan.ports) {
      for (const model::Frontend& frontend : port.frontends) {
        if (!frontend.IsProgrammed()) continue;
        for (const uint32_t pool : {frontend.internal_pool, frontend.external_pool}) {
          for (const model::PoolMember& member : port.pools[pool].members) backends.insert(member.backend);
        }
      }
    }
  }
  return backends.size();
}

size_t World::SourceRangeCount() const {
  std::set<std::vector<model::IpPrefix>> lists;
  for (const auto& [name, plan] : plans) {
    for (const model::PortPlan& port : plan.ports) {
      for (const model::Frontend& frontend : port.frontends) {
        if (frontend.IsProgrammed()) lists.insert(frontend.source_ranges);
      }
    }
  }
  size_t ranges = 0;
  for (const std::vector<model::IpPrefix>& list : lists) ranges += list.size();
  return ranges;
}

uint32_t RandomWorld::Draw(uint32_t below) {
  return std::uniform_int_distribution<uint32_t>(0, below - 1)(random_);
}

model::Pool RandomWorld::DrawPool(bool v4) {
  if (Draw(6) == 0) return MakeEmptyPool(Draw(2) == 0 ? model::EmptyPool::kNoEndpoints : model::EmptyPool::kLocalMiss);
  std::vector<model::PoolMember> members;
  for (uint32_t i = 0; i < kBackends; ++i) {
    if (Draw(3) != 0) continue;
    const model::SocketAddress backend = Socket(absl::StrCat(v4 ? "10.244.0." : "fd00:244::", 1 + i), 8080);
    members.push_back({backend, Draw(4) == 0 ? Draw(5) : 1});
  }
  return MakePool(std::move(members));
}

void RandomWorld::DrawRanges(bool v4, model::Frontend& frontend) {
  frontend.source_ranges.clear();
  for (const char* const range : v4 ? kRanges : kRanges6) {
    if (Draw(2) == 0) frontend.source_ranges.push_back(*model::IpPrefix::Parse(range));
  }
  frontend.admits_no_client = frontend.source_ranges.empty();
  frontend.node_in_source_ranges = !frontend.admits_no_client && Draw(2) == 0;
}

model::PortPlan RandomWorld::DrawPort(uint32_t number) {
  const bool v4 = Draw(4) != 0;
  model::PortPlan port;
  port.name = absl::StrCat("p", number);
  port.family = v4 ? model::IpFamily::kV4 : model::IpFamily::kV6;
  port.protocol = kProtocols[Draw(12) == 0 ? 2 : Draw(2)];
  port.port = kPorts[Draw(2)];
  port.affinity_timeout_s = Draw(4) == 0 ? 100 : 0;
  if (port.protocol == model::Protocol::kUdp) port.udp_idle_s = Draw(4) == 0 ? 60 : 120;
  port.pools.push_back(DrawPool(v4));
  if (Draw(2) == 0) port.pools.push_back(DrawPool(v4));
  const auto pools = static_cast<uint32_t>(port.pools.size());
  const auto add = [&](model::FrontendKind kind, const char* address, uint16_t number_dialled) {
    model::Frontend frontend = MakeFrontend(kind, address, number_dialled, port.protocol);
    frontend.internal_pool = Draw(pools);
    frontend.external_pool = Draw(pools);
    if (Draw(3) == 0) DrawRanges(v4, frontend);
    if (port.protocol == model::Protocol::kSctp && number == 0) {
      frontend.verdict = model::FrontendVerdict::kNoSocketHook;
    }
    port.frontends.push_back(std::move(frontend));
  };
  add(model::FrontendKind::kClusterIp, v4 ? kClusterIps[Draw(4)] : kClusterIps6[Draw(2)], port.port);
  if (Draw(3) == 0) add(model::FrontendKind::kNodePort, v4 ? "0.0.0.0" : "::", kNodePorts[Draw(2)]);
  if (Draw(3) == 0) add(model::FrontendKind::kLoadBalancer, v4 ? kOtherIps[Draw(3)] : kOtherIps6[Draw(3)], port.port);
  if (Draw(3) == 0) add(model::FrontendKind::kExternalIp, v4 ? kOtherIps[Draw(3)] : kOtherIps6[Draw(3)], port.port);
  return port;
}

model::ServicePlan RandomWorld::DrawPlan(const std::string& name) {
  std::vector<model::PortPlan> ports;
  for (uint32_t number = 0; number < 3; ++number) {
    if (Draw(2) == 0) ports.push_back(DrawPort(number));
  }
  return MakePlan(name, std::move(ports));
}

void RandomWorld::ChangeEndpoints(model::ServicePlan& plan) {
  for (model::PortPlan& port : plan.ports) {
    for (model::Pool& pool : port.pools) {
      if (Draw(2) == 0) pool = DrawPool(port.family == model::IpFamily::kV4);
    }
    for (model::Frontend& frontend : port.frontends) {
      if (frontend.IsRestricted() && Draw(2) == 0) DrawRanges(port.family == model::IpFamily::kV4, frontend);
    }
    // A traffic policy changes: frontends change over to the other pool.
    if (Draw(4) != 0) continue;
    for (model::Frontend& frontend : port.frontends) {
      frontend.internal_pool = Draw(static_cast<uint32_t>(port.pools.size()));
    }
  }
}

// Who comes first by kind, then by name, holds a frontend. Returns the Services whose verdicts changed.
std::vector<model::ObjectName> RandomWorld::ResolveConflicts(World& world) {
  std::map<model::FrontendAddress, std::pair<model::FrontendKind, model::ObjectName>> holders;
  for (const auto& [name, plan] : world.plans) {
    for (const model::PortPlan& port : plan.ports) {
      for (const model::Frontend& frontend : port.frontends) {
        const auto claim = std::pair(frontend.kind, name);
        const auto [holder, is_new] = holders.emplace(frontend.address, claim);
        if (!is_new && claim < holder->second) holder->second = claim;
      }
    }
  }
  std::vector<model::ObjectName> changed;
  for (auto& [name, plan] : world.plans) {
    bool differs = false;
    std::set<model::FrontendAddress> seen;
    for (model::PortPlan& port : plan.ports) {
      for (auto frontend = port.frontends.begin(); frontend != port.frontends.end();) {
        const model::ObjectName& holder = holders.at(frontend->address).second;
        const model::ObjectName verdict = holder == name ? model::ObjectName() : holder;
        differs |= frontend->conflict_with != verdict;
        frontend->conflict_with = verdict;
        // The planner names an address once a Service.
        frontend = seen.insert(frontend->address).second ? std::next(frontend) : port.frontends.erase(frontend);
      }
    }
    if (differs) changed.push_back(name);
  }
  return changed;
}

std::vector<model::ObjectName> RandomWorld::Step(World& world) {
  std::set<model::ObjectName> changed;
  for (uint32_t i = 1 + Draw(3); i > 0; --i) {
    const model::ServicePlan drawn = DrawPlan(absl::StrCat("s", Draw(kServices)));
    const auto found = world.plans.find(drawn.service);
    changed.insert(drawn.service);
    if (found == world.plans.end() || Draw(4) == 0) {
      world.plans[drawn.service] = drawn;
    } else if (Draw(5) == 0) {
      found->second.ports.clear();
    } else {
      ChangeEndpoints(found->second);
    }
  }
  for (const model::ObjectName& name : ResolveConflicts(world)) changed.insert(name);
  return {changed.begin(), changed.end()};
}

void RandomWorld::StepNode(World& world) {
  world.node_addresses.clear();
  for (const char* address : kNodeIps) {
    if (Draw(3) != 0) world.node_addresses.push_back({Ip(address), Ip(address).IsLoopback()});
  }
}

std::vector<model::FrontendAddress> RandomWorld::Destinations() {
  std::set<model::FrontendAddress> destinations;
  for (const model::Protocol protocol : kProtocols) {
    const auto add = [&](const auto& addresses) {
      for (const char* address : addresses) {
        for (const uint16_t port : {kPorts[0], kPorts[1], kNodePorts[0], kNodePorts[1], kUnusedPort}) {
          destinations.insert(Dial(address, port, protocol));
        }
      }
    };
    add(kClusterIps);
    add(kClusterIps6);
    add(kOtherIps);
    add(kOtherIps6);
    add(kNodeIps);
  }
  return {destinations.begin(), destinations.end()};
}

}  // namespace shunt::datapath
