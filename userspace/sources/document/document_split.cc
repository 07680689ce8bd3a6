// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/document/document_split.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "userspace/model/utf8.h"

namespace shunt::sources {
namespace {

bool IsSeparator(absl::string_view line) {
  return absl::ConsumePrefix(&line, "---") && (line.empty() || line[0] == ' ' || line[0] == '\t' || line[0] == '\r');
}

// Takes the next line off `text` and returns it without its end.
absl::string_view TakeLine(absl::string_view* text) {
  const size_t newline = text->find('\n');
  const absl::string_view line = text->substr(0, newline);
  text->remove_prefix(newline == absl::string_view::npos ? text->size() : newline + 1);
  return line;
}

// Returns whether there are only comments, blank lines, directives and markers.
bool IsBlank(absl::string_view text) {
  while (!text.empty()) {
    absl::string_view line = TakeLine(&text);
    if (IsSeparator(line)) line.remove_prefix(3);
    if (absl::StartsWith(line, "%")) continue;  // a directive, which begins its line
    line = absl::StripAsciiWhitespace(line);
    if (!line.empty() && line[0] != '#' && line != "...") return false;
  }
  return true;
}

bool IsForbiddenControl(unsigned char byte) {
  return (byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r') || byte == 0x7f;
}

}  // namespace

std::vector<DocumentText> SplitDocuments(absl::string_view file) {
  std::vector<DocumentText> documents;
  const auto add = [&](const char* begin, const char* end, int first_line) {
    const absl::string_view text(begin, static_cast<size_t>(end - begin));
    if (!IsBlank(text)) documents.push_back({text, first_line});
  };
  const char* begin = file.data();
  int begin_line = 1;
  int line_number = 0;
  for (absl::string_view rest = file; !rest.empty();) {
    const char* const line_begin = rest.data();
    ++line_number;
    if (!IsSeparator(TakeLine(&rest))) continue;
    add(begin, line_begin, begin_line);
    begin = line_begin;
    begin_line = line_number;
  }
  add(begin, file.data() + file.size(), begin_line);
  return documents;
}

std::optional<size_t> FindForbiddenByte(absl::string_view text) {
  for (size_t i = 0; i < text.size();) {
    if (IsForbiddenControl(static_cast<unsigned char>(text[i]))) return i;
    char32_t ignored;
    const size_t length = model::DecodeUtf8(text.substr(i), &ignored);
    if (length == 0) return i;
    i += length;
  }
  return std::nullopt;
}

}  // namespace shunt::sources
