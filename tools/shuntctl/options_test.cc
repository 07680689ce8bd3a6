// SPDX-License-Identifier: Apache-2.0
#include "tools/shuntctl/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "absl/strings/str_split.h"
#include "tools/shuntctl/words.h"

namespace shunt::shuntctl {
namespace {

using ::testing::ElementsAre;

absl::StatusOr<CommandLine> Parse(absl::string_view text) {
  return ParseCommandLine(text.empty() ? std::vector<std::string>() : absl::StrSplit(text, ' '));
}

TEST(OptionsTest, MayStandAnywhere) {
  for (const char* text : {"-n shop -o wide service list", "service -n shop list -o wide", "service list -nshop -owide",
                           "service list --namespace=shop --output wide", "-o json -o wide -n shop service list"}) {
    const auto line = Parse(text);
    ASSERT_TRUE(line.ok()) << text << ": " << line.status();
    EXPECT_THAT(line->words, ElementsAre("service", "list")) << text;
    EXPECT_EQ(line->options.namespace_name, "shop") << text;
    EXPECT_TRUE(line->options.IsWide()) << text;
  }
}

TEST(OptionsTest, EachSetsWhatItSays) {
  const auto line = Parse("-jw --interval 0.5 --no-headers -s /tmp/x.sock --offline --bpffs /tmp/bpf");
  ASSERT_TRUE(line.ok()) << line.status();
  EXPECT_EQ(line->options.format, Format::kJson);
  EXPECT_TRUE(line->options.watch);
  EXPECT_EQ(line->options.interval, absl::Milliseconds(500));
  EXPECT_FALSE(line->options.headers);
  EXPECT_EQ(line->options.socket, "/tmp/x.sock");
  EXPECT_TRUE(line->options.offline);
  EXPECT_EQ(line->options.bpffs, "/tmp/bpf");
  EXPECT_EQ(Parse("-p")->options.format, Format::kPrettyJson);
  EXPECT_EQ(Parse("-o json")->options.format, Format::kPrettyJson);
  EXPECT_EQ(Parse("-o yaml")->options.format, Format::kYaml);
  EXPECT_EQ(Parse("-n x -A")->options.namespace_name, "");
  EXPECT_TRUE(Parse("-h")->options.help);
  EXPECT_TRUE(Parse("-V")->options.version);
}

TEST(OptionsTest, DefaultsAreThoseOfTheAgent) {
  const auto line = Parse("");
  EXPECT_EQ(line->options.socket, "/run/shunt/admin.sock");
  EXPECT_EQ(line->options.bpffs, "/sys/fs/bpf");
  EXPECT_EQ(line->options.format, Format::kTable);
  EXPECT_TRUE(line->options.headers);
}

TEST(OptionsTest, WhoNamesThePinsReadsThem) {
  EXPECT_TRUE(Parse("--bpffs /tmp/bpf check")->options.offline);
  setenv("SHUNT_BPFFS", "/host/bpf", 1);
  const auto line = Parse("check");
  unsetenv("SHUNT_BPFFS");
  EXPECT_EQ(line->options.bpffs, "/host/bpf");
  EXPECT_FALSE(line->options.offline) << "the container's default is no wish to read the pins";
}

TEST(OptionsTest, AfterTwoDashesEverythingIsAWord) {
  EXPECT_THAT(Parse("service show -- -j")->words, ElementsAre("service", "show", "-j"));
  EXPECT_THAT(Parse("-")->words, ElementsAre("-"));
}

TEST(OptionsTest, MistakesAreNamed) {
  struct Row {
    const char* text;
    const char* message;
  };
  const Row rows[] = {
      {"--ofline", "unknown option --ofline: did you mean --offline?"},
      {"--frobnicate", "unknown option --frobnicate"},
      {"-x", "unknown option -x"},
      {"--context prod", "option --context goes with --node NODE, which is missing"},
      {"-jx", "unknown option -x"},
      {"-o", "option -o needs a value: FORMAT"},
      {"service list --socket", "option --socket needs a value: PATH"},
      {"service list --socket --offline", "option --socket needs a value, PATH, but --offline follows"},
      {"-n --json", "option -n needs a value, NAME, but --json follows"},
      {"-o xml", "option -o must be one of table, wide, json, yaml, not 'xml'"},
      {"--offline=yes", "option --offline takes no value"},
      {"--socket=", "option --socket must have a value, not ''"},
      {"--interval never", "option --interval must be a number of seconds from 0.1 to 86400, not 'never'"},
      {"--interval 0", "option --interval must be a number of seconds from 0.1 to 86400, not '0'"},
      {"--interval nan", "option --interval must be a number of seconds from 0.1 to 86400, not 'nan'"},
  };
  for (const Row& row : rows) {
    const auto line = Parse(row.text);
    EXPECT_EQ(line.status().code(), absl::StatusCode::kInvalidArgument) << row.text;
    EXPECT_EQ(line.status().message(), row.message);
  }
}

TEST(WordsTest, AUniqueBeginningIsEnough) {
  const std::vector<Word> candidates = {{"service", {"services", "svc"}}, {"status"}, {"map"}, {"maps"}};
  EXPECT_EQ(*MatchWord("object", "se", candidates), 0u);
  EXPECT_EQ(*MatchWord("object", "sta", candidates), 1u);
  EXPECT_EQ(*MatchWord("object", "map", candidates), 2u) << "a whole word wins over a longer one";
  EXPECT_EQ(*MatchWord("object", "services", candidates), 0u);
  EXPECT_EQ(*MatchWord("object", "sv", candidates), 0u);
  EXPECT_EQ(*MatchWord("object", "ser", candidates), 0u) << "a word and its alias are no two words";
  EXPECT_EQ(MatchWord("object", "s", candidates).status().message(), "object 's' is ambiguous: service, status");
  EXPECT_EQ(MatchWord("object", "servce", candidates).status().message(),
            "unknown object 'servce': did you mean 'service'?");
  EXPECT_EQ(MatchWord("object", "wagon", candidates).status().message(),
            "unknown object 'wagon': there are service, status, map, maps");
  EXPECT_EQ(MatchWord("object", "", candidates).status().message(),
            "unknown object '': there are service, status, map, maps");
}

TEST(WordsTest, NearestIsTheOnlyOneNearEnough) {
  EXPECT_EQ(Nearest("staus", {"status", "service"}), "status");
  EXPECT_EQ(Nearest("lits", {"list", "show"}), "list");
  EXPECT_EQ(Nearest("pools", {"pool1", "pool2"}), "") << "two are as near";
  EXPECT_EQ(Nearest("x", {"ab"}), "") << "all of it would have to change";
  EXPECT_EQ(Nearest(std::string(100'000, 'x'), {"list"}), "");
}

}  // namespace
}  // namespace shunt::shuntctl
