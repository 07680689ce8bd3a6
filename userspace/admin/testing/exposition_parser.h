// SPDX-License-Identifier: Apache-2.0
// Reads Prometheus' text format as strictly as its documents allow, to judge a page that we wrote.
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

// kInvalidArgument names the line and what is wrong: a family without HELP and TYPE before its samples or with more
// than one of each, samples that are no family's or stand apart, names out of the alphabet, a name that its type or
// unit forbids, labels without escapes, a sample twice, no number, histograms that fall or whose +Inf is not their
// count.
absl::StatusOr<std::vector<ParsedFamily>> ParseExposition(absl::string_view page);

}  // namespace shunt::admin::testing

#endif  // SHUNT_ADMIN_TESTING_EXPOSITION_PARSER_H_
