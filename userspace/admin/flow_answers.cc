// SPDX-License-Identifier: Apache-2.0
// The answers about flows, from the rows of a view's maps.
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "userspace/admin/answers.h"
#include "userspace/admin/to_message.h"
#include "userspace/report/flows.h"

namespace shunt::admin {
namespace {

report::DumpRows RowsOf(const report::AgentView& view) {
  return [&view](absl::string_view map, const std::function<bool(const report::MapRow&)>& visit) {
    return view.DumpMap(map, visit);
  };
}

absl::StatusOr<model::IpAddress> ParseAddress(const std::string& field, const std::string& text) {
  const std::optional<model::IpAddress> address = model::IpAddress::Parse(text);
  if (!address.has_value()) {
    return absl::InvalidArgumentError(absl::StrCat("filter.", field, ": '", text, "' is no IP address"));
  }
  return *address;
}

absl::StatusOr<model::SocketAddress> ParseAddress(const std::string& field, const v1::SocketAddress& message) {
  const absl::StatusOr<model::IpAddress> address = ParseAddress(field, message.address());
  if (!address.ok()) return address.status();
  if (message.port() > 65'535) {
    return absl::InvalidArgumentError(absl::StrCat("filter.", field, ": ", message.port(), " is no port"));
  }
  return model::SocketAddress{*address, static_cast<uint16_t>(message.port())};
}

std::optional<model::Protocol> ParseProtocol(v1::Protocol protocol) {
  for (const model::Protocol known : {model::Protocol::kTcp, model::Protocol::kUdp, model::Protocol::kSctp}) {
    if (ToMessage(known) == protocol) return known;
  }
  return std::nullopt;
}

absl::StatusOr<report::FlowTuple> ParseTuple(const v1::FlowTuple& message) {
  const std::optional<model::Protocol> protocol = ParseProtocol(message.protocol());
  if (!protocol.has_value()) return absl::InvalidArgumentError("filter.tuple: protocol must be set");
  const absl::StatusOr<model::SocketAddress> source = ParseAddress("tuple.source", message.source());
  if (!source.ok()) return source.status();
  const absl::StatusOr<model::SocketAddress> destination = ParseAddress("tuple.destination", message.destination());
  if (!destination.ok()) return destination.status();
  return report::FlowTuple{*protocol, *source, *destination};
}

// Assigns the value to `*member`, or returns why there is none.
template <typename Value>
absl::Status Assign(absl::StatusOr<Value> value, std::optional<Value>* member) {
  if (!value.ok()) return value.status();
  *member = *std::move(value);
  return absl::OkStatus();
}

absl::StatusOr<report::FlowFilter> ParseFilter(const v1::FlowFilter& message) {
  report::FlowFilter filter;
  absl::Status status;
  if (message.has_service()) {
    filter.service = model::ObjectName{message.service().namespace_name(), message.service().name()};
  }
  if (message.has_backend()) status.Update(Assign(ParseAddress("backend", message.backend()), &filter.backend));
  if (!message.client().empty()) status.Update(Assign(ParseAddress("client", message.client()), &filter.client));
  if (message.has_tuple()) status.Update(Assign(ParseTuple(message.tuple()), &filter.tuple));
  if (!message.kind().empty()) {
    filter.kind = report::ParseFlowKind(message.kind());
    if (!filter.kind.has_value()) {
      std::string kinds;
      for (size_t i = 0; i < report::kFlowKinds; ++i) {
        absl::StrAppend(&kinds, i == 0 ? "" : ", ", report::FlowKindName(static_cast<report::FlowKind>(i)));
      }
      status.Update(absl::InvalidArgumentError(absl::StrCat("filter.kind: '", message.kind(), "' is none of ", kinds)));
    }
  }
  if (!status.ok()) return status;
  return filter;
}

}  // namespace

absl::Status AnswerListFlows(const report::AgentView& view, const v1::ListFlowsRequest& request,
                             const std::function<bool(v1::Flow)>& visit) {
  const absl::StatusOr<report::FlowFilter> filter = ParseFilter(request.filter());
  if (!filter.ok()) return filter.status();
  uint32_t flows = 0;
  return report::VisitFlows(RowsOf(view), *filter, [&](const report::FlowStatus& flow) {
    return visit(ToMessage(flow)) && ++flows != request.limit();
  });
}

absl::StatusOr<v1::CountFlowsResponse> AnswerCountFlows(const report::AgentView& view,
                                                        const v1::CountFlowsRequest& request) {
  const absl::StatusOr<report::FlowFilter> filter = ParseFilter(request.filter());
  if (!filter.ok()) return filter.status();
  const absl::StatusOr<report::FlowCounts> counts = report::CountFlows(RowsOf(view), *filter);
  if (!counts.ok()) return counts.status();
  v1::CountFlowsResponse response;
  *response.mutable_counts() = ToMessage(*counts);
  return response;
}

absl::StatusOr<v1::ListSnatSetsResponse> AnswerListSnatSets(const report::AgentView& view, size_t max_bytes) {
  const absl::StatusOr<std::vector<report::SnatSetStatus>> sets = report::ReadSnatSets(RowsOf(view));
  if (!sets.ok()) return sets.status();
  v1::ListSnatSetsResponse response;
  for (const report::SnatSetStatus& set : *sets) *response.add_sets() = ToMessage(set);
  if (response.ByteSizeLong() > max_bytes) {
    return absl::ResourceExhaustedError(absl::StrCat("ListSnatSets: the answer would be longer than ", max_bytes >> 20,
                                                     " MiB; use shuntctl --offline"));
  }
  return response;
}

}  // namespace shunt::admin
