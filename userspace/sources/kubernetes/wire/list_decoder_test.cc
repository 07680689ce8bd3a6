// SPDX-License-Identifier: Apache-2.0
// Lists as no good server sends them; as a good one does: recordings_test.cc.
#include "userspace/sources/kubernetes/wire/list_decoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "userspace/sources/kubernetes/testing/api_bytes.h"
#include "userspace/sources/kubernetes/testing/sample_objects.h"

namespace shunt::sources::kubernetes {
namespace {

using testing::HasSubstr;

std::string Message(const absl::Status& status) {
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  return std::string(status.message());
}

TEST(ListDecoderTest, AnEmptyListIsAList) {
  ListDecoder decoder(ObjectKind::kService);
  ASSERT_EQ(decoder.Append(ListBody(ObjectKind::kService, {}, "5"), [](Object) { FAIL(); }), absl::OkStatus());
  EXPECT_EQ(decoder.Finish(), absl::OkStatus());
  EXPECT_EQ(decoder.version(), "5");
  EXPECT_EQ(decoder.continue_token(), "");
}

TEST(ListDecoderTest, GivesAnItemAwayAsSoonAsItIsComplete) {
  const std::string body = ListBody(ObjectKind::kService, {SampleService(), SampleService()}, "5", "more");
  ListDecoder decoder(ObjectKind::kService);
  size_t items = 0;
  ASSERT_EQ(decoder.Append(absl::string_view(body).substr(0, body.size() - 1), [&items](Object) { ++items; }),
            absl::OkStatus());
  EXPECT_EQ(items, 1);
  EXPECT_EQ(decoder.Finish().code(), absl::StatusCode::kInvalidArgument);
  ASSERT_EQ(decoder.Append(absl::string_view(body).substr(body.size() - 1), [&items](Object) { ++items; }),
            absl::OkStatus());
  EXPECT_EQ(items, 2);
  EXPECT_EQ(decoder.Finish(), absl::OkStatus());
  EXPECT_EQ(decoder.continue_token(), "more");
}

TEST(ListDecoderTest, WhatIsNoneIsRefused) {
  struct Row {
    std::string sentence;
    std::string body;
    std::string error;
  };
  const Row kRows[] = {
      {"another kind's", ListBody(ObjectKind::kNode, {SampleNode()}, "5"),
       "is a v1 NodeList, expected a v1 ServiceList"},
      {"an error with status 200", StatusBody({.code = 500}), "is a v1 Status, expected a v1 ServiceList"},
      {"HTML", "<html>", "not Kubernetes protobuf"},
      {"no type before the list", absl::StrCat(absl::string_view("k8s\0", 4), "\x12"),
       "is untyped, expected a v1 ServiceList"},
      {"nothing but type", absl::StrCat(absl::string_view("k8s\0", 4), "\x0a\xff\x7f", std::string(2000, 'x')),
       "no list begins"},
      {"an item larger than memory", Enveloped("v1", "ServiceList", "\x12\xff\xff\xff\xff\x7f"),
       "an item of 34359738367 bytes; at most 16777216"},
      {"an item that is none", Enveloped("v1", "ServiceList", "\x12\x01x"), "Service \"\": broken protobuf"},
      {"bytes that are no fields", Enveloped("v1", "ServiceList", "\x0b"), "broken protobuf"},
  };
  for (const Row& row : kRows) {
    SCOPED_TRACE(row.sentence);
    ListDecoder decoder(ObjectKind::kService);
    // A length that is larger than the bytes must not make the decoder wait: more is appended until it fails.
    absl::Status status = decoder.Append(row.body, [](Object) {});
    if (status.ok()) status = decoder.Append(absl::string_view("\0\0\0\0", 4), [](Object) {});
    EXPECT_THAT(Message(status), HasSubstr(row.error));
  }
}

TEST(ListDecoderTest, HasAnEnd) {
  const std::string node_a(
      "\x12\x05\x0a\x03\x0a\x01"
      "a",
      7);
  std::string items;
  for (size_t i = 0; i < kListItemsMax + 1; ++i) items += node_a;
  ListDecoder decoder(ObjectKind::kNode);
  size_t count = 0;
  const absl::Status status = decoder.Append(Enveloped("v1", "NodeList", items), [&count](Object) { ++count; });
  EXPECT_EQ(count, kListItemsMax);
  EXPECT_EQ(status, absl::InvalidArgumentError("a list of more than 500000 items"));
}

}  // namespace
}  // namespace shunt::sources::kubernetes
