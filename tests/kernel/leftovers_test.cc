// SPDX-License-Identifier: Apache-2.0
// A test that is killed leaves nothing on the machine.
#include "tests/kernel/leftovers.h"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "tests/kernel/kernel_test.h"
#include "tests/sandbox/cgroup.h"
#include "userspace/datapath/kernel/kernel_datapath.h"

namespace shunt::kernel_test {
namespace {

// What the killed process reports before it dies.
struct Testament {
  uint64_t cgroup = 0;
  bool translated = false;
  int links = 0;
};

// Runs like a kernel test up to a translated connection, and then kills itself with SIGKILL.
[[noreturn]] void LiveAndBeKilled(int pipe) {
  Testament testament;
  auto sandbox = sandbox::Sandbox::Create();
  if (!sandbox.ok()) _exit(1);
  const std::string cgroup = *(*sandbox)->NewCgroup();
  datapath::KernelOptions options;
  options.bpffs = *(*sandbox)->NewBpffs();
  options.cgroup = cgroup;
  options.limits = {.frontends = 64,
                    .service_ports = 64,
                    .pools = 64,
                    .slots = 64,
                    .backends = 64,
                    .sockets = 64,
                    .socket_peers = 64,
                    .affinities = 64};
  auto opened = datapath::KernelDatapath::Open(options);
  if (!opened.ok()) _exit(2);
  const model::ServicePlan plan = Web().Plan();
  const model::ServicePlan* const plans[] = {&plan};
  if (!(*opened)->Apply(plans, datapath::ApplyScope::kAll).empty()) _exit(3);
  if (!sandbox::EnterCgroup(cgroup).ok()) _exit(4);
  ClientSocket socket((*sandbox)->host(), AF_INET, SOCK_DGRAM);
  testament.translated =
      socket.Connect(At("10.96.0.10:53")) == 0 && socket.SocketName().from.address == At("10.244.1.1:0").address;
  testament.cgroup = sandbox::CgroupId(cgroup);
  testament.links = CountLinks({testament.cgroup}).value_or(-1);
  if (write(pipe, &testament, sizeof testament) != sizeof testament) _exit(5);
  kill(getpid(), SIGKILL);
  _exit(6);
}

TEST(LeftoversTest, AKilledTestLeavesNoLinkNoCgroupAndNoProcess) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root: namespaces, a cgroup, BPF";
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const pid_t pid = fork();
  if (pid == 0) LiveAndBeKilled(ends[1]);
  int status = 0;
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
  ASSERT_TRUE(WIFSIGNALED(status)) << "ended with " << WEXITSTATUS(status);
  Testament testament;
  ASSERT_EQ(read(ends[0], &testament, sizeof testament), static_cast<ssize_t>(sizeof testament));
  close(ends[0]);
  close(ends[1]);
  EXPECT_TRUE(testament.translated);
  EXPECT_EQ(testament.links, 9) << "one a hook, seen while it lived";
  EXPECT_THAT(Leftovers(pid, {testament.cgroup}), ::testing::IsEmpty());
}

}  // namespace
}  // namespace shunt::kernel_test
