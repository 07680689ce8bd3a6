// SPDX-License-Identifier: Apache-2.0
#include "tools/shuntctl/yaml.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "tools/shuntctl/printable.h"
#include "userspace/model/utf8.h"

namespace shunt::shuntctl {
namespace {

using Json = nlohmann::ordered_json;

// Such a string begins with a letter, so it is no number, date or indicator; no later character means anything in YAML;
// and it is not one of YAML's keywords.
bool CanStandBare(absl::string_view text) {
  if (text.empty() || !absl::ascii_isalpha(text[0])) return false;
  constexpr std::array<absl::string_view, 8> kWords = {"y", "n", "yes", "no", "on", "off", "true", "false"};
  if (absl::EqualsIgnoreCase(text, "null") ||
      std::any_of(kWords.begin(), kWords.end(), [&](auto word) { return absl::EqualsIgnoreCase(text, word); })) {
    return false;
  }
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_isalnum(c) || absl::StrContains("_-./", c); });
}

void AppendString(absl::string_view text, std::string& out) {
  if (CanStandBare(text)) {
    out.append(text.data(), text.size());
    return;
  }
  out += '"';
  while (!text.empty()) {
    char32_t code_point = 0xfffd;
    const size_t length = std::max<size_t>(model::DecodeUtf8(text, &code_point), 1);
    if (code_point == '"' || code_point == '\\') {
      out += '\\';
      out += static_cast<char>(code_point);
    } else if (code_point >= 0x20 && code_point < 0x7f) {
      out += static_cast<char>(code_point);
    } else {
      AppendEscaped(code_point, out);
    }
    text.remove_prefix(length);
  }
  out += '"';
}

bool IsBlock(const Json& value) {
  return value.is_structured() && !value.empty();
}

void AppendScalar(const Json& value, std::string& out) {
  if (value.is_string()) {
    AppendString(value.get_ref<const std::string&>(), out);
  } else {
    out += value.dump();  // numbers, true, false, null, {} and [] are written as in JSON
  }
}

// Writes a non-empty object or array whose first line has been indented already. The messages' depth bounds the
// recursion.
void AppendBlock(const Json& value, size_t indent, std::string& out) {
  bool first = true;
  const auto begin_line = [&] {
    if (!first) out.append(indent, ' ');
    first = false;
  };
  if (value.is_array()) {
    for (const Json& item : value) {
      begin_line();
      out += "- ";
      if (IsBlock(item)) {
        AppendBlock(item, indent + 2, out);
      } else {
        AppendScalar(item, out);
        out += '\n';
      }
    }
    return;
  }
  for (const auto& [key, item] : value.items()) {
    begin_line();
    AppendString(key, out);
    if (IsBlock(item)) {
      // Sequences have the same indentation as their key, as in kubectl.
      const size_t below = item.is_array() ? indent : indent + 2;
      out += ":\n";
      out.append(below, ' ');
      AppendBlock(item, below, out);
    } else {
      out += ": ";
      AppendScalar(item, out);
      out += '\n';
    }
  }
}

}  // namespace

std::string ToYaml(const Json& value) {
  std::string out;
  if (IsBlock(value)) {
    AppendBlock(value, 0, out);
  } else {
    AppendScalar(value, out);
    out += '\n';
  }
  return out;
}

}  // namespace shunt::shuntctl
