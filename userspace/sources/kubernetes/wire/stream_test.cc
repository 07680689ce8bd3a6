// SPDX-License-Identifier: Apache-2.0
// Frames as no good server sends them; as a good one does: recordings_test.cc.
#include "userspace/sources/kubernetes/wire/stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace shunt::sources::kubernetes {
namespace {

using testing::HasSubstr;

absl::Status Ignore(absl::string_view) {
  return absl::OkStatus();
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

}  // namespace
}  // namespace shunt::sources::kubernetes
