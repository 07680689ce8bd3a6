// SPDX-License-Identifier: Apache-2.0
// What may stand next: the words themselves, and a real bash that completes a line.
#include "tools/shuntctl/completion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdio.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "userspace/admin/server.h"
#include "userspace/admin/testing/scripted_agent.h"

namespace shunt::shuntctl {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::Not;

class CompletionTest : public ::testing::Test {
 protected:
  // Returns the words that may end the line, without their meanings.
  std::vector<std::string> Words(absl::string_view line) {
    std::vector<std::string> words;
    for (const std::string& found : Complete(absl::StrSplit(line, ' '), [this](const Options& options) {
           asked_ = options;
           return ReadView(std::make_unique<admin::testing::ScriptedAgent>(agent_));
         })) {
      words.push_back(found.substr(0, found.find('\t')));
    }
    return words;
  }

  admin::testing::ScriptedAgent agent_ = admin::testing::SmallCluster();
  Options asked_;
};

TEST_F(CompletionTest, WordsOptionsAndNames) {
  EXPECT_THAT(Words(""), IsSupersetOf({"service", "backend", "map", "prog", "status", "check", "version", "help"}));
  EXPECT_THAT(Words("s"), ElementsAre("service", "snat", "status"));
  EXPECT_THAT(Words("flow list --state o"), ElementsAre("opening", "open"));
  EXPECT_THAT(Words("flow list --state=op"), ElementsAre("--state=opening", "--state=open"));
  EXPECT_THAT(Words("flow count --service shop/"), ElementsAre("shop/cart", "shop/search"));
  EXPECT_THAT(Words("service "), ElementsAre("list", "show", "help"));
  EXPECT_THAT(Words("help svc l"), ElementsAre("list"));
  EXPECT_THAT(Words("svc get "), ElementsAre("default/kubernetes", "shop/cart", "shop/search"));
  EXPECT_THAT(Words("service show shop/"), ElementsAre("shop/cart", "shop/search"));
  EXPECT_THAT(Words("-n shop service show c"), ElementsAre("cart"));
  EXPECT_THAT(Words("map dump soc"), ElementsAre("socket_state", "socket_taken", "socket_peers", "socket_peer_counts"));
  EXPECT_THAT(Words("map dump front"), ElementsAre("frontends", "frontend_index", "frontend_rows"));
  EXPECT_THAT(Words("completion "), ElementsAre("bash", "zsh", "fish", "help"));
  EXPECT_THAT(Words("--o"), ElementsAre("--output", "--offline"));
  EXPECT_THAT(Words("-"), Contains("--namespace"));
  EXPECT_THAT(Words("service list -o "), ElementsAre("table", "wide", "json", "yaml"));
  EXPECT_THAT(Words("service list -wo j"), ElementsAre("json"));
  EXPECT_THAT(Words("--output=y"), ElementsAre("--output=yaml"));
  EXPECT_THAT(Words("service list --namespace "), ElementsAre("default", "shop"));
  EXPECT_THAT(Words("--socket "), ElementsAre(":files"));
  EXPECT_THAT(Words("--bpffs=/x"), ElementsAre(":files"));
  EXPECT_THAT(Words("-o json ma"), ElementsAre("map")) << "an option's value is no word";
  EXPECT_THAT(Words("--interval "), IsEmpty());
  EXPECT_THAT(Words("status "), IsEmpty());
  EXPECT_THAT(Words("service list "), IsEmpty());
  EXPECT_THAT(Words("wagon "), IsEmpty());
}

TEST_F(CompletionTest, AsksWhomTheLineNames) {
  Words("--socket /tmp/x.sock service show ");
  EXPECT_EQ(asked_.socket, "/tmp/x.sock");
  Words("-s /tmp/z.sock -n ");
  EXPECT_EQ(asked_.socket, "/tmp/z.sock") << "an option whose value is being typed is no mistake";
  Words("--offline service show ");
  EXPECT_TRUE(asked_.offline);
  asked_ = Options();
  EXPECT_THAT(Words("--node worker-1 -s /tmp/y.sock service show "), IsEmpty());
  EXPECT_NE(asked_.socket, "/tmp/y.sock") << "the agent of another node is not asked";
  agent_.unreadable = absl::UnavailableError("no agent");
  EXPECT_THAT(Words("service show "), IsEmpty());
  EXPECT_THAT(Words("service sh"), ElementsAre("show"));
}

// A real bash with its real word breaks, and the real program, which asks a server.
class BashTest : public ::testing::Test {
 protected:
  BashTest() {
    char name[] = "/tmp/shuntctl-XXXXXX";
    directory_ = mkdtemp(name);
    auto server = admin::AdminServer::Start(directory_ + "/admin.sock", agent_);
    EXPECT_TRUE(server.ok()) << server.status();
    if (server.ok()) server_ = *std::move(server);
  }
  ~BashTest() override {
    server_.reset();
    std::filesystem::remove_all(directory_);
  }

  // Returns what bash would offer for the end of `line`, which follows the program's name.
  std::vector<std::string> Offer(const std::string& line) {
    const std::string script = directory_ + "/script";
    std::ofstream(script) << "set -u\n. <(" << SHUNTCTL_BINARY << " completion bash)\n"
                          << "COMP_WORDBREAKS=$' \\t\\n\"\\'><=;|&(:'\n"
                          << "COMP_LINE='" << SHUNTCTL_BINARY << " -s " << directory_ << "/admin.sock " << line << "'\n"
                          << "COMP_POINT=${#COMP_LINE}\n_shuntctl\nprintf '%s\\n' \"${COMPREPLY[@]}\"\n";
    FILE* pipe = popen(absl::StrCat("bash --norc ", script, " 2>&1").c_str(), "r");
    std::string out;
    char buffer[4096];
    for (size_t got; (got = fread(buffer, 1, sizeof(buffer), pipe)) > 0;) out.append(buffer, got);
    EXPECT_EQ(pclose(pipe), 0) << out;
    return absl::StrSplit(out, '\n', absl::SkipEmpty());
  }

  admin::testing::ScriptedAgent agent_ = admin::testing::SmallCluster();
  std::string directory_;
  std::unique_ptr<admin::AdminServer> server_;
};

TEST_F(BashTest, CompletesALine) {
  EXPECT_THAT(Offer("se"), ElementsAre("service"));
  EXPECT_THAT(Offer("service "), ElementsAre("list", "show", "help"));
  EXPECT_THAT(Offer("service show "), ElementsAre("default/kubernetes", "shop/cart", "shop/search"));
  EXPECT_THAT(Offer("service show shop/c"), ElementsAre("shop/cart"));
  EXPECT_THAT(Offer("-n "), ElementsAre("default", "shop"));
  EXPECT_THAT(Offer("--output=js"), ElementsAre("json")) << "readline replaces what follows the word break";
  EXPECT_THAT(Offer("map dump re"), ElementsAre("reasons"));
  EXPECT_THAT(Offer("wagon "), IsEmpty());
  EXPECT_THAT(Offer(absl::StrCat("--socket ", directory_, "/adm")), ElementsAre(directory_ + "/admin.sock"));
}

TEST_F(BashTest, KubectlIsGivenWordsAndWhatToDoBesides) {
  const auto said = [this](const std::string& arguments) {
    const std::string line = absl::StrCat("PATH=$(dirname ", SHUNTCTL_BINARY, "):$PATH ", SHUNT_COMPLETION,
                                          "/kubectl_complete-shunt -s ", directory_, "/admin.sock ", arguments);
    FILE* pipe = popen(line.c_str(), "r");
    std::string out;
    char buffer[4096];
    for (size_t got; (got = fread(buffer, 1, sizeof(buffer), pipe)) > 0;) out.append(buffer, got);
    EXPECT_EQ(pclose(pipe), 0) << arguments;
    return out;
  };
  EXPECT_EQ(said("service show shop/"), "shop/cart\nshop/search\n:4\n");
  EXPECT_EQ(said("wagon ''"), ":4\n");
  EXPECT_EQ(said("--kubeconfig ''"), ":0\n") << "kubectl offers files";
}

TEST_F(BashTest, TheScriptIsOfferedForEveryName) {
  const std::string check = absl::StrCat("bash --norc -c '. <(", SHUNTCTL_BINARY,
                                         " completion bash) && complete -p shuntctl kubectl-shunt > /dev/null'");
  EXPECT_EQ(std::system(check.c_str()), 0);
}

}  // namespace
}  // namespace shunt::shuntctl
