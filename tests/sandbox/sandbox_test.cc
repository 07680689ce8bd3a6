// SPDX-License-Identifier: Apache-2.0
#include "tests/sandbox/sandbox.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/sandbox/cgroup.h"
#include "tests/sandbox/client_socket.h"
#include "tests/sandbox/echo_server.h"

namespace shunt::sandbox {
namespace {

// Runs `body` in a child, because a sandbox moves its whole process. Returns true if `body` did.
template <typename Body>
bool InChild(Body body) {
  const pid_t pid = fork();
  if (pid == 0) _exit(body() ? 0 : 1);
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

std::string CgroupOf(pid_t pid) {
  return absl::StrCat(*FindCgroupMount(), "/shunt-test-", pid);
}

bool Exists(const std::string& path) {
  return access(path.c_str(), F_OK) == 0;
}

// Returns false for a zombie too, because the process that inherits orphans may reap them late.
bool IsRunning(pid_t pid) {
  std::ifstream stat(absl::StrCat("/proc/", pid, "/stat"));
  std::string pid_text, name, state;
  return (stat >> pid_text >> name >> state) && state != "Z";
}

class SandboxTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root: namespaces and a cgroup";
    if (!FindCgroupMount().ok()) GTEST_SKIP() << FindCgroupMount().status();
  }
};

TEST_F(SandboxTest, EveryAddressOfALocalPrefixAnswersInEveryNamespace) {
  EXPECT_TRUE(InChild([] {
    auto sandbox = Sandbox::Create();
    if (!sandbox.ok()) return std::fprintf(stderr, "%s\n", sandbox.status().ToString().c_str()), false;
    const auto pod = (*sandbox)->NewPod();
    EchoServer server;
    if (!server.Listen((*sandbox)->host(), 8080).ok() || !server.Listen(*pod, 8080).ok()) return false;
    for (const NetworkNamespace* where : {&(*sandbox)->host(), &*pod}) {
      for (const char* text : {"10.244.3.9:8080", "[fd00:244::7]:8080"}) {
        const int family = text[0] == '[' ? AF_INET6 : AF_INET;
        ClientSocket stream(*where, family, SOCK_STREAM);
        if (stream.Connect(At(text)) != 0 || stream.Receive().text != text) return false;
        ClientSocket datagrams(*where, family, SOCK_DGRAM);
        if (datagrams.SendTo(At(text), "hello") != 0) return false;
        const Received answer = datagrams.Receive();
        if (answer.text != absl::StrCat(text, " hello") || answer.from != At(text)) return false;
      }
    }
    return true;
  }));
}

TEST_F(SandboxTest, NothingIsLeftWhenTheSandboxIsDestroyed) {
  EXPECT_TRUE(InChild([] {
    auto sandbox = Sandbox::Create();
    if (!sandbox.ok() || !(*sandbox)->NewCgroup().ok()) return false;
    const pid_t janitor = (*sandbox)->janitor_pid();
    sandbox->reset();
    return !Exists(CgroupOf(getpid())) && kill(janitor, 0) != 0 && errno == ESRCH;
  }));
}

TEST_F(SandboxTest, OneWithinAnotherHasItsOwnCgroupAndBpffs) {
  EXPECT_TRUE(InChild([] {
    auto outer = Sandbox::Create();
    if (!outer.ok() || !(*outer)->NewBpffs().ok()) return false;
    {
      auto inner = Sandbox::Create();
      if (!inner.ok()) return std::fprintf(stderr, "%s\n", inner.status().ToString().c_str()), false;
      if (!Exists(CgroupOf(getpid()) + "-1") || Exists("/sys/fs/bpf/1") || !(*inner)->NewCgroup().ok()) return false;
    }
    return !Exists(CgroupOf(getpid()) + "-1") && Exists(CgroupOf(getpid())) && Exists("/sys/fs/bpf/1");
  }));
}

TEST_F(SandboxTest, AProcessKilledInItsSandboxLeavesNoCgroupAndNoProcess) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const pid_t pid = fork();
  if (pid == 0) {
    auto sandbox = Sandbox::Create();
    if (!sandbox.ok() || !(*sandbox)->NewCgroup().ok()) _exit(1);
    const pid_t orphan = fork();
    if (orphan == 0) pause();
    const pid_t pids[2] = {orphan, (*sandbox)->janitor_pid()};
    if (write(ends[1], pids, sizeof pids) != sizeof pids) _exit(1);
    kill(getpid(), SIGKILL);
  }
  pid_t pids[2] = {0, 0};
  ASSERT_EQ(read(ends[0], pids, sizeof pids), static_cast<ssize_t>(sizeof pids));
  waitpid(pid, nullptr, 0);
  for (int i = 0; i < 300 && Exists(CgroupOf(pid)); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_FALSE(Exists(CgroupOf(pid)));
  for (int i = 0; i < 300 && IsRunning(pids[1]); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  for (const pid_t left : pids) EXPECT_FALSE(IsRunning(left)) << "process " << left;
  close(ends[0]);
  close(ends[1]);
}

}  // namespace
}  // namespace shunt::sandbox
