// SPDX-License-Identifier: Apache-2.0
// Parses Prometheus' text format as strictly as its documentation allows, to check pages that we wrote.
#ifndef SHUNT_ADMIN_TESTING_EXPOSITION_PARSER_H_
#define SHUNT_ADMIN_TESTING_EXPOSITION_PARSER_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace shunt::admin::testing {

struct ParsedSample {
  std::string name;  // with _bucket, _sum and _count
  std::map<std::string, std::string> labels;
  double value = 0;
};

struct ParsedFamily {
  std::string name;
  std::string type;
  std::string help;
  std::vector<ParsedSample> samples;
};

// kInvalidArgument names the line and the mistake: a family that lacks HELP or TYPE before its samples or has more than
// one of each, samples outside their family, invalid characters in a name, a name that does not fit its type or unit,
// unescaped labels, a duplicate sample, a malformed number, histograms whose counts fall or whose +Inf bucket differs
// from their count.
absl::StatusOr<std::vector<ParsedFamily>> ParseExposition(absl::string_view page);

}  // namespace shunt::admin::testing

#endif  // SHUNT_ADMIN_TESTING_EXPOSITION_PARSER_H_
