// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/kubernetes/wire/status_decoder.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "kubernetes/meta.pb.h"
#include "userspace/sources/kubernetes/wire/wire_format.h"

namespace shunt::sources::kubernetes {
namespace {

namespace api = ::shunt::kubernetes;

absl::Status ReadCause(absl::string_view message, ApiError& error) {
  WireFields fields(message);
  while (fields.Next()) {
    if (fields.number() != api::StatusCause::kReasonFieldNumber) continue;
    if (fields.Bytes() == kVersionTooLargeReason) error.version_too_large = true;
  }
  return fields.status();
}

absl::Status ReadDetails(absl::string_view message, ApiError& error) {
  WireFields fields(message);
  while (fields.Next()) {
    switch (fields.number()) {
      case api::StatusDetails::kCausesFieldNumber:
        fields.Fail(ReadCause(fields.Bytes(), error));
        break;
      case api::StatusDetails::kRetryAfterSecondsFieldNumber:
        error.retry_after = RetryAfter(fields.Integer());
        break;
      default:
        break;
    }
  }
  return fields.status();
}

}  // namespace

std::string ErrorText(absl::string_view text) {
  return std::string(text.substr(0, kErrorTextBytesMax));
}

std::optional<std::chrono::seconds> RetryAfter(int64_t seconds) {
  if (seconds <= 0) return std::nullopt;
  return std::chrono::seconds(std::min<int64_t>(seconds, std::numeric_limits<int32_t>::max()));
}

absl::StatusOr<ApiError> DecodeStatus(absl::string_view message) {
  ApiError error;
  WireFields fields(message);
  while (fields.Next()) {
    switch (fields.number()) {
      case api::Status::kMessageFieldNumber:
        error.message = ErrorText(fields.Bytes());
        break;
      case api::Status::kReasonFieldNumber:
        error.reason = ErrorText(fields.Bytes());
        break;
      case api::Status::kDetailsFieldNumber:
        fields.Fail(ReadDetails(fields.Bytes(), error));
        break;
      case api::Status::kCodeFieldNumber:
        error.code = static_cast<int>(fields.Integer());
        break;
      default:
        break;
    }
  }
  if (!fields.status().ok()) return fields.status();
  if (absl::StrContains(error.message, kVersionTooLargeMessage)) error.version_too_large = true;
  return error;
}

}  // namespace shunt::sources::kubernetes
