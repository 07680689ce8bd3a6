// SPDX-License-Identifier: Apache-2.0
// Lists as no good server sends them; as a good one does: recordings_test.cc.
#include "userspace/sources/kubernetes/wire/list_decoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "userspace/sources/kubernetes/testing/api_bytes.h"
#include "userspace/sources/kubernetes/testing/sample_objects.h"
#include "userspace/sources/kubernetes/wire/endpoint_slice_decoder.h"

namespace shunt::sources::kubernetes {
namespace {

using testing::HasSubstr;

// Counts what a list has.
struct Counted {
  size_t usable = 0;
  std::vector<UnusableObject> unusable;
  ListItems items{.usable = [this](const Object&) { ++usable; },
                  .unusable = [this](UnusableObject object) { unusable.push_back(std::move(object)); }};
};

std::string Message(const absl::Status& status) {
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  return std::string(status.message());
}

TEST(ListDecoderTest, AnEmptyListIsAList) {
  ListDecoder decoder(ObjectKind::kService);
  Counted counted;
  ASSERT_EQ(decoder.Append(ListBody(ObjectKind::kService, {}, "5"), counted.items), absl::OkStatus());
  EXPECT_EQ(counted.usable + counted.unusable.size(), 0);
  EXPECT_EQ(decoder.Finish(), absl::OkStatus());
  EXPECT_EQ(decoder.version(), "5");
  EXPECT_EQ(decoder.continue_token(), "");
}

TEST(ListDecoderTest, GivesAnItemAwayAsSoonAsItIsComplete) {
  const std::string body = ListBody(ObjectKind::kService, {SampleService(), SampleService()}, "5", "more");
  ListDecoder decoder(ObjectKind::kService);
  Counted counted;
  ASSERT_EQ(decoder.Append(absl::string_view(body).substr(0, body.size() - 1), counted.items), absl::OkStatus());
  EXPECT_EQ(counted.usable, 1);
  EXPECT_EQ(decoder.Finish().code(), absl::StatusCode::kInvalidArgument);
  ASSERT_EQ(decoder.Append(absl::string_view(body).substr(body.size() - 1), counted.items), absl::OkStatus());
  EXPECT_EQ(counted.usable, 2);
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
      {"bytes that are no fields", Enveloped("v1", "ServiceList", "\x0b"), "broken protobuf"},
  };
  for (const Row& row : kRows) {
    SCOPED_TRACE(row.sentence);
    ListDecoder decoder(ObjectKind::kService);
    // A length that is larger than the bytes must not make the decoder wait: more is appended until it fails.
    Counted counted;
    absl::Status status = decoder.Append(row.body, counted.items);
    if (status.ok()) status = decoder.Append(absl::string_view("\0\0\0\0", 4), counted.items);
    EXPECT_THAT(Message(status), HasSubstr(row.error));
  }
}

TEST(ListDecoderTest, AnItemThatCannotBeDecodedCostsOnlyItself) {
  struct Row {
    std::string sentence;
    std::string item;
    UnusableObject expected;
  };
  const std::string good = MessageOf(SampleService());
  const model::ObjectName web{"shop", "web"};
  model::Service misnamed = SampleService();
  misnamed.name.name = "we_b";
  model::Service endless = SampleService();
  endless.name.name = std::string(10'000, 'a');
  const Row kRows[] = {
      {"a spec that is broken",
       good + "\x12\x01x",
       {web, SampleService().uid, "219", "Service \"shop/web\": broken protobuf after field 15"}},
      {"a name that no API server stores",
       MessageOf(misnamed),
       {{"shop", "we_b"},
        SampleService().uid,
        "219",
        "Service \"shop/we_b\": metadata.name must be lower-case letters, digits and '-', no '-' at either end"}},
      {"metadata that break off behind the name",
       "\x0a\x08\x0a\x03web\x12\x09x",
       {{}, "", "", "Service \"web\": broken protobuf after field 2"}},
      {"no metadata", "\x12\x01x", {{}, "", "", "Service \"\": broken protobuf after field 15"}},
      {"nothing",
       "",
       {{}, "", "", "Service \"\": metadata.name must be lower-case letters, digits and '-', no '-' at either end"}},
      {"a name that is longer than memory should hold",
       MessageOf(endless),
       {{"shop", std::string(300, 'a')},
        SampleService().uid,
        "219",
        "Service \"shop/" + std::string(300, 'a') + "\": metadata.name is longer than 63 characters"}},
  };
  for (const Row& row : kRows) {
    SCOPED_TRACE(row.sentence);
    ListDecoder decoder(ObjectKind::kService);
    Counted counted;
    const std::string body = ListBodyAround(ObjectKind::kService, {row.item}, {SampleService()}, "300");
    ASSERT_EQ(decoder.Append(body, counted.items), absl::OkStatus());
    EXPECT_EQ(decoder.Finish(), absl::OkStatus());
    EXPECT_EQ(counted.usable, 1);
    ASSERT_EQ(counted.unusable.size(), 1);
    EXPECT_EQ(counted.unusable[0].name, row.expected.name);
    EXPECT_EQ(counted.unusable[0].uid, row.expected.uid);
    EXPECT_EQ(counted.unusable[0].version, row.expected.version);
    EXPECT_EQ(counted.unusable[0].why, row.expected.why);
  }
}

TEST(ListDecoderTest, OfSlicesAndNodesLikewise) {
  model::EndpointSlice large = SampleSlice();
  large.name.name = "large";
  large.endpoints.resize(kEndpointsMax + 1);
  model::Node misnamed = SampleNode();
  misnamed.name = "Node_A";
  struct Row {
    Object bad;
    Object good;
    const char* why;
  };
  const Row kRows[] = {
      {large, SampleSlice(), "EndpointSlice \"shop/large\": more than 10000 of field 2"},
      {misnamed, SampleNode(), "Node \"Node_A\": metadata.name must be"},
  };
  for (const Row& row : kRows) {
    const ObjectKind kind = KindOf(row.good);
    ListDecoder decoder(kind);
    Counted counted;
    ASSERT_EQ(decoder.Append(ListBody(kind, {row.bad, row.good}, "5"), counted.items), absl::OkStatus());
    EXPECT_EQ(decoder.Finish(), absl::OkStatus());
    EXPECT_EQ(counted.usable, 1);
    ASSERT_EQ(counted.unusable.size(), 1);
    EXPECT_THAT(counted.unusable[0].why, HasSubstr(row.why));
    EXPECT_EQ(counted.unusable[0].name, NameOf(row.bad));
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
  Counted counted;
  const absl::Status status = decoder.Append(Enveloped("v1", "NodeList", items), counted.items);
  EXPECT_EQ(counted.usable, kListItemsMax);
  EXPECT_EQ(status, absl::InvalidArgumentError("a list of more than 500000 items"));
}

}  // namespace
}  // namespace shunt::sources::kubernetes
