// SPDX-License-Identifier: Apache-2.0
// A manifest's content as strings that tests compare.
#ifndef SHUNT_SOURCES_MANIFEST_TESTING_DECODED_H_
#define SHUNT_SOURCES_MANIFEST_TESTING_DECODED_H_

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "userspace/sources/manifest/manifest.h"

namespace shunt::sources::testing_words {

// Returns each error as "LINE: WHAT".
inline std::vector<std::string> ErrorsOf(const Manifest& manifest) {
  std::vector<std::string> lines;
  for (const ParseError& error : manifest.errors) lines.push_back(absl::StrCat(error.line, ": ", error.what));
  return lines;
}

// Returns each object as "LINE: KIND NAMESPACE/NAME".
inline std::vector<std::string> ObjectsOf(const Manifest& manifest) {
  std::vector<std::string> lines;
  for (const DecodedObject& decoded : manifest.objects) {
    lines.push_back(
        absl::StrCat(decoded.line, ": ", KindName(KindOf(decoded.object)), " ", NameOf(decoded.object).ToString()));
  }
  return lines;
}

// Returns the only object of a manifest without errors.
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
