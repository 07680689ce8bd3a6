// SPDX-License-Identifier: Apache-2.0
// What a manifest decodes to, in the words of a test.
#ifndef SHUNT_SOURCES_MANIFEST_TESTING_DECODED_H_
#define SHUNT_SOURCES_MANIFEST_TESTING_DECODED_H_

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "userspace/sources/manifest/manifest.h"

namespace shunt::sources::testing_words {

// "LINE: WHAT", each error one string.
inline std::vector<std::string> ErrorsOf(const Manifest& manifest) {
  std::vector<std::string> lines;
  for (const ParseError& error : manifest.errors) lines.push_back(absl::StrCat(error.line, ": ", error.what));
  return lines;
}

// "LINE: KIND NAMESPACE/NAME", each object one string.
inline std::vector<std::string> ObjectsOf(const Manifest& manifest) {
  std::vector<std::string> lines;
  for (const DecodedObject& decoded : manifest.objects) {
    lines.push_back(
        absl::StrCat(decoded.line, ": ", KindName(KindOf(decoded.object)), " ", NameOf(decoded.object).ToString()));
  }
  return lines;
}

// The only object of a manifest without errors.
template <typename T>
T TheOnly(const Manifest& manifest) {
  EXPECT_EQ(ErrorsOf(manifest), std::vector<std::string>());
  if (manifest.objects.size() != 1 || !std::holds_alternative<T>(manifest.objects[0].object)) {
    ADD_FAILURE() << "decoded to " << testing::PrintToString(ObjectsOf(manifest));
    return T();
  }
  return std::get<T>(manifest.objects[0].object);
}

}  // namespace shunt::sources::testing_words

#endif  // SHUNT_SOURCES_MANIFEST_TESTING_DECODED_H_
