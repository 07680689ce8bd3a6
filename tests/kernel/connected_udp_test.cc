// SPDX-License-Identifier: Apache-2.0
// UDP sockets that connect(): the translation is made once, and the socket shows only what was dialled.
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "tests/kernel/kernel_test.h"

namespace shunt::kernel_test {
namespace {

class ConnectedUdpTest : public DiallingTest {};
SHUNT_IN_EVERY_DIALLING(ConnectedUdpTest);

TEST_P(ConnectedUdpTest, SendAndReceiveReachTheBackend) {
  ClientSocket socket = Open(SOCK_DGRAM);
  ASSERT_EQ(socket.Connect(Service(53)), 0);
  ASSERT_EQ(socket.Send("hello"), 0);
  EXPECT_EQ(socket.Receive().text, absl::StrCat(NameOf(Backend(8081)), " hello"));
}

TEST_P(ConnectedUdpTest, ReceivedDatagramsComeFromWhatWasDialled) {
  ClientSocket socket = Open(SOCK_DGRAM);
  ASSERT_EQ(socket.Connect(Service(53)), 0);
  ASSERT_EQ(socket.Send("a"), 0);
  EXPECT_EQ(socket.Receive().from, Service(53));
  ASSERT_EQ(socket.Send("b"), 0);
  EXPECT_EQ(socket.ReceiveMessage().from, Service(53));
}

TEST_P(ConnectedUdpTest, GetpeernameShowsWhatWasDialled) {
  ClientSocket socket = Open(SOCK_DGRAM);
  ASSERT_EQ(socket.Connect(Service(53)), 0);
  EXPECT_EQ(socket.PeerName().from, Service(53));
}

TEST_P(ConnectedUdpTest, AReconnectToAnotherServiceReplacesTheFirst) {
  ClientSocket socket = Open(SOCK_DGRAM);
  ASSERT_EQ(socket.Connect(Service(53)), 0);
  ASSERT_EQ(socket.Connect(OtherService(53)), 0);
  EXPECT_EQ(socket.PeerName().from, OtherService(53));
  ASSERT_EQ(socket.Send("hello"), 0);
  const Received answer = socket.Receive();
  EXPECT_EQ(answer.text, absl::StrCat(NameOf(OtherBackend(8081)), " hello"));
  EXPECT_EQ(answer.from, OtherService(53));
}

TEST_P(ConnectedUdpTest, AReconnectToTheBackendItselfShowsTheBackend) {
  ClientSocket socket = Open(SOCK_DGRAM);
  ASSERT_EQ(socket.Connect(Service(53)), 0);
  ASSERT_EQ(socket.Connect(Backend(8081)), 0);
  EXPECT_EQ(socket.PeerName().from, Backend(8081));
  ASSERT_EQ(socket.Send("hello"), 0);
  EXPECT_EQ(socket.Receive().from, Backend(8081));
}

TEST_P(ConnectedUdpTest, AfterDisconnectADirectDialShowsTheBackend) {
  ClientSocket socket = Open(SOCK_DGRAM);
  ASSERT_EQ(socket.Connect(Service(53)), 0);
  ASSERT_EQ(socket.Disconnect(), 0);
  EXPECT_EQ(socket.PeerName().error, ENOTCONN);
  ASSERT_EQ(socket.Connect(Backend(8081)), 0);
  EXPECT_EQ(socket.PeerName().from, Backend(8081));
}

TEST_P(ConnectedUdpTest, AfterDisconnectADatagramSentToTheBackendItselfIsAnsweredByTheBackend) {
  ClientSocket socket = Open(SOCK_DGRAM);
  ASSERT_EQ(socket.Connect(Service(53)), 0);
  ASSERT_EQ(socket.Disconnect(), 0);
  ASSERT_EQ(socket.SendTo(Backend(8081), "hello"), 0);
  EXPECT_EQ(socket.Receive().from, Backend(8081));
}

TEST_P(ConnectedUdpTest, AConnectedSocketCanSendElsewhereAndKeepsItsPeer) {
  ClientSocket socket = Open(SOCK_DGRAM);
  ASSERT_EQ(socket.Connect(Service(53)), 0);
  // The datagram goes to the other service. Its answer is not from the connected peer, so the kernel drops it.
  ASSERT_EQ(socket.SendTo(OtherService(53), "elsewhere"), 0);
  ASSERT_EQ(socket.Send("here"), 0);
  const Received answer = socket.Receive();
  EXPECT_EQ(answer.text, absl::StrCat(NameOf(Backend(8081)), " here"));
  EXPECT_EQ(answer.from, Service(53));
  EXPECT_EQ(socket.PeerName().from, Service(53));
}

TEST_P(ConnectedUdpTest, NamingWhatItDialledGoesToThePeerWhateverThePoolSays) {
  ClientSocket socket = Open(SOCK_DGRAM);
  ASSERT_EQ(socket.Connect(Service(53)), 0);
  Apply({Web().NoEndpoints().Endpoints({"10.244.2.1", "fd00:244:2::1"})});
  // Only answers of the peer that it has reach the socket.
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(socket.SendTo(Service(53), "named"), 0);
    const Received answer = socket.Receive();
    EXPECT_EQ(answer.text, absl::StrCat(NameOf(Backend(8081)), " named"));
    EXPECT_EQ(answer.from, Service(53));
  }
  EXPECT_EQ(socket.PeerName().from, Service(53));
}

TEST_P(ConnectedUdpTest, NamingTheBackendItselfChangesNoName) {
  ClientSocket socket = Open(SOCK_DGRAM);
  ASSERT_EQ(socket.Connect(Service(53)), 0);
  ASSERT_EQ(socket.SendTo(Backend(8081), "directly"), 0);
  EXPECT_EQ(socket.Receive().from, Service(53));
  EXPECT_EQ(socket.PeerName().from, Service(53));
}

TEST_P(ConnectedUdpTest, ASocketThatWasLeftOnTheServicesAddressStaysThereWhenItNamesIt) {
  const SocketAddress late = dialling().cluster_ip[0] == 'f' ? At("[fd00:96::40]:53") : At("10.96.0.40:53");
  ClientSocket before = Open(SOCK_DGRAM), unserved = Open(SOCK_DGRAM);
  ASSERT_EQ(before.Connect(late), 0);
  ASSERT_EQ(unserved.Connect(Unserved(53)), 0);
  Apply({Empty().Endpoints({"10.244.2.1", "fd00:244:2::1"}), ServiceStory("late")
                                                                 .ClusterIp("10.96.0.40")
                                                                 .ClusterIp("fd00:96::40")
                                                                 .Port(53, kUdp, 8081)
                                                                 .Endpoints({"10.244.2.1", "fd00:244:2::1"})});
  ASSERT_EQ(before.SendTo(late, "named"), 0);
  EXPECT_EQ(before.Receive().text, absl::StrCat(NameOf(late), " named"));
  ASSERT_EQ(unserved.SendTo(Unserved(53), "named"), 0);
  EXPECT_EQ(unserved.Receive().text, absl::StrCat(NameOf(Unserved(53)), " named"));
}

TEST_P(ConnectedUdpTest, ASocketThatDialledThePodKeepsItsNameWhenItSendsToTheService) {
  ClientSocket socket = Open(SOCK_DGRAM);
  ASSERT_EQ(socket.Connect(Backend(8081)), 0);
  ASSERT_EQ(socket.SendTo(Service(53), "by service"), 0);
  EXPECT_EQ(socket.PeerName().from, Backend(8081));
}

TEST_P(ConnectedUdpTest, ConnectingToPortZeroLeavesNothingBehind) {
  // glibc's getaddrinfo() asks for the source address like this.
  ClientSocket socket = Open(SOCK_DGRAM);
  EXPECT_EQ(socket.Connect(Service(0)), 0);
  EXPECT_EQ(socket.PeerName().error, ENOTCONN);  // to the kernel a peer needs a port
  EXPECT_EQ(RowsOf("socket_state"), 0u);
  ASSERT_EQ(socket.Connect(Service(53)), 0);
  EXPECT_EQ(socket.PeerName().from, Service(53));
}

TEST_P(ConnectedUdpTest, ProbesThatNeverSendLeaveNoRowBehind) {
  for (int i = 0; i < 200; ++i) {
    ClientSocket socket = Open(SOCK_DGRAM);
    ASSERT_EQ(socket.Connect(Service(53)), 0);
  }
  EXPECT_EQ(RowsOf("socket_state"), 0u);
}

}  // namespace
}  // namespace shunt::kernel_test
