// SPDX-License-Identifier: Apache-2.0
// A call that cannot be served fails with an errno that applications expect, and never with EPERM.
#include <cerrno>

#include "tests/kernel/kernel_test.h"
#include "userspace/datapath/kernel/kernel_datapath.h"

namespace shunt::kernel_test {
namespace {

class ErrnoTest : public DiallingTest {};
SHUNT_IN_EVERY_DIALLING(ErrnoTest);

TEST_P(ErrnoTest, TcpToAServiceWithoutEndpointsIsRefused) {
  const uint64_t before = Reason("no_endpoints");
  EXPECT_EQ(Open(SOCK_STREAM).Connect(Unserved(80)), ECONNREFUSED);
  EXPECT_EQ(Reason("no_endpoints"), before + 1);
}

TEST_P(ErrnoTest, NonBlockingTcpToAServiceWithoutEndpointsIsRefusedAtOnce) {
  EXPECT_EQ(Open(SOCK_STREAM | SOCK_NONBLOCK).Connect(Unserved(80)), ECONNREFUSED);
}

TEST_P(ErrnoTest, TcpToAnUnusedPortOfAClusterIpIsRefused) {
  const uint64_t before = Reason("unused_port");
  EXPECT_EQ(Open(SOCK_STREAM).Connect(Service(443)), ECONNREFUSED);
  EXPECT_EQ(Reason("unused_port"), before + 1);
}

TEST_P(ErrnoTest, APortServedInOneProtocolIsUnusedInTheOther) {
  EXPECT_EQ(Open(SOCK_STREAM).Connect(Service(53)), ECONNREFUSED);
  EXPECT_EQ(Open(SOCK_DGRAM).SendTo(Service(80), "hello"), ECONNREFUSED);
}

TEST_P(ErrnoTest, UdpSentToAServiceWithoutEndpointsIsRefused) {
  EXPECT_EQ(Open(SOCK_DGRAM).SendTo(Unserved(53), "hello"), ECONNREFUSED);
}

TEST_P(ErrnoTest, UdpSentToAnUnusedPortOfAClusterIpIsRefused) {
  EXPECT_EQ(Open(SOCK_DGRAM).SendTo(Service(443), "hello"), ECONNREFUSED);
}

TEST_P(ErrnoTest, UdpConnectToAServiceWithoutEndpointsSucceedsUntranslated) {
  const uint64_t before = Reason("udp_connect_unserved");
  ClientSocket socket = Open(SOCK_DGRAM);
  ASSERT_EQ(socket.Connect(Unserved(53)), 0);
  EXPECT_EQ(Reason("udp_connect_unserved"), before + 1);
  EXPECT_EQ(socket.PeerName().from, Unserved(53));
  // In this sandbox the ClusterIP itself answers, so the datagram went there.
  ASSERT_EQ(socket.Send("hello"), 0);
  EXPECT_EQ(socket.Receive().text, NameOf(Unserved(53)) + " hello");
}

TEST_P(ErrnoTest, UdpConnectToAnUnusedPortOfAClusterIpSucceedsUntranslated) {
  ClientSocket socket = Open(SOCK_DGRAM);
  ASSERT_EQ(socket.Connect(Service(443)), 0);
  ASSERT_EQ(socket.Send("hello"), 0);
  EXPECT_EQ(socket.Receive().text, NameOf(Service(443)) + " hello");
}

TEST_P(ErrnoTest, ARefusedSocketCanDialAgainAndShowsTheNewPeer) {
  ClientSocket stream = Open(SOCK_STREAM);
  ASSERT_EQ(stream.Connect(Unserved(80)), ECONNREFUSED);
  ASSERT_EQ(stream.Connect(Service(80)), 0);
  EXPECT_EQ(stream.PeerName().from, Service(80));
  ClientSocket datagrams = Open(SOCK_DGRAM);
  ASSERT_EQ(datagrams.SendTo(Unserved(53), "hello"), ECONNREFUSED);
  ASSERT_EQ(datagrams.SendTo(Service(53), "hello"), 0);
  EXPECT_EQ(datagrams.Receive().from, Service(53));
}

TEST_P(ErrnoTest, AServiceIsServedOnceItHasAnEndpointAndRefusedOnceItHasNone) {
  ServiceStory story = Empty().Endpoints({"10.244.3.1", "fd00:244:3::1"});
  Apply({story});
  EXPECT_EQ(Open(SOCK_STREAM).Connect(Unserved(80)), 0);
  Apply({story.NoEndpoints()});
  EXPECT_EQ(Open(SOCK_STREAM).Connect(Unserved(80)), ECONNREFUSED);
}

TEST_P(ErrnoTest, ARemovedServicesAddressIsAStrangersAgain) {
  Remove(Web());
  ClientSocket socket = Open(SOCK_STREAM);
  ASSERT_EQ(socket.Connect(Service(80)), 0);
  EXPECT_EQ(socket.Receive().text, NameOf(Service(80))) << "the sandbox answers at every address";
}

TEST_P(ErrnoTest, ATerminatingEndpointThatStillServesIsUsedWhenNoneIsReady) {
  Apply({Empty()
             .Endpoint({.address = "10.244.3.2", .ready = false, .terminating = true})
             .Endpoint({.address = "fd00:244:3::2", .ready = false, .terminating = true})});
  EXPECT_EQ(Open(SOCK_STREAM).Connect(Unserved(80)), 0);
}

// internalTrafficPolicy: Local and the only endpoints on another node.
class LocalMissTest : public DiallingTest {
 protected:
  void SetUp() override {
    DiallingTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    Apply({Empty()
               .InternalLocal()
               .Endpoint({.address = "10.244.3.1", .node = "elsewhere"})
               .Endpoint({.address = "fd00:244:3::1", .node = "elsewhere"})});
  }
};
SHUNT_IN_EVERY_DIALLING(LocalMissTest);

TEST_P(LocalMissTest, TcpIsUnreachableAtOnce) {
  EXPECT_EQ(Open(SOCK_STREAM).Connect(Unserved(80)), EHOSTUNREACH);
  EXPECT_EQ(Reason("local_miss"), 1u);
}

TEST_P(LocalMissTest, AnUnconnectedUdpSendIsUnreachable) {
  EXPECT_EQ(Open(SOCK_DGRAM).SendTo(Unserved(53), "hello"), EHOSTUNREACH);
}

TEST_P(LocalMissTest, AUdpConnectSucceedsUntranslated) {
  ClientSocket socket = Open(SOCK_DGRAM);
  ASSERT_EQ(socket.Connect(Unserved(53)), 0);
  ASSERT_EQ(socket.Send("hello"), 0);
  EXPECT_EQ(socket.Receive().text, NameOf(Unserved(53)) + " hello");
}

TEST_P(LocalMissTest, AnEndpointOnThisNodeIsReached) {
  Apply({Empty()
             .InternalLocal()
             .Endpoints({"10.244.3.9", "fd00:244:3::9"})
             .Endpoint({.address = "10.244.3.1", .node = "elsewhere"})});
  for (int i = 0; i < 20; ++i) {
    ClientSocket socket = Open(SOCK_STREAM);
    ASSERT_EQ(socket.Connect(Unserved(80)), 0);
    const std::string reached = socket.Receive().text;
    EXPECT_TRUE(reached == "10.244.3.9:8080" || reached == "[fd00:244:3::9]:8080") << reached;
  }
}

class LocalMissDropsTest : public LocalMissTest {
 protected:
  datapath::KernelOptions Options() const override {
    datapath::KernelOptions options = LocalMissTest::Options();
    options.local_miss_drops = true;
    return options;
  }
};
SHUNT_IN_EVERY_DIALLING(LocalMissDropsTest);

TEST_P(LocalMissDropsTest, EveryDialStaysUntranslatedForThePacketPathToDrop) {
  ClientSocket stream = Open(SOCK_STREAM);
  ASSERT_EQ(stream.Connect(Unserved(80)), 0);
  EXPECT_EQ(stream.Receive().text, NameOf(Unserved(80)));
  ClientSocket datagrams = Open(SOCK_DGRAM);
  ASSERT_EQ(datagrams.SendTo(Unserved(53), "hello"), 0);
  EXPECT_EQ(datagrams.Receive().text, NameOf(Unserved(53)) + " hello");
  EXPECT_EQ(Reason("local_miss"), 2u);
}

}  // namespace
}  // namespace shunt::kernel_test
