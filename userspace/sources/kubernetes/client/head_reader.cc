// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/kubernetes/client/head_reader.h"

#include <algorithm>
#include <cstdint>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace shunt::sources::kubernetes {
namespace {

// One day. A server that asks for more is wrong or hostile; the reflector has bounds of its own.
constexpr uint32_t kRetryAfterSecondsMax = 86'400;

// Returns 200 for "HTTP/1.1 200 OK", and 0 if it is not a status line.
int StatusOf(absl::string_view line) {
  const size_t space = line.find(' ');
  if (!absl::StartsWith(line, "HTTP/1.") || space == absl::string_view::npos) return 0;
  int status = 0;
  const absl::string_view digits = line.substr(space + 1, 3);
  return absl::SimpleAtoi(digits, &status) && status >= 100 ? status : 0;
}

}  // namespace

absl::Status HeadReader::Line(absl::string_view line) {
  if (complete_) return absl::OkStatus();
  bytes_ += line.size();
  if (bytes_ > kHeadBytesMax) {
    return absl::InvalidArgumentError(absl::StrCat("more than ", kHeadBytesMax >> 10, " KiB of headers"));
  }
  line = absl::StripTrailingAsciiWhitespace(line);
  if (!in_fields_) {
    head_ = {.status = StatusOf(line)};
    in_fields_ = true;
    return head_.status != 0 ? absl::OkStatus() : absl::InvalidArgumentError("the answer is not HTTP/1.1");
  }
  if (!line.empty()) return Field(line);
  in_fields_ = false;
  complete_ = head_.status >= 200;
  return absl::OkStatus();
}

absl::Status HeadReader::Field(absl::string_view line) {
  const size_t colon = line.find(':');
  if (colon == absl::string_view::npos) return absl::OkStatus();
  const absl::string_view name = line.substr(0, colon);
  const absl::string_view value = absl::StripAsciiWhitespace(line.substr(colon + 1));
  if (absl::EqualsIgnoreCase(name, "Content-Type")) head_.content_type = std::string(value);
  if (absl::EqualsIgnoreCase(name, "Retry-After")) {
    uint32_t seconds = 0;
    // The other form, a date, depends on two clocks; API servers do not send it.
    if (absl::SimpleAtoi(value, &seconds)) {
      head_.retry_after = std::chrono::seconds(std::min(seconds, kRetryAfterSecondsMax));
    }
  }
  if (absl::EqualsIgnoreCase(name, "Content-Encoding") && !absl::EqualsIgnoreCase(value, "identity")) {
    return absl::InvalidArgumentError(
        absl::StrCat("the body is encoded (", value, "), which was not asked for: a proxy on the way does that"));
  }
  return absl::OkStatus();
}

}  // namespace shunt::sources::kubernetes
