// SPDX-License-Identifier: Apache-2.0
// Watches, lists and errors as no good server sends them; as a good one does: recordings_test.cc.
#include "userspace/sources/kubernetes/wire/decoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "userspace/sources/kubernetes/testing/api_bytes.h"
#include "userspace/sources/kubernetes/testing/sample_objects.h"

namespace shunt::sources::kubernetes {
namespace {

using testing::HasSubstr;

absl::Status Ignore(absl::string_view) {
  return absl::OkStatus();
}

absl::string_view WithoutLength(const std::string& frame) {
  return absl::string_view(frame).substr(4);
}

std::string Message(const absl::Status& status) {
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  return std::string(status.message());
}

TEST(FrameSplitterTest, GivesFramesInOrderAndEmptyOnesToo) {
  FrameSplitter splitter;
  std::vector<std::string> frames;
  const auto keep = [&frames](absl::string_view frame) {
    frames.emplace_back(frame);
    return absl::OkStatus();
  };
  ASSERT_EQ(splitter.Append({"\0\0\0\x02hi\0\0\0\0\0\0\0\x01", 14}, keep), absl::OkStatus());
  EXPECT_THAT(frames, testing::ElementsAre("hi", ""));
  ASSERT_EQ(splitter.Append("!", keep), absl::OkStatus());
  EXPECT_THAT(frames, testing::ElementsAre("hi", "", "!"));
}

TEST(FrameSplitterTest, ALengthThatIsTooLargeIsRefusedBeforeItsBytesCome) {
  FrameSplitter at_most;
  EXPECT_EQ(at_most.Append({"\x01\x00\x00\x00", 4}, Ignore), absl::OkStatus());
  FrameSplitter beyond;
  EXPECT_THAT(Message(beyond.Append({"\x01\x00\x00\x01", 4}, Ignore)),
              HasSubstr("a frame of 16777217 bytes; at most 16777216 are accepted"));
}

TEST(FrameSplitterTest, PassesOnWhatItsConsumerSays) {
  FrameSplitter splitter;
  const absl::Status status = splitter.Append({"\0\0\0\0", 4}, [](auto) { return absl::AbortedError("enough"); });
  EXPECT_EQ(status, absl::AbortedError("enough"));
}

TEST(WatchEventTest, CarriesItsObjectAndVersion) {
  const absl::StatusOr<WatchEvent> event =
      DecodeWatchEvent(ObjectKind::kService, WithoutLength(EventFrame("MODIFIED", SampleService())));
  ASSERT_EQ(event.status(), absl::OkStatus());
  EXPECT_EQ(event->type, WatchEventType::kModified);
  EXPECT_EQ(event->version, "219");
  EXPECT_TRUE(event->object == Object(SampleService()));
}

TEST(WatchEventTest, ABookmarkSaysWhetherTheInitialEventsEnd) {
  for (const bool end : {false, true}) {
    const absl::StatusOr<WatchEvent> event =
        DecodeWatchEvent(ObjectKind::kNode, WithoutLength(BookmarkFrame(ObjectKind::kNode, "7", end)));
    ASSERT_EQ(event.status(), absl::OkStatus());
    EXPECT_EQ(event->type, WatchEventType::kBookmark);
    EXPECT_EQ(event->version, "7");
    EXPECT_EQ(event->initial_events_end, end);
    EXPECT_FALSE(event->object.has_value());
  }
}

TEST(WatchEventTest, WhatIsNoneIsRefused) {
  struct Row {
    std::string sentence;
    std::string frame;
    std::string error;
  };
  const std::string service = MessageOf(SampleService());
  const Row kRows[] = {
      {"an unknown type", EventFrame("RENAMED", SampleService()), "a watch event of the unknown type \"RENAMED\""},
      {"another kind", EventFrame("ADDED", SampleSlice()),
       "is a discovery.k8s.io/v1 EndpointSlice, expected a v1 Service"},
      {"another version", Frame("ADDED", Enveloped("v2", "Service", service)), "is a v2 Service, expected"},
      {"another kind's bookmark", BookmarkFrame(ObjectKind::kNode, "7"), "is a v1 Node, expected a v1 Service"},
      {"an error that is an object", Frame("ERROR", Enveloped("v1", "Service", service)), "expected a v1 Status"},
      {"JSON", Frame("ADDED", "{\"kind\":\"Service\"}"), "not Kubernetes protobuf"},
      {"nothing", std::string("\0\0\0\0", 4), "a watch event of the unknown type \"\""},
  };
  for (const Row& row : kRows) {
    SCOPED_TRACE(row.sentence);
    EXPECT_THAT(Message(DecodeWatchEvent(ObjectKind::kService, WithoutLength(row.frame)).status()),
                HasSubstr(row.error));
  }
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
    // A length that promises more than there is must not make it wait: more is appended until it objects.
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

TEST(ApiErrorTest, IsReadWithAllThatItSays) {
  const ApiError sent{.code = 504,
                      .reason = "Timeout",
                      .message = "later",
                      .retry_after = std::chrono::seconds(3),
                      .version_too_large = true};
  const ApiError error = DecodeError(504, "application/vnd.kubernetes.protobuf", StatusBody(sent));
  EXPECT_EQ(error.code, 504);
  EXPECT_EQ(error.reason, "Timeout");
  EXPECT_EQ(error.message, "later");
  EXPECT_EQ(error.retry_after, std::chrono::seconds(3));
  EXPECT_TRUE(error.version_too_large);
}

TEST(ApiErrorTest, OldServersSayTheVersionIsTooLargeInTheMessageOnly) {
  const std::string message = "Timeout: Too large resource version: 9, current: 3";
  EXPECT_TRUE(
      DecodeError(504, "application/vnd.kubernetes.protobuf", StatusBody({.message = message})).version_too_large);
  EXPECT_TRUE(DecodeError(504, "application/json", absl::StrCat(R"({"kind":"Status","message":")", message, "\"}"))
                  .version_too_large);
}

TEST(ApiErrorTest, ATextIsKeptAsFarAsAnybodyReads) {
  const std::string text(2 * kErrorTextBytesMax, 'x');
  const ApiError from_protobuf =
      DecodeError(500, "application/vnd.kubernetes.protobuf", StatusBody({.reason = text, .message = text}));
  const ApiError from_json = DecodeError(
      500, "application/json", absl::StrCat(R"({"kind":"Status","reason":")", text, R"(","message":")", text, "\"}"));
  for (const ApiError& error : {from_protobuf, from_json}) {
    EXPECT_EQ(error.reason.size(), kErrorTextBytesMax);
    EXPECT_EQ(error.message.size(), kErrorTextBytesMax);
  }
  // The parser quotes what it could not read.
  const ApiError broken = DecodeError(500, "application/json", "{\"" + std::string(100'000, '\t'));
  EXPECT_LE(broken.message.size(), 1200);
}

TEST(ApiErrorTest, ATimeToWaitThatIsNoneIsNotTaken) {
  EXPECT_EQ(DecodeError(429, "application/vnd.kubernetes.protobuf",
                        StatusBody({.code = 429, .retry_after = std::chrono::seconds(-1)}))
                .retry_after,
            std::nullopt);
}

TEST(ApiErrorTest, WhatCannotBeReadIsDescribed) {
  struct Row {
    std::string sentence;
    std::string content_type;
    std::string body;
    std::string message;
  };
  const Row kRows[] = {
      {"a proxy's page", "text/html", "<h1>Bad gateway\x1b</h1>",
       "an answer without a Kubernetes Status (neither protobuf nor JSON): <h1>Bad gateway\\033</h1>"},
      {"nothing at all", "", "", "an answer without a Kubernetes Status (neither protobuf nor JSON): "},
      {"JSON of somebody else", "application/json", R"({"error":"no"})", "(not a Status)"},
      {"broken JSON", "application/json; charset=utf-8", "{", "an answer without a Kubernetes Status"},
      {"a Status with a list for a reason", "application/json", R"({"kind":"Status","reason":[]})",
       "reason must be a string"},
      {"an object for an error", "application/vnd.kubernetes.protobuf", Enveloped("v1", "Service", ""),
       "is a v1 Service, expected a v1 Status"},
      {"too much", "application/json", std::string(kStatusBytesMax + 1, ' '), "(too long)"},
  };
  for (const Row& row : kRows) {
    SCOPED_TRACE(row.sentence);
    const ApiError error = DecodeError(502, row.content_type, row.body);
    EXPECT_EQ(error.code, 502);
    EXPECT_EQ(error.reason, "");
    EXPECT_THAT(error.message, HasSubstr(row.message));
    EXPECT_LE(error.message.size(), 1200);
  }
}

}  // namespace
}  // namespace shunt::sources::kubernetes
