// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/kubernetes/client/head_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <initializer_list>

namespace shunt::sources::kubernetes {
namespace {

absl::Status Feed(HeadReader& reader, std::initializer_list<absl::string_view> lines) {
  for (const absl::string_view line : lines) {
    if (absl::Status status = reader.Line(line); !status.ok()) return status;
  }
  return absl::OkStatus();
}

TEST(HeadReader, ReadsStatusTypeAndRetryAfter) {
  HeadReader reader;
  ASSERT_TRUE(Feed(reader, {"HTTP/1.1 429 Too Many Requests\r\n", "content-type:application/json \r\n",
                            "Retry-After: 7\r\n", "X-Other: 1\r\n"})
                  .ok());
  EXPECT_FALSE(reader.complete());
  ASSERT_TRUE(reader.Line("\r\n").ok());
  EXPECT_TRUE(reader.complete());
  EXPECT_EQ(reader.head().status, 429);
  EXPECT_EQ(reader.head().content_type, "application/json");
  EXPECT_EQ(reader.head().retry_after, std::chrono::seconds(7));
}

TEST(HeadReader, SkipsInformationalHeads) {
  HeadReader reader;
  ASSERT_TRUE(Feed(reader, {"HTTP/1.1 103 Early Hints\r\n", "Content-Type: text/html\r\n", "\r\n"}).ok());
  EXPECT_FALSE(reader.complete());
  ASSERT_TRUE(Feed(reader, {"HTTP/1.1 200 OK\r\n", "\r\n"}).ok());
  EXPECT_TRUE(reader.complete());
  EXPECT_EQ(reader.head().content_type, "");
}

TEST(HeadReader, IgnoresTrailersAndWhatItDoesNotUnderstand) {
  HeadReader reader;
  ASSERT_TRUE(Feed(reader, {"HTTP/1.1 200\r\n", "no colon\r\n", "Retry-After: Thu, 01 Jan 1970 00:00:00 GMT\r\n",
                            "Content-Encoding: identity\r\n", "\r\n", "Content-Type: a\r\n"})
                  .ok());
  EXPECT_EQ(reader.head().retry_after, std::nullopt);
  EXPECT_EQ(reader.head().content_type, "");
}

TEST(HeadReader, CapsRetryAfterAtADay) {
  HeadReader reader;
  ASSERT_TRUE(Feed(reader, {"HTTP/1.1 503 -\r\n", "Retry-After: 4000000000\r\n", "\r\n"}).ok());
  EXPECT_EQ(reader.head().retry_after, std::chrono::hours(24));
}

TEST(HeadReader, RefusesWhatIsNoHeadOfHttp) {
  for (const absl::string_view line : {"ICY 200 OK\r\n", "HTTP/1.1\r\n", "HTTP/1.1 abc\r\n", "HTTP/1.1 099 x\r\n"}) {
    HeadReader reader;
    EXPECT_EQ(reader.Line(line).code(), absl::StatusCode::kInvalidArgument) << line;
  }
}

TEST(HeadReader, RefusesAnEncodingThatNobodyAskedFor) {
  HeadReader reader;
  const absl::Status status = Feed(reader, {"HTTP/1.1 200 OK\r\n", "Content-Encoding: gzip\r\n"});
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("encoded (gzip)"));
}

TEST(HeadReader, RefusesHeadsWithoutEnd) {
  HeadReader reader;
  ASSERT_TRUE(reader.Line("HTTP/1.1 200 OK\r\n").ok());
  const std::string line = "X-Padding: " + std::string(1000, 'a') + "\r\n";
  absl::Status status;
  for (size_t bytes = 0; bytes <= kHeadBytesMax && status.ok(); bytes += line.size()) status = reader.Line(line);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace shunt::sources::kubernetes
