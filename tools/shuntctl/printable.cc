// SPDX-License-Identifier: Apache-2.0
#include "tools/shuntctl/printable.h"

#include <cstdint>

#include "absl/strings/str_format.h"
#include "userspace/model/utf8.h"

namespace shunt::shuntctl {

bool IsPrintable(char32_t code_point) {
  if (code_point < 0x20 || (code_point >= 0x7f && code_point < 0xa0)) return false;     // C0, DEL, C1
  if (code_point == 0xad || code_point == 0x61c || code_point == 0xfeff) return false;  // invisible
  if (code_point >= 0x200b && code_point <= 0x200f) return false;                       // zero width, direction
  if (code_point >= 0x2028 && code_point <= 0x202e) return false;                       // lines, direction
  if (code_point >= 0x2060 && code_point <= 0x206f) return false;                       // invisible, isolates
  if (code_point >= 0xfff9 && code_point <= 0xfffb) return false;                       // annotations
  if (code_point >= 0xe0000 && code_point <= 0xe0fff) return false;                     // tags, variation selectors
  return (code_point & 0xfffe) != 0xfffe && !(code_point >= 0xfdd0 && code_point <= 0xfdef);
}

void AppendEscaped(char32_t code_point, std::string& out) {
  const auto code = static_cast<uint32_t>(code_point);
  if (code < 0x100) {
    absl::StrAppendFormat(&out, "\\x%02x", code);
  } else if (code < 0x10000) {
    absl::StrAppendFormat(&out, "\\u%04x", code);
  } else {
    absl::StrAppendFormat(&out, "\\U%08x", code);
  }
}

std::string Printable(absl::string_view text) {
  std::string out;
  while (!text.empty()) {
    char32_t code_point = 0;
    const size_t length = model::DecodeUtf8(text, &code_point);
    if (length == 0) {
      AppendEscaped(static_cast<uint8_t>(text[0]), out);
    } else if (IsPrintable(code_point)) {
      out.append(text.data(), length);
    } else {
      AppendEscaped(code_point, out);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return out;
}

size_t DisplayWidth(absl::string_view text) {
  size_t width = 0;
  for (const char c : text) width += (static_cast<uint8_t>(c) & 0xc0) != 0x80;
  return width;
}

}  // namespace shunt::shuntctl
