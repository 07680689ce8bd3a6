// SPDX-License-Identifier: Apache-2.0
#include "userspace/admin/testing/exposition_parser.h"

#include <cmath>
#include <limits>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace shunt::admin::testing {
namespace {

bool IsName(absl::string_view text, bool colons) {
  if (text.empty() || absl::ascii_isdigit(static_cast<unsigned char>(text[0]))) return false;
  for (const char c : text) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) && c != '_' && !(colons && c == ':')) return false;
  }
  return true;
}

absl::Status Wrong(absl::string_view what) {
  return absl::InvalidArgumentError(what);
}

// Removes `"text with \\, \" and \n"` from `rest`.
absl::StatusOr<std::string> TakeQuoted(absl::string_view& rest) {
  if (!absl::ConsumePrefix(&rest, "\"")) return Wrong("a label's value has no quotes");
  std::string value;
  while (!rest.empty() && rest[0] != '"') {
    if (rest[0] != '\\') {
      value += rest[0];
      rest.remove_prefix(1);
      continue;
    }
    const char escaped = rest.size() > 1 ? rest[1] : ' ';
    if (escaped != '\\' && escaped != '"' && escaped != 'n') return Wrong("an unknown escape");
    value += escaped == 'n' ? '\n' : escaped;
    rest.remove_prefix(2);
  }
  if (!absl::ConsumePrefix(&rest, "\"")) return Wrong("a label's value does not end");
  return value;
}

absl::StatusOr<ParsedSample> ParseSample(absl::string_view line) {
  ParsedSample sample;
  const size_t name_end = line.find_first_of("{ ");
  if (name_end == absl::string_view::npos) return Wrong("no value");
  sample.name = std::string(line.substr(0, name_end));
  if (!IsName(sample.name, true)) return Wrong("no name of a metric");
  absl::string_view rest = line.substr(name_end);
  if (absl::ConsumePrefix(&rest, "{")) {
    while (!absl::ConsumePrefix(&rest, "}")) {
      const size_t equals = rest.find('=');
      if (equals == absl::string_view::npos) return Wrong("labels do not end");
      const std::string label(rest.substr(0, equals));
      if (!IsName(label, false) || absl::StartsWith(label, "__"))
        return Wrong(absl::StrCat("no name of a label: ", label));
      rest.remove_prefix(equals + 1);
      absl::StatusOr<std::string> value = TakeQuoted(rest);
      if (!value.ok()) return value.status();
      if (!sample.labels.emplace(label, *std::move(value)).second) return Wrong(absl::StrCat("label twice: ", label));
      absl::ConsumePrefix(&rest, ",");
    }
  }
  if (!absl::ConsumePrefix(&rest, " ")) return Wrong("no blank before the value");
  if (rest == "+Inf" || rest == "-Inf" || rest == "Nan" || rest == "NaN") {
    sample.value = std::numeric_limits<double>::infinity();
  } else if (!absl::SimpleAtod(rest, &sample.value)) {
    return Wrong(absl::StrCat("no number, or something after it: ", rest));
  }
  return sample;
}

absl::Status CheckName(const ParsedFamily& family) {
  if (!IsName(family.name, true)) return Wrong("no name of a metric");
  if (family.type != "counter" && family.type != "gauge" && family.type != "histogram") return Wrong("no type we use");
  if (family.type == "counter" && !absl::EndsWith(family.name, "_total"))
    return Wrong("a counter's name ends in _total");
  for (const char* suffix : {"_count", "_sum", "_bucket", "_milliseconds", "_ms", "_kib", "_percent"}) {
    if (absl::EndsWith(family.name, suffix)) return Wrong(absl::StrCat("no name ends in ", suffix));
  }
  if (family.help.empty()) return Wrong("no help");
  return absl::OkStatus();
}

// Returns which part of a histogram a sample is; nullopt if it is not one.
std::optional<absl::string_view> PartOf(const ParsedFamily& family, absl::string_view sample) {
  if (!absl::ConsumePrefix(&sample, family.name)) return std::nullopt;
  if (family.type != "histogram") return sample.empty() ? std::optional(sample) : std::nullopt;
  if (sample == "_bucket" || sample == "_sum" || sample == "_count") return sample;
  return std::nullopt;
}

absl::Status CheckHistogram(const ParsedFamily& family) {
  struct Series {
    double bound = -std::numeric_limits<double>::infinity();
    double below = 0;
    std::optional<double> infinite;
    std::optional<double> count;
    bool sum = false;
  };
  std::map<std::map<std::string, std::string>, Series> all;
  for (const ParsedSample& sample : family.samples) {
    std::map<std::string, std::string> labels = sample.labels;
    labels.erase("le");
    Series& series = all[labels];
    const absl::string_view part = *PartOf(family, sample.name);
    if (part == "_sum") series.sum = true;
    if (part == "_count") series.count = sample.value;
    if (part != "_bucket") continue;
    const auto le = sample.labels.find("le");
    double bound = 0;
    if (le == sample.labels.end()) return Wrong("a bucket without le");
    if (le->second == "+Inf") {
      bound = std::numeric_limits<double>::infinity();
      series.infinite = sample.value;
    } else if (!absl::SimpleAtod(le->second, &bound)) {
      return Wrong("le is no number");
    }
    if (bound <= series.bound || sample.value < series.below) return Wrong("buckets do not rise");
    series.bound = bound;
    series.below = sample.value;
  }
  for (const auto& [labels, series] : all) {
    if (!series.sum || !series.count.has_value() || series.infinite != series.count)
      return Wrong("+Inf is not the count");
  }
  return absl::OkStatus();
}

class Parser {
 public:
  absl::Status Line(absl::string_view line) {
    if (absl::ConsumePrefix(&line, "# HELP ")) return Help(line);
    if (absl::ConsumePrefix(&line, "# TYPE ")) return Type(line);
    if (line.empty() || line[0] == '#') return Wrong("neither a sample nor HELP nor TYPE");
    absl::StatusOr<ParsedSample> sample = ParseSample(line);
    if (!sample.ok()) return sample.status();
    if (families_.empty() || !PartOf(families_.back(), sample->name).has_value()) return Wrong("a sample of no family");
    if (!series_.emplace(sample->name, sample->labels).second) return Wrong("a sample twice");
    families_.back().samples.push_back(*std::move(sample));
    return absl::OkStatus();
  }
  absl::StatusOr<std::vector<ParsedFamily>> End() {
    for (const ParsedFamily& family : families_) {
      absl::Status status = CheckName(family);
      if (status.ok() && family.type == "histogram") status = CheckHistogram(family);
      if (!status.ok()) return Wrong(absl::StrCat(family.name, ": ", status.message()));
    }
    return std::move(families_);
  }

 private:
  absl::Status Help(absl::string_view line) {
    const std::pair<std::string, std::string> parts = absl::StrSplit(line, absl::MaxSplits(' ', 1));
    if (!names_.insert(parts.first).second) return Wrong("a family twice");
    families_.push_back({.name = parts.first, .help = parts.second});
    return absl::OkStatus();
  }
  absl::Status Type(absl::string_view line) {
    const std::pair<std::string, std::string> parts = absl::StrSplit(line, absl::MaxSplits(' ', 1));
    if (families_.empty() || families_.back().name != parts.first || !families_.back().type.empty()) {
      return Wrong("TYPE does not follow HELP");
    }
    families_.back().type = parts.second;
    return absl::OkStatus();
  }

  std::vector<ParsedFamily> families_;
  std::set<std::string> names_;
  std::set<std::pair<std::string, std::map<std::string, std::string>>> series_;
};

}  // namespace

absl::StatusOr<std::vector<ParsedFamily>> ParseExposition(absl::string_view page) {
  if (!absl::ConsumeSuffix(&page, "\n")) return Wrong("the last line does not end");
  Parser parser;
  int number = 0;
  for (const absl::string_view line : absl::StrSplit(page, '\n')) {
    ++number;
    const absl::Status status = parser.Line(line);
    if (!status.ok()) return Wrong(absl::StrCat("line ", number, ": ", status.message(), ": ", line));
  }
  return parser.End();
}

}  // namespace shunt::admin::testing
