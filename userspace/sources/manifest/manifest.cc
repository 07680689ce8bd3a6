// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/manifest/manifest.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace shunt::sources {
namespace {

struct Chunk {
  absl::string_view text;
  int first_line = 1;
};

bool IsSeparator(absl::string_view line) {
  return absl::ConsumePrefix(&line, "---") && (line.empty() || line[0] == ' ' || line[0] == '\t' || line[0] == '\r');
}

// A separator belongs to the document that it begins. "---" cannot begin a line within a document: YAML says so.
std::vector<Chunk> Split(absl::string_view text) {
  std::vector<Chunk> chunks;
  size_t begin = 0;
  int begin_line = 1;
  int line_number = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t newline = text.find('\n', at);
    const size_t end = newline == absl::string_view::npos ? text.size() : newline;
    ++line_number;
    if (at > begin && IsSeparator(text.substr(at, end - at))) {
      chunks.push_back({text.substr(begin, at - begin), begin_line});
      begin = at;
      begin_line = line_number;
    }
    at = end + 1;
  }
  if (begin < text.size()) chunks.push_back({text.substr(begin), begin_line});
  return chunks;
}

// Nothing but comments, blank lines, directives and markers.
bool IsBlank(absl::string_view text) {
  while (!text.empty()) {
    const size_t newline = text.find('\n');
    absl::string_view line = text.substr(0, newline);
    text = newline == absl::string_view::npos ? absl::string_view() : text.substr(newline + 1);
    if (IsSeparator(line)) line.remove_prefix(3);
    line = absl::StripLeadingAsciiWhitespace(line);
    if (!line.empty() && line[0] != '#' && line[0] != '%' && line != "...") return false;
  }
  return true;
}

// Strict UTF-8 (no overlong forms, no surrogates) without NUL; what cannot be shown is not let in.
bool IsText(absl::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const size_t length = byte < 0x80 ? 1 : byte >> 5 == 6 ? 2 : byte >> 4 == 14 ? 3 : byte >> 3 == 30 ? 4 : 0;
    if (byte == 0 || length == 0 || i + length > text.size()) return false;
    uint32_t rune = length == 1 ? byte : byte & (0x7fu >> length);
    for (size_t k = 1; k < length; ++k) {
      const auto next = static_cast<unsigned char>(text[i + k]);
      if (next >> 6 != 2) return false;
      rune = rune << 6 | (next & 0x3f);
    }
    constexpr uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
    if (rune < kLeast[length] || rune > 0x10ffff || (rune >= 0xd800 && rune <= 0xdfff)) return false;
    i += length;
  }
  return true;
}

}  // namespace

Manifest DecodeManifest(absl::string_view text, const ParseLimits& limits) {
  Manifest manifest;
  if (text.size() > kManifestBytesMax) {
    manifest.errors.push_back({1, absl::StrCat("larger than ", kManifestBytesMax >> 20, " MiB: split the file")});
    return manifest;
  }
  absl::ConsumePrefix(&text, "\xef\xbb\xbf");  // a byte order mark
  for (const Chunk& chunk : Split(text)) {
    if (IsBlank(chunk.text)) continue;
    if (!IsText(chunk.text)) {
      manifest.errors.push_back({chunk.first_line, "not UTF-8 text"});
      continue;
    }
    Value document;
    ParseError error;
    if (ParseDocument(chunk.text, chunk.first_line, limits, &document, &error)) {
      DecodeDocument(document, &manifest.objects, &manifest.errors);
    } else {
      manifest.errors.push_back(std::move(error));
    }
  }
  return manifest;
}

}  // namespace shunt::sources
