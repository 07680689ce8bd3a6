// SPDX-License-Identifier: Apache-2.0
#include "userspace/planner/left_out.h"

#include <cstddef>
#include <string>

#include "absl/strings/str_cat.h"
#include "userspace/planner/address_rules.h"

namespace shunt::planner {
namespace {

using model::EndpointVerdict;

// The candidates that one fault leaves out.
struct Group {
  size_t count = 0;
  const Candidate* first = nullptr;

  void Add(const Candidate& candidate) {
    if (count++ == 0) first = &candidate;
  }
};

// Returns "2 endpoints are", or "1 endpoint is".
std::string Subject(size_t count) {
  return absl::StrCat(count, count == 1 ? " endpoint is" : " endpoints are");
}

void WarnOfAddresses(const Group& group, absl::string_view why, Warnings& warnings) {
  const Candidate& first = *group.first;
  warnings.Add(absl::StrCat(Subject(group.count), " refused, ", group.count == 1 ? "" : "the first ",
                            Quoted(first.endpoint->address), " of EndpointSlice ", first.slice->name.view(), ": ",
                            why));
}

}  // namespace

void WarnOfLeftOut(const model::ServicePort& port, model::IpFamily family, const Candidates& candidates,
                   uint32_t endpoints_max, Warnings& warnings) {
  Group bad, forbidden, without_port, too_many;
  for (const Candidate& candidate : candidates) {
    if (candidate.cluster_verdict == EndpointVerdict::kBadAddress) bad.Add(candidate);
    if (candidate.cluster_verdict == EndpointVerdict::kForbiddenAddress) forbidden.Add(candidate);
    if (candidate.cluster_verdict == EndpointVerdict::kNoPort) without_port.Add(candidate);
    if (candidate.cluster_verdict == EndpointVerdict::kTooMany ||
        candidate.local_verdict == EndpointVerdict::kTooMany) {
      too_many.Add(candidate);
    }
  }
  if (bad.count > 0) {
    WarnOfAddresses(bad, family == model::IpFamily::kV4 ? "not an IPv4 address" : "not an IPv6 address", warnings);
  }
  if (forbidden.count > 0) {
    WarnOfAddresses(forbidden, absl::StrCat("it is ", ForbiddenClass(forbidden.first->backend.address)), warnings);
  }
  const auto name = [&] { return absl::StrCat("port ", port.port, "/", model::ProtocolName(port.protocol)); };
  if (too_many.count > 0) {
    warnings.Add(absl::StrCat(name(), ": ", Subject(too_many.count), " beyond the limit of ", endpoints_max,
                              " and get no new connections"));
  }
  // One slice without the port is no fault: pods of two versions may differ in their ports.
  if (without_port.count > 0 && without_port.count + bad.count + forbidden.count == candidates.size()) {
    warnings.Add(absl::StrCat(name(), ": no EndpointSlice has a ", model::ProtocolName(port.protocol), " port ",
                              Quoted(port.name), ": none of its ", without_port.count, " endpoints can be dialled"));
  }
}

}  // namespace shunt::planner
