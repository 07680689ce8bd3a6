// SPDX-License-Identifier: Apache-2.0
// For tests of the kernel's datapath: each test has its own bpffs directory and cgroup, in the binary's one sandbox.
#ifndef SHUNT_DATAPATH_KERNEL_TESTING_SANDBOX_FIXTURE_H_
#define SHUNT_DATAPATH_KERNEL_TESTING_SANDBOX_FIXTURE_H_

#include <gtest/gtest.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "tests/sandbox/sandbox.h"
#include "userspace/datapath/limits.h"

namespace shunt::datapath {

class SandboxTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root: BPF, a cgroup, a private bpffs";
    // One sandbox for the binary, created while the process has one thread; destroyed at exit, or by its janitor.
    static absl::StatusOr<std::unique_ptr<sandbox::Sandbox>> shared = sandbox::Sandbox::Create();
    if (!shared.ok()) GTEST_SKIP() << shared.status();
    world_ = shared->get();
    absl::StatusOr<std::string> bpffs = world_->NewBpffs();
    ASSERT_TRUE(bpffs.ok()) << bpffs.status();
    bpffs_ = *bpffs;
    absl::StatusOr<std::string> cgroup = world_->NewCgroup();
    ASSERT_TRUE(cgroup.ok()) << cgroup.status();
    cgroup_ = *cgroup;
  }

  void TearDown() override {
    if (!bpffs_.empty()) sandbox::RemovePins(bpffs_);
  }

  static Limits TinyLimits() {
    return Limits{.frontends = 16,
                  .service_ports = 16,
                  .pools = 16,
                  .slots = 64,
                  .backends = 16,
                  .sockets = 64,
                  .socket_peers = 16,
                  .affinities = 16};
  }

  sandbox::Sandbox* world_ = nullptr;
  std::string bpffs_;
  std::string cgroup_;
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_TESTING_SANDBOX_FIXTURE_H_
