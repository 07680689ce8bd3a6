// SPDX-License-Identifier: Apache-2.0
// What docs/limits.md says that an application can tell from a proxy that rewrites packets. A test that fails here
// means that the page has to change.
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>

#include "tests/kernel/kernel_test.h"

namespace shunt::kernel_test {
namespace {

constexpr char kPod[] = "10.244.1.1";
constexpr uint16_t kNobodyListens = 9;

// Two Services with one pod, and a UDP port at which it has no socket.
class DocumentedLimitsTest : public SocketTest {
 protected:
  void SetUp() override {
    SocketTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    const auto leads_to_the_pod = [](const char* name, const char* address) {
      return ServiceStory(name)
          .ClusterIp(address)
          .Port(80, kTcp, 8080)
          .Port(53, kUdp, 8081)
          .Port(54, kUdp, kNobodyListens)
          .Endpoints({kPod});
    };
    Apply({leads_to_the_pod("one", "10.96.0.101"), leads_to_the_pod("two", "10.96.0.102")});
  }
};
SHUNT_IN_BOTH_MEMORIES(DocumentedLimitsTest);

TEST_P(DocumentedLimitsTest, OneSourcePortConnectsToOneOfTwoServicesWithOnePod) {
  ClientSocket first = PodSocket(AF_INET, SOCK_STREAM), second = PodSocket(AF_INET, SOCK_STREAM);
  const SocketAddress source = At("10.244.1.1:40001");
  ASSERT_EQ(first.Bind(source), 0);
  ASSERT_EQ(second.Bind(source), 0);
  EXPECT_EQ(first.Connect(At("10.96.0.101:80")), 0);
  EXPECT_EQ(second.Connect(At("10.96.0.102:80")), EADDRNOTAVAIL);
}

TEST_P(DocumentedLimitsTest, OneUnconnectedSocketCannotTellTwoServicesWithOnePod) {
  ClientSocket socket = PodSocket(AF_INET, SOCK_DGRAM);
  ASSERT_EQ(socket.SendTo(At("10.96.0.101:53"), "first"), 0);
  EXPECT_EQ(socket.Receive().from, At("10.96.0.101:53"));
  ASSERT_EQ(socket.SendTo(At("10.96.0.102:53"), "second"), 0);
  EXPECT_EQ(socket.Receive().from, At("10.96.0.102:53"));
  ASSERT_EQ(socket.SendTo(At("10.96.0.101:53"), "to one"), 0);
  ASSERT_EQ(socket.SendTo(At("10.96.0.102:53"), "to two"), 0);
  for (int i = 0; i < 2; ++i) EXPECT_EQ(socket.Receive().from, At("10.96.0.102:53")) << "what was dialled last";
}

TEST_P(DocumentedLimitsTest, TheErrorQueueNamesThePod) {
  ClientSocket socket = PodSocket(AF_INET, SOCK_DGRAM);
  const int on = 1;
  ASSERT_EQ(::setsockopt(socket.fd(), SOL_IP, IP_RECVERR, &on, sizeof(on)), 0);
  ASSERT_EQ(socket.SendTo(At("10.96.0.101:54"), "hello"), 0);
  pollfd error = {.fd = socket.fd(), .events = 0, .revents = 0};
  ASSERT_EQ(::poll(&error, 1, 2000), 1);
  sockaddr_in destination = {};
  char text[16], control[256];
  iovec vector = {.iov_base = text, .iov_len = sizeof(text)};
  msghdr message = {};
  message.msg_name = &destination;
  message.msg_namelen = sizeof(destination);
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  ASSERT_EQ(::recvmsg(socket.fd(), &message, MSG_ERRQUEUE), 5);
  EXPECT_EQ(destination.sin_addr.s_addr, htonl(0x0af40101)) << "not the Service's 10.96.0.101";
  EXPECT_EQ(destination.sin_port, htons(kNobodyListens));
}

}  // namespace
}  // namespace shunt::kernel_test
