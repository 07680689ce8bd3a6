// SPDX-License-Identifier: Apache-2.0
// One manifest file's text as objects and errors. Documents are independent: an error in one costs only that one.
#ifndef SHUNT_SOURCES_MANIFEST_MANIFEST_H_
#define SHUNT_SOURCES_MANIFEST_MANIFEST_H_

#include <vector>

#include "absl/strings/string_view.h"
#include "userspace/sources/manifest/object_decoder.h"
#include "userspace/sources/manifest/value.h"

namespace shunt::sources {

inline constexpr size_t kManifestBytesMax = 16 << 20;

struct Manifest {
  std::vector<DecodedObject> objects;  // in file order
  std::vector<ParseError> errors;      // empty: the file is good as a whole
};

// Decodes YAML (several documents, separated by lines that begin with "---") or JSON. Pure; never fails as a whole
// but for a text beyond kManifestBytesMax.
Manifest DecodeManifest(absl::string_view text, const ParseLimits& limits = {});

}  // namespace shunt::sources

#endif  // SHUNT_SOURCES_MANIFEST_MANIFEST_H_
