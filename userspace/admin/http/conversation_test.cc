// SPDX-License-Identifier: Apache-2.0
#include "userspace/admin/http/conversation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"

namespace shunt::admin::http {
namespace {

using ::testing::EndsWith;
using ::testing::StartsWith;

Response Echo(const Request& request) {
  return {.body = request.method + " " + request.path};
}

std::string Take(Conversation& conversation) {
  const std::string taken(conversation.Unsent());
  conversation.Sent(taken.size());
  return taken;
}

TEST(ConversationTest, RequestsThatComeTogetherAreAnsweredOneAfterTheOther) {
  Conversation conversation;
  conversation.Receive("GET /1 HTTP/1.1\r\nHost: n\r\n\r\nHEAD /2 HTTP/1.1\r\nHost: n\r\n\r\nGET /3 HTTP/1.0\r\n\r\n");
  ASSERT_TRUE(conversation.Answer(Echo, 0));
  EXPECT_FALSE(conversation.Answer(Echo, 0)) << "the first answer is not gone yet";
  conversation.Sent(1);
  EXPECT_FALSE(conversation.Answer(Echo, 0)) << "nor is it whole";
  EXPECT_THAT(Take(conversation), EndsWith("\r\n\r\nGET /1"));
  ASSERT_TRUE(conversation.Answer(Echo, 0));
  EXPECT_THAT(Take(conversation), EndsWith("\r\n\r\n"));
  EXPECT_FALSE(conversation.Ends());
  ASSERT_TRUE(conversation.Answer(Echo, 0));
  EXPECT_THAT(Take(conversation), EndsWith("Connection: close\r\n\r\nGET /3"));
  EXPECT_TRUE(conversation.Ends());
}

TEST(ConversationTest, WhatIsNoRequestIsTheLastOne) {
  Conversation conversation;
  conversation.Receive("nonsense\r\n\r\nGET / HTTP/1.0\r\n\r\n");
  ASSERT_TRUE(conversation.Answer(Echo, 0));
  EXPECT_THAT(Take(conversation), StartsWith("HTTP/1.1 400 Bad Request\r\n"));
  EXPECT_TRUE(conversation.Ends());
  EXPECT_EQ(conversation.Room(), 0u);
  EXPECT_FALSE(conversation.Answer(Echo, 0));
}

TEST(ConversationTest, NoMoreIsTakenThanTheLongestHead) {
  Conversation conversation;
  conversation.Receive(std::string(conversation.Room(), 'x'));
  EXPECT_EQ(conversation.Room(), 0u);
  ASSERT_TRUE(conversation.Answer(Echo, 0));
  EXPECT_THAT(Take(conversation), StartsWith("HTTP/1.1 431 "));
}

TEST(ConversationTest, AnAnswerMakesRoomForTheNextRequest) {
  Conversation conversation;
  const std::string request = "GET / HTTP/1.1\r\nHost: n\r\n\r\n";
  conversation.Receive(request);
  EXPECT_EQ(conversation.Room(), kHeadBytesMax - request.size());
  ASSERT_TRUE(conversation.Answer(Echo, 0));
  EXPECT_EQ(conversation.Room(), kHeadBytesMax);
}

}  // namespace
}  // namespace shunt::admin::http
