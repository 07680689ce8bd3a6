// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/manifest/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "userspace/sources/manifest/testing/decoded.h"

namespace shunt::sources {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;
using testing_words::ErrorsOf;
using testing_words::ObjectsOf;
using testing_words::TheOnly;

std::string ServiceText(const std::string& name) {
  return absl::StrCat("apiVersion: v1\nkind: Service\nmetadata: {name: ", name, "}\n");
}

TEST(ManifestTest, NamesOfFiles) {
  for (const char* name : {"a.yaml", "a.yml", "a.json", "10-web.v2.yaml", "..yaml.yaml"}) {
    EXPECT_EQ(IsManifestName(name), name[0] != '.') << name;
  }
  for (const char* name : {"", ".yaml", ".a.yaml", "a", "a.yaml~", "a.yaml.swp", "a.YAML", "..data", "README.md"}) {
    EXPECT_FALSE(IsManifestName(name)) << name;
  }
  EXPECT_EQ(FormatOf("a.json"), ManifestFormat::kJson);
  EXPECT_EQ(FormatOf("a.json.yaml"), ManifestFormat::kYaml);
}

TEST(ManifestTest, DocumentsAreSplitAtSeparators) {
  const Manifest manifest = DecodeManifest(
      absl::StrCat("# a comment\n%YAML 1.2\n---\n", ServiceText("a"),
                   "---\n# nothing but a comment\n\n--- # with a comment\n", ServiceText("b"), "...\n---\r\n",
                   ServiceText("c"), "---\n---\n--- {apiVersion: v1, kind: Service, metadata: {name: d}}"));
  EXPECT_THAT(ErrorsOf(manifest), IsEmpty());
  EXPECT_THAT(ObjectsOf(manifest), ElementsAre("4: Service default/a", "11: Service default/b", "16: Service default/c",
                                               "21: Service default/d"));
}

TEST(ManifestTest, OnlyAWholeSeparatorSeparates) {
  const Manifest manifest = DecodeManifest(
      "apiVersion: v1\nkind: Service\nmetadata:\n  name: a\n  annotations:\n    text: |\n      line\n      ---\n"
      "      more\n    ---x: y\n    dash: \"---\"\n");
  EXPECT_EQ(TheOnly<model::Service>(manifest).annotations.at("text"), "line\n---\nmore\n");
}

TEST(ManifestTest, NothingIsGood) {
  for (const char* text : {"", "\n", "# nothing\n", "---\n", "---\n---\n...\n", "\xef\xbb\xbf", "null\n", "~"}) {
    const Manifest manifest = DecodeManifest(text);
    EXPECT_THAT(ErrorsOf(manifest), IsEmpty()) << text;
    EXPECT_THAT(ObjectsOf(manifest), IsEmpty()) << text;
  }
}

TEST(ManifestTest, AByteOrderMarkAndOtherLineEndsAreFine) {
  const Manifest manifest = DecodeManifest(
      "\xef\xbb\xbf"
      "apiVersion: v1\r\nkind: Service\r\nmetadata:\r\n  name: a\r\nspec: 5\r\n");
  EXPECT_THAT(ErrorsOf(manifest), ElementsAre("5: spec must be an object, not a single value"));
}

TEST(ManifestTest, ABadDocumentCostsOnlyItself) {
  const Manifest manifest =
      DecodeManifest(absl::StrCat(ServiceText("a"), "---\nkind: [unclosed\n---\n", ServiceText("b"),
                                  "---\nkey: 1\n bad: 2\n---\n", ServiceText("c")));
  EXPECT_THAT(ObjectsOf(manifest),
              ElementsAre("1: Service default/a", "7: Service default/b", "14: Service default/c"));
  ASSERT_THAT(ErrorsOf(manifest), SizeIs(2));
  EXPECT_THAT(ErrorsOf(manifest)[0], StartsWith("6: not valid YAML: "));
  EXPECT_THAT(ErrorsOf(manifest)[1], StartsWith("12: not valid YAML: "));
}

TEST(ManifestTest, TypesOfPlainAndQuotedScalars) {
  const auto annotation = [](const std::string& text) {
    const Manifest manifest = DecodeManifest(
        absl::StrCat("{apiVersion: v1, kind: Service, metadata: {name: a, annotations: {key: ", text, "}}}"));
    return manifest.objects.empty() ? std::string("(refused)")
                                    : std::get<model::Service>(manifest.objects[0].object).annotations.at("key");
  };
  for (const char* refused : {"1", "-1", "+1", "1.5", ".5", "1e3", "true", "False", "YES", "off", "[a]", "{a: b}"}) {
    EXPECT_EQ(annotation(refused), "(refused)") << refused;
  }
  for (const char* text :
       {"a", "1.2.3", "10.0.0.1", "v1", "1a", "-", ".", "infinity", "nan", "0x", "12:30", "y", "yess"}) {
    EXPECT_EQ(annotation(text), text);
  }
  EXPECT_EQ(annotation("\"1\""), "1");
  EXPECT_EQ(annotation("'true'"), "true");
  EXPECT_EQ(annotation("!!str 5"), "5");
  EXPECT_EQ(annotation("null"), "") << "as the API server has it";
  EXPECT_EQ(annotation("\"null\""), "null");
  EXPECT_EQ(annotation("\"\\u2713 \\\\ \\\"\""), "\u2713 \\ \"");
}

struct ErrorCase {
  const char* sentence;
  std::string text;
  const char* error;
};

TEST(ManifestTest, WhatYamlMayNotHold) {
  const std::string service = ServiceText("a");
  const std::vector<ErrorCase> cases = {
      {"an alias of nothing", service + "spec: *s", "4: not valid YAML: the referenced anchor is not defined"},
      {"a tag of the author's", service + "spec: !mine {}", "4: tags are not accepted: !mine"},
      {"a tag of YAML's", service + "spec: {x: !!binary aGk=}", "4: tags are not accepted: tag:yaml.org,2002:binary"},
      {"a field given twice", service + "spec: {}\nspec: {}", "5: field \"spec\" is given twice"},
      {"a list as a field's name", service + "? [a]\n: b", "4: a field's name must be a string"},
      {"nothing as a field's name", service + "? ~\n: b", "4: a field's name must be a string"},
      {"a second document without a separator", service + "...\nmore: stuff\n",
       "5: there is more after the end of the document: remove it, or make it a file of its own"},
      {"a tab as indentation", "apiVersion: v1\nkind: Service\nmetadata:\n\tname: a\n",
       "4: not valid YAML: illegal map value"},
      {"NUL", service + std::string("spec: {a: \"\0\"}", 14),
       "4: not text: a byte that is not UTF-8, or a control character"},
      {"the byte that ends yaml-cpp's texts", service + "# \x04\nspec: {}",
       "4: not text: a byte that is not UTF-8, or a control character"},
      {"an escape for terminals", service + "#\n# \x1b[31m",
       "5: not text: a byte that is not UTF-8, or a control character"},
      {"a byte that begins nothing", service + "# \xff",
       "4: not text: a byte that is not UTF-8, or a control character"},
      {"an overlong slash", service + "# \xc0\xaf", "4: not text: a byte that is not UTF-8, or a control character"},
      {"half a pair of UTF-16", service + "# \xed\xa0\x80",
       "4: not text: a byte that is not UTF-8, or a control character"},
      {"beyond Unicode", service + "# \xf4\x90\x80\x80",
       "4: not text: a byte that is not UTF-8, or a control character"},
      {"a sequence cut off", service + "# \xe2\x9c", "4: not text: a byte that is not UTF-8, or a control character"},
  };
  for (const ErrorCase& c : cases) {
    SCOPED_TRACE(c.sentence);
    const Manifest manifest = DecodeManifest(absl::StrCat(c.text, "\n---\n", ServiceText("b")));
    EXPECT_THAT(ErrorsOf(manifest), ElementsAre(c.error));
    EXPECT_THAT(manifest.objects, SizeIs(1)) << "the next document is served";
  }
}

TEST(ManifestTest, AnchorsAliasesAndMergeKeysAreWrittenOut) {
  const model::Service service = TheOnly<model::Service>(
      DecodeManifest("apiVersion: v1\nkind: Service\nmetadata: {name: &name web, labels: {app: *name}}\nspec:\n"
                     "  ports:\n  - &port {name: a, port: 80}\n  - {<<: *port, name: b, port: 81, protocol: UDP}\n"));
  EXPECT_EQ(service.labels.at("app"), "web");
  EXPECT_EQ(service.ports, (std::vector<model::ServicePort>{{"a", model::Protocol::kTcp, 80, 0},
                                                            {"b", model::Protocol::kUdp, 81, 0}}));
}

TEST(ManifestTest, AnAnchorEndsWithItsDocument) {
  EXPECT_THAT(ErrorsOf(DecodeManifest(ServiceText("a") + "spec: &s {}\n---\n" + ServiceText("b") + "spec: *s\n")),
              ElementsAre("9: not valid YAML: the referenced anchor is not defined"));
}

TEST(ManifestTest, ADocumentOfAnotherKindIsPassedOverWhateverStandsInIt) {
  const std::string deployment = "apiVersion: apps/v1\nkind: Deployment # not ours\n";
  for (const std::string& foreign : {
           deployment + "spec: {{ .Values.spec }}\n",
           deployment + "data: !!binary aGk=\n",
           deployment + "spec: {}\nspec: {}\n",
           deployment + "spec: [\n",
           deployment + "spec: \"\x1b[31m\"\n",
           deployment + "spec: *unknown\n",
           std::string("apiVersion: 'v1'\nkind: \"ConfigMap\"\n? [a]\n: b\n"),
       }) {
    const Manifest manifest = DecodeManifest(absl::StrCat(foreign, "---\n", ServiceText("a")));
    EXPECT_THAT(ErrorsOf(manifest), IsEmpty()) << foreign;
    EXPECT_THAT(ObjectsOf(manifest), SizeIs(1)) << foreign;
  }
}

TEST(ManifestTest, ADocumentThatCannotBeParsedIsAnErrorIfItMayBeOurs) {
  struct Row {
    const char* sentence;
    const char* text;
  };
  const Row rows[] = {
      {"a Service", "apiVersion: v1\nkind: Service\nspec: [\n"},
      {"a list of anything", "apiVersion: v1\nkind: List\nitems: [\n"},
      {"a misspelt Service", "apiVersion: v1\nkind: service\nspec: [\n"},
      {"no kind", "apiVersion: apps/v1\nspec: [\n"},
      {"no version", "kind: Deployment\nspec: [\n"},
      {"two documents without a line between them",
       "apiVersion: apps/v1\nkind: Deployment\napiVersion: v1\nkind: Service\n"},
      {"a kind that is nested", "apiVersion: apps/v1\nspec:\n  kind: Deployment\n  x: [\n"},
  };
  for (const Row& row : rows) EXPECT_THAT(ErrorsOf(DecodeManifest(row.text)), SizeIs(1)) << row.sentence;
  EXPECT_THAT(
      ErrorsOf(DecodeManifest("{\"apiVersion\": \"apps/v1\", \"kind\": \"Deployment\", ", ManifestFormat::kJson)),
      SizeIs(1))
      << "a JSON file is one value";
}

// Each of these would cost minutes, gigabytes or the stack if it were accepted.
TEST(ManifestTest, HostileTextsAreRefusedSoon) {
  std::string bomb = "a0: &a0 [x, x]\n";
  for (int i = 1; i < 60; ++i) bomb += absl::StrCat("a", i, ": &a", i, " [*a", i - 1, ", *a", i - 1, "]\n");
  EXPECT_THAT(ErrorsOf(DecodeManifest(bomb)), ElementsAre(HasSubstr("anchors and aliases repeat more than ")));

  const auto repeated = [](const std::string& text, size_t bytes) {
    std::string all;
    while (all.size() < bytes) all += text;
    return all;
  };
  const size_t large = size_t{3} << 20;
  EXPECT_THAT(ErrorsOf(DecodeManifest(repeated("- ", large))), ElementsAre("1: nested more than 64 deep"));
  EXPECT_THAT(ErrorsOf(DecodeManifest(repeated("- [\n", large))), SizeIs(1));
  EXPECT_THAT(ErrorsOf(DecodeManifest(repeated("a: {\n", large))), SizeIs(1));
  EXPECT_THAT(ErrorsOf(DecodeManifest("a:\n" + repeated("[", large), ManifestFormat::kYaml)),
              ElementsAre(HasSubstr("has not ended after 1024 KiB")));
  EXPECT_THAT(ErrorsOf(DecodeManifest("a: \"" + repeated("x", large), ManifestFormat::kYaml)),
              ElementsAre(HasSubstr("has not ended after 1024 KiB")));
  EXPECT_THAT(ErrorsOf(DecodeManifest(repeated("[", large), ManifestFormat::kJson)),
              ElementsAre("1: nested more than 64 deep"));
  EXPECT_THAT(ErrorsOf(DecodeManifest(repeated("---\n-\n", size_t{1300} << 10))),
              ElementsAre("0: more than 200000 documents: split the file"));

  ParseLimits limits;
  limits.values_max = 1000;
  for (const ManifestFormat format : {ManifestFormat::kYaml, ManifestFormat::kJson}) {
    EXPECT_THAT(ErrorsOf(DecodeManifest("[" + repeated("0,\n", 3000) + "0]", format, limits)),
                ElementsAre("1000: more than 1000 values in one document"));
  }
}

TEST(ManifestTest, DepthIsCountedExactly) {
  const auto nested = [](size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  for (const ManifestFormat format : {ManifestFormat::kYaml, ManifestFormat::kJson}) {
    EXPECT_THAT(ErrorsOf(DecodeManifest(nested(64), format)), ElementsAre("1: must be an object, not a list"));
    EXPECT_THAT(ErrorsOf(DecodeManifest(nested(65), format)), ElementsAre("1: nested more than 64 deep"));
  }
}

TEST(ManifestTest, AFileMayBeOfSixteenMebibytesAndNoMore) {
  std::string text = ServiceText("a") + "---\n# ";
  text.resize(kManifestBytesMax, 'x');
  EXPECT_THAT(DecodeManifest(text).objects, SizeIs(1));
  text.push_back('x');
  EXPECT_THAT(ErrorsOf(DecodeManifest(text)), ElementsAre("0: larger than 16 MiB: split the file"));
  EXPECT_THAT(DecodeManifest(text).objects, IsEmpty());
}

TEST(ManifestTest, ManyErrorsAreCountedNotListed) {
  std::string text = "apiVersion: v1\nkind: ServiceList\nitems:\n";
  for (int i = 0; i < 150; ++i) text += "- metadata: {name: X}\n";
  const std::vector<std::string> errors = ErrorsOf(DecodeManifest(text));
  ASSERT_THAT(errors, SizeIs(kManifestErrorsMax + 1));
  EXPECT_EQ(errors.back(), "103: and 50 more errors from here on");
}

TEST(ManifestTest, AMapOfManyFieldsKnowsThemAll) {
  std::string text = "apiVersion: v1\nkind: Service\nmetadata:\n  name: a\n  labels:\n";
  for (int i = 0; i < 100; ++i) text += absl::StrCat("    l", i, ": v\n");
  EXPECT_EQ(TheOnly<model::Service>(DecodeManifest(text)).labels.size(), 100u);
  for (const char* again : {"l0", "l16", "l99"}) {
    EXPECT_THAT(ErrorsOf(DecodeManifest(absl::StrCat(text, "    ", again, ": w\n"))),
                ElementsAre(absl::StrCat("106: field \"", again, "\" is given twice")));
  }
}

}  // namespace
}  // namespace shunt::sources
