// SPDX-License-Identifier: Apache-2.0
#include "userspace/admin/http/request.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace shunt::admin::http {
namespace {

constexpr int kBadRequest = 400;
constexpr int kHeadTooLarge = 431;
constexpr int kVersionNotSupported = 505;

// RFC 9110, 5.6.2.
bool IsToken(absl::string_view text) {
  constexpr absl::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || kMarks.find(c) != absl::string_view::npos;
  });
}

bool IsVisible(absl::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_isgraph(static_cast<unsigned char>(c)); });
}

// Whether a header's value may contain `c`: visible characters, blanks and bytes beyond ASCII (RFC 9110, 5.5).
bool IsFieldText(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte == '\t' || (byte >= ' ' && byte != 0x7f);
  });
}

// Removes the first line from `text` and returns it without its end. REQUIRES: `text` contains a LF.
absl::string_view TakeLine(absl::string_view& text) {
  const size_t end = text.find('\n');
  const absl::string_view line = absl::StripSuffix(text.substr(0, end), "\r");
  text.remove_prefix(end + 1);
  return line;
}

// Returns the end of the head, just after the first empty line. Empty lines before the request do not end it.
std::optional<size_t> EndOfHead(absl::string_view text, size_t begin) {
  for (size_t end = text.find('\n', begin); end != absl::string_view::npos; end = text.find('\n', end + 1)) {
    const absl::string_view rest = text.substr(end + 1);
    if (absl::StartsWith(rest, "\n")) return end + 2;
    if (absl::StartsWith(rest, "\r\n")) return end + 3;
  }
  return std::nullopt;
}

// Returns the path of "/path?query" and "http://host/path?query"; empty if the target is neither.
std::string PathOf(absl::string_view target) {
  if (target == "*") return "*";
  if (const size_t scheme = target.find("://"); !absl::StartsWith(target, "/") && scheme != absl::string_view::npos) {
    const size_t path = target.find_first_of("/?", scheme + 3);
    target = path == absl::string_view::npos || target[path] == '?' ? absl::string_view("/") : target.substr(path);
  }
  if (!absl::StartsWith(target, "/")) return "";
  return std::string(target.substr(0, target.find('?')));
}

// Returns the status with which the request line is refused, or 0. `minor` is the x of HTTP/1.x.
int ReadRequestLine(absl::string_view line, Request& request, int& minor) {
  const std::vector<absl::string_view> parts = absl::StrSplit(line, ' ');
  if (parts.size() != 3 || !IsToken(parts[0]) || !IsVisible(parts[1])) return kBadRequest;
  const absl::string_view version = parts[2];
  const auto digit = [&](size_t place) { return absl::ascii_isdigit(static_cast<unsigned char>(version[place])); };
  if (version.size() != 8 || !absl::StartsWith(version, "HTTP/") || !digit(5) || version[6] != '.' || !digit(7)) {
    return kBadRequest;
  }
  if (version[5] != '1') return kVersionNotSupported;
  minor = version[7] - '0';
  request.method = std::string(parts[0]);
  request.path = PathOf(parts[1]);
  return request.path.empty() ? kBadRequest : 0;
}

bool HasElement(absl::string_view list, absl::string_view element) {
  for (const absl::string_view part : absl::StrSplit(list, ',')) {
    if (absl::EqualsIgnoreCase(absl::StripAsciiWhitespace(part), element)) return true;
  }
  return false;
}

// Returns false if the line is not a header.
bool ReadHeader(absl::string_view line, Request& request, int& hosts) {
  const size_t colon = line.find(':');
  if (colon == absl::string_view::npos) return false;
  const absl::string_view name = line.substr(0, colon);
  const absl::string_view value = absl::StripAsciiWhitespace(line.substr(colon + 1));
  if (!IsToken(name) || !IsFieldText(value)) return false;
  if (absl::EqualsIgnoreCase(name, "Host")) ++hosts;
  if (absl::EqualsIgnoreCase(name, "Connection") && HasElement(value, "close")) request.keep_alive = false;
  if (absl::EqualsIgnoreCase(name, "Transfer-Encoding")) request.has_body = true;
  if (absl::EqualsIgnoreCase(name, "Content-Length")) {
    if (value.empty() || value.find_first_not_of("0123456789") != absl::string_view::npos) return false;
    if (value.find_first_not_of('0') != absl::string_view::npos) request.has_body = true;
  }
  return true;
}

ParsedRequest Refused(int status) {
  return {.outcome = ParsedRequest::Outcome::kRefused, .status = status};
}

}  // namespace

ParsedRequest ParseRequest(absl::string_view received) {
  // A client may send an extra empty line after the previous request (RFC 9112, 2.2).
  const size_t begin = std::min(received.find_first_not_of("\r\n"), received.size());
  const std::optional<size_t> end = EndOfHead(received.substr(0, kHeadBytesMax), begin);
  if (!end.has_value()) return received.size() < kHeadBytesMax ? ParsedRequest() : Refused(kHeadTooLarge);

  ParsedRequest parsed{.outcome = ParsedRequest::Outcome::kComplete, .head_bytes = *end};
  absl::string_view head = received.substr(begin, *end - begin);
  int minor = 0;
  if (const int status = ReadRequestLine(TakeLine(head), parsed.request, minor); status != 0) return Refused(status);
  parsed.request.keep_alive = minor >= 1;
  int hosts = 0;
  for (absl::string_view line = TakeLine(head); !line.empty(); line = TakeLine(head)) {
    if (!ReadHeader(line, parsed.request, hosts)) return Refused(kBadRequest);
  }
  if (hosts > 1 || (hosts == 0 && minor >= 1)) return Refused(kBadRequest);
  if (parsed.request.has_body) parsed.request.keep_alive = false;
  return parsed;
}

}  // namespace shunt::admin::http
