// SPDX-License-Identifier: Apache-2.0
// The protobuf of a real API server decodes to the same as its JSON, wherever the network cuts the bytes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "userspace/sources/kubernetes/testing/recording.h"
#include "userspace/sources/kubernetes/wire/api_error.h"
#include "userspace/sources/kubernetes/wire/list_decoder.h"
#include "userspace/sources/kubernetes/wire/stream.h"
#include "userspace/sources/kubernetes/wire/watch_event.h"

namespace shunt::sources::kubernetes {
namespace {

using testing::HasSubstr;

struct DecodedList {
  absl::Status status;
  std::vector<Object> items;
  std::string version;
  std::string continue_token;
};

// The body in pieces: its first `cut` bytes, then the rest.
DecodedList DecodeList(ObjectKind kind, absl::string_view body, size_t cut) {
  ListDecoder decoder(kind);
  DecodedList list;
  const auto keep = [&list](Object object) { list.items.push_back(std::move(object)); };
  const ListItems items{.usable = keep, .unusable = [](const UnusableObject& object) { ADD_FAILURE() << object.why; }};
  list.status = decoder.Append(body.substr(0, cut), items);
  if (list.status.ok()) list.status = decoder.Append(body.substr(cut), items);
  if (list.status.ok()) list.status = decoder.Finish();
  list.version = decoder.version();
  list.continue_token = decoder.continue_token();
  return list;
}

struct DecodedWatch {
  absl::Status status;
  std::vector<WatchEvent> events;
};

void DecodeFrames(FrameSplitter& splitter, ObjectKind kind, absl::string_view bytes, DecodedWatch& watch) {
  watch.status.Update(splitter.Append(bytes, [&](absl::string_view frame) -> absl::Status {
    absl::StatusOr<WatchEvent> event = DecodeWatchEvent(kind, frame);
    if (event.ok()) watch.events.push_back(*std::move(event));
    return event.status();
  }));
}

DecodedWatch DecodeWatch(ObjectKind kind, absl::string_view body, size_t cut) {
  FrameSplitter splitter;
  DecodedWatch watch;
  DecodeFrames(splitter, kind, body.substr(0, cut), watch);
  DecodeFrames(splitter, kind, body.substr(cut), watch);
  return watch;
}

// Every cut of a larger body would take minutes under a sanitizer; those arrive byte by byte instead.
constexpr size_t kBytesToCutEverywhereMax = 5'000;

struct ListRow {
  ObjectKind kind;
  std::string name;
  size_t items;
  bool last_page;
};

const ListRow kLists[] = {
    {ObjectKind::kService, "list-services", 26, true},
    {ObjectKind::kEndpointSlice, "list-endpointslices", 28, true},
    {ObjectKind::kNode, "list-nodes", 3, true},
    {ObjectKind::kService, "page1-services", 7, false},
    {ObjectKind::kService, "page2-services", 7, false},
    {ObjectKind::kEndpointSlice, "page1-endpointslices", 7, false},
    {ObjectKind::kEndpointSlice, "page2-endpointslices", 7, false},
};

TEST(RecordedListTest, SaysWhatItsTwinInJsonSays) {
  for (const ListRow& row : kLists) {
    SCOPED_TRACE(row.name);
    const std::vector<Object> expected = JsonListItems(ReadRecording(row.name + "-json").body);
    const DecodedList list = DecodeList(row.kind, ReadRecording(row.name + "-pb").body, 0);
    ASSERT_EQ(list.status, absl::OkStatus());
    EXPECT_EQ(list.items.size(), row.items);
    EXPECT_TRUE(list.items == expected);
    EXPECT_EQ(list.version, "299");
    EXPECT_EQ(list.continue_token.empty(), row.last_page);
  }
}

TEST(RecordedListTest, IsTheSameWhereverTheNetworkCutsIt) {
  for (const ListRow& row : kLists) {
    SCOPED_TRACE(row.name);
    const std::string body = ReadRecording(row.name + "-pb").body;
    if (body.size() > kBytesToCutEverywhereMax) continue;
    const std::vector<Object> expected = DecodeList(row.kind, body, 0).items;
    for (size_t cut = 1; cut < body.size(); ++cut) {
      const DecodedList list = DecodeList(row.kind, body, cut);
      ASSERT_EQ(list.status, absl::OkStatus()) << cut;
      ASSERT_TRUE(list.items == expected) << cut;
    }
  }
}

TEST(RecordedListTest, ArrivesByteByByte) {
  for (const ListRow& row : kLists) {
    SCOPED_TRACE(row.name);
    const std::string body = ReadRecording(row.name + "-pb").body;
    ListDecoder decoder(row.kind);
    std::vector<Object> found;
    const ListItems items{.usable = [&found](Object object) { found.push_back(std::move(object)); },
                          .unusable = [](const UnusableObject& object) { ADD_FAILURE() << object.why; }};
    for (const char byte : body) ASSERT_EQ(decoder.Append({&byte, 1}, items), absl::OkStatus());
    EXPECT_EQ(decoder.Finish(), absl::OkStatus());
    EXPECT_TRUE(found == DecodeList(row.kind, body, 0).items);
  }
}

TEST(RecordedListTest, CutShortIsNoList) {
  for (const ListRow& row : kLists) {
    SCOPED_TRACE(row.name);
    const std::string body = ReadRecording(row.name + "-pb").body;
    if (body.size() > kBytesToCutEverywhereMax) continue;
    // Two empty fields of two bytes each follow the list, and an envelope may end before any of its fields.
    for (size_t size = 0; size < body.size(); ++size) {
      const bool may_end = size == body.size() - 4 || size == body.size() - 2;
      const DecodedList list = DecodeList(row.kind, absl::string_view(body).substr(0, size), size);
      ASSERT_EQ(list.status.code(), may_end ? absl::StatusCode::kOk : absl::StatusCode::kInvalidArgument) << size;
    }
  }
}

struct WatchRow {
  ObjectKind kind;
  std::string name;
};

const WatchRow kWatches[] = {
    {ObjectKind::kService, "watch-services"},
    {ObjectKind::kEndpointSlice, "watch-endpointslices"},
    {ObjectKind::kNode, "watch-nodes"},
    {ObjectKind::kService, "watchlist-services"},
    {ObjectKind::kEndpointSlice, "watchlist-endpointslices"},
    {ObjectKind::kNode, "watchlist-nodes"},
    {ObjectKind::kService, "watch-oldrv-replay"},
};

TEST(RecordedWatchTest, SaysWhatItsTwinInJsonSays) {
  for (const WatchRow& row : kWatches) {
    SCOPED_TRACE(row.name);
    const std::vector<WatchEvent> expected = JsonWatchEvents(ReadRecording(row.name + "-json").body);
    const DecodedWatch watch = DecodeWatch(row.kind, ReadRecording(row.name + "-pb").body, 0);
    ASSERT_EQ(watch.status, absl::OkStatus());
    // The two were recorded one after the other during the same changes; one may have one bookmark more.
    size_t at = 0;
    for (const WatchEvent& event : watch.events) {
      ASSERT_LT(at, expected.size());
      ASSERT_EQ(event.type, expected[at].type) << at;
      EXPECT_EQ(event.initial_events_end, expected[at].initial_events_end) << at;
      EXPECT_FALSE(event.version.empty()) << at;
      ASSERT_EQ(event.object.has_value(), event.type != WatchEventType::kBookmark) << at;
      if (event.object.has_value()) {
        EXPECT_TRUE(WithoutIdentity(*event.object) == WithoutIdentity(*expected[at].object)) << at;
      }
      ++at;
    }
    for (; at < expected.size(); ++at) EXPECT_EQ(expected[at].type, WatchEventType::kBookmark);
  }
}

TEST(RecordedWatchTest, EventsCarryTheVersionToGoOnFrom) {
  const DecodedWatch watch = DecodeWatch(ObjectKind::kEndpointSlice, ReadRecording("watch-endpointslices-pb").body, 0);
  std::vector<std::string> versions;
  for (const WatchEvent& event : watch.events) versions.push_back(event.version);
  EXPECT_THAT(versions, testing::ElementsAre("316", "317", "318", "322", "322"));
}

TEST(RecordedWatchTest, IsTheSameWhereverTheNetworkCutsIt) {
  for (const WatchRow& row : kWatches) {
    SCOPED_TRACE(row.name);
    const std::string body = ReadRecording(row.name + "-pb").body;
    if (body.size() > kBytesToCutEverywhereMax) continue;
    const size_t events = DecodeWatch(row.kind, body, 0).events.size();
    for (size_t cut = 1; cut < body.size(); ++cut) {
      const DecodedWatch watch = DecodeWatch(row.kind, body, cut);
      ASSERT_EQ(watch.status, absl::OkStatus()) << cut;
      ASSERT_EQ(watch.events.size(), events) << cut;
    }
  }
}

TEST(RecordedWatchTest, ArrivesByteByByte) {
  for (const WatchRow& row : kWatches) {
    SCOPED_TRACE(row.name);
    const std::string body = ReadRecording(row.name + "-pb").body;
    FrameSplitter splitter;
    DecodedWatch watch;
    for (const char byte : body) DecodeFrames(splitter, row.kind, {&byte, 1}, watch);
    EXPECT_EQ(watch.status, absl::OkStatus());
    EXPECT_EQ(watch.events.size(), DecodeWatch(row.kind, body, 0).events.size());
  }
}

TEST(RecordedWatchTest, FramesThatAreCutShortAreBroken) {
  for (const WatchRow& row : kWatches) {
    SCOPED_TRACE(row.name);
    FrameSplitter splitter;
    const absl::Status status =
        splitter.Append(ReadRecording(row.name + "-pb").body, [&row](absl::string_view frame) -> absl::Status {
          for (size_t size = 0; size < frame.size(); ++size) {
            const absl::Status broken = DecodeWatchEvent(row.kind, frame.substr(0, size)).status();
            EXPECT_EQ(broken.code(), absl::StatusCode::kInvalidArgument) << size << " of " << frame.size();
          }
          return absl::OkStatus();
        });
    EXPECT_EQ(status, absl::OkStatus());
  }
}

TEST(RecordedWatchTest, IsFramedThoughOnlyProtobufWasAskedFor) {
  const Recording recording = ReadRecording("watch-norv-pbjson-accept");
  EXPECT_THAT(recording.content_type, HasSubstr(";stream=watch"));
  const DecodedWatch watch = DecodeWatch(ObjectKind::kService, recording.body, 0);
  EXPECT_EQ(watch.status, absl::OkStatus());
  EXPECT_EQ(watch.events.size(), 26);
}

TEST(RecordedWatchTest, AnExpiredVersionIsAnErrorEvent) {
  const DecodedWatch watch = DecodeWatch(ObjectKind::kService, ReadRecording("err-410-watch-pb").body, 0);
  const std::vector<WatchEvent> expected = JsonWatchEvents(ReadRecording("err-410-watch-json").body);
  ASSERT_EQ(watch.status, absl::OkStatus());
  ASSERT_EQ(watch.events.size(), 1);
  ASSERT_EQ(expected.size(), 1);
  const WatchEvent& event = watch.events[0];
  EXPECT_EQ(event.type, WatchEventType::kError);
  EXPECT_EQ(event.error.code, 410);
  EXPECT_EQ(event.error.reason, "Expired");
  EXPECT_EQ(event.error.message, expected[0].error.message);
  EXPECT_EQ(event.version, "");
}

TEST(RecordedErrorTest, IsReadInBothEncodings) {
  struct Row {
    std::string name;
    int code;
    std::string reason;
    std::string message;
  };
  const Row kRows[] = {
      {"err-401-pb", 401, "Unauthorized", "Unauthorized"},
      {"err-401-json", 401, "Unauthorized", "Unauthorized"},
      {"err-403-pb", 403, "Forbidden", "User \"nobody\" cannot list resource \"services\""},
      {"err-403-json", 403, "Forbidden", "User \"nobody\" cannot list resource \"services\""},
      {"err-406", 406, "NotAcceptable", "Available representations: application/json"},
      {"err-410-list-continue-pb", 410, "Expired", "continue parameter is too old"},
      {"err-410-list-continue-json", 410, "Expired", "continue parameter is too old"},
      {"err-400-badcontinue-json", 400, "BadRequest", "continue key is not valid"},
  };
  for (const Row& row : kRows) {
    SCOPED_TRACE(row.name);
    const Recording recording = ReadRecording(row.name);
    const ApiError error = DecodeError(recording.status, recording.content_type, recording.body);
    EXPECT_EQ(error.code, row.code);
    EXPECT_EQ(error.reason, row.reason);
    EXPECT_THAT(error.message, HasSubstr(row.message));
    EXPECT_EQ(error.retry_after, std::nullopt);
    EXPECT_FALSE(error.version_too_large);
  }
}

TEST(RecordedErrorTest, AVersionFromTheFutureIsToldFromOtherTimeouts) {
  const Recording recording = ReadRecording("list-future-rv-json");
  const ApiError error = DecodeError(recording.status, recording.content_type, recording.body);
  EXPECT_EQ(error.code, 504);
  EXPECT_EQ(error.reason, "Timeout");
  EXPECT_EQ(error.retry_after, std::chrono::seconds(1));
  EXPECT_TRUE(error.version_too_large);
}

TEST(RecordedErrorTest, CutShortIsDescribed) {
  for (const char* name : {"err-403-pb", "err-403-json"}) {
    SCOPED_TRACE(name);
    const Recording recording = ReadRecording(name);
    const size_t end = recording.body.find_last_not_of("\n") + 1;
    for (size_t size = 0; size < end; ++size) {
      const ApiError error = DecodeError(403, recording.content_type, recording.body.substr(0, size));
      EXPECT_EQ(error.code, 403);
      // An envelope may end after its object: two empty fields follow.
      const bool whole = recording.content_type != "application/json" && (size == end - 2 || size == end - 4);
      EXPECT_EQ(error.reason, whole ? "Forbidden" : "") << size;
    }
  }
}

}  // namespace
}  // namespace shunt::sources::kubernetes
