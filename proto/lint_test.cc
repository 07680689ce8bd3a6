// SPDX-License-Identifier: Apache-2.0
// The admin API keeps the rules, and the linter sees a breach of each rule.
#include "proto/lint.h"

#include <gmock/gmock.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"

namespace shunt::proto {
namespace {

namespace pb = google::protobuf;

pb::FileDescriptorSet AdminDescriptors() {
  pb::FileDescriptorSet set;
  std::ifstream in(SHUNT_ADMIN_DESCRIPTORS, std::ios::binary);
  EXPECT_TRUE(set.ParseFromIstream(&in)) << SHUNT_ADMIN_DESCRIPTORS;
  return set;
}

TEST(AdminProtoTest, KeepsBufsStandardRulesAndExplainsEveryField) {
  pb::DescriptorPool pool;
  int files = 0;
  const pb::FileDescriptorSet set = AdminDescriptors();
  for (const pb::FileDescriptorProto& proto : set.file()) {
    const pb::FileDescriptor* file = pool.BuildFile(proto);
    ASSERT_NE(file, nullptr) << proto.name();
    if (!absl::StartsWith(proto.name(), "shunt/")) continue;
    ++files;
    EXPECT_THAT(Lint(*file), testing::IsEmpty()) << proto.name();
  }
  EXPECT_EQ(files, 10);
}

TEST(AdminProtoTest, OffersTheCallsOfTheContract) {
  pb::DescriptorPool pool;
  const pb::FileDescriptorSet set = AdminDescriptors();
  for (const pb::FileDescriptorProto& proto : set.file()) pool.BuildFile(proto);
  const pb::ServiceDescriptor* service = pool.FindServiceByName("shunt.admin.v1.AdminService");
  ASSERT_NE(service, nullptr);
  std::vector<std::string> methods;
  for (int i = 0; i < service->method_count(); ++i) {
    methods.push_back(service->method(i)->name() + (service->method(i)->server_streaming() ? " stream" : ""));
  }
  EXPECT_THAT(methods, testing::UnorderedElementsAre("GetStatus", "ListServices", "GetService", "ListBackends",
                                                     "ListDevices", "ListFlows stream", "CountFlows", "ListSnatSets",
                                                     "DumpMap stream", "Audit"));
}

// A file that keeps the rules, as protoc would describe it; source_code_info names an element by its `path`.
constexpr char kGoodFile[] = R"(
  name: "good/v1/paint.proto"
  syntax: "proto3"
  package: "good.v1"
  enum_type {
    name: "Color"
    value { name: "COLOR_UNSPECIFIED" number: 0 }
    value { name: "COLOR_RED" number: 1 }
  }
  message_type {
    name: "GetPaintRequest"
    field { name: "color" number: 1 label: LABEL_OPTIONAL type: TYPE_ENUM type_name: ".good.v1.Color" }
  }
  message_type {
    name: "GetPaintResponse"
    field { name: "amount" number: 1 label: LABEL_OPTIONAL type: TYPE_DOUBLE }
  }
  service {
    name: "PaintService"
    method { name: "GetPaint" input_type: ".good.v1.GetPaintRequest" output_type: ".good.v1.GetPaintResponse" }
  }
  source_code_info {
    location { path: [5, 0] span: [1, 0, 1] leading_comments: "A color." }
    location { path: [5, 0, 2, 0] span: [2, 0, 1] leading_comments: "None." }
    location { path: [5, 0, 2, 1] span: [3, 0, 1] leading_comments: "Red." }
    location { path: [4, 0] span: [4, 0, 1] leading_comments: "Asks." }
    location { path: [4, 0, 2, 0] span: [5, 0, 1] leading_comments: "Which." }
    location { path: [4, 1] span: [6, 0, 1] leading_comments: "Answers." }
    location { path: [4, 1, 2, 0] span: [7, 0, 1] leading_comments: "The amount, in liters." }
    location { path: [6, 0] span: [8, 0, 1] leading_comments: "Paints." }
    location { path: [6, 0, 2, 0] span: [9, 0, 1] leading_comments: "Gets some." }
  }
)";

std::vector<std::string> LintText(const std::string& text) {
  pb::FileDescriptorProto proto;
  EXPECT_TRUE(pb::TextFormat::ParseFromString(text, &proto)) << text;
  pb::DescriptorPool pool;
  const pb::FileDescriptor* file = pool.BuildFile(proto);
  EXPECT_NE(file, nullptr) << text;
  return file == nullptr ? std::vector<std::string>{} : Lint(*file);
}

TEST(LintTest, HasNothingToSayOfAGoodFile) {
  EXPECT_THAT(LintText(kGoodFile), testing::IsEmpty());
}

TEST(LintTest, SeesABreachOfEachRule) {
  struct Row {
    std::string rule;
    std::string what;
    std::string with;
  };
  const Row rows[] = {
      {"SYNTAX_SPECIFIED", "\"proto3\"", "\"proto2\""},
      {"FILE_LOWER_SNAKE_CASE", "good/v1/paint.proto", "good/v1/Paint-Box.proto"},
      {"PACKAGE_VERSION_SUFFIX", "good.v1", "good.latest"},
      {"PACKAGE_DIRECTORY_MATCH", "good/v1/", "good/v2/"},
      {"PACKAGE_LOWER_SNAKE_CASE", "good.v1", "Good.v1"},
      {"ENUM_ZERO_VALUE_SUFFIX", "COLOR_UNSPECIFIED", "COLOR_NONE"},
      {"ENUM_VALUE_PREFIX", "COLOR_RED", "RED"},
      {"ENUM_VALUE_UPPER_SNAKE_CASE", "COLOR_RED", "COLOR_red"},
      {"ENUM_PASCAL_CASE", "Color\"", "color_type\""},
      {"MESSAGE_PASCAL_CASE", "GetPaintRequest", "Get_Paint_Request"},
      {"FIELD_LOWER_SNAKE_CASE", "name: \"amount\"", "name: \"theAmount\""},
      {"SERVICE_SUFFIX", "PaintService", "Painter"},
      {"RPC_REQUEST_STANDARD_NAME", "GetPaintRequest", "PaintOrder"},
      {"RPC_RESPONSE_STANDARD_NAME", "GetPaintResponse", "Paint"},
      {"RPC_PASCAL_CASE", "name: \"GetPaint\"", "name: \"get_paint\""},
      {"RPC_REQUEST_RESPONSE_UNIQUE", "output_type: \".good.v1.GetPaintResponse\"",
       "output_type: \".good.v1.GetPaintRequest\""},
      {"COMMENT good.v1.GetPaintResponse.amount", "The amount, in liters.", " "},
      {"COMMENT good.v1.PaintService.GetPaint", "Gets some.", ""},
      {"COMMENT good.v1.COLOR_RED", "Red.", ""},
      {"COMMENT good.v1.Color", "A color.", ""},
  };
  for (const Row& row : rows) {
    const std::string text = absl::StrReplaceAll(kGoodFile, {{row.what, row.with}});
    EXPECT_THAT(LintText(text), testing::Contains(testing::StartsWith(row.rule))) << row.what << " -> " << row.with;
  }
}

}  // namespace
}  // namespace shunt::proto
