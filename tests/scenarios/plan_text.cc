// SPDX-License-Identifier: Apache-2.0
#include "tests/scenarios/plan_text.h"

#include <cmath>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace shunt::scenarios {
namespace {

absl::string_view ScopeName(model::PoolScope scope) {
  return scope == model::PoolScope::kCluster ? "cluster" : "local";
}

absl::string_view FamilyName(model::IpFamily family) {
  return family == model::IpFamily::kV4 ? "IPv4" : "IPv6";
}

std::string Text(const model::SocketAddress& address) {
  return address.address.ToStringWithPort(address.port);
}

std::string PoolName(const model::PortPlan& port, uint32_t index) {
  if (index >= port.pools.size()) return absl::StrCat("pool ", index, " WHICH IS NOT THERE");
  return absl::StrCat("pool ", ScopeName(port.pools[index].scope));
}

std::string FrontendText(const model::PortPlan& port, const model::Frontend& frontend) {
  std::string text = absl::StrCat(frontend.address.ToString(), " ", model::FrontendKindName(frontend.kind), " -> ");
  if (frontend.InConflict()) return absl::StrCat(text, "nowhere: held by ", frontend.conflict_with.Name().ToString());
  if (frontend.verdict != model::FrontendVerdict::kServed) {
    return absl::StrCat(text, "nowhere: ", model::FrontendVerdictName(frontend.verdict));
  }
  absl::StrAppend(&text, PoolName(port, frontend.internal_pool));
  if (frontend.external_pool != frontend.internal_pool) {
    absl::StrAppend(&text, ", from outside ", PoolName(port, frontend.external_pool));
  }
  if (frontend.admits_no_client) absl::StrAppend(&text, ", for no client");
  if (!frontend.source_ranges.empty()) {
    const auto name = [](std::string* out, const model::IpPrefix& range) { out->append(range.ToString()); };
    absl::StrAppend(&text, ", only for ", absl::StrJoin(frontend.source_ranges, " ", name),
                    frontend.node_in_source_ranges ? " and this node" : "");
  }
  return text;
}

// Returns each member's share of draws that are uniform over the slots and then over 2^32 thresholds.
std::vector<double> Shares(const model::Pool& pool) {
  std::vector<double> shares(pool.members.size(), 0);
  for (const model::AliasSlot& slot : pool.slots) {
    const double own = slot.alias == slot.member ? 1 : slot.threshold / std::exp2(32);
    shares.at(slot.member) += own / static_cast<double>(pool.slots.size());
    shares.at(slot.alias) += (1 - own) / static_cast<double>(pool.slots.size());
  }
  return shares;
}

void AppendPool(const model::Pool& pool, std::string* text) {
  absl::StrAppend(text, "    pool ", ScopeName(pool.scope));
  if (pool.slots.empty()) {
    absl::StrAppend(text, pool.empty == model::EmptyPool::kLocalMiss ? ": local miss" : ": no endpoints");
  }
  absl::StrAppend(text, "\n");
  const std::vector<double> shares = Shares(pool);
  for (size_t i = 0; i < pool.members.size(); ++i) {
    const model::PoolMember& member = pool.members[i];
    absl::StrAppend(text, "      ", Text(member.backend));
    if (member.weight == 0 && shares[i] == 0) {
      absl::StrAppend(text, " keeps its flows\n");
    } else {
      absl::StrAppend(text, absl::StrFormat(" weight %u, share %.2f%%\n", member.weight, 100 * shares[i]));
    }
  }
}

// Returns "" if every pool of the port has selected the endpoint.
std::string VerdictText(const model::PortPlan& port, const model::PlannedEndpoint& endpoint) {
  const auto verdict_of = [&](const model::Pool& pool) {
    return pool.scope == model::PoolScope::kCluster ? endpoint.cluster_verdict : endpoint.local_verdict;
  };
  bool all_selected = true;
  bool all_alike = true;
  for (const model::Pool& pool : port.pools) {
    all_selected &= verdict_of(pool) == model::EndpointVerdict::kSelected;
    all_alike &= verdict_of(pool) == verdict_of(port.pools[0]);
  }
  if (all_selected) return "";
  if (all_alike) return std::string(model::EndpointVerdictName(verdict_of(port.pools[0])));
  std::vector<std::string> verdicts;
  for (const model::Pool& pool : port.pools) {
    const model::EndpointVerdict verdict = verdict_of(pool);
    if (verdict == model::EndpointVerdict::kSelected) continue;
    verdicts.push_back(absl::StrCat(ScopeName(pool.scope), " ", model::EndpointVerdictName(verdict)));
  }
  return absl::StrJoin(verdicts, ", ");
}

void AppendPort(const model::PortPlan& port, std::string* text) {
  absl::StrAppend(text, "  port ", port.name, port.name.empty() ? "" : " ", port.port, "/",
                  model::ProtocolName(port.protocol), " ", FamilyName(port.family));
  if (port.affinity_timeout_s != 0) absl::StrAppend(text, ", affinity ", port.affinity_timeout_s, " s");
  absl::StrAppend(text, "\n");
  for (const model::Frontend& frontend : port.frontends) {
    absl::StrAppend(text, "    ", FrontendText(port, frontend), "\n");
  }
  for (const model::Pool& pool : port.pools) AppendPool(pool, text);
  for (const model::PlannedEndpoint& endpoint : port.endpoints) {
    const std::string verdict = VerdictText(port, endpoint);
    if (verdict.empty()) continue;
    const bool is_address = !endpoint.backend.address.IsUnspecified();
    const std::string name =
        is_address ? Text(endpoint.backend) : absl::StrCat("\"", endpoint.address_text.view(), "\"");
    absl::StrAppend(text, "    left out ", name, " of slice ", endpoint.slice_name.view(), ": ", verdict, "\n");
  }
}

}  // namespace

std::string PlanText(const model::ServicePlan& plan) {
  std::string text = absl::StrCat("service ", plan.service.ToString(), plan.ports.empty() ? ": not served" : "", "\n");
  for (const model::PortPlan& port : plan.ports) AppendPort(port, &text);
  if (plan.health_check_node_port != 0) {
    absl::StrAppend(&text, "  health check on ", plan.health_check_node_port);
    for (const model::IpFamily family : {model::IpFamily::kV4, model::IpFamily::kV6}) {
      if (const std::optional<uint32_t> ready = plan.LocalReady(family); ready.has_value()) {
        absl::StrAppend(&text, ", ", FamilyName(family), ": ", *ready, " local ready");
      }
    }
    absl::StrAppend(&text, "\n");
  }
  for (const std::string& warning : plan.warnings) absl::StrAppend(&text, "  warning: ", warning, "\n");
  return text;
}

}  // namespace shunt::scenarios
