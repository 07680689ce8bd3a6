// SPDX-License-Identifier: Apache-2.0
// What is printed: hostile text made harmless, tables, YAML, JSON.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "shunt/admin/v1/backend.pb.h"
#include "tools/shuntctl/document.h"
#include "tools/shuntctl/printable.h"
#include "tools/shuntctl/table.h"
#include "tools/shuntctl/wording.h"
#include "tools/shuntctl/yaml.h"

namespace shunt::shuntctl {
namespace {

TEST(PrintableTest, NothingReachesTheTerminalThatCouldMoveIt) {
  struct Row {
    const char* sentence;
    std::string text;
    const char* expected;
  };
  const Row rows[] = {
      {"plain text stays", "shop/cart-1.2_x", "shop/cart-1.2_x"},
      {"letters of other scripts stay", "caf\xc3\xa9 \xe9\xa7\x85", "caf\xc3\xa9 \xe9\xa7\x85"},
      {"a color", "\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"},
      {"a window title that ends in BEL", "\x1b]0;pwned\x07", "\\x1b]0;pwned\\x07"},
      {"newline, carriage return, tab, backspace", "a\nb\rc\td\be", "a\\x0ab\\x0dc\\x09d\\x08e"},
      {"NUL and DEL", std::string("\0\x7f", 2), "\\x00\\x7f"},
      {"CSI as one C1 character",
       "\xc2\x9b"
       "2J",
       "\\x9b2J"},
      {"a C1 byte alone is not UTF-8",
       "\x9b"
       "2J",
       "\\x9b2J"},
      {"right-to-left override",
       "\xe2\x80\xae"
       "txt",
       "\\u202etxt"},
      {"isolates", "\xe2\x81\xa6", "\\u2066"},
      {"zero width space, byte order mark, soft hyphen", "\xe2\x80\x8b\xef\xbb\xbf\xc2\xad", "\\u200b\\ufeff\\xad"},
      {"line and paragraph separator", "\xe2\x80\xa8\xe2\x80\xa9", "\\u2028\\u2029"},
      {"tag characters", "\xf3\xa0\x81\x81", "\\U000e0041"},
      {"a non-character", "\xef\xbf\xbe", "\\ufffe"},
      {"bytes that are not UTF-8", "\xff\xc3(", "\\xff\\xc3("},
  };
  for (const Row& row : rows) EXPECT_EQ(Printable(row.text), row.expected) << row.sentence;
}

TEST(TableTest, LooksLikeKubectls) {
  Table table({"NAME", "PORT", "STATE"});
  table.Add({"kubernetes", "443", "Ready"});
  table.Add({"x", "", "A longer state"});
  EXPECT_EQ(table.ToString(true),
            "NAME         PORT     STATE\n"
            "kubernetes   443      Ready\n"
            "x            <none>   A longer state\n");
  EXPECT_EQ(table.ToString(false, "  "),
            "  kubernetes   443      Ready\n"
            "  x            <none>   A longer state\n");
}

TEST(TableTest, CountsLettersNotBytesAndEscapesCells) {
  Table table({"NAME", "END"});
  table.Add({"caf\xc3\xa9", "1"});
  table.Add({"a\nb", "2"});
  EXPECT_EQ(table.ToString(true),
            "NAME     END\n"
            "caf\xc3\xa9     1\n"
            "a\\x0ab   2\n");
}

TEST(YamlTest, NestsAsKubectlDoes) {
  const Json value = {{"kind", "List"},
                      {"items", {{{"a", 1}, {"b", {true, nullptr}}}, {{"c", Json::object()}}}},
                      {"empty", Json::array()},
                      {"map", {{"x", {{"y", "z"}}}}}};
  EXPECT_EQ(ToYaml(value),
            "kind: List\n"
            "items:\n"
            "- a: 1\n"
            "  b:\n"
            "  - true\n"
            "  - null\n"
            "- c: {}\n"
            "empty: []\n"
            "map:\n"
            "  x:\n"
            "    \"y\": z\n");
}

TEST(YamlTest, StringsThatCouldBeAnythingElseAreQuoted) {
  struct Row {
    const char* sentence;
    std::string text;
    const char* expected;
  };
  const Row rows[] = {
      {"a name", "kube-dns", "kube-dns"},
      {"a path-like name", "shop/cart.v1_x", "shop/cart.v1_x"},
      {"empty", "", "\"\""},
      {"a number", "123", "\"123\""},
      {"a number of another kind", "1e3", "\"1e3\""},
      {"a boolean of YAML 1.1", "No", "\"No\""},
      {"null", "Null", "\"Null\""},
      {"an address", "10.0.0.1", "\"10.0.0.1\""},
      {"an IPv6 address", "fd00::1", "\"fd00::1\""},
      {"something with a colon", "a: b", "\"a: b\""},
      {"a comment", "a #b", "\"a #b\""},
      {"quotes and backslashes", "say \"\\\"", "\"say \\\"\\\\\\\"\""},
      {"controls", "a\n\x1b", "\"a\\x0a\\x1b\""},
      {"a letter beyond ASCII", "\xc3\xa9", "\"\\xe9\""},
      {"beyond Latin", "\xe2\x82\xac", "\"\\u20ac\""},
      {"beyond 16 bits", "\xf0\x9f\x9a\x82", "\"\\U0001f682\""},
  };
  for (const Row& row : rows) EXPECT_EQ(ToYaml(Json(row.text)), std::string(row.expected) + "\n") << row.sentence;
}

TEST(DocumentTest, IsProtobufJsonInAnEnvelope) {
  admin::v1::Backend backend;
  backend.set_id(5);
  backend.mutable_address()->set_address("10.0.0.1");
  backend.set_chosen(12);
  EXPECT_EQ(PrintMessage("Backend", backend, Format::kJson),
            "{\"apiVersion\":\"shunt.admin.v1\",\"kind\":\"Backend\",\"id\":5,\"address\":{\"address\":\"10.0.0.1\","
            "\"port\":0},\"chosen\":12,\"services\":[]}\n");
}

TEST(DocumentTest, NumbersAreNumbersWhileEveryReaderIsExact) {
  admin::v1::Backend backend;
  const auto chosen = [&backend](uint64_t count) {
    backend.set_chosen(count);
    return ToJson(backend)["chosen"];
  };
  EXPECT_EQ(chosen(0), Json(0));
  EXPECT_EQ(chosen(uint64_t{1} << 53), Json(uint64_t{1} << 53));
  EXPECT_EQ(chosen((uint64_t{1} << 53) + 1), Json("9007199254740993"));
  EXPECT_EQ(chosen(UINT64_MAX), Json("18446744073709551615"));
  // Below others, in lists, and in an object's time, which is text.
  admin::v1::AgentStatus status;
  status.add_maps()->set_used(7);
  status.mutable_start_time()->set_seconds(1'763'850'000);
  status.set_version("12");
  const Json document = ToJson(status);
  EXPECT_EQ(document["maps"][0]["used"], Json(7));
  EXPECT_EQ(document["startTime"], Json("2025-11-22T22:20:00Z"));
  EXPECT_EQ(document["version"], Json("12")) << "text stays text";
}

TEST(DocumentTest, SharesHaveSixDigits) {
  admin::v1::PoolPlace place;
  const auto share = [&place](double percent) {
    place.set_share_percent(percent);
    return Print(ToJson(place)["sharePercent"], Format::kYaml);
  };
  EXPECT_EQ(share(100.0 / 3), "33.3333\n");
  EXPECT_EQ(share(100), "100\n");
  EXPECT_EQ(share(0.000123456789), "0.000123457\n") << "a small share does not become none";
}

TEST(DocumentTest, JsonIsAsciiWhateverTheNames) {
  admin::v1::Backend backend;
  backend.add_services()->set_name("\x1b[31m\xe2\x80\xae\xc2\x9b\x7f");
  const std::string text = PrintMessage("Backend", backend, Format::kJson);
  EXPECT_THAT(text, ::testing::HasSubstr("\\u001b[31m\\u202e\\u009b\\u007f"));
  for (const char c : text) EXPECT_TRUE((c >= 0x20 && c < 0x7f) || c == '\n') << static_cast<int>(c);
}

TEST(WordingTest, UnitsAndAddresses) {
  EXPECT_EQ(BytesText(0), "0 B");
  EXPECT_EQ(BytesText(1023), "1023 B");
  EXPECT_EQ(BytesText(1536), "1.5 KiB");
  EXPECT_EQ(BytesText(uint64_t{12} << 20), "12.0 MiB");
  EXPECT_EQ(PercentText(100.0 / 3), "33.33%");
  EXPECT_EQ(PercentText(0), "0.00%");
  EXPECT_EQ(PercentText(0.01), "0.01%");
  EXPECT_EQ(PercentText(100.0 / 49'000), "0.002%");
  EXPECT_EQ(PercentText(0.00001), "<0.0001%");
  EXPECT_EQ(CountText(0, "Service"), "0 Services");
  EXPECT_EQ(CountText(1, "Service"), "1 Service");
  admin::v1::SocketAddress address;
  EXPECT_EQ(AddressText(address), "");
  address.set_port(80);
  address.set_address("10.0.0.1");
  EXPECT_EQ(AddressText(address), "10.0.0.1:80");
  address.set_address("fd00::1");
  EXPECT_EQ(AddressText(address), "[fd00::1]:80");
  google::protobuf::Timestamp time;
  time.set_seconds(1'763'850'000);
  EXPECT_EQ(TimeText(time), "2025-11-22T22:20:00Z");
}

TEST(WordingTest, EveryVerdictHasWordsOfItsOwn) {
  std::vector<std::string> words;
  for (int i = 0; i < admin::v1::EndpointVerdict_descriptor()->value_count(); ++i) {
    words.push_back(VerdictText(static_cast<admin::v1::EndpointVerdict>(i)));
  }
  std::sort(words.begin(), words.end());
  EXPECT_EQ(std::unique(words.begin(), words.end()), words.end());
}

}  // namespace
}  // namespace shunt::shuntctl
