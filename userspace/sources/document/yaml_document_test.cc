// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/document/yaml_document.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"

namespace shunt::sources {
namespace {

// The tree in one line, quoted scalars in quotes: {a: "1", b: [x, null]}.
std::string Shown(const Value& value) {
  std::string shown;
  switch (value.kind) {
    case Value::Kind::kNull:
      return "null";
    case Value::Kind::kScalar:
      return value.quoted ? absl::StrCat("\"", value.scalar, "\"") : value.scalar;
    case Value::Kind::kList:
      for (const Value& item : value.items) absl::StrAppend(&shown, shown.empty() ? "" : ", ", Shown(item));
      return absl::StrCat("[", shown, "]");
    case Value::Kind::kMap:
      for (const auto& field : value.fields) {
        absl::StrAppend(&shown, shown.empty() ? "" : ", ", field.key, ": ", Shown(field.value));
      }
      return absl::StrCat("{", shown, "}");
  }
  return shown;
}

// The tree, or "LINE: error".
std::string Parsed(const std::string& text, const ParseLimits& limits) {
  Value value;
  ParseError error;
  if (ParseYamlDocument(text, 1, limits, &value, &error)) return Shown(value);
  EXPECT_EQ(Shown(value), "null") << "after an error there is no tree";
  return absl::StrCat(error.line, ": ", error.what);
}

TEST(YamlDocumentTest, AnchorsAndTagsOnlyWhereTheyAreAllowed) {
  struct Row {
    const char* what;
    const char* text;
    const char* tree;     // if they are allowed
    const char* refusal;  // if not
  };
  const Row rows[] = {
      {"a scalar", "a: &x 1\nb: *x", "{a: 1, b: 1}", "1: anchors are not accepted"},
      {"a quoted scalar stays quoted", "a: &x '1'\nb: *x", "{a: \"1\", b: \"1\"}", "1: anchors are not accepted"},
      {"null", "a: &x\nb: *x", "{a: null, b: null}", "1: anchors are not accepted"},
      {"a key, used as a key", "&x a: {}\nb: {*x : 1}", "{a: {}, b: {a: 1}}", "1: anchors are not accepted"},
      {"a list in a map", "a: &x [1, {b: 2}]\nc: {d: *x}", "{a: [1, {b: 2}], c: {d: [1, {b: 2}]}}",
       "1: anchors are not accepted"},
      {"one within another", "a: &x [&y 1]\nb: *y\nc: *x", "{a: [1], b: 1, c: [1]}", "1: anchors are not accepted"},
      {"an anchor given twice means the last", "a: &x 1\nb: &x 2\nc: *x", "{a: 1, b: 2, c: 2}",
       "1: anchors are not accepted"},
      {"a tag makes a string", "a: !!int 1\nb: !mine x\nc: !!map {d: e}", "{a: \"1\", b: \"x\", c: {d: e}}",
       "1: tags are not accepted: tag:yaml.org,2002:int"},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(Parsed(row.text, {.anchors = true, .tags = true}), row.tree) << row.what;
    EXPECT_EQ(Parsed(row.text, {}), row.refusal) << row.what;
  }
  const ParseLimits allowed{.anchors = true};
  EXPECT_EQ(Parsed("a: 1\nb: *x", allowed), "2: not valid YAML: the referenced anchor is not defined");
  EXPECT_EQ(Parsed("a: &x\n- 1\n- *x", allowed), "3: an alias inside of the value that it stands for");
}

TEST(YamlDocumentTest, AMergeKeyBringsTheFieldsThatItsMapLacks) {
  struct Row {
    const char* what;
    const char* text;
    const char* tree;
  };
  const Row rows[] = {
      {"a map", "a: &x {b: 1, c: 2}\nd: {<<: *x, b: 3}", "{a: {b: 1, c: 2}, d: {b: 3, c: 2}}"},
      {"wherever it stands", "a: &x {b: 1}\nd: {b: 3, <<: *x, c: 4}", "{a: {b: 1}, d: {b: 3, c: 4}}"},
      {"a map of its own", "d: {<<: {b: 1}, c: 2}", "{d: {c: 2, b: 1}}"},
      {"of several maps the first counts", "a: &x {b: 1}\nc: &y {b: 2, d: 3}\ne: {<<: [*x, *y]}",
       "{a: {b: 1}, c: {b: 2, d: 3}, e: {b: 1, d: 3}}"},
      {"what was merged is repeated whole", "a: &x {b: 1}\nc: &y {<<: *x, d: 2}\ne: *y",
       "{a: {b: 1}, c: {d: 2, b: 1}, e: {d: 2, b: 1}}"},
      {"one within another", "a: &x {b: {c: 1}}\nd: {<<: {<<: *x}}", "{a: {b: {c: 1}}, d: {b: {c: 1}}}"},
      {"in quotes it is a field", "a: {\"<<\": {b: 1}}", "{a: {<<: {b: 1}}}"},
      {"a scalar is none", "a: 1\nb: {<<: x}", "2: \"<<\" must be a map or a list of maps"},
      {"nor is nothing", "b: {<<: }", "1: \"<<\" must be a map or a list of maps"},
      {"nor a list of something else", "b: {<<: [{c: 1}, 2]}", "1: \"<<\" must be a map or a list of maps"},
      {"given twice", "b: {<<: {c: 1}, <<: {d: 1}}", "1: field \"<<\" is given twice"},
  };
  for (const Row& row : rows) EXPECT_EQ(Parsed(row.text, {.anchors = true}), row.tree) << row.what;
  EXPECT_EQ(Parsed("a: {<<: {b: 1}}", {}), "{a: {<<: {b: 1}}}") << "without anchors it is a field";
}

TEST(YamlDocumentTest, WhatAliasesAddIsBoundedByTheLengthOfTheText) {
  std::string text = "a: &a [" + std::string(2 * 300, ' ') + "]\nb:\n";
  text.replace(7, 2 * 300, [] {
    std::string items;
    for (int i = 0; i < 300; ++i) items += "x,";
    return items;
  }());
  for (int i = 0; i < 10; ++i) text += "- *a\n";
  EXPECT_EQ(Parsed(text, {.anchors = true}),
            absl::StrCat("7: anchors and aliases repeat more than ", 1000 + text.size(), " values: write them out"));
}

TEST(YamlDocumentTest, AliasesCannotGetPastTheLimits) {
  const ParseLimits limits{.depth_max = 4, .values_max = 1000, .anchors = true};
  std::string doubled = "a0: &a0 [x, x]\n";
  for (int i = 1; i < 60; ++i) doubled += absl::StrCat("a", i, ": &a", i, " [*a", i - 1, ", *a", i - 1, "]\n");
  EXPECT_EQ(Parsed(doubled, {.depth_max = 100, .values_max = 1000, .anchors = true}),
            "7: more than 1000 values in one document");
  EXPECT_EQ(Parsed("a: &a [[x]]\nb: [*a]", limits), "{a: [[x]], b: [[[x]]]}") << "four deep";
  EXPECT_EQ(Parsed("a: &a [[x]]\nb: [[*a]]", limits), "2: nested more than 4 deep");

  std::string repeated = absl::StrCat("a: &a \"", std::string(900'000, 'x'), "\"\nb: [");
  for (int i = 0; i < 100; ++i) repeated += "*a,";
  EXPECT_EQ(Parsed(repeated + "]", limits), "2: aliases repeat more than 64 MiB of text");
}

}  // namespace
}  // namespace shunt::sources
