// SPDX-License-Identifier: Apache-2.0
#include "userspace/agent/process/log_text.h"

#include <cstdint>

#include "absl/strings/str_format.h"
#include "userspace/model/utf8.h"

namespace shunt::agent {
namespace {

struct Character {
  uint32_t code = 0;
  size_t length = 1;   // bytes taken
  bool valid = false;  // false: one byte that starts no UTF-8 sequence, and `code` is that byte
};

// REQUIRES: !text.empty().
Character Decode(absl::string_view text) {
  char32_t code = 0;
  const size_t length = model::DecodeUtf8(text, &code);
  if (length == 0) return {static_cast<uint8_t>(text[0]), 1, false};
  return {code, length, true};
}

bool Harmful(uint32_t code) {
  return code < 0x20 || (code >= 0x7f && code <= 0x9f) || (code >= 0x2028 && code <= 0x202e) ||
         (code >= 0x2066 && code <= 0x2069);
}

}  // namespace

void AppendQuoted(absl::string_view text, std::string& out) {
  out.push_back('"');
  while (!text.empty()) {
    const Character character = Decode(text);
    const uint32_t code = character.code;
    if (!character.valid || (Harmful(code) && code < 0x80 && code != '\n' && code != '\t' && code != '\r')) {
      absl::StrAppendFormat(&out, "\\x%02x", code);
    } else if (code == '\n' || code == '\t' || code == '\r') {
      out.append(code == '\n' ? "\\n" : code == '\t' ? "\\t" : "\\r");
    } else if (Harmful(code)) {
      absl::StrAppendFormat(&out, "\\u%04x", code);
    } else {
      if (code == '"' || code == '\\') out.push_back('\\');
      out.append(text.data(), character.length);
    }
    text.remove_prefix(character.length);
  }
  out.push_back('"');
}

void AppendJsonString(absl::string_view text, std::string& out) {
  out.push_back('"');
  while (!text.empty()) {
    const Character character = Decode(text);
    if (!character.valid) {
      out.append("\\ufffd");
    } else if (Harmful(character.code)) {
      absl::StrAppendFormat(&out, "\\u%04x", character.code);
    } else {
      if (character.code == '"' || character.code == '\\') out.push_back('\\');
      out.append(text.data(), character.length);
    }
    text.remove_prefix(character.length);
  }
  out.push_back('"');
}

}  // namespace shunt::agent
