// SPDX-License-Identifier: Apache-2.0
// shuntctl service: what clients dial, where that leads, and why an endpoint is left out.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tools/shuntctl/command.h"
#include "tools/shuntctl/document.h"
#include "tools/shuntctl/service_page.h"
#include "tools/shuntctl/table.h"
#include "tools/shuntctl/wording.h"

namespace shunt::shuntctl {
namespace {

// Maximum number of frontends in a table's cell; `-o wide` and `service show` show all.
constexpr size_t kFrontendsInTable = 3;

std::string FrontendsText(const v1::ServicePort& port, bool all) {
  std::vector<std::string> parts;
  for (const v1::Frontend& frontend : port.frontends()) {
    if (!all && parts.size() == kFrontendsInTable) {
      parts.push_back(absl::StrCat("+", port.frontends_size() - static_cast<int>(kFrontendsInTable)));
      break;
    }
    parts.push_back(absl::StrCat(FrontendKindText(frontend.kind()), " ", FrontendAddressText(frontend)));
  }
  return absl::StrJoin(parts, ",");
}

std::string WarningsText(const v1::Service& service) {
  const int sentences = service.warnings_size() + service.refusals_size();
  return sentences == 0 ? "" : absl::StrCat(sentences);
}

absl::StatusOr<Answer> List(const Request& request) {
  v1::ListServicesRequest wanted;
  wanted.set_namespace_name(request.options.namespace_name);
  const absl::StatusOr<v1::ListServicesResponse> response = request.reader.Services(wanted);
  if (!response.ok()) return response.status();
  if (request.options.IsDocument()) {
    return Answer{PrintList("ServiceList", response->services(), request.options.format), ""};
  }
  const bool wide = request.options.IsWide();
  std::vector<std::string> headers = {"NAMESPACE", "NAME",      "PORT",  "PROTO",
                                      "FRONTENDS", "ENDPOINTS", "STATE", "WARNINGS"};
  if (wide) headers.insert(headers.end(), {"PORT-NAME", "AFFINITY", "TRANSLATED", "UNSERVED"});
  Table table(std::move(headers));
  for (const v1::Service& service : response->services()) {
    for (const v1::ServicePort& port : service.ports()) {
      std::vector<std::string> cells = {service.name().namespace_name(),
                                        service.name().name(),
                                        absl::StrCat(port.port()),
                                        ProtocolText(port.protocol()),
                                        FrontendsText(port, wide),
                                        absl::StrCat(port.selected_endpoint_count(), "/", port.endpoint_count()),
                                        ServingStateText(port.serving_state()),
                                        WarningsText(service)};
      if (wide) {
        cells.insert(cells.end(),
                     {port.name(), port.affinity_timeout_s() == 0 ? "" : absl::StrCat(port.affinity_timeout_s(), "s"),
                      absl::StrCat(port.counters().translated()),
                      absl::StrCat(port.counters().no_endpoints() + port.counters().local_misses())});
      }
      table.Add(std::move(cells));
    }
    if (service.ports().empty()) {
      table.Add({service.name().namespace_name(), service.name().name(), "", "", "", "",
                 ServingStateText(service.serving_state()), WarningsText(service)});
    }
  }
  if (table.empty()) return Answer{.text = "", .note = NothingFound("Services", request.options.namespace_name)};
  return Answer{table.ToString(request.options.headers), ""};
}

struct Target {
  v1::GetServiceRequest service;
  std::string port;  // number, number/PROTOCOL or name; empty: all
};

absl::StatusOr<Target> ParseTarget(const std::string& text, const std::string& default_namespace) {
  Target target;
  const size_t colon = text.find(':');
  const std::string name = text.substr(0, colon);
  if (colon != std::string::npos) target.port = text.substr(colon + 1);
  const size_t slash = name.find('/');
  const std::string namespace_name = slash == std::string::npos ? default_namespace : name.substr(0, slash);
  const std::string base = slash == std::string::npos ? name : name.substr(slash + 1);
  const bool no_port = colon != std::string::npos && target.port.empty();
  if (slash == std::string::npos && namespace_name.empty() && !base.empty() && !no_port) {
    return absl::InvalidArgumentError(absl::StrCat("which namespace? write NAMESPACE/", text, ", or add -n NAMESPACE"));
  }
  if (namespace_name.empty() || base.empty() || absl::StrContains(base, '/') || no_port) {
    return absl::InvalidArgumentError(absl::StrCat("'", text, "' is not NAMESPACE/NAME or NAMESPACE/NAME:PORT"));
  }
  if (!default_namespace.empty() && namespace_name != default_namespace) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", text, "' is in namespace ", namespace_name, ", but -n says ", default_namespace));
  }
  target.service.set_namespace_name(namespace_name);
  target.service.set_name(base);
  return target;
}

// Removes all ports but the one that `wanted` names.
absl::Status KeepPort(const std::string& wanted, v1::Service& service) {
  if (wanted.empty()) return absl::OkStatus();
  v1::Service kept = service;
  kept.clear_ports();
  std::vector<std::string> names;
  for (const v1::ServicePort& port : service.ports()) {
    const std::string number = absl::StrCat(port.port());
    const std::string with_protocol = absl::StrCat(number, "/", ProtocolText(port.protocol()));
    names.push_back(port.name().empty() ? with_protocol : absl::StrCat(with_protocol, " (", port.name(), ")"));
    if (wanted == port.name() || wanted == number || wanted == with_protocol) *kept.add_ports() = port;
  }
  if (kept.ports_size() == 0) {
    names.erase(std::unique(names.begin(), names.end()), names.end());
    return absl::NotFoundError(absl::StrCat("Service ", NameText(service.name()), " has no port ", wanted, "; it has ",
                                            names.empty() ? "none" : absl::StrJoin(names, ", ")));
  }
  service = std::move(kept);
  return absl::OkStatus();
}

absl::StatusOr<Answer> Show(const Request& request) {
  const absl::StatusOr<Target> target = ParseTarget(request.arguments[0], request.options.namespace_name);
  if (!target.ok()) return target.status();
  absl::StatusOr<v1::Service> service = request.reader.Service(target->service);
  if (!service.ok()) return service.status();
  if (absl::Status status = KeepPort(target->port, *service); !status.ok()) return status;
  if (request.options.IsDocument()) return Answer{PrintMessage("Service", *service, request.options.format), ""};
  return Answer{ServicePage(*service, request.options), ""};
}

}  // namespace

Object ServiceObject() {
  return {.name = "service",
          .aliases = {"services", "svc"},
          .summary = "Services: what clients dial and where that leads",
          .commands = {
              {.name = "list",
               .aliases = {"ls"},
               .by_namespace = true,
               .summary = "All Services, one line per port and address family",
               .details = {"ENDPOINTS is how many take new connections, of how many there are. STATE is the worst that",
                           "applies of:", "  Ready             as planned",
                           "  NothingToServe    it has no port to serve, as a headless one or an ExternalName",
                           "  NotServed         left to others: SCTP, or a ClusterIP that this node has itself",
                           "  NoLocalEndpoints  a Local policy, and no endpoint here for clients on this node",
                           "  NoEndpoints       no endpoint: connections are refused",
                           "  Conflict          another Service holds one of its frontends",
                           "  Failed            the kernel does not hold the plan",
                           "WARNINGS is how many sentences `service show` has about what its objects say."},
               .examples = {"shuntctl service list", "shuntctl service list -n shop -o wide",
                            "shuntctl service list -w --interval 1"},
               .run = &List},
              {.name = "show",
               .aliases = {"get", "describe"},
               .arguments = "NS/NAME[:PORT]",
               .argument_count = 1,
               .by_namespace = true,
               .without_arguments = "list",
               .summary = "One Service: its frontends, and each endpoint's share or why it has none",
               .details = {"PORT is a port's number, number/PROTOCOL or name. Without a name, `show` is `list`."},
               .examples = {"shuntctl service show shop/cart", "shuntctl service show -n shop cart:http -o yaml",
                            "shuntctl service show kube-system/kube-dns:53 --offline"},
               .run = &Show},
          }};
}

}  // namespace shunt::shuntctl
