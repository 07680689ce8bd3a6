// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/manifest/manifest.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "userspace/sources/document/document_split.h"
#include "userspace/sources/document/json_document.h"
#include "userspace/sources/document/yaml_document.h"
#include "userspace/sources/manifest/type_name.h"

namespace shunt::sources {
namespace {

bool Parse(const DocumentText& document, ManifestFormat format, const ParseLimits& limits, Value* value,
           ParseError* error) {
  if (const std::optional<size_t> at = FindForbiddenByte(document.text)) {
    const absl::string_view before = document.text.substr(0, *at);
    const auto lines = static_cast<int>(std::count(before.begin(), before.end(), '\n'));
    *error = {document.first_line + lines, "not text: a byte that is not UTF-8, or a control character"};
    return false;
  }
  if (format == ManifestFormat::kJson) return ParseJsonDocument(document.text, limits, value, error);
  return ParseYamlDocument(document.text, document.first_line, limits, value, error);
}

// Returns whether a document that cannot be parsed is of a kind that is not read: a template, or what a foreign
// controller accepts.
bool IsForeign(absl::string_view text, ManifestFormat format) {
  if (format != ManifestFormat::kYaml) return false;
  const std::optional<TypeName> type = TypeByLines(text);
  return type.has_value() && !IsRead(*type) && WrongWithType(*type).empty();
}

std::vector<DocumentText> DocumentsOf(absl::string_view text, ManifestFormat format) {
  if (format == ManifestFormat::kYaml) return SplitDocuments(text);
  return {{text, 1}};
}

}  // namespace

bool IsManifestName(absl::string_view file_name) {
  return !absl::StartsWith(file_name, ".") && (absl::EndsWith(file_name, ".yaml") ||
                                               absl::EndsWith(file_name, ".yml") || absl::EndsWith(file_name, ".json"));
}

ManifestFormat FormatOf(absl::string_view file_name) {
  return absl::EndsWith(file_name, ".json") ? ManifestFormat::kJson : ManifestFormat::kYaml;
}

Manifest DecodeManifest(absl::string_view text, ManifestFormat format, const ParseLimits& limits) {
  Manifest manifest;
  if (text.size() > kManifestBytesMax) {
    manifest.errors.push_back({{0, absl::StrCat("larger than ", kManifestBytesMax >> 20, " MiB: split the file")}});
    return manifest;
  }
  absl::ConsumePrefix(&text, "\xef\xbb\xbf");  // a byte order mark
  const std::vector<DocumentText> documents = DocumentsOf(text, format);
  if (documents.size() > kManifestDocumentsMax) {
    manifest.errors.push_back({{0, absl::StrCat("more than ", kManifestDocumentsMax, " documents: split the file")}});
    return manifest;
  }
  size_t number = 0;
  for (const DocumentText& document : documents) {
    ++number;
    Value value;
    ParseError error;
    if (Parse(document, format, limits, &value, &error)) {
      DecodeDocument(value, number, &manifest);
    } else if (!IsForeign(document.text, format)) {
      manifest.errors.push_back({std::move(error)});
    }
  }
  KeepTheFirst(&manifest.errors, "errors");
  KeepTheFirst(&manifest.warnings, "warnings");
  return manifest;
}

}  // namespace shunt::sources
