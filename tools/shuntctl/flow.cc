// SPDX-License-Identifier: Apache-2.0
// shuntctl flow: the streams of packets that are translated.
#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "tools/shuntctl/command.h"
#include "tools/shuntctl/document.h"
#include "tools/shuntctl/printable.h"
#include "tools/shuntctl/table.h"
#include "tools/shuntctl/wording.h"
#include "userspace/model/ip_address.h"

namespace shunt::shuntctl {
namespace {

constexpr char kNoFlows[] = "No flows found.";

absl::StatusOr<v1::SocketAddress> ParseAddressAndPort(const std::string& text) {
  const size_t colon = text.rfind(':');
  std::string address = text.substr(0, colon);
  const bool brackets = address.size() > 2 && address.front() == '[' && address.back() == ']';
  if (brackets) address = address.substr(1, address.size() - 2);
  uint32_t port = 0;
  // An IPv6 address without brackets could end in what looks like a port.
  if (colon == std::string::npos || !absl::SimpleAtoi(text.substr(colon + 1), &port) || port > 65'535 ||
      brackets != (address.find(':') != std::string::npos) || !model::IpAddress::Parse(address).has_value()) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", text, "' is not ADDRESS:PORT, as in 10.0.0.1:80 or [fd00::1]:80"));
  }
  v1::SocketAddress message;
  message.set_address(address);
  message.set_port(port);
  return message;
}

absl::StatusOr<v1::ObjectName> ParseService(const std::string& text) {
  const size_t slash = text.find('/');
  v1::ObjectName name;
  name.set_namespace_name(text.substr(0, slash));
  if (slash != std::string::npos) name.set_name(text.substr(slash + 1));
  if (name.namespace_name().empty() || name.name().empty() || name.name().find('/') != std::string::npos) {
    return absl::InvalidArgumentError(absl::StrCat("--service: '", text, "' is not NAMESPACE/NAME"));
  }
  return name;
}

absl::StatusOr<v1::FlowFilter> ParseFilter(const FlowOptions& options) {
  v1::FlowFilter filter;
  if (!options.service.empty()) {
    absl::StatusOr<v1::ObjectName> service = ParseService(options.service);
    if (!service.ok()) return service.status();
    *filter.mutable_service() = *std::move(service);
  }
  if (!options.backend.empty()) {
    absl::StatusOr<v1::SocketAddress> backend = ParseAddressAndPort(options.backend);
    if (!backend.ok()) return absl::InvalidArgumentError(absl::StrCat("--backend: ", backend.status().message()));
    *filter.mutable_backend() = *std::move(backend);
  }
  filter.set_client(options.client);
  filter.set_kind(options.state);
  return filter;
}

std::string IdleText(const v1::FlowRow& row) {
  return row.idle_ms() < 0 ? "" : absl::StrCat(row.idle_ms() / 1000, "s");
}

std::string DeviceText(uint32_t device) {
  return device == 0 ? "" : absl::StrCat(device);
}

bool HasFlag(const v1::FlowRow& row, absl::string_view flag) {
  return std::find(row.flags().begin(), row.flags().end(), flag) != row.flags().end();
}

std::string ServiceText(const v1::ObjectName& service, uint32_t port) {
  return service.name().empty() ? "" : absl::StrCat(NameText(service), ":", port);
}

void AddFlow(const v1::Flow& flow, bool wide, Table& table) {
  const v1::FlowRow& row = flow.row();
  std::vector<std::string> cells = {ProtocolText(row.protocol()),
                                    AddressText(row.client()),
                                    AddressText(row.frontend()),
                                    AddressText(row.backend_address()),
                                    HasFlag(row, "snat") ? AddressText(row.source()) : "",
                                    ServiceText(flow.service(), flow.port()),
                                    row.kind(),
                                    IdleText(row)};
  if (wide) {
    cells.insert(cells.end(), {row.mode(), absl::StrJoin(row.state(), ","), DeviceText(row.forward_device()),
                               DeviceText(row.reverse_device()), absl::StrCat(row.row())});
  }
  table.Add(std::move(cells));
}

absl::StatusOr<Answer> List(const Request& request) {
  const absl::StatusOr<v1::FlowFilter> filter = ParseFilter(request.options.flows);
  if (!filter.ok()) return filter.status();
  v1::ListFlowsRequest wanted;
  *wanted.mutable_filter() = *filter;
  wanted.set_limit(request.options.flows.limit);
  const bool wide = request.options.IsWide();
  std::vector<std::string> headers = {"PROTO", "CLIENT", "FRONTEND", "BACKEND", "SOURCE", "SERVICE", "STATE", "IDLE"};
  if (wide) headers.insert(headers.end(), {"MODE", "EVENTS", "FORWARD-DEVICE", "REVERSE-DEVICE", "ROW"});
  Table table(std::move(headers));
  Json document = NewDocument("FlowList");
  Json& items = document["items"] = Json::array();
  const absl::Status status = request.reader.Flows(wanted, [&](const v1::Flow& flow) {
    if (request.options.IsDocument()) {
      items.push_back(ToJson(flow));
    } else {
      AddFlow(flow, wide, table);
    }
  });
  if (!status.ok()) return status;
  if (request.options.IsDocument()) return Answer{Print(document, request.options.format), ""};
  if (table.empty()) return Answer{.text = "", .note = kNoFlows};
  return Answer{table.ToString(request.options.headers), ""};
}

// "open=7,closed=2", without kinds of which there is none.
template <typename Kinds>
std::string KindsText(const Kinds& kinds) {
  std::vector<std::string> texts;
  for (const v1::FlowKindFlows& kind : kinds) {
    if (kind.flows() != 0) texts.push_back(absl::StrCat(kind.kind(), "=", kind.flows()));
  }
  return absl::StrJoin(texts, ",");
}

absl::StatusOr<Answer> Count(const Request& request) {
  const absl::StatusOr<v1::FlowFilter> filter = ParseFilter(request.options.flows);
  if (!filter.ok()) return filter.status();
  v1::CountFlowsRequest wanted;
  *wanted.mutable_filter() = *filter;
  const absl::StatusOr<v1::FlowCounts> counts = request.reader.CountFlows(wanted);
  if (!counts.ok()) return counts.status();
  if (request.options.IsDocument()) {
    return Answer{PrintMessage("FlowCounts", *counts, request.options.format), ""};
  }
  if (counts->flows() == 0) return Answer{.text = "", .note = kNoFlows};
  Table table({"SERVICE", "PROTO", "FLOWS", "STATES"});
  for (const v1::ServiceFlows& service : counts->services()) {
    table.Add({ServiceText(service.service(), service.port()), ProtocolText(service.protocol()),
               absl::StrCat(service.flows()), KindsText(service.kinds())});
  }
  table.Add({"total", "", absl::StrCat(counts->flows()), KindsText(counts->kinds())});
  return Answer{table.ToString(request.options.headers), ""};
}

absl::StatusOr<v1::FlowTuple> ParseTuple(const std::vector<std::string>& arguments) {
  v1::FlowTuple tuple;
  const std::string name = absl::AsciiStrToUpper(arguments[0]);
  for (const v1::Protocol protocol : {v1::PROTOCOL_TCP, v1::PROTOCOL_UDP, v1::PROTOCOL_SCTP}) {
    if (name == ProtocolText(protocol)) tuple.set_protocol(protocol);
  }
  if (tuple.protocol() == v1::PROTOCOL_UNSPECIFIED) {
    return absl::InvalidArgumentError(absl::StrCat("'", arguments[0], "' is none of tcp, udp, sctp"));
  }
  absl::StatusOr<v1::SocketAddress> source = ParseAddressAndPort(arguments[1]);
  if (!source.ok()) return source.status();
  absl::StatusOr<v1::SocketAddress> destination = ParseAddressAndPort(arguments[2]);
  if (!destination.ok()) return destination.status();
  *tuple.mutable_source() = *std::move(source);
  *tuple.mutable_destination() = *std::move(destination);
  return tuple;
}

void AppendField(absl::string_view name, absl::string_view value, std::string& out) {
  if (!value.empty()) absl::StrAppendFormat(&out, "%-12s%s\n", absl::StrCat(name, ":"), Printable(value));
}

// "eth0 (2), next hop 02:00:00:00:00:01".
std::string WayText(uint32_t device, const std::string& next_hop, const std::map<uint32_t, std::string>& names) {
  if (device == 0) return "";
  const auto found = names.find(device);
  const std::string name = found == names.end() || found->second.empty()
                               ? absl::StrCat("device ", device)
                               : absl::StrCat(found->second, " (", device, ")");
  return next_hop.empty() ? name : absl::StrCat(name, ", next hop ", next_hop);
}

std::string SourceText(const v1::FlowRow& row) {
  if (HasFlag(row, "host")) return "the host's own, which keeps others from its port";
  if (!HasFlag(row, "snat")) return "the client's";
  std::string text = absl::StrCat(AddressText(row.source()), " of this node");
  if (row.has_snat_set()) absl::StrAppend(&text, ", from set ", row.snat_set());
  return text;
}

std::string FlowPage(const v1::Flow& flow, const std::map<uint32_t, std::string>& devices) {
  const v1::FlowRow& row = flow.row();
  std::string out;
  const auto towards = [](const v1::SocketAddress& from, const v1::SocketAddress& to) {
    return absl::StrCat(AddressText(from), " to ", AddressText(to));
  };
  AppendField("Client", absl::StrCat(ProtocolText(row.protocol()), ", ", towards(row.client(), row.frontend())), out);
  AppendField("Backend", absl::StrCat("answers from ", towards(row.backend_address(), row.source())), out);
  const std::string service = ServiceText(flow.service(), flow.port());
  AppendField("Service", flow.port_name().empty() ? service : absl::StrCat(service, ", ", flow.port_name()), out);
  AppendField("State", absl::StrCat(row.kind(), " (", absl::StrJoin(row.state(), ", "), ")"), out);
  AppendField("Idle", row.idle_ms() < 0 ? "not known: the collector has never run" : IdleText(row), out);
  AppendField("Mode", row.mode() == "stack" ? "stack: through the host's stack" : "redirect: past the host's stack",
              out);
  AppendField("Source", SourceText(row), out);
  AppendField("To backend", WayText(row.forward_device(), row.forward_next_hop(), devices), out);
  AppendField("To client", WayText(row.reverse_device(), row.reverse_next_hop(), devices), out);
  AppendField("Rows",
              absl::StrCat("flow_rows ", row.row(), ", service_ports ", row.service_port(), ", pools ", row.pool(),
                           ", backends ", row.backend()),
              out);
  return out;
}

absl::StatusOr<Answer> Show(const Request& request) {
  absl::StatusOr<v1::FlowTuple> tuple = ParseTuple(request.arguments);
  if (!tuple.ok()) return tuple.status();
  v1::ListFlowsRequest wanted;
  *wanted.mutable_filter()->mutable_tuple() = *std::move(tuple);
  // A retired flow may have the same tuple as the one that has followed it.
  std::optional<v1::Flow> found;
  const absl::Status status = request.reader.Flows(wanted, [&found](v1::Flow flow) {
    if (!found.has_value() || found->row().kind() == "retired") found = std::move(flow);
  });
  if (!status.ok()) return status;
  if (!found.has_value()) {
    return absl::NotFoundError(
        absl::StrCat("no flow has these addresses; `shuntctl flow list --client ADDRESS` shows ", "those of a client"));
  }
  if (request.options.IsDocument()) return Answer{PrintMessage("Flow", *found, request.options.format), ""};
  std::map<uint32_t, std::string> devices;
  if (const absl::StatusOr<v1::ListDevicesResponse> listed = request.reader.Devices(); listed.ok()) {
    for (const v1::Device& device : listed->devices()) devices[device.index()] = device.name();
  }
  return Answer{FlowPage(*found, devices), ""};
}

}  // namespace

Object FlowObject() {
  const std::vector<std::string> kWhich = {"service", "backend", "client", "state"};
  std::vector<std::string> with_limit = kWhich;
  with_limit.push_back("limit");
  return {
      .name = "flow",
      .aliases = {"flows"},
      .summary = "Flows: streams of packets that are translated",
      .commands = {
          {.name = "list",
           .aliases = {"ls", "get"},
           .narrowed_by = with_limit,
           .summary = "Flows, one line each, in the order of their rows",
           .details = {"Narrow it by --service, --backend, --client, --state and --limit. STATE is opening, open,",
                       "half_closed, closed, datagrams (UDP, no reply seen), answered (UDP) or retired. SOURCE is",
                       "the address and port of this node that the backend sees instead of the client's, if it",
                       "does. IDLE counts to the collector's last step."},
           .examples = {"shuntctl flow list --service shop/cart", "shuntctl flow list --client 192.0.2.9 -o wide",
                        "shuntctl flow list --state opening --limit 20"},
           .run = &List},
          {.name = "count",
           .narrowed_by = kWhich,
           .summary = "How many flows there are, by Service and by state",
           .details = {"It can be narrowed as `flow list`."},
           .examples = {"shuntctl flow count", "shuntctl flow count --state opening -j"},
           .run = &Count},
          {.name = "show",
           .arguments = "PROTOCOL SOURCE DESTINATION",
           .argument_count = 3,
           .summary = "One flow: both its tuples, how it is sent on, and the rows that it was made from",
           .details = {"SOURCE and DESTINATION are ADDRESS:PORT of a packet before it is translated: of the client's",
                       "to the Service, or of the backend's reply."},
           .examples = {"shuntctl flow show tcp 192.0.2.9:40000 203.0.113.5:30080"},
           .run = &Show}}};
}

}  // namespace shunt::shuntctl
