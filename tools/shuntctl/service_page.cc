// SPDX-License-Identifier: Apache-2.0
#include "tools/shuntctl/service_page.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "tools/shuntctl/printable.h"
#include "tools/shuntctl/table.h"
#include "tools/shuntctl/wording.h"

namespace shunt::shuntctl {
namespace {

namespace v1 = admin::v1;

void AppendField(absl::string_view name, absl::string_view value, std::string& out) {
  if (!value.empty()) absl::StrAppendFormat(&out, "%-15s%s\n", absl::StrCat(name, ":"), Printable(value));
}

// Returns "cluster" or "local", or the pool's number if the maps alone are known.
std::string PoolName(const v1::ServicePort& port, int index) {
  if (index >= port.pools_size()) return "";
  switch (port.pools(index).scope()) {
    case v1::POOL_SCOPE_CLUSTER:
      return "cluster";
    case v1::POOL_SCOPE_LOCAL:
      return "local";
    default:
      return absl::StrCat("pool-", index);
  }
}

std::string SourcesText(const v1::Frontend& frontend) {
  if (frontend.source_ranges().empty() && !frontend.restricted()) return "any";
  // The maps record that there are ranges, but not which.
  return absl::StrCat(frontend.source_ranges().empty() ? "restricted" : absl::StrJoin(frontend.source_ranges(), ","),
                      frontend.node_in_source_ranges() ? " (this node included)" : "");
}

// Returns "" if it is served.
std::string WhyNotServed(const v1::Frontend& frontend) {
  if (frontend.has_conflict_with()) return absl::StrCat("held by ", NameText(frontend.conflict_with()));
  switch (frontend.not_served()) {
    case v1::NOT_SERVED_LOCAL_ADDRESS:
      return "an address of the node, left to the node";
    case v1::NOT_SERVED_NO_SOCKET_HOOK:
      return "SCTP has no socket hook";
    default:
      return "";
  }
}

std::string FrontendTable(const v1::ServicePort& port) {
  Table table({"FRONTEND", "ADDRESS", "FROM-THIS-NODE", "FROM-OUTSIDE", "SOURCES", "NOT-SERVED"});
  for (const v1::Frontend& frontend : port.frontends()) {
    const std::string why_not = WhyNotServed(frontend);
    const bool served = why_not.empty();
    table.Add({FrontendKindText(frontend.kind()), FrontendAddressText(frontend),
               served ? PoolName(port, static_cast<int>(frontend.internal_pool())) : "",
               served ? PoolName(port, static_cast<int>(frontend.external_pool())) : "", SourcesText(frontend),
               why_not});
  }
  return table.ToString(true, "  ");
}

std::string PlaceText(const v1::PoolPlace& place) {
  return place.verdict() == v1::ENDPOINT_VERDICT_SELECTED ? PercentText(place.share_percent())
                                                          : VerdictText(place.verdict());
}

std::string ConditionsText(const v1::Endpoint& endpoint) {
  std::vector<std::string> conditions;
  if (endpoint.ready()) conditions.emplace_back("ready");
  if (endpoint.serving()) conditions.emplace_back("serving");
  if (endpoint.terminating()) conditions.emplace_back("terminating");
  return absl::StrJoin(conditions, ",");
}

// Returns a table with one column per pool, named after it. Without an agent, pods and nodes are unknown.
std::string EndpointTable(const v1::ServicePort& port, bool wide) {
  const bool from_maps = port.pools_size() > 0 && port.pools(0).scope() == v1::POOL_SCOPE_UNSPECIFIED;
  std::vector<std::string> headers = {"ENDPOINT"};
  for (int i = 0; i < port.pools_size(); ++i) headers.push_back(absl::AsciiStrToUpper(PoolName(port, i)));
  if (!from_maps) headers.insert(headers.end(), {"WEIGHT", "POD", "NODE", "ZONE"});
  if (!from_maps && wide) headers.insert(headers.end(), {"CONDITIONS", "SLICE"});
  Table table(std::move(headers));
  for (const v1::Endpoint& endpoint : port.endpoints()) {
    const std::string address = AddressText(endpoint.address());
    std::vector<std::string> cells = {address.empty() ? endpoint.address_text() : address};
    for (const v1::PoolPlace& place : endpoint.places()) cells.push_back(PlaceText(place));
    if (!from_maps) {
      cells.insert(cells.end(),
                   {absl::StrCat(endpoint.weight()), endpoint.pod_name(), endpoint.node_name(), endpoint.zone()});
    }
    if (!from_maps && wide) cells.insert(cells.end(), {ConditionsText(endpoint), endpoint.slice_name()});
    table.Add(std::move(cells));
  }
  return table.ToString(true, "  ");
}

struct PoolUsers {
  bool this_node = false;  // clients on this node may be sent to it
  bool outside = false;    // clients from outside may
};

// A frontend that is not served sends no client. If no frontend at all is known, every client may be sent.
PoolUsers UsersOf(const v1::ServicePort& port, int pool) {
  PoolUsers users = {port.frontends().empty(), port.frontends().empty()};
  for (const v1::Frontend& frontend : port.frontends()) {
    if (!WhyNotServed(frontend).empty()) continue;
    users.this_node |= static_cast<int>(frontend.internal_pool()) == pool;
    users.outside |= static_cast<int>(frontend.external_pool()) == pool;
  }
  return users;
}

// Says what happens to connections to the pools that are empty.
std::string EmptyText(const v1::ServicePort& port) {
  std::string out;
  for (int i = 0; i < port.pools_size(); ++i) {
    const PoolUsers users = UsersOf(port, i);
    if (!users.this_node && !users.outside) continue;
    const std::string pool = absl::StrCat("  Pool ", PoolName(port, i), " is empty: ");
    if (port.pools(i).empty() == v1::EMPTY_POOL_NO_ENDPOINTS) {
      absl::StrAppend(&out, pool,
                      port.pools(i).members() == 0 ? "no endpoint anywhere" : "no endpoint takes new connections",
                      ", connections are refused (ECONNREFUSED).\n");
    } else if (port.pools(i).empty() == v1::EMPTY_POOL_LOCAL_MISS && !users.this_node) {
      absl::StrAppend(&out, pool, "no endpoint on this node for connections from outside.\n");
    } else if (port.pools(i).empty() == v1::EMPTY_POOL_LOCAL_MISS) {
      absl::StrAppend(&out, pool,
                      "no endpoint on this node, connections are unreachable (EHOSTUNREACH),\n"
                      "  or left to the packet path if shuntd runs with --local-policy-miss=drop.\n");
    }
  }
  return out;
}

bool NothingIsServed(const v1::Service& service) {
  return std::all_of(service.ports().begin(), service.ports().end(),
                     [](const v1::ServicePort& port) { return port.serving_state() == v1::SERVING_STATE_NOT_SERVED; });
}

std::string ProgrammedText(const v1::Service& service) {
  switch (service.state()) {
    case v1::SERVICE_STATE_APPLIED:
      return service.serving_state() == v1::SERVING_STATE_NOTHING_TO_SERVE ? "nothing to serve"
             : NothingIsServed(service)                                    ? "nothing: none of its ports is served here"
                                                                           : "as planned";
    case v1::SERVICE_STATE_FAILED:
      return absl::StrCat("failed: ", service.apply_error());
    default:
      return "as shown (the plan is unknown without the agent)";
  }
}

// Each family that the Service has is probed by itself, and answers for its own endpoints.
std::string HealthCheckText(const v1::Service& service) {
  std::vector<std::string> ready;
  if (service.has_local_ready_endpoints()) {
    ready.push_back(absl::StrCat(service.local_ready_endpoints(), " over IPv4"));
  }
  if (service.has_local_ready_endpoints_v6()) {
    ready.push_back(absl::StrCat(service.local_ready_endpoints_v6(), " over IPv6"));
  }
  return absl::StrCat("port ", service.health_check_node_port(), ", ready on this node: ", absl::StrJoin(ready, ", "));
}

std::string PortSection(const v1::ServicePort& port, bool wide) {
  std::string out = absl::StrCat("\nPort ", port.port(), "/", ProtocolText(port.protocol()), " ",
                                 FamilyText(port.family()), port.name().empty() ? "" : " ", Printable(port.name()),
                                 ": ", ServingStateText(port.serving_state()));
  if (port.affinity_timeout_s() != 0) {
    absl::StrAppend(&out, ", a client stays with its backend for ", port.affinity_timeout_s(), " s");
  }
  out += '\n';
  if (port.frontends_size() > 0) absl::StrAppend(&out, FrontendTable(port), "\n");
  if (port.endpoints_size() > 0) absl::StrAppend(&out, EndpointTable(port, wide));
  absl::StrAppend(&out, EmptyText(port));
  if (port.serving_state() == v1::SERVING_STATE_NOT_SERVED) return out;
  absl::StrAppend(&out, "  Counted: ", port.counters().translated(), " translated, ", port.counters().no_endpoints(),
                  " without endpoint, ", port.counters().local_misses(), " without local endpoint.\n");
  return out;
}

}  // namespace

std::string FrontendAddressText(const v1::Frontend& frontend) {
  if (frontend.kind() == v1::FRONTEND_KIND_NODE_PORT) return absl::StrCat("*:", frontend.address().port());
  return AddressText(frontend.address());
}

std::string ServicePage(const v1::Service& service, const Options& options) {
  std::string out;
  AppendField("Name", NameText(service.name()), out);
  AppendField("Type", ServiceTypeText(service.type()), out);
  AppendField("ClusterIPs", absl::StrJoin(service.cluster_ips(), ", "), out);
  AppendField("Created", service.has_creation_time() ? TimeText(service.creation_time()) : "", out);
  AppendField("Programmed", ProgrammedText(service), out);
  if (service.health_check_node_port() != 0) {
    AppendField("Health check", HealthCheckText(service), out);
  }
  for (const std::string& refusal : service.refusals()) {
    AppendField("Refused", absl::StrCat(refusal, " (what is shown is of the object before)"), out);
  }
  for (const std::string& warning : service.warnings()) AppendField("Warning", warning, out);
  for (const v1::ServicePort& port : service.ports()) {
    absl::StrAppend(&out, PortSection(port, options.IsWide()));
  }
  if (service.ports().empty()) {
    absl::StrAppend(
        &out,
        "\nNothing is programmed for it: it has no ClusterIP, as a headless Service or an ExternalName, or no "
        "port,\nor the label service.kubernetes.io/service-proxy-name leaves it to another proxy.\n");
  }
  return out;
}

}  // namespace shunt::shuntctl
