// SPDX-License-Identifier: Apache-2.0
// TCP: connect() reaches a backend, and the application never learns its address.
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "tests/kernel/kernel_test.h"

namespace shunt::kernel_test {
namespace {

class TcpTest : public DiallingTest {};
SHUNT_IN_EVERY_DIALLING(TcpTest);

TEST_P(TcpTest, ConnectReachesTheBackend) {
  ClientSocket socket = Open(SOCK_STREAM);
  ASSERT_EQ(socket.Connect(Service(80)), 0);
  EXPECT_EQ(socket.Receive().text, NameOf(Backend(8080)));
  ASSERT_EQ(socket.Send("hello"), 0);
  EXPECT_EQ(socket.Receive().text, "hello");
}

TEST_P(TcpTest, GetpeernameShowsWhatWasDialled) {
  ClientSocket socket = Open(SOCK_STREAM);
  ASSERT_EQ(socket.Connect(Service(80)), 0);
  EXPECT_EQ(socket.PeerName().from, Service(80));
}

TEST_P(TcpTest, TwoServicesOnTwoSocketsDoNotMix) {
  ClientSocket web = Open(SOCK_STREAM), api = Open(SOCK_STREAM);
  ASSERT_EQ(web.Connect(Service(80)), 0);
  ASSERT_EQ(api.Connect(OtherService(80)), 0);
  EXPECT_EQ(web.Receive().text, NameOf(Backend(8080)));
  EXPECT_EQ(api.Receive().text, NameOf(OtherBackend(8080)));
  EXPECT_EQ(web.PeerName().from, Service(80));
  EXPECT_EQ(api.PeerName().from, OtherService(80));
}

TEST_P(TcpTest, APodDialledDirectlyShowsItself) {
  ClientSocket socket = Open(SOCK_STREAM);
  ASSERT_EQ(socket.Connect(Backend(8080)), 0);
  EXPECT_EQ(socket.PeerName().from, Backend(8080));
}

TEST_P(TcpTest, ANonBlockingConnectIsTranslatedAndCompletes) {
  ClientSocket socket = Open(SOCK_STREAM | SOCK_NONBLOCK);
  const int error = socket.Connect(Service(80));
  ASSERT_TRUE(error == 0 || error == EINPROGRESS) << strerror(error);
  pollfd writable = {.fd = socket.fd(), .events = POLLOUT, .revents = 0};
  ASSERT_EQ(poll(&writable, 1, 2000), 1);
  int outcome = -1;
  socklen_t size = sizeof outcome;
  ASSERT_EQ(getsockopt(socket.fd(), SOL_SOCKET, SO_ERROR, &outcome, &size), 0);
  EXPECT_EQ(outcome, 0);
  EXPECT_EQ(socket.PeerName().from, Service(80));
}

TEST_P(TcpTest, AfterDisconnectADirectConnectionToTheSameBackendShowsTheBackend) {
  ClientSocket socket = Open(SOCK_STREAM);
  ASSERT_EQ(socket.Connect(Service(80)), 0);
  ASSERT_EQ(socket.Disconnect(), 0);
  EXPECT_EQ(socket.PeerName().error, ENOTCONN);
  ASSERT_EQ(socket.Connect(Backend(8080)), 0);
  EXPECT_EQ(socket.PeerName().from, Backend(8080));
}

TEST_P(TcpTest, AfterDisconnectTheSocketCanDialAnotherService) {
  ClientSocket socket = Open(SOCK_STREAM);
  ASSERT_EQ(socket.Connect(Service(80)), 0);
  ASSERT_EQ(socket.Disconnect(), 0);
  ASSERT_EQ(socket.Connect(OtherService(80)), 0);
  EXPECT_EQ(socket.Receive().text, NameOf(OtherBackend(8080)));
  EXPECT_EQ(socket.PeerName().from, OtherService(80));
}

TEST_P(TcpTest, ASharedSocketKeepsItsNameAfterOneSharerCloses) {
  ClientSocket socket = Open(SOCK_STREAM);
  ASSERT_EQ(socket.Connect(Service(80)), 0);
  ClientSocket duplicate(dup(socket.fd()), socket.family());
  const pid_t child = fork();
  if (child == 0) _exit(duplicate.PeerName().from == Service(80) ? 0 : 1);
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0) << "the child saw another name";
  socket.Close();
  EXPECT_EQ(duplicate.PeerName().from, Service(80));
  EXPECT_EQ(duplicate.Receive().text, NameOf(Backend(8080)));
}

TEST_P(TcpTest, ASocketAfterAnotherHasNoMemoryOfIt) {
  Open(SOCK_STREAM).Connect(Service(80));
  ClientSocket second = Open(SOCK_STREAM);
  ASSERT_EQ(second.Connect(Backend(8080)), 0);
  EXPECT_EQ(second.PeerName().from, Backend(8080));
}

TEST_P(TcpTest, AListenersConnectionShowsItsRealPeer) {
  ClientSocket listener = Open(SOCK_STREAM), client = Open(SOCK_STREAM);
  ASSERT_EQ(listener.Bind({Backend(0).address, 18080}), 0);
  ASSERT_EQ(listen(listener.fd(), 1), 0);
  ASSERT_EQ(client.Connect({Backend(0).address, 18080}), 0);
  ClientSocket accepted(accept(listener.fd(), nullptr, nullptr), listener.family());
  EXPECT_EQ(accepted.PeerName().from, client.SocketName().from);
}

TEST_P(TcpTest, ConnectToPortZeroFailsAsItDoesWithoutUs) {
  ClientSocket socket = Open(SOCK_STREAM);
  const uint64_t before = Reason("port_zero");
  EXPECT_EQ(socket.Connect(Service(0)), ECONNREFUSED);
  EXPECT_EQ(Reason("port_zero"), before + 1);
}

class TcpFamilyTest : public SocketTest {};
SHUNT_IN_BOTH_MEMORIES(TcpFamilyTest);

TEST_P(TcpFamilyTest, AnIpv6OnlySocketDialsIpv6ServicesAndCannotDialIpv4Ones) {
  Apply({Web()});
  const int on = 1;
  ClientSocket v6 = PodSocket(AF_INET6, SOCK_STREAM);
  ASSERT_EQ(setsockopt(v6.fd(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on), 0);
  ASSERT_EQ(v6.Connect(At("[fd00:96::10]:80")), 0);
  EXPECT_EQ(v6.PeerName().from, At("[fd00:96::10]:80"));
  ClientSocket v4 = PodSocket(AF_INET6, SOCK_STREAM);
  ASSERT_EQ(setsockopt(v4.fd(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on), 0);
  EXPECT_EQ(v4.Connect(At("10.96.0.10:80")), ENETUNREACH);
}

TEST_P(TcpFamilyTest, AServerInTheSameCgroupIsReachedToo) {
  Apply({ServiceStory("inside").ClusterIp("10.96.0.40").Port(80, kTcp, 18081).Endpoints({"10.244.4.1"})});
  ClientSocket listener = PodSocket(AF_INET, SOCK_STREAM), client = PodSocket(AF_INET, SOCK_STREAM);
  ASSERT_EQ(listener.Bind(At("10.244.4.1:18081")), 0);
  ASSERT_EQ(listen(listener.fd(), 1), 0);
  ASSERT_EQ(client.Connect(At("10.96.0.40:80")), 0);
  ClientSocket accepted(accept(listener.fd(), nullptr, nullptr), AF_INET);
  EXPECT_EQ(accepted.PeerName().from, client.SocketName().from);
  EXPECT_EQ(client.PeerName().from, At("10.96.0.40:80"));
}

// The kernel gives out cookies in sequence on each CPU, when one is first asked for.
TEST_P(TcpTest, APodDialledByAFreshSocketCostsItNoCookie) {
  cpu_set_t before, one;
  ASSERT_EQ(sched_getaffinity(0, sizeof(before), &before), 0);
  CPU_ZERO(&one);
  CPU_SET(static_cast<unsigned>(sched_getcpu()), &one);
  ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
  ClientSocket dialler = Open(SOCK_STREAM);
  ASSERT_EQ(dialler.Connect(Backend(8080)), 0);
  const ClientSocket later = Open(SOCK_STREAM);
  const uint64_t of_later = later.Cookie();
  EXPECT_GT(dialler.Cookie(), of_later) << "drawn here, and not by the connect";
  EXPECT_EQ(dialler.PeerName().from, Backend(8080));
  ASSERT_EQ(sched_setaffinity(0, sizeof(before), &before), 0);
}

}  // namespace
}  // namespace shunt::kernel_test
