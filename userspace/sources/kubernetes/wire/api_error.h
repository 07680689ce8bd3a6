// SPDX-License-Identifier: Apache-2.0
// Why the API server refused a request: metav1.Status, whatever its encoding. All of it takes hostile input.
#ifndef SHUNT_SOURCES_KUBERNETES_WIRE_API_ERROR_H_
#define SHUNT_SOURCES_KUBERNETES_WIRE_API_ERROR_H_

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace shunt::sources::kubernetes {

// The largest error body that is read, and how much of its texts is kept.
inline constexpr size_t kStatusBytesMax = 1 << 20;
inline constexpr size_t kErrorTextBytesMax = 4096;

struct ApiError {
  int code = 0;         // as an HTTP status
  std::string reason;   // "Expired", "Forbidden"; may be empty
  std::string message;  // for people; may be empty
  std::optional<std::chrono::seconds> retry_after;
  bool version_too_large = false;  // the resourceVersion asked for is not known to this server yet
};

// Decodes a complete Status in protobuf. Returns kInvalidArgument if `message` is not one.
absl::StatusOr<ApiError> DecodeStatus(absl::string_view message);

// Decodes the Status in the body of an answer that is not 200. Never fails: a body that cannot be read is described.
ApiError DecodeError(int http_status, absl::string_view content_type, absl::string_view body);

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_WIRE_API_ERROR_H_
