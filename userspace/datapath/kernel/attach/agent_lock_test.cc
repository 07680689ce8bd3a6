// SPDX-License-Identifier: Apache-2.0
// One agent per pin directory; the second learns who the first is.
#include "userspace/datapath/kernel/attach/agent_lock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "absl/strings/str_cat.h"
#include "tests/sandbox/network_namespace.h"
#include "userspace/datapath/kernel/testing/sandbox_fixture.h"

namespace shunt::datapath {
namespace {

using ::testing::HasSubstr;

class AgentLockTest : public SandboxTest {};

TEST_F(AgentLockTest, TheSecondLearnsThePidOfTheFirst) {
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t first = fork();
  if (first == 0) {
    absl::StatusOr<AgentLock> lock = AgentLock::Take(bpffs_);
    const char held = lock.ok() ? 1 : 0;
    (void)!write(ready[1], &held, 1);
    pause();
    _exit(0);
  }
  char held = 0;
  ASSERT_EQ(read(ready[0], &held, 1), 1);
  EXPECT_EQ(held, 1);
  absl::Status second = AgentLock::Take(bpffs_).status();
  EXPECT_EQ(second.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(second.message(), HasSubstr(absl::StrCat(bpffs_, " is in use by another agent, pid ", first, ":")));
  second = AgentLock::Take(bpffs_, AgentLock::Purpose::kCleanUp).status();
  EXPECT_EQ(std::string(second.message()),
            absl::StrCat("an agent, pid ", first, ", is running with pin directory ", bpffs_, ": stop it first"));

  // However the first one ends, nothing of its lock is left.
  kill(first, SIGKILL);
  ASSERT_EQ(waitpid(first, nullptr, 0), first);
  EXPECT_TRUE(AgentLock::Take(bpffs_).ok());
  close(ready[0]);
  close(ready[1]);
}

TEST_F(AgentLockTest, AnotherDirectoryIsAnotherLock) {
  absl::StatusOr<std::string> other = world_->NewBpffs();
  ASSERT_TRUE(other.ok()) << other.status();
  absl::StatusOr<AgentLock> first = AgentLock::Take(bpffs_);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_TRUE(AgentLock::Take(*other).ok());
  EXPECT_THAT(AgentLock::Take(bpffs_).status().message(), HasSubstr(absl::StrCat("pid ", getpid())));
}

TEST_F(AgentLockTest, ANetworkNamespaceHasOnePacketPath) {
  const absl::StatusOr<sandbox::NetworkNamespace> other = sandbox::NetworkNamespace::Create();
  ASSERT_TRUE(other.ok()) << other.status();
  {
    const absl::StatusOr<AgentLock> first = AgentLock::TakeNetwork();
    ASSERT_TRUE(first.ok()) << first.status();
    const absl::Status second = AgentLock::TakeNetwork().status();
    EXPECT_EQ(second.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(second.message(), HasSubstr(absl::StrCat("another agent, pid ", getpid(), ", has the packet path")));
    const sandbox::InNamespace inside(*other);
    EXPECT_TRUE(AgentLock::TakeNetwork().ok());
  }
  EXPECT_TRUE(AgentLock::TakeNetwork().ok());
}

TEST_F(AgentLockTest, ADirectoryThatIsNotThereIsNotFound) {
  EXPECT_EQ(AgentLock::Take(bpffs_ + "/none").status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace shunt::datapath
