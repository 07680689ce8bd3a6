// SPDX-License-Identifier: Apache-2.0
// --node, by the real program and a kubectl of given answers, which notes how it was called.
#include "tools/shuntctl/kubectl.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <system_error>
#include <vector>

#include "absl/strings/str_cat.h"

namespace shunt::shuntctl {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// Answers `get` with files and `exec` with what is asked there; notes its arguments, a line for each call.
constexpr char kKubectl[] = R"(#!/bin/sh
here=$(dirname "$0")
printf '%s\n' "$*" >> "$here/calls"
case "$*" in
  *" exec "*) echo "the pod's answer"; echo "the pod's complaint" >&2; exit 4 ;;
  *"get pods"*) [ -f "$here/pods" ] || { echo "error: the server says no" >&2; exit 1; }; cat "$here/pods" ;;
  *"get nodes"*) [ -f "$here/nodes" ] || { echo "forbidden" >&2; exit 1; }; cat "$here/nodes" ;;
esac
)";

class NodeTest : public ::testing::Test {
 protected:
  NodeTest() {
    char name[] = "/tmp/shuntctl-XXXXXX";
    directory_ = mkdtemp(name);
    Write("kubectl", kKubectl);
    std::filesystem::permissions(directory_ + "/kubectl", std::filesystem::perms::owner_all);
    Write("pods", R"({"items": [{"metadata": {"name": "shunt-abc"}, "status": {"phase": "Running"}}]})");
    Write("nodes", "node/worker-1\nnode/worker-2\n");
  }
  ~NodeTest() override { std::filesystem::remove_all(directory_); }

  void Write(const std::string& name, const std::string& text) { std::ofstream(directory_ + "/" + name) << text; }
  std::string Read(const std::string& name) const {
    std::ifstream file(directory_ + "/" + name);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }

  // Runs the program with the kubectl above, without a terminal; returns its exit status.
  int Run(const std::string& arguments) {
    std::filesystem::remove(directory_ + "/calls");
    const std::string line = absl::StrCat("PATH=", directory_, ":$PATH ", SHUNTCTL_BINARY, " ", arguments,
                                          " < /dev/null > ", directory_, "/out 2> ", directory_, "/err");
    return WEXITSTATUS(std::system(line.c_str()));
  }

  std::string directory_;
};

TEST_F(NodeTest, TheLineGoesToThePodAndTheAnswerComesBack) {
  EXPECT_EQ(Run("--node worker-1 service show -n shop cart -o wide --option-of-a-later-version -- -x"), 4)
      << "the exit status in the pod";
  EXPECT_EQ(Read("out"), "the pod's answer\n");
  EXPECT_EQ(Read("err"), "the pod's complaint\n");
  EXPECT_EQ(Read("calls"),
            "-n kube-system get pods -l app.kubernetes.io/name=shunt --field-selector spec.nodeName=worker-1 -o json\n"
            "-n kube-system exec shunt-abc -c shuntd -- shuntctl service show -n shop cart -o wide "
            "--option-of-a-later-version -- -x\n");
}

TEST_F(NodeTest, KubectlsOptionsArePassedOn) {
  EXPECT_EQ(Run("check --context=prod --node=worker-1 --kubeconfig /tmp/k --agent-namespace net"), 4);
  EXPECT_THAT(Read("calls"), HasSubstr("--context=prod --kubeconfig=/tmp/k -n net get pods"));
  EXPECT_THAT(Read("calls"),
              HasSubstr("--context=prod --kubeconfig=/tmp/k -n net exec shunt-abc -c shuntd -- shuntctl check\n"));
}

TEST_F(NodeTest, APodThatStaysIsPreferred) {
  Write("pods", R"({"items": [
    {"metadata": {"name": "pending"}, "status": {"phase": "Pending"}},
    {"metadata": {"name": "leaving", "deletionTimestamp": "2026-01-01T00:00:00Z"}, "status": {"phase": "Running"}},
    {"metadata": {"name": "staying"}, "status": {"phase": "Running"}}]})");
  Run("--node worker-1 status");
  EXPECT_THAT(Read("calls"), HasSubstr("exec staying "));
  Write("pods", R"({"items": [
    {"metadata": {"name": "leaving", "deletionTimestamp": "2026-01-01T00:00:00Z"}, "status": {"phase": "Running"}}]})");
  Run("--node worker-1 status");
  EXPECT_THAT(Read("calls"), HasSubstr("exec leaving ")) << "it still answers";
}

TEST_F(NodeTest, ThePluginIsTheProgramBesideIt) {
  const std::filesystem::path program = SHUNTCTL_BINARY;
  std::error_code error;
  EXPECT_TRUE(std::filesystem::equivalent(program, program.parent_path() / "kubectl-shunt", error)) << error.message();
}

TEST_F(NodeTest, APodThatIsReadyIsPreferred) {
  constexpr char kNotReady[] =
      R"("status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "False"}]}})";
  constexpr char kReady[] =
      R"("status": {"phase": "Running", "conditions": [{"type": "Initialized", "status": "True"},
                                                       {"type": "Ready", "status": "True"}]}})";
  const auto asked = [&](const std::string& pods) {
    Write("calls", "");
    Write("pods", absl::StrCat(R"({"items": [)", pods, "]}"));
    Run("--node worker-1 status");
    return Read("calls");
  };
  EXPECT_THAT(asked(absl::StrCat(R"({"metadata": {"name": "starting"}, )", kNotReady, R"(,
                                    {"metadata": {"name": "up"}, )",
                                 kReady)),
              HasSubstr("exec up "));
  EXPECT_THAT(asked(absl::StrCat(R"({"metadata": {"name": "starting"}, )", kNotReady, R"(,
                                    {"metadata": {"name": "leaving", "deletionTimestamp": "2026-01-01T00:00:00Z"}, )",
                                 kReady)),
              HasSubstr("exec leaving "))
      << "it answers, and the other one does not yet";
  EXPECT_THAT(asked(absl::StrCat(R"({"metadata": {"name": "starting"}, )", kNotReady)), HasSubstr("exec starting "));
}

TEST_F(NodeTest, WhatIsMissingIsNamed) {
  const auto error_of = [this](const std::string& arguments) {
    EXPECT_EQ(Run(arguments), 1) << arguments;
    EXPECT_THAT(Read("calls"), Not(HasSubstr("exec"))) << arguments;
    return Read("err");
  };
  Write("pods", R"({"items": [{"metadata": {"name": "shunt-abc"}, "status": {"phase": "Pending"}}]})");
  EXPECT_EQ(error_of("--node worker-1 status"),
            "shuntctl: --node worker-1: the agent's pod shunt-abc on node worker-1 is Pending: `kubectl -n kube-system "
            "describe pod shunt-abc` says why\n");
  Write("pods", R"({"items": []})");
  EXPECT_EQ(error_of("--node worker-2 status"),
            "shuntctl: --node worker-2: no pod of the agent is on node worker-2: none in namespace kube-system has the "
            "label app.kubernetes.io/name=shunt there; if it runs in another namespace, say --agent-namespace\n");
  EXPECT_EQ(error_of("--node worker-3 status"),
            "shuntctl: --node worker-3: there is no node worker-3; `kubectl get nodes` lists them\n");
  std::filesystem::remove(directory_ + "/nodes");
  EXPECT_THAT(error_of("--node worker-3 status"), HasSubstr("no pod of the agent")) << "nodes are not ours to list";
  std::filesystem::remove(directory_ + "/pods");
  EXPECT_EQ(error_of("--node worker-1 status"),
            "error: the server says no\nshuntctl: --node worker-1: kubectl failed with exit status 1\n");
  EXPECT_EQ(
      std::system(absl::StrCat("PATH=/nowhere ", SHUNTCTL_BINARY, " --node n status 2> ", directory_, "/err").c_str()),
      1 << 8);
  EXPECT_THAT(Read("err"), HasSubstr("cannot run kubectl: No such file or directory"));
  EXPECT_EQ(Run("status --node"), 2);
  EXPECT_THAT(Read("err"), HasSubstr("option --node needs a value"));
}

TEST_F(NodeTest, ATerminalHereIsATerminalThere) {
  int terminal = -1;
  const pid_t child = forkpty(&terminal, nullptr, nullptr, nullptr);
  ASSERT_GE(child, 0);
  if (child == 0) {
    setenv("PATH", absl::StrCat(directory_, ":", getenv("PATH")).c_str(), 1);
    execl(SHUNTCTL_BINARY, "shuntctl", "--node", "worker-1", "status", "-w", nullptr);
    _exit(127);
  }
  char buffer[4096];
  while (read(terminal, buffer, sizeof(buffer)) > 0) {  // until it closes the terminal: EIO
  }
  int status = 0;
  waitpid(child, &status, 0);
  close(terminal);
  EXPECT_EQ(WEXITSTATUS(status), 4);
  EXPECT_THAT(Read("calls"), HasSubstr("exec -it shunt-abc -c shuntd -- shuntctl status -w\n"));
}

TEST_F(NodeTest, TheProgramOffersTheNamesOfNodes) {
  EXPECT_EQ(Run("completion words -- --context prod --node worker-"), 0);
  EXPECT_EQ(Read("out"), "worker-1\nworker-2\n");
  EXPECT_EQ(Read("calls"), "--context=prod get nodes -o name\n");
}

TEST(NodeLineTest, OnlyBeforeTwoDashes) {
  EXPECT_TRUE(NamesNode({"status", "--node", "n"}));
  EXPECT_TRUE(NamesNode({"--node=n"}));
  EXPECT_FALSE(NamesNode({"service", "show", "--", "--node=n"}));
  EXPECT_FALSE(NamesNode({"--nodes", "node", "--context=c"}));
  EXPECT_THAT(ParseNodeLine({"--node", "n", "a", "--", "--node"})->arguments, ElementsAre("a", "--", "--node"));
  EXPECT_THAT(ParseNodeLine({"--node="}).status().message(), HasSubstr("--node needs a value"));
  EXPECT_EQ(ParseNodeLine({"--node", "--context", "prod"}).status().message(),
            "option --node needs a value, but --context follows");
}

}  // namespace
}  // namespace shunt::shuntctl
