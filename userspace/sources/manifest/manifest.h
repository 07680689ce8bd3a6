// SPDX-License-Identifier: Apache-2.0
// Decodes one manifest file into objects and errors. Documents are independent: an error in one does not affect the
// others. A document of a kind that is not read is passed over, even if it cannot be parsed.
#ifndef SHUNT_SOURCES_MANIFEST_MANIFEST_H_
#define SHUNT_SOURCES_MANIFEST_MANIFEST_H_

#include <cstddef>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "userspace/sources/document/value.h"
#include "userspace/sources/manifest/object_decoder.h"

namespace shunt::sources {

// The largest file that is read.
inline constexpr size_t kManifestBytesMax = 16 << 20;
inline constexpr size_t kManifestDocumentsMax = 200'000;
// How many errors of one file are kept, and how many warnings; one more says how many were left out.
inline constexpr size_t kManifestErrorsMax = 100;

// Keeps the first kManifestErrorsMax of a file's errors or warnings, and one more that says how many `what` follow.
template <typename E>
void KeepTheFirst(std::vector<E>* errors, absl::string_view what) {
  if (errors->size() <= kManifestErrorsMax) return;
  const size_t more = errors->size() - kManifestErrorsMax;
  errors->resize(kManifestErrorsMax);
  E rest;
  rest.line = errors->back().line;
  rest.what = absl::StrCat("and ", more, " more ", what, " from here on");
  errors->push_back(std::move(rest));
}

enum class ManifestFormat { kYaml, kJson };

// Returns whether a file of this name is a manifest: *.yaml, *.yml or *.json, not hidden.
bool IsManifestName(absl::string_view file_name);
// Returns JSON if the name ends in ".json". (JSON in a YAML file is read as YAML, which it nearly is.)
ManifestFormat FormatOf(absl::string_view file_name);

// What a document of a manifest may use: all that `kubectl apply` accepts, except tags.
inline constexpr ParseLimits kManifestLimits{.anchors = true};

// Decodes YAML (several documents, separated by lines that begin with "---") or one JSON value. Pure. A text that
// exceeds kManifestBytesMax or kManifestDocumentsMax gives one error.
Manifest DecodeManifest(absl::string_view text, ManifestFormat format = ManifestFormat::kYaml,
                        const ParseLimits& limits = kManifestLimits);

}  // namespace shunt::sources

#endif  // SHUNT_SOURCES_MANIFEST_MANIFEST_H_
