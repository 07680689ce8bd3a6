// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/document/field_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "userspace/sources/document/yaml_document.h"

namespace shunt::sources {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class FieldReaderTest : public testing::Test {
 protected:
  FieldReader Read(const std::string& yaml, Dialect dialect) {
    errors_.clear();
    ParseError error;
    EXPECT_TRUE(ParseYamlDocument(yaml, 1, {}, &document_, &error)) << error.what;
    return FieldReader(document_, "", &errors_, dialect);
  }
  std::vector<std::string> Errors() const {
    std::vector<std::string> texts;
    for (const ParseError& error : errors_) texts.push_back(absl::StrCat(error.line, ": ", error.what));
    return texts;
  }

  Value document_;
  std::vector<ParseError> errors_;
};

TEST_F(FieldReaderTest, WordsWithoutQuotesInBothDialects) {
  struct Row {
    const char* word;
    // Which of a string, a boolean and a whole number it is: "s", "b", "n".
    const char* kubernetes;
    const char* strict;
  };
  const Row rows[] = {
      {"web", "s", "s"},    {"true", "b", "b"}, {"True", "b", "s"},    {"yes", "b", "s"},   {"off", "b", "s"},
      {"7", "n", "n"},      {"-7", "n", ""},    {"+7", "n", ""},       {"1e3", "", ""},     {"1.5", "", ""},
      {"nan", "s", ""},     {"inf", "s", ""},   {"infinity", "s", ""}, {"1.2.3", "s", "s"}, {"0x7", "", ""},
      {"'true'", "s", "s"}, {"'7'", "s", "s"},
  };
  for (const Row& row : rows) {
    for (const Dialect dialect : {Dialect::kKubernetes, Dialect::kStrict}) {
      const FieldReader reader = Read(absl::StrCat("a: ", row.word), dialect);
      std::string is;
      if (reader.OptionalString("a").has_value()) is += "s";
      if (reader.Bool("a").has_value()) is += "b";
      if (reader.Int("a", -99, -50, 50) != -99) is += "n";
      EXPECT_EQ(is, dialect == Dialect::kStrict ? row.strict : row.kubernetes) << row.word;
      EXPECT_EQ(errors_.size(), 3 - is.size()) << row.word << ": each other reading is an error";
    }
  }
}

TEST_F(FieldReaderTest, ReadersOfNestedObjectsHaveTheSameDialect) {
  const FieldReader reader = Read("map: {a: yes}\nlist: [{a: yes}]", Dialect::kStrict);
  EXPECT_EQ(reader.Map("map").String("a"), "yes");
  EXPECT_EQ(reader.Maps("list").at(0).String("a"), "yes");
  EXPECT_THAT(Errors(), IsEmpty());
}

TEST_F(FieldReaderTest, OtherFieldsAndFieldsWithoutAValueAreRefused) {
  const FieldReader reader = Read("known:\nnested:\n  a: 1\n  other: 2\n  another: 3\n", Dialect::kStrict);
  reader.RefuseOthersThan({"known", "nested"});
  reader.Map("nested").RefuseOthersThan({"a", "b"});
  EXPECT_THAT(Errors(), ElementsAre("1: known has no value: give it one, or remove the field",
                                    "4: unknown field nested.other; known here: a, b"));
  Read("known: 1", Dialect::kStrict).RefuseOthersThan({"known"});
  EXPECT_THAT(Errors(), IsEmpty());
}

TEST_F(FieldReaderTest, AChoiceOfOneIsSaidAsOne) {
  const FieldReader reader = Read("a: x\nb: y\n", Dialect::kStrict);
  EXPECT_EQ(reader.Choice("a", std::nullopt, {"x"}), "x");
  EXPECT_EQ(reader.Choice("b", std::nullopt, {"x"}), "");
  reader.Choice("c", std::nullopt, {"x", "y"});
  EXPECT_THAT(Errors(), ElementsAre("2: b is \"y\"; it must be x", "1: c is missing; it must be one of x, y"));
}

}  // namespace
}  // namespace shunt::sources
