// SPDX-License-Identifier: Apache-2.0
#ifndef SHUNT_SOURCES_KUBERNETES_WIRE_ENDPOINT_SLICE_DECODER_H_
#define SHUNT_SOURCES_KUBERNETES_WIRE_ENDPOINT_SLICE_DECODER_H_

#include <cstddef>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "userspace/model/endpoint_slice.h"

namespace shunt::sources::kubernetes {

// The most endpoints of a slice, and the most hints of each kind of an endpoint: a slice with more is refused. The API
// server stores at most 1,000 and 8.
inline constexpr size_t kEndpointsMax = 10'000;
inline constexpr size_t kHintsMax = 64;

// Decodes a discovery.k8s.io/v1 EndpointSlice, of which `message` is the complete message. Returns kInvalidArgument if
// it is not one, if no API server would store its name, or if it is larger than the caps allow.
absl::StatusOr<model::EndpointSlice> DecodeEndpointSlice(absl::string_view message);

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_WIRE_ENDPOINT_SLICE_DECODER_H_
