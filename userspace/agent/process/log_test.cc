// SPDX-License-Identifier: Apache-2.0
#include "userspace/agent/process/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/formatter.h>
#include <spdlog/sinks/ostream_sink.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

namespace shunt::agent {
namespace {

TEST(LogTextTest, QuotesWhatOthersWrote) {
  struct Row {
    const char* what;
    std::string text;
    const char* quoted;
    const char* json;
  };
  const Row rows[] = {
      {"plain text stands as it is", "shop/cart", R"("shop/cart")", R"("shop/cart")"},
      {"nothing at all", "", R"("")", R"("")"},
      {"quote and backslash", R"(a"b\c)", R"("a\"b\\c")", R"("a\"b\\c")"},
      {"a line's end cannot start another line", "a\nI1122 \r\t", R"("a\nI1122 \r\t")",
       R"("a\u000aI1122 \u000d\u0009")"},
      {"a terminal's escape and DEL", "\x1b[2J\x7f", R"("\x1b[2J\x7f")", R"("\u001b[2J\u007f")"},
      {"a NUL inside", std::string("a\0b", 3), R"("a\x00b")", R"("a\u0000b")"},
      {"letters beyond ASCII", "Zürich 東京 🚂", "\"Zürich 東京 🚂\"", "\"Zürich 東京 🚂\""},
      {"C1 control (CSI as one character)", "\xc2\x9b", R"("\u009b")", R"("\u009b")"},
      {"right-to-left override and line separator", "\u202e\u2028", R"("\u202e\u2028")", R"("\u202e\u2028")"},
      {"bytes that are not UTF-8", "\xff\xc3(", R"_("\xff\xc3(")_", R"_("\ufffd\ufffd(")_"},
      {"an overlong slash", "\xc0\xaf", R"("\xc0\xaf")", R"("\ufffd\ufffd")"},
      {"a surrogate", "\xed\xa0\x80", R"("\xed\xa0\x80")", R"("\ufffd\ufffd\ufffd")"},
      {"a sequence that is cut short", "\xe6\x9d", R"("\xe6\x9d")", R"("\ufffd\ufffd")"},
      {"beyond Unicode", "\xf4\x90\x80\x80", R"("\xf4\x90\x80\x80")", R"("\ufffd\ufffd\ufffd\ufffd")"},
  };
  for (const Row& row : rows) {
    std::string quoted;
    AppendQuoted(row.text, quoted);
    EXPECT_EQ(quoted, row.quoted) << row.what;
    std::string json;
    AppendJsonString(row.text, json);
    EXPECT_EQ(json, row.json) << row.what;
    EXPECT_TRUE(nlohmann::json::accept(json)) << row.what;
  }
}

TEST(LogTest, BodyInBothForms) {
  struct Row {
    const char* what;
    int level;
    absl::Status status;
    const char* text;
    const char* json;
  };
  const Row rows[] = {
      {"a note has a level in JSON", 2, absl::OkStatus(),
       R"("Applied" service="a/b" count=-3 big=18446744073709551615 ms=0.25 all=true)",
       R"("v":2,"msg":"Applied","service":"a/b","count":-3,"big":18446744073709551615,"ms":0.25,"all":true)"},
      {"an error carries its status first", -1, absl::ResourceExhaustedError("map slots: full"),
       R"_("Applied" err="map slots: full (RESOURCE_EXHAUSTED)" service="a/b" count=-3 big=18446744073709551615)_"
       " ms=0.25 all=true",
       R"_("msg":"Applied","err":"map slots: full (RESOURCE_EXHAUSTED)","service":"a/b","count":-3,)_"
       R"_("big":18446744073709551615,"ms":0.25,"all":true)_"},
  };
  for (const Row& row : rows) {
    const LogFields fields = {{"service", "a/b"}, {"count", -3}, {"big", ~uint64_t{0}}, {"ms", 0.25}, {"all", true}};
    EXPECT_EQ(LogBody(LogFormat::kText, row.level, "Applied", fields, row.status), row.text) << row.what;
    EXPECT_EQ(LogBody(LogFormat::kJson, row.level, "Applied", fields, row.status), row.json) << row.what;
  }
}

std::string Format(LogFormat format, spdlog::level::level_enum level, const char* body) {
  const std::chrono::system_clock::time_point when(std::chrono::microseconds(1'795'376'692'123'456));
  const spdlog::details::log_msg message(when, spdlog::source_loc("loop.cc", 88, ""), "shuntd", level, body);
  spdlog::memory_buf_t line;
  MakeLogFormatter(format, 4711)->format(message, line);
  return std::string(line.data(), line.size());
}

TEST(LogTest, HeaderInBothForms) {
  ::setenv("TZ", "UTC", 1);
  ::tzset();
  EXPECT_EQ(Format(LogFormat::kText, spdlog::level::info, "\"Applied\""),
            "I1122 19:44:52.123456    4711 loop.cc:88] \"Applied\"\n");
  EXPECT_EQ(Format(LogFormat::kText, spdlog::level::warn, "\"x\""),
            "W1122 19:44:52.123456    4711 loop.cc:88] \"x\"\n");
  EXPECT_EQ(Format(LogFormat::kText, spdlog::level::err, "\"x\""), "E1122 19:44:52.123456    4711 loop.cc:88] \"x\"\n");
  EXPECT_EQ(Format(LogFormat::kJson, spdlog::level::info, "\"v\":2,\"msg\":\"Applied\""),
            "{\"ts\":1795376692.123456,\"caller\":\"loop.cc:88\",\"v\":2,\"msg\":\"Applied\"}\n");
  EXPECT_EQ(Format(LogFormat::kJson, spdlog::level::err, "\"msg\":\"x\""),
            "{\"ts\":1795376692.123456,\"caller\":\"loop.cc:88\",\"level\":\"error\",\"msg\":\"x\"}\n");
}

TEST(LogTest, NotesAboveTheVerbosityAreLeftOut) {
  std::ostringstream lines;
  OpenLog(LogFormat::kJson, 2, std::make_shared<spdlog::sinks::ostream_sink_mt>(lines));
  LogNote(3, "unseen");
  LogNote(2, "seen", {{"n", 1}});
  LogError(absl::UnavailableError("gone\nI1122 forged"), "failed");
  OpenLog(LogFormat::kText, 2);

  std::vector<nlohmann::json> parsed;
  std::istringstream in(lines.str());
  for (std::string line; std::getline(in, line);) parsed.push_back(nlohmann::json::parse(line));
  ASSERT_EQ(parsed.size(), 2u) << lines.str();
  EXPECT_EQ(parsed[0]["msg"], "seen");
  EXPECT_EQ(parsed[0]["v"], 2);
  EXPECT_THAT(std::string(parsed[0]["caller"]), testing::StartsWith("log_test.cc:"));
  EXPECT_EQ(parsed[1]["level"], "error");
  EXPECT_EQ(parsed[1]["err"], "gone\nI1122 forged (UNAVAILABLE)");
}

}  // namespace
}  // namespace shunt::agent
