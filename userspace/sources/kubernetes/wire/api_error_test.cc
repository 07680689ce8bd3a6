// SPDX-License-Identifier: Apache-2.0
// Errors as no good server sends them; as a good one does: recordings_test.cc.
#include "userspace/sources/kubernetes/wire/api_error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "userspace/sources/kubernetes/testing/api_bytes.h"

namespace shunt::sources::kubernetes {
namespace {

using testing::HasSubstr;

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
      {"another program's JSON", "application/json", R"({"error":"no"})", "(not a Status)"},
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
