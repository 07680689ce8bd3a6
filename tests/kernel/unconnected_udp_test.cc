// SPDX-License-Identifier: Apache-2.0
// UDP sockets that never connect(): every datagram names its destination, and every reply must come from it.
#include <cerrno>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/kernel/kernel_test.h"

namespace shunt::kernel_test {
namespace {

class UnconnectedUdpTest : public DiallingTest {};
SHUNT_IN_EVERY_DIALLING(UnconnectedUdpTest);

TEST_P(UnconnectedUdpTest, SendtoReachesTheBackendAndTheReplyComesFromWhatWasDialled) {
  ClientSocket socket = Open(SOCK_DGRAM);
  ASSERT_EQ(socket.SendTo(Service(53), "hello"), 0);
  const Received answer = socket.Receive();
  EXPECT_EQ(answer.text, absl::StrCat(NameOf(Backend(8081)), " hello"));
  EXPECT_EQ(answer.from, Service(53));
}

TEST_P(UnconnectedUdpTest, SendmsgAndRecvmsgDoTheSame) {
  ClientSocket socket = Open(SOCK_DGRAM);
  ASSERT_EQ(socket.SendMessageTo(Service(53), "hello"), 0);
  const Received answer = socket.ReceiveMessage();
  EXPECT_EQ(answer.text, absl::StrCat(NameOf(Backend(8081)), " hello"));
  EXPECT_EQ(answer.from, Service(53));
}

TEST_P(UnconnectedUdpTest, AnUnconnectedSocketHasNoPeer) {
  ClientSocket socket = Open(SOCK_DGRAM);
  ASSERT_EQ(socket.SendTo(Service(53), "hello"), 0);
  EXPECT_EQ(socket.PeerName().error, ENOTCONN);
}

TEST_P(UnconnectedUdpTest, AReplyFromAStrangerKeepsItsAddress) {
  ClientSocket socket = Open(SOCK_DGRAM), stranger = Open(SOCK_DGRAM), neighbour = Open(SOCK_DGRAM);
  ASSERT_EQ(socket.SendTo(Service(53), "hello"), 0);
  EXPECT_EQ(socket.Receive().from, Service(53));
  const SocketAddress client = {Backend(0).address, socket.SocketName().from.port};
  // One server is at another address, one at the backend's address but another port.
  ASSERT_EQ(stranger.Bind({OtherBackend(0).address, 18053}), 0);
  ASSERT_EQ(stranger.SendTo(client, "stranger"), 0);
  EXPECT_EQ(socket.Receive().from, (SocketAddress{OtherBackend(0).address, 18053}));
  ASSERT_EQ(neighbour.Bind({Backend(0).address, 18054}), 0);
  ASSERT_EQ(neighbour.SendTo(client, "neighbour"), 0);
  EXPECT_EQ(socket.Receive().from, (SocketAddress{Backend(0).address, 18054}));
}

TEST_P(UnconnectedUdpTest, SeveralServicesAndAPodAnswerUnderTheNamesThatWereDialled) {
  ClientSocket socket = Open(SOCK_DGRAM);
  const SocketAddress pod = Backend(8080);  // another port than the Services' backends
  for (int round = 0; round < 3; ++round) {
    for (const SocketAddress& dialled : {Service(53), OtherService(53), pod}) {
      ASSERT_EQ(socket.SendTo(dialled, "hello"), 0);
      EXPECT_EQ(socket.Receive().from, dialled) << "round " << round;
    }
  }
}

// Dials the backend itself, and dials on until an answer bears its own name. Returns the names before that.
std::vector<SocketAddress> DialDirectly(const ClientSocket& socket, const SocketAddress& backend) {
  std::vector<SocketAddress> names;
  while (names.size() < 100) {
    EXPECT_EQ(socket.SendTo(backend, "directly"), 0);
    const SocketAddress name = socket.Receive().from;
    if (name == backend) break;
    names.push_back(name);
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  return names;
}

// Until then an answer to what went to the service may be under way.
TEST_P(UnconnectedUdpTest, ABackendDialledDirectlyAnswersUnderItsOwnNameOnceTheServiceIsSilent) {
  ClientSocket socket = Open(SOCK_DGRAM);
  ASSERT_EQ(socket.SendTo(Service(53), "by service"), 0);
  EXPECT_EQ(socket.Receive().from, Service(53));
  EXPECT_THAT(DialDirectly(socket, Backend(8081)), ::testing::Each(Service(53)));
  ASSERT_EQ(socket.SendTo(Backend(8081), "directly"), 0);
  EXPECT_EQ(socket.Receive().from, Backend(8081)) << "from then on";
  ASSERT_EQ(socket.SendTo(Service(53), "by service again"), 0);
  EXPECT_EQ(socket.Receive().from, Service(53));
}

TEST_P(UnconnectedUdpTest, TheSecondDestinationsBackendDialledDirectlyAnswersUnderItsOwnName) {
  ClientSocket socket = Open(SOCK_DGRAM);
  for (const SocketAddress& dialled : {Service(53), OtherService(53)}) {
    ASSERT_EQ(socket.SendTo(dialled, "hello"), 0);
    EXPECT_EQ(socket.Receive().from, dialled);
  }
  EXPECT_THAT(DialDirectly(socket, OtherBackend(8081)), ::testing::Each(OtherService(53)));
  for (const SocketAddress& dialled : {OtherService(53), Service(53)}) {
    ASSERT_EQ(socket.SendTo(dialled, "hello"), 0);
    EXPECT_EQ(socket.Receive().from, dialled);
  }
}

TEST_P(UnconnectedUdpTest, TwoThreadsOnOneSocketEachGetTheirServicesReplies) {
  constexpr int kRounds = 500;
  ClientSocket socket = Open(SOCK_DGRAM);
  std::vector<std::thread> senders;
  for (const SocketAddress& dialled : {Service(53), OtherService(53)}) {
    senders.emplace_back([&socket, dialled] {
      for (int i = 0; i < kRounds; ++i) ASSERT_EQ(socket.SendTo(dialled, NameOf(dialled)), 0);
    });
  }
  // The receive buffer may overflow, so a reply may be lost; every reply that comes must be right.
  int received = 0;
  while (received < 2 * kRounds) {
    const Received answer = socket.Receive();
    if (answer.error != 0) break;
    ++received;
    const std::string text = answer.text.substr(answer.text.find(' ') + 1);
    EXPECT_EQ(text, NameOf(answer.from)) << "the sender's service and the reply's source";
  }
  for (std::thread& sender : senders) sender.join();
  EXPECT_GT(received, kRounds / 10);
}

TEST_P(UnconnectedUdpTest, DatagramsToPortZeroFailAsTheyDoWithoutUs) {
  ClientSocket socket = Open(SOCK_DGRAM);
  EXPECT_EQ(socket.SendTo(Service(0), "hello"), EINVAL);
}

class ManyServicesTest : public SocketTest {
 protected:
  static constexpr int kServices = 1000;

  static std::string ServiceIp(int i) { return absl::StrCat("10.98.", i / 250, ".", i % 250 + 1); }

  // Each has two backends; every tenth shares them with its neighbour.
  static ServiceStory Story(int i) {
    const int home = i % 10 == 9 ? i - 1 : i;
    return ServiceStory(absl::StrCat("many-", i))
        .ClusterIp(ServiceIp(i))
        .Port(53, kUdp, 8081)
        .Endpoints({absl::StrCat("10.246.", home / 250, ".", home % 250 + 1),
                    absl::StrCat("10.247.", home / 250, ".", home % 250 + 1)});
  }

  // Sends to every service and checks that the reply comes from it. Returns the backend that each reached.
  static std::vector<std::string> AskAll(const ClientSocket& socket) {
    std::vector<std::string> reached;
    for (int i = 0; i < kServices; ++i) {
      const SocketAddress dialled = At(ServiceIp(i) + ":53");
      EXPECT_EQ(socket.SendTo(dialled, "hello"), 0) << i;
      const Received answer = socket.Receive();
      EXPECT_EQ(answer.from, dialled) << "service " << i;
      reached.push_back(answer.text);
    }
    return reached;
  }
};
SHUNT_IN_BOTH_MEMORIES(ManyServicesTest);

TEST_P(ManyServicesTest, OneSocketTalksToAThousandServicesAndEachAnswersAsItself) {
  std::vector<ServiceStory> stories;
  for (int i = 0; i < kServices; ++i) stories.push_back(Story(i));
  Apply(stories);
  ClientSocket socket = PodSocket(AF_INET, SOCK_DGRAM);
  const std::vector<std::string> first = AskAll(socket);
  EXPECT_GE(RowsOf("socket_peers"), static_cast<size_t>(kServices)) << "a pair for each but the first few";
  EXPECT_EQ(AskAll(socket), first) << "a socket keeps the backend of each service";
  socket.Close();
  EXPECT_EQ(RowsOf("socket_peers"), 0u);
}

// Of twelve destinations one is the first, seven are near, and four are far.
TEST_P(ManyServicesTest, ServicesThatShareABackendAnswerUnderTheNameDialledLast) {
  std::vector<ServiceStory> stories;
  for (int i = 0; i < 12; ++i) {
    stories.push_back(ServiceStory(absl::StrCat("shared-", i))
                          .ClusterIp(ServiceIp(i))
                          .Port(53, kUdp, 8081)
                          .Endpoints({"10.246.9.1"}));
  }
  Apply(stories);
  ClientSocket socket = PodSocket(AF_INET, SOCK_DGRAM);
  for (const int i : {0, 1, 0, 0, 2, 1, 1, 0, 2, 2, 0, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0, 11, 10, 10, 3, 9, 3, 11, 0, 8}) {
    const SocketAddress dialled = At(ServiceIp(i) + ":53");
    ASSERT_EQ(socket.SendTo(dialled, "hello"), 0);
    EXPECT_EQ(socket.Receive().from, dialled);
  }
}

TEST_P(ManyServicesTest, ReconnectingFreesTheFurtherDestinations) {
  std::vector<ServiceStory> stories;
  for (int i = 0; i < 12; ++i) stories.push_back(Story(i));
  Apply(stories);
  ClientSocket socket = PodSocket(AF_INET, SOCK_DGRAM);
  for (int i = 0; i < 12; ++i) {
    ASSERT_EQ(socket.SendTo(At(ServiceIp(i) + ":53"), "hello"), 0);
    EXPECT_EQ(socket.Receive().from, At(ServiceIp(i) + ":53"));
  }
  EXPECT_GT(RowsOf("socket_peers"), 0u);
  ASSERT_EQ(socket.Connect(At(ServiceIp(1) + ":53")), 0);
  EXPECT_EQ(RowsOf("socket_peers"), 0u);
  ASSERT_EQ(socket.Disconnect(), 0);
  for (const int i : {11, 3, 0}) {
    ASSERT_EQ(socket.SendTo(At(ServiceIp(i) + ":53"), "again"), 0);
    EXPECT_EQ(socket.Receive().from, At(ServiceIp(i) + ":53"));
  }
}

}  // namespace
}  // namespace shunt::kernel_test
