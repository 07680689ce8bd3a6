// SPDX-License-Identifier: Apache-2.0
// A stream that is not TCP, one that TCP carries, and datagrams that are not UDP. If the kernel was built without them,
// the tests are skipped, in CI too. The guests' kernels have them, so there a skip is a failure.
#include <netinet/in.h>

#include <cerrno>
#include <cstring>

#include "tests/kernel/kernel_test.h"

#ifndef IPPROTO_UDPLITE
#define IPPROTO_UDPLITE 136
#endif

#ifndef AF_SMC
#define AF_SMC 43
#endif

namespace shunt::kernel_test {
namespace {

class RareProtocolsTest : public KernelTest {
 protected:
  void SetUp() override {
    KernelTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    Apply({Web()});
  }
};

TEST_F(RareProtocolsTest, AnSctpSocketReachesTheAddressItself) {
  const SocketAddress service = At("10.96.0.10:80");
  ClientSocket listener(world().pod(), AF_INET, SOCK_STREAM, IPPROTO_SCTP);
  if (listener.open_error() != 0) GTEST_SKIP() << "this kernel has no SCTP: " << std::strerror(listener.open_error());
  ASSERT_EQ(listener.Bind(service), 0);
  ASSERT_EQ(listen(listener.fd(), 1), 0);
  ClientSocket client(world().pod(), AF_INET, SOCK_STREAM, IPPROTO_SCTP);
  ASSERT_EQ(client.Connect(service), 0);
  EXPECT_EQ(client.PeerName().from, service);
  EXPECT_EQ(RowsOf("socket_state"), 0u) << "taken for TCP";
}

TEST_F(RareProtocolsTest, AUdpLiteSocketReachesTheAddressItself) {
  const SocketAddress service = At("10.96.0.10:53");
  ClientSocket listener(world().pod(), AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE);
  if (listener.open_error() != 0) {
    GTEST_SKIP() << "this kernel has no UDP-Lite: " << std::strerror(listener.open_error());
  }
  ASSERT_EQ(listener.Bind(service), 0);
  ClientSocket client(world().pod(), AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE);
  ASSERT_EQ(client.SendTo(service, "named"), 0);
  EXPECT_EQ(listener.Receive().text, "named");
  ASSERT_EQ(client.Connect(service), 0);
  EXPECT_EQ(client.PeerName().from, service);
  ASSERT_EQ(client.Send("connected"), 0);
  EXPECT_EQ(listener.Receive().text, "connected");
  EXPECT_EQ(RowsOf("socket_state"), 0u) << "taken for UDP";
  EXPECT_EQ(RowsOf("socket_peers"), 0u) << "taken for UDP";
}

// An SMC socket dials through a TCP socket of the kernel's own; so do NFS, SMB and Ceph. To a peer without SMC it stays
// TCP.
TEST_F(RareProtocolsTest, AnSmcSocketReachesTheBackendUnderTheDialledNameAndLeavesNoRow) {
  for (int round = 0; round < 2; ++round) {
    const sandbox::InNamespace inside(world().pod());
    const ClientSocket client(::socket(AF_SMC, SOCK_STREAM | SOCK_CLOEXEC, 0), AF_INET);
    if (client.fd() < 0) GTEST_SKIP() << "this kernel has no SMC: " << std::strerror(errno);
    ASSERT_EQ(client.Connect(At("10.96.0.10:80")), 0);
    EXPECT_EQ(client.Receive().text, "10.244.1.1:8080");
    EXPECT_EQ(client.PeerName().from, At("10.96.0.10:80"));
  }
  EXPECT_EQ(RowsOf("socket_state"), 0u) << "no sock_release runs for it";
}

}  // namespace
}  // namespace shunt::kernel_test
