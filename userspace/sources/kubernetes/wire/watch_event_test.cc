// SPDX-License-Identifier: Apache-2.0
// Watches as no good server sends them; as a good one does: recordings_test.cc.
#include "userspace/sources/kubernetes/wire/watch_event.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "userspace/sources/kubernetes/testing/api_bytes.h"
#include "userspace/sources/kubernetes/testing/sample_objects.h"

namespace shunt::sources::kubernetes {
namespace {

using testing::HasSubstr;

absl::string_view WithoutLength(const std::string& frame) {
  return absl::string_view(frame).substr(4);
}

std::string Message(const absl::Status& status) {
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  return std::string(status.message());
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

TEST(WatchEventTest, AnObjectThatCannotBeDecodedIsAnEventOfItsVersion) {
  for (const char* const type : {"ADDED", "MODIFIED", "DELETED"}) {
    const std::string frame = EventFrameAround(type, ObjectKind::kService, MessageOf(SampleService()) + "\x12\x01x");
    const absl::StatusOr<WatchEvent> event = DecodeWatchEvent(ObjectKind::kService, WithoutLength(frame));
    ASSERT_EQ(event.status(), absl::OkStatus());
    EXPECT_FALSE(event->object.has_value());
    ASSERT_TRUE(event->unusable.has_value());
    EXPECT_EQ(event->unusable->name, SampleService().name);
    EXPECT_EQ(event->version, "219");
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

}  // namespace
}  // namespace shunt::sources::kubernetes
