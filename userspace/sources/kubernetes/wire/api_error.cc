// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/kubernetes/wire/api_error.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "kubernetes/meta.pb.h"
#include "userspace/sources/document/field_reader.h"
#include "userspace/sources/document/json_document.h"
#include "userspace/sources/kubernetes/wire/envelope.h"
#include "userspace/sources/kubernetes/wire/wire_format.h"

namespace shunt::sources::kubernetes {
namespace {

namespace api = ::shunt::kubernetes;

// A StatusCause's reason. A server before 1.17 says the same only in the Status' message.
constexpr absl::string_view kVersionTooLargeReason = "ResourceVersionTooLarge";
constexpr absl::string_view kVersionTooLargeMessage = "Too large resource version";
// How many bytes are shown of a body that is not a Status, and of the reason.
constexpr size_t kExcerptBytesMax = 200;
constexpr ParseLimits kStatusLimits{.depth_max = 16, .values_max = 10'000};

// Returns what is kept of a text that goes to the log and to users.
std::string ErrorText(absl::string_view text) {
  return std::string(text.substr(0, kErrorTextBytesMax));
}

// Returns the time to wait, or nothing if `seconds` is not positive.
std::optional<std::chrono::seconds> RetryAfter(int64_t seconds) {
  if (seconds <= 0) return std::nullopt;
  return std::chrono::seconds(std::min<int64_t>(seconds, std::numeric_limits<int32_t>::max()));
}

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

absl::StatusOr<ApiError> FromProtobuf(absl::string_view body) {
  const absl::StatusOr<Envelope> envelope = OpenEnvelope(body);
  if (!envelope.ok()) return envelope.status();
  absl::Status is_status = CheckType(envelope->type, kStatusType);
  if (!is_status.ok()) return is_status;
  return DecodeStatus(envelope->object);
}

absl::StatusOr<ApiError> FromJson(absl::string_view body) {
  Value value;
  ParseError parse_error;
  if (!ParseJsonDocument(body, kStatusLimits, &value, &parse_error)) {
    return absl::InvalidArgumentError(parse_error.what);
  }
  std::vector<ParseError> errors;
  const FieldReader status(value, "", &errors);
  ApiError error;
  if (status.String("kind") != "Status") return absl::InvalidArgumentError("not a Status");
  error.reason = ErrorText(status.String("reason"));
  error.message = ErrorText(status.String("message"));
  error.code = static_cast<int>(status.Int("code", 0, 0, 999));
  error.version_too_large = absl::StrContains(error.message, kVersionTooLargeMessage);
  const FieldReader details = status.Map("details");
  error.retry_after = RetryAfter(details.Int("retryAfterSeconds", 0, 0, std::numeric_limits<int32_t>::max()));
  for (const FieldReader& cause : details.Maps("causes")) {
    if (cause.String("reason") == kVersionTooLargeReason) error.version_too_large = true;
  }
  if (!errors.empty()) return absl::InvalidArgumentError(errors.front().what);
  return error;
}

absl::StatusOr<ApiError> Decode(absl::string_view content_type, absl::string_view body) {
  if (body.size() > kStatusBytesMax) return absl::InvalidArgumentError("too long");
  if (absl::StartsWithIgnoreCase(content_type, "application/vnd.kubernetes.protobuf")) return FromProtobuf(body);
  if (absl::StartsWithIgnoreCase(content_type, "application/json")) return FromJson(body);
  return absl::InvalidArgumentError("neither protobuf nor JSON");
}
}  // namespace

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

ApiError DecodeError(int http_status, absl::string_view content_type, absl::string_view body) {
  absl::StatusOr<ApiError> decoded = Decode(content_type, body);
  ApiError error;
  if (decoded.ok()) {
    error = *std::move(decoded);
  } else {
    // Often a proxy has answered, which describes the problem in its own words.
    error.message =
        absl::StrCat("an answer without a Kubernetes Status (", decoded.status().message().substr(0, kExcerptBytesMax),
                     "): ", absl::CEscape(body.substr(0, kExcerptBytesMax)));
  }
  error.code = http_status;
  return error;
}

}  // namespace shunt::sources::kubernetes
