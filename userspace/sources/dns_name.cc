// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/dns_name.h"

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace shunt::sources {
namespace {

// The kernel's record of a service port has space for labels (service_ports in bpf/abi.h).
constexpr size_t kLabelLengthMax = 63;
constexpr size_t kSubdomainLengthMax = 253;

bool IsLabel(absl::string_view text) {
  const auto is_edge = [](char c) { return absl::ascii_islower(c) || absl::ascii_isdigit(c); };
  return !text.empty() && is_edge(text.front()) && is_edge(text.back()) &&
         std::all_of(text.begin(), text.end(), [&](char c) { return is_edge(c) || c == '-'; });
}

bool IsSubdomain(absl::string_view text) {
  const std::vector<absl::string_view> labels = absl::StrSplit(text, '.');
  return std::all_of(labels.begin(), labels.end(), IsLabel);
}

}  // namespace

std::string WrongWithName(absl::string_view text, NameForm form) {
  const bool label = form == NameForm::kLabel;
  const size_t length_max = label ? kLabelLengthMax : kSubdomainLengthMax;
  if (text.size() > length_max) return absl::StrCat("is longer than ", length_max, " characters");
  if (label && !IsLabel(text)) return "must be lower-case letters, digits and '-', no '-' at either end";
  if (!label && !IsSubdomain(text)) return "must be lower-case letters, digits, '-' and '.', no '-' or '.' at an end";
  return "";
}

}  // namespace shunt::sources
