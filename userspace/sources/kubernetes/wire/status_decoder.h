// SPDX-License-Identifier: Apache-2.0
// metav1.Status as a message of protobuf.
#ifndef SHUNT_SOURCES_KUBERNETES_WIRE_STATUS_DECODER_H_
#define SHUNT_SOURCES_KUBERNETES_WIRE_STATUS_DECODER_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "userspace/sources/kubernetes/wire/decoder.h"

namespace shunt::sources::kubernetes {

// Of StatusCause::reason; a server before 1.17 says the same in the Status' message only.
inline constexpr absl::string_view kVersionTooLargeReason = "ResourceVersionTooLarge";
inline constexpr absl::string_view kVersionTooLargeMessage = "Too large resource version";

// What is kept of a text, which is written to a log and shown.
std::string ErrorText(absl::string_view text);
// Nothing unless it is a time to wait.
std::optional<std::chrono::seconds> RetryAfter(int64_t seconds);

// kInvalidArgument: not a Status.
absl::StatusOr<ApiError> DecodeStatus(absl::string_view message);

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_WIRE_STATUS_DECODER_H_
