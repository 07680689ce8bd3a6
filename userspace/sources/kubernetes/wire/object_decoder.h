// SPDX-License-Identifier: Apache-2.0
// The API's messages as values of the model, each message being there as a whole. What the API server would not have
// stored is refused if the object cannot be kept without it (a name) and left out if it can (a port).
#ifndef SHUNT_SOURCES_KUBERNETES_WIRE_OBJECT_DECODER_H_
#define SHUNT_SOURCES_KUBERNETES_WIRE_OBJECT_DECODER_H_

#include <cstddef>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "userspace/sources/object.h"

namespace shunt::sources::kubernetes {

// How often a field of one object may repeat. The API server stores at most 1,000 endpoints, 8 hints of each kind and
// 20,000 ports in a slice: an object with more than these is refused. What else repeats is bounded there by the size of
// the object alone, so anybody may write more: of these the first kRepeatedMax count.
inline constexpr size_t kEndpointsMax = 10'000;
inline constexpr size_t kHintsMax = 64;
inline constexpr size_t kRepeatedMax = 20'000;

// kInvalidArgument: not a message of that type, a name that no API server would take, or more than the caps allow.
absl::StatusOr<model::Service> DecodeService(absl::string_view message);
absl::StatusOr<model::EndpointSlice> DecodeEndpointSlice(absl::string_view message);
absl::StatusOr<model::Node> DecodeNode(absl::string_view message);

// The one of `kind`; an error names the object if its name could be read.
absl::StatusOr<Object> DecodeObject(ObjectKind kind, absl::string_view message);

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_WIRE_OBJECT_DECODER_H_
