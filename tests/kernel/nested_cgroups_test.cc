// SPDX-License-Identifier: Apache-2.0
// While an agent moves its programs along a path of cgroups, both cgroups have them, and one connect runs them twice.
#include <bpf/bpf.h>
#include <sys/stat.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/kernel/kernel_test.h"
#include "tests/sandbox/cgroup.h"
#include "userspace/datapath/kernel/attach/cgroup_root.h"
#include "userspace/datapath/kernel/attach/programs.h"
#include "userspace/datapath/kernel/kernel_datapath.h"
#include "userspace/posix/file_descriptor.h"

namespace shunt::kernel_test {
namespace {

class NestedCgroupsTest : public DiallingTest {
 protected:
  void SetUp() override {
    DiallingTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    inner_ = cgroup() + "/inner";
    ASSERT_EQ(mkdir(inner_.c_str(), 0755), 0);
    const absl::StatusOr<datapath::Cgroup> where = datapath::OpenCgroup(inner_);
    ASSERT_TRUE(where.ok()) << where.status();
    for (const datapath::Hook& hook : datapath::kHooks) {
      if (hook.attach_type != BPF_CGROUP_INET4_CONNECT && hook.attach_type != BPF_CGROUP_INET6_CONNECT) continue;
      const std::string pin = absl::StrCat(kernel_datapath().pin_directory(), "/programs/", hook.program);
      const posix::FileDescriptor program(bpf_obj_get(pin.c_str()));
      ASSERT_TRUE(program.ok()) << pin;
      absl::StatusOr<posix::FileDescriptor> link = datapath::CreateLink(hook, program.get(), *where);
      ASSERT_TRUE(link.ok()) << link.status();
      links_.push_back(*std::move(link));
    }
    ASSERT_TRUE(sandbox::EnterCgroup(inner_).ok());
  }

  void TearDown() override {
    links_.clear();
    if (!inner_.empty()) {
      EXPECT_TRUE(sandbox::EnterCgroup(cgroup()).ok());
      EXPECT_TRUE(sandbox::RemoveCgroup(inner_).ok());
    }
    DiallingTest::TearDown();
  }

 private:
  std::string inner_;
  std::vector<posix::FileDescriptor> links_;
};
SHUNT_IN_EVERY_DIALLING(NestedCgroupsTest);

TEST_P(NestedCgroupsTest, ATcpConnectionKeepsTheNameThatItDialled) {
  ClientSocket socket = Open(SOCK_STREAM);
  ASSERT_EQ(socket.Connect(Service(80)), 0);
  EXPECT_EQ(socket.Receive().text, NameOf(Backend(8080)));
  EXPECT_EQ(socket.PeerName().from, Service(80));
  EXPECT_EQ(Reason("connected_before"), 1u);
}

TEST_P(NestedCgroupsTest, AConnectedUdpSocketKeepsTheNameThatItDialled) {
  ClientSocket socket = Open(SOCK_DGRAM);
  ASSERT_EQ(socket.Connect(Service(53)), 0);
  EXPECT_EQ(socket.PeerName().from, Service(53));
  ASSERT_EQ(socket.Send("x"), 0);
  EXPECT_EQ(socket.Receive().text, NameOf(Backend(8081)) + " x");
  EXPECT_EQ(Reason("connected_before"), 1u);
}

TEST_P(NestedCgroupsTest, APodDialledAfterItsServiceShowsThePod) {
  ClientSocket socket = Open(SOCK_STREAM);
  ASSERT_EQ(socket.Connect(Service(80)), 0);
  ASSERT_EQ(socket.Disconnect(), 0);
  const uint64_t before = Reason("connected_before");
  ASSERT_EQ(socket.Connect(Backend(8080)), 0);
  EXPECT_EQ(socket.PeerName().from, Backend(8080));
  EXPECT_EQ(Reason("connected_before"), before);
}

}  // namespace
}  // namespace shunt::kernel_test
