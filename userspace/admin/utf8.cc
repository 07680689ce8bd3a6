// SPDX-License-Identifier: Apache-2.0
#include "userspace/admin/utf8.h"

#include "userspace/model/utf8.h"

namespace shunt::admin {

std::string ValidUtf8(absl::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    char32_t ignored;
    const size_t length = model::DecodeUtf8(text, &ignored);
    if (length == 0) {
      out += "\xef\xbf\xbd";
      text.remove_prefix(1);
    } else {
      out.append(text.data(), length);
      text.remove_prefix(length);
    }
  }
  return out;
}

}  // namespace shunt::admin
