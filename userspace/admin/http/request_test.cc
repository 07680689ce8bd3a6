// SPDX-License-Identifier: Apache-2.0
#include "userspace/admin/http/request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace shunt::admin::http {
namespace {

using Outcome = ParsedRequest::Outcome;

ParsedRequest ParseWhole(const std::string& head) {
  ParsedRequest parsed = ParseRequest(head);
  EXPECT_EQ(parsed.outcome, Outcome::kComplete) << head << parsed.status;
  EXPECT_EQ(parsed.head_bytes, head.size()) << head;
  return parsed;
}

TEST(RequestTest, AProbeIsReadByItsMethodAndPath) {
  const Request request = ParseWhole("GET /healthz?verbose=1 HTTP/1.1\r\nHost: n:10256\r\nAccept: */*\r\n\r\n").request;
  EXPECT_EQ(request.method, "GET");
  EXPECT_EQ(request.path, "/healthz");
  EXPECT_TRUE(request.keep_alive);
  EXPECT_FALSE(request.has_body);
}

struct TargetCase {
  const char* target;
  const char* path;
};

TEST(RequestTest, EveryFormOfATargetLeadsToAPath) {
  const TargetCase cases[] = {
      {"/", "/"},
      {"/a/b?c=/d?e", "/a/b"},
      {"http://node:10256/livez?x", "/livez"},
      {"http://node:10256", "/"},
      {"http://node?x=/y", "/"},
      {"*", "*"},
      {"/%41", "/%41"},
      {"//two", "//two"},
  };
  for (const TargetCase& c : cases) {
    EXPECT_EQ(ParseWhole(absl::StrCat("GET ", c.target, " HTTP/1.1\r\nHost: n\r\n\r\n")).request.path, c.path);
  }
}

struct KeepAliveCase {
  const char* sentence;
  const char* head;
  bool keep_alive;
};

TEST(RequestTest, AConnectionGoesOnUnlessItCannotOrShallNot) {
  const KeepAliveCase cases[] = {
      {"1.1 goes on", "GET / HTTP/1.1\r\nHost: n\r\n\r\n", true},
      {"unless it is to be closed", "GET / HTTP/1.1\r\nHost: n\r\nconnection: Close\r\n\r\n", false},
      {"which may stand among others", "GET / HTTP/1.1\r\nHost: n\r\nConnection: te , close\r\n\r\n", false},
      {"another word is not it", "GET / HTTP/1.1\r\nHost: n\r\nConnection: closed\r\n\r\n", true},
      {"1.0 never does", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", false},
      {"a body, which is not read, ends it", "POST / HTTP/1.1\r\nHost: n\r\nContent-Length: 10\r\n\r\n", false},
      {"of whatever length", "POST / HTTP/1.1\r\nHost: n\r\nTransfer-Encoding: chunked\r\n\r\n", false},
      {"an empty body counts as no body", "GET / HTTP/1.1\r\nHost: n\r\nContent-Length: 00\r\n\r\n", true},
  };
  for (const KeepAliveCase& c : cases) EXPECT_EQ(ParseWhole(c.head).request.keep_alive, c.keep_alive) << c.sentence;
}

TEST(RequestTest, BareLineFeedsAndEmptyLinesBeforeItAreTolerated) {
  EXPECT_EQ(ParseWhole("\r\n\nGET /x HTTP/1.0\nA: b\n\n").request.path, "/x");
  EXPECT_EQ(ParseWhole("GET /x HTTP/1.0\r\nA: b\n\r\n").request.path, "/x");
}

TEST(RequestTest, WhatFollowsTheHeadIsLeft) {
  const std::string first = "GET /1 HTTP/1.1\r\nHost: n\r\n\r\n";
  const ParsedRequest parsed = ParseRequest(first + "GET /2 HTTP/1.1\r\nHost: n\r\n\r\n");
  EXPECT_EQ(parsed.request.path, "/1");
  EXPECT_EQ(parsed.head_bytes, first.size());
}

TEST(RequestTest, AHeadIsIncompleteUntilItsEmptyLine) {
  const std::string head = "GET / HTTP/1.1\r\nHost: n\r\n\r\n";
  for (size_t length = 0; length < head.size(); ++length) {
    EXPECT_EQ(ParseRequest(head.substr(0, length)).outcome, Outcome::kIncomplete) << length;
  }
}

struct RefusedCase {
  const char* sentence;
  std::string head;
  int status;
};

TEST(RequestTest, WhatIsNoRequestIsRefusedByStatus) {
  const RefusedCase cases[] = {
      {"two words", "GET /\r\n\r\n", 400},
      {"four words", "GET / HTTP/1.1 x\r\n\r\n", 400},
      {"two blanks", "GET  / HTTP/1.0\r\n\r\n", 400},
      {"a method that is no token", "G(T / HTTP/1.0\r\n\r\n", 400},
      {"no method", " / HTTP/1.0\r\n\r\n", 400},
      {"a target that is no path", "GET healthz HTTP/1.0\r\n\r\n", 400},
      {"a target beyond ASCII", "GET /\xc3\xa4 HTTP/1.0\r\n\r\n", 400},
      {"a carriage return inside a line", "GET /\rx HTTP/1.0\r\n\r\n", 400},
      {"no version", "GET / FTP/1.0\r\n\r\n", 400},
      {"a longer version", "GET / HTTP/1.10\r\n\r\n", 400},
      {"another version", "GET / HTTP/2.0\r\n\r\n", 505},
      {"TLS", "\x16\x03\x01\x02\n\n", 400},
      {"a header without a colon", "GET / HTTP/1.0\r\nHost\r\n\r\n", 400},
      {"a blank before the colon", "GET / HTTP/1.1\r\nHost : n\r\n\r\n", 400},
      {"a folded line", "GET / HTTP/1.1\r\nHost: n\r\nA: b\r\n c\r\n\r\n", 400},
      {"a NUL in a value", std::string("GET / HTTP/1.0\r\nA: \0\r\n\r\n", 24), 400},
      {"an invalid length", "GET / HTTP/1.0\r\nContent-Length: -1\r\n\r\n", 400},
      {"1.1 without Host", "GET / HTTP/1.1\r\n\r\n", 400},
      {"two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
  };
  for (const RefusedCase& c : cases) {
    const ParsedRequest parsed = ParseRequest(c.head);
    EXPECT_EQ(parsed.outcome, Outcome::kRefused) << c.sentence;
    EXPECT_EQ(parsed.status, c.status) << c.sentence;
  }
}

TEST(RequestTest, AHeadOfTheGreatestLengthIsReadAndOneByteMoreIsRefused) {
  const std::string begin = "GET / HTTP/1.1\r\nHost: n\r\nA: ";
  const std::string end = "\r\n\r\n";
  const std::string fits = begin + std::string(kHeadBytesMax - begin.size() - end.size(), 'x') + end;
  ParseWhole(fits);
  const ParsedRequest longer = ParseRequest(begin + "x" + fits.substr(begin.size()));
  EXPECT_EQ(longer.outcome, Outcome::kRefused);
  EXPECT_EQ(longer.status, 431);
  EXPECT_EQ(ParseRequest(fits.substr(0, kHeadBytesMax - 1)).outcome, Outcome::kIncomplete);
}

}  // namespace
}  // namespace shunt::admin::http
