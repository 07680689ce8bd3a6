// SPDX-License-Identifier: Apache-2.0
// The kernel itself dials a further subflow of an MPTCP connection, to an address that the peer has announced. It must
// neither be translated nor change what the application's socket shows.
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdlib>
#include <cstring>
#include <thread>

#include "tests/kernel/kernel_test.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

namespace shunt::kernel_test {
namespace {

// <linux/mptcp.h> conflicts with <netinet/in.h>; its struct mptcp_info begins with the number of subflows.
constexpr int kSolMptcp = 284;
constexpr int kMptcpInfo = 1;

int SubflowsOf(const ClientSocket& socket) {
  uint8_t info[256] = {};
  socklen_t length = sizeof(info);
  return getsockopt(socket.fd(), kSolMptcp, kMptcpInfo, info, &length) == 0 ? info[0] : -1;
}

using MptcpJoinTest = KernelTest;

TEST_F(MptcpJoinTest, AFurtherSubflowLeavesTheConnectionsPeerNameAlone) {
  ClientSocket listener(world().pod(), AF_INET, SOCK_STREAM, IPPROTO_MPTCP);
  if (listener.open_error() != 0) GTEST_SKIP() << "this kernel has no MPTCP: " << std::strerror(listener.open_error());
  {
    const sandbox::InNamespace inside(world().pod());
    if (std::system("ip mptcp limits set subflows 2 add_addr_accepted 2 &&"
                    " ip mptcp endpoint add 10.244.1.99 subflow") != 0) {
      GTEST_SKIP() << "ip mptcp (iproute2) does not work here";
    }
  }
  Apply({ServiceStory("joined").ClusterIp("10.96.0.90").Port(80, kTcp, 9090).Endpoints({"10.244.1.90"})});
  ASSERT_EQ(listener.Bind(At("10.244.1.90:9090")), 0);
  ASSERT_EQ(listen(listener.fd(), 1), 0);
  ClientSocket client = ClientSocket(world().pod(), AF_INET, SOCK_STREAM, IPPROTO_MPTCP);
  ASSERT_EQ(client.Connect(At("10.96.0.90:80")), 0);
  const ClientSocket server(accept(listener.fd(), nullptr, nullptr), AF_INET);
  ASSERT_GE(server.fd(), 0);
  // The subflow dials the pod itself, by an address that no frontend has.
  const auto passed = [this] { return Reason("mptcp_join") + Reason("not_a_service"); };
  const uint64_t before = passed();
  // Subflows can join a connection once data has gone both ways.
  ASSERT_EQ(client.Send("x"), 0);
  ASSERT_EQ(server.Receive().text, "x");
  ASSERT_EQ(server.Send("y"), 0);
  ASSERT_EQ(client.Receive().text, "y");
  while (SubflowsOf(client) < 1) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_GT(passed(), before);
  EXPECT_EQ(client.PeerName().from, At("10.96.0.90:80"));
}

}  // namespace
}  // namespace shunt::kernel_test
