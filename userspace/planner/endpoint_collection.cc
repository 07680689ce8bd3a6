// SPDX-License-Identifier: Apache-2.0
#include "userspace/planner/endpoint_collection.h"

#include <endian.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "userspace/planner/address_rules.h"
#include "userspace/planner/service_filter.h"

namespace shunt::planner {
namespace {

using model::EndpointVerdict;

void JudgeAddress(model::IpFamily family, Candidate& candidate) {
  const std::optional<model::IpAddress> address = model::IpAddress::Parse(candidate.endpoint->address);
  if (!address || address->family() != family) return candidate.Refuse(EndpointVerdict::kBadAddress);
  candidate.backend.address = *address;
  if (!ForbiddenClass(*address).empty()) candidate.Refuse(EndpointVerdict::kForbiddenAddress);
}

// `number` is 0 if the slice has no such port.
Candidate MakeCandidate(const WeightedSlice& slice, const model::Endpoint& endpoint, uint16_t number,
                        model::IpFamily family, const CollectionContext& context) {
  Candidate candidate;
  candidate.slice = &slice;
  candidate.endpoint = &endpoint;
  candidate.backend.port = number;
  candidate.ready = endpoint.ready.value_or(true);
  candidate.serving = endpoint.serving.value_or(true);
  candidate.terminating = endpoint.terminating.value_or(false);
  candidate.is_local = !endpoint.node_name.empty() && endpoint.node_name == context.node.node_name;
  JudgeAddress(family, candidate);
  if (candidate.cluster_verdict == EndpointVerdict::kSelected && number == 0) {
    candidate.Refuse(EndpointVerdict::kNoPort);
  }
  candidate.weight = context.weights.Of(candidate.backend.address, endpoint, slice.weight);
  return candidate;
}

// What decides the order of two candidates, side by side in memory: candidates are large, and there may be many.
struct Place {
  uint64_t address[2];  // as numbers, so that their order is that of the addresses
  uint32_t port;
  uint32_t index;  // of the candidate

  Place(const model::SocketAddress& backend, uint32_t i) : address(), port(backend.port), index(i) {
    std::memcpy(address, backend.address.bytes().data(), sizeof(address));
    for (uint64_t& half : address) half = be64toh(half);
  }
  friend bool operator<(const Place& a, const Place& b) {
    return std::tie(a.address[0], a.address[1], a.port, a.index) <
           std::tie(b.address[0], b.address[1], b.port, b.index);
  }
};

// Orders candidates by backend, and those of one backend as they are.
void SortByBackend(Candidates& candidates) {
  std::vector<Place> places;
  places.reserve(candidates.size());
  for (uint32_t i = 0; i < candidates.size(); ++i) places.emplace_back(candidates[i].backend, i);
  std::sort(places.begin(), places.end());
  Candidates sorted;
  sorted.reserve(candidates.size());
  for (const Place& place : places) sorted.push_back(candidates[place.index]);
  candidates = std::move(sorted);
}

// Returns whether `a` takes precedence over `b` if both name the same backend.
bool Outranks(const Candidate& a, const Candidate& b) {
  if (a.terminating != b.terminating) return b.terminating;
  if (a.is_local != b.is_local) return a.is_local;
  if (a.ready != b.ready) return a.ready;
  return a.slice->slice->uid < b.slice->slice->uid;
}

// REQUIRES: ordered by backend.
void RefuseDuplicates(Candidates& candidates) {
  Candidate* best = nullptr;
  for (Candidate& candidate : candidates) {
    if (candidate.cluster_verdict != EndpointVerdict::kSelected) continue;
    if (best == nullptr || best->backend != candidate.backend) {
      best = &candidate;
    } else if (Outranks(candidate, *best)) {
      best->Refuse(EndpointVerdict::kDuplicate);
      best = &candidate;
    } else {
      candidate.Refuse(EndpointVerdict::kDuplicate);
    }
  }
}

}  // namespace

model::AddressType AddressTypeOf(model::IpFamily family) {
  return family == model::IpFamily::kV4 ? model::AddressType::kIpv4 : model::AddressType::kIpv6;
}

WeightedSlices ReadSlices(absl::Span<const model::EndpointSlice* const> slices, Warnings& warnings) {
  WeightedSlices served;
  for (const model::EndpointSlice* slice : slices) {
    if (IsServed(*slice)) served.push_back({slice, kWeightDefault, slice->name.name});
  }
  // Sorted first, because warnings too must not depend on the order in which slices arrived.
  std::sort(served.begin(), served.end(), [](const WeightedSlice& a, const WeightedSlice& b) {
    return std::tie(a.slice->name, a.slice->uid) < std::tie(b.slice->name, b.slice->uid);
  });
  served.erase(std::remove_if(served.begin(), served.end(),
                              [&](const WeightedSlice& slice) {
                                if (slice.slice->address_type != model::AddressType::kFqdn) return false;
                                warnings.Add(absl::StrCat("EndpointSlice ", slice.slice->name.name,
                                                          ": address type FQDN is not served"));
                                return true;
                              }),
               served.end());
  for (WeightedSlice& slice : served) slice.weight = SliceWeight(*slice.slice, warnings);
  return served;
}

Candidates CollectEndpoints(const model::ServicePort& port, model::IpFamily family, const WeightedSlices& slices,
                            const CollectionContext& context) {
  Candidates candidates;
  size_t endpoints = 0;
  for (const WeightedSlice& slice : slices) {
    if (slice.slice->address_type == AddressTypeOf(family)) endpoints += slice.slice->endpoints.size();
  }
  candidates.reserve(endpoints);

  for (const WeightedSlice& slice : slices) {
    if (slice.slice->address_type != AddressTypeOf(family)) continue;
    const auto add_all = [&](uint16_t number) {
      for (const model::Endpoint& endpoint : slice.slice->endpoints) {
        candidates.push_back(MakeCandidate(slice, endpoint, number, family, context));
      }
    };
    bool has_port = false;
    for (const model::EndpointPort& endpoint_port : slice.slice->ports) {
      if (endpoint_port.name != port.name || endpoint_port.protocol != port.protocol) continue;
      if (endpoint_port.port.value_or(0) == 0) continue;
      has_port = true;
      add_all(*endpoint_port.port);
    }
    if (!has_port) add_all(0);
  }
  SortByBackend(candidates);
  RefuseDuplicates(candidates);
  return candidates;
}

}  // namespace shunt::planner
