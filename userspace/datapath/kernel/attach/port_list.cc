// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/attach/port_list.h"

#include <cassert>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace shunt::datapath {
namespace {

constexpr size_t kQuotedMax = 32;

// Digits only, because SimpleAtoi would also take a sign or white space.
std::optional<uint16_t> ParsePort(absl::string_view text) {
  uint32_t port = 0;
  for (const char digit : text) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>(digit))) return std::nullopt;
  }
  if (!absl::SimpleAtoi(text, &port) || port >= kPortCount) return std::nullopt;
  return static_cast<uint16_t>(port);
}

}  // namespace

PortSet PortsBetween(uint16_t first, uint16_t last) {
  assert(first <= last);
  PortSet ports;
  for (size_t port = first; port <= last; ++port) ports.set(port);
  return ports;
}

absl::StatusOr<PortSet> ParsePortList(absl::string_view text) {
  PortSet ports;
  text = absl::StripAsciiWhitespace(text);
  if (text.empty()) return ports;
  for (const absl::string_view part : absl::StrSplit(text, ',')) {
    const size_t hyphen = part.find('-');
    const std::optional<uint16_t> first = ParsePort(part.substr(0, hyphen));
    const std::optional<uint16_t> last = hyphen == part.npos ? first : ParsePort(part.substr(hyphen + 1));
    if (!first.has_value() || !last.has_value() || *first > *last) {
      return absl::InvalidArgumentError(absl::StrCat("\"", absl::CHexEscape(part.substr(0, kQuotedMax)),
                                                     "\" is neither a port nor a range of ports"));
    }
    for (size_t port = *first; port <= *last; ++port) ports.set(port);
  }
  return ports;
}

std::string FormatPortList(const PortSet& ports) {
  std::string list;
  for (size_t first = 0; first < kPortCount; ++first) {
    if (!ports.test(first)) continue;
    size_t last = first;
    while (last + 1 < kPortCount && ports.test(last + 1)) ++last;
    absl::StrAppend(&list, list.empty() ? "" : ",", first);
    if (last > first) absl::StrAppend(&list, "-", last);
    first = last;
  }
  return list;
}

}  // namespace shunt::datapath
