// SPDX-License-Identifier: Apache-2.0
// Sockets that are not translated (of other protocols, or exempt), and MPTCP, which is translated like TCP. Every
// kernel that Shunt is tested on has these protocols; those that some kernels lack are in rare_protocols_test.cc.
#include <netinet/in.h>
#include <netinet/ip_icmp.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "bpf/config.h"
#include "tests/kernel/kernel_test.h"
#include "tests/sandbox/cgroup.h"
#include "userspace/datapath/kernel/attach/cgroup_root.h"
#include "userspace/datapath/kernel/attach/host_config.h"
#include "userspace/datapath/kernel/attach/programs.h"
#include "userspace/datapath/kernel/kernel_datapath.h"
#include "userspace/datapath/kernel/maps/open_plan.h"
#include "userspace/datapath/kernel/object/bpf_object.h"
#include "userspace/datapath/kernel/object/pins.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

namespace shunt::kernel_test {
namespace {

class ProtocolsTest : public SocketTest {
 protected:
  void SetUp() override {
    KernelTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    Apply({Web()});
  }

  // Replaces the programs in force by the same ones with another configuration.
  void PutInForce(const std::function<void(shunt_config&)>& change) {
    const absl::StatusOr<datapath::PinDirectory> pins = datapath::PinDirectory::OpenOrCreate(bpffs());
    std::vector<std::string> notes;
    const auto plan = datapath::OpenPlan(*pins, Options().limits, datapath::PlanSizes::kAsFound, &notes);
    ASSERT_TRUE(plan.ok()) << plan.status();
    absl::StatusOr<datapath::BpfObject> object = datapath::BpfObject::OpenBuiltIn();
    ASSERT_TRUE(object.ok()) << object.status();
    shunt_config config{};
    ASSERT_TRUE(plan->maps.GiveTo(*object, &config).ok());
    ASSERT_TRUE(datapath::ConfigureForHost(&config).ok());
    change(config);
    const absl::Status loaded = datapath::LoadPrograms(*object, config);
    ASSERT_TRUE(loaded.ok()) << loaded;
    const absl::StatusOr<datapath::Cgroup> where = datapath::OpenCgroup(cgroup());
    ASSERT_TRUE(where.ok()) << where.status();
    const auto attached = datapath::AttachedPrograms::Attach(*pins, *object, *where);
    ASSERT_TRUE(attached.ok()) << attached.status();
  }
};
SHUNT_IN_BOTH_MEMORIES(ProtocolsTest);

TEST_P(ProtocolsTest, AnExemptTcpSocketReachesWhatItDials) {
  ClientSocket socket = HostSocket(AF_INET, SOCK_STREAM);
  ASSERT_TRUE(kernel_datapath().ExemptSocket(socket.fd()).ok());
  ASSERT_EQ(socket.Connect(At("10.96.0.10:80")), 0);
  EXPECT_EQ(socket.Receive().text, "10.96.0.10:80");
  EXPECT_EQ(socket.PeerName().from, At("10.96.0.10:80"));
  EXPECT_EQ(Reason("exempt_socket"), 1u);
}

TEST_P(ProtocolsTest, AnExemptSocketStaysExemptWhenItConnectsAgain) {
  ClientSocket socket = HostSocket(AF_INET6, SOCK_DGRAM);
  ASSERT_TRUE(kernel_datapath().ExemptSocket(socket.fd()).ok());
  for (int round = 0; round < 2; ++round) {
    ASSERT_EQ(socket.Connect(At("[fd00:96::10]:53")), 0);
    ASSERT_EQ(socket.Send("x"), 0);
    EXPECT_EQ(socket.Receive().text, "[fd00:96::10]:53 x");
  }
}

TEST_P(ProtocolsTest, AnExemptUnconnectedUdpSocketReachesWhatItNames) {
  ClientSocket socket = HostSocket(AF_INET, SOCK_DGRAM);
  ASSERT_TRUE(kernel_datapath().ExemptSocket(socket.fd()).ok());
  ASSERT_EQ(socket.SendTo(At("10.96.0.10:53"), "x"), 0);
  EXPECT_EQ(socket.Receive().text, "10.96.0.10:53 x");
}

TEST_P(ProtocolsTest, AnExemptSocketHasItsRowUntilItCloses) {
  const size_t rows = GetParam() == SocketMemory::kRow ? 1 : 0;  // with kStorage all rows belong to others
  ClientSocket socket = HostSocket(AF_INET, SOCK_STREAM);
  for (int round = 0; round < 2; ++round) {
    ASSERT_TRUE(kernel_datapath().ExemptSocket(socket.fd()).ok());
    EXPECT_EQ(RowsOf("socket_state"), rows);
  }
  ASSERT_EQ(socket.Connect(At("10.96.0.10:80")), 0);
  EXPECT_EQ(socket.PeerName().from, At("10.96.0.10:80"));
  socket.Close();
  EXPECT_EQ(RowsOf("socket_state"), 0u);
}

TEST_P(ProtocolsTest, AnExemptSocketThatNoProgramWouldReleaseTakesNoRow) {
  ASSERT_TRUE(sandbox::EnterCgroup(world().sandbox().cgroup()).ok());
  ClientSocket outside = HostSocket(AF_INET, SOCK_STREAM);
  ASSERT_TRUE(kernel_datapath().ExemptSocket(outside.fd()).ok());
  EXPECT_EQ(RowsOf("socket_state"), 0u);
  EXPECT_EQ(outside.Connect(At("10.96.0.10:80")), 0);
  ASSERT_TRUE(sandbox::EnterCgroup(cgroup()).ok());
}

TEST_P(ProtocolsTest, APingSocketReachesTheAddressItself) {
  sandbox::InNamespace inside(world().pod());
  std::ofstream("/proc/sys/net/ipv4/ping_group_range") << "0 2147483647";
  ClientSocket socket(world().pod(), AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
  ASSERT_EQ(socket.open_error(), 0);
  ASSERT_EQ(socket.Connect(At("10.96.0.10:53")), 0);
  EXPECT_EQ(socket.PeerName().from.address, At("10.96.0.10:53").address);
  icmphdr request = {};
  request.type = ICMP_ECHO;
  ASSERT_EQ(socket.Send(absl::string_view(reinterpret_cast<const char*>(&request), sizeof request)), 0);
  const Received reply = socket.Receive();
  EXPECT_EQ(reply.error, 0);
  EXPECT_EQ(reply.from.address, At("10.96.0.10:53").address);
}

TEST_P(ProtocolsTest, ARawSocketReachesTheAddressItself) {
  ClientSocket socket(world().pod(), AF_INET, SOCK_RAW, IPPROTO_ICMP);
  ASSERT_EQ(socket.open_error(), 0);
  ASSERT_EQ(socket.Connect(At("10.96.0.10:53")), 0);
  EXPECT_EQ(socket.PeerName().from.address, At("10.96.0.10:53").address);
}

// The hook gets the first subflow of MPTCP, but the application has the connection and must find the name through it.
TEST_P(ProtocolsTest, AnMptcpSocketReachesTheBackendUnderTheDialledNameAndLeavesNoRow) {
  {
    ClientSocket socket(world().pod(), AF_INET, SOCK_STREAM, IPPROTO_MPTCP);
    if (socket.open_error() != 0) GTEST_SKIP() << "this kernel has no MPTCP: " << std::strerror(socket.open_error());
    ASSERT_EQ(socket.Connect(At("10.96.0.10:80")), 0);
    EXPECT_EQ(socket.Receive().text, "10.244.1.1:8080");
    EXPECT_EQ(socket.PeerName().from, At("10.96.0.10:80"));
  }
  EXPECT_EQ(RowsOf("socket_state"), 0u);
}

// A subflow of MPTCP is a socket of the kernel's own, as those of NFS, SMB and Ceph are. Programs that cannot find its
// connection treat it as one of these.
TEST_P(ProtocolsTest, ASocketOfTheKernelsOwnLeavesNoRow) {
  PutInForce([](shunt_config& config) { config.has_mptcp = 0; });
  {
    ClientSocket socket(world().pod(), AF_INET, SOCK_STREAM, IPPROTO_MPTCP);
    if (socket.open_error() != 0) GTEST_SKIP() << "this kernel has no MPTCP: " << std::strerror(socket.open_error());
    ASSERT_EQ(socket.Connect(At("10.96.0.10:80")), 0);
    EXPECT_EQ(socket.Receive().text, "10.244.1.1:8080") << "translated";
    EXPECT_EQ(Reason("state_lost"), 0u);
  }
  EXPECT_EQ(RowsOf("socket_state"), 0u) << "no sock_release runs for it";
}

TEST_P(ProtocolsTest, AnExemptMptcpSocketReachesWhatItDials) {
  ClientSocket socket(world().host(), AF_INET, SOCK_STREAM, IPPROTO_MPTCP);
  if (socket.open_error() != 0) GTEST_SKIP() << "this kernel has no MPTCP: " << std::strerror(socket.open_error());
  ASSERT_TRUE(kernel_datapath().ExemptSocket(socket.fd()).ok());
  ASSERT_EQ(socket.Connect(At("10.96.0.10:80")), 0);
  EXPECT_EQ(socket.Receive().text, "10.96.0.10:80");
}

}  // namespace
}  // namespace shunt::kernel_test
