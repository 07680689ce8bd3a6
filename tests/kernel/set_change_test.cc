// SPDX-License-Identifier: Apache-2.0
// What a change of a Service's endpoints means for existing sockets.
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/kernel/dials.h"
#include "tests/kernel/kernel_test.h"
#include "userspace/datapath/kernel/kernel_datapath.h"

namespace shunt::kernel_test {
namespace {

constexpr char kService[] = "10.96.3.1:53";

class SetChangeTest : public SocketTest {
 protected:
  static ServiceStory Changing() {
    return ServiceStory("changing").ClusterIp("10.96.3.1").Port(53, kUdp, 8081).Port(80, kTcp, 8080);
  }
  static std::vector<std::string> Five() {
    return {"10.244.7.1", "10.244.7.2", "10.244.7.3", "10.244.7.4", "10.244.7.5"};
  }

  // Sends one datagram and checks that the reply comes from the Service. Returns the backend's address.
  static std::string Ask(const ClientSocket& socket, const char* service = kService) {
    EXPECT_EQ(socket.SendTo(At(service), "x"), 0);
    const Received answer = socket.Receive();
    EXPECT_EQ(answer.from, At(service));
    return answer.text.substr(0, answer.text.find(':'));
  }
};
SHUNT_IN_BOTH_MEMORIES(SetChangeTest);

TEST_P(SetChangeTest, AUdpSenderKeepsItsBackendWhileTheSetKeepsIt) {
  Apply({Changing().Endpoints(Five())});
  ClientSocket socket = PodSocket(AF_INET, SOCK_DGRAM);
  const std::string backend = Ask(socket);
  Apply({Changing().Endpoints({backend, "10.244.7.11", "10.244.7.12", "10.244.7.13", "10.244.7.14"})});
  for (int i = 0; i < 20; ++i) EXPECT_EQ(Ask(socket), backend);
}

TEST_P(SetChangeTest, AUdpSenderMovesWhenItsBackendIsGone) {
  Apply({Changing().Endpoints(Five())});
  ClientSocket socket = PodSocket(AF_INET, SOCK_DGRAM);
  Ask(socket);
  Apply({Changing().Endpoints({"10.244.7.11"})});
  EXPECT_EQ(Ask(socket), "10.244.7.11");
}

TEST_P(SetChangeTest, TheSameHoldsForASocketsSecondDestination) {
  const ServiceStory first =
      ServiceStory("first").ClusterIp("10.96.3.2").Port(53, kUdp, 8081).Endpoints({"10.244.8.1"});
  Apply({first, Changing().Endpoints(Five())});
  ClientSocket socket = PodSocket(AF_INET, SOCK_DGRAM);
  EXPECT_EQ(Ask(socket, "10.96.3.2:53"), "10.244.8.1");
  const std::string backend = Ask(socket);
  Apply({Changing().Endpoints({backend, "10.244.7.11", "10.244.7.12", "10.244.7.13"})});
  for (int i = 0; i < 20; ++i) EXPECT_EQ(Ask(socket), backend);
  Apply({Changing().Endpoints({"10.244.7.12"})});
  EXPECT_EQ(Ask(socket), "10.244.7.12");
  EXPECT_EQ(Ask(socket, "10.96.3.2:53"), "10.244.8.1");
}

TEST_P(SetChangeTest, ADrainedEndpointKeepsItsSendersAndGetsNoNewOnes) {
  Apply({Changing().Endpoints(Five())});
  ClientSocket socket = PodSocket(AF_INET, SOCK_DGRAM);
  const std::string backend = Ask(socket);
  Apply({Changing().Endpoints(Five()).Weight(backend, 0)});
  for (int i = 0; i < 20; ++i) EXPECT_EQ(Ask(socket), backend);
  EXPECT_EQ(ConnectUdp(world().pod(), kService, 200).count(backend), 0u);
}

TEST_P(SetChangeTest, TheOnlyEndpointThatIsDrainedKeepsItsSendersAndRefusesNewOnes) {
  Apply({Changing().Endpoints({"10.244.7.1"})});
  ClientSocket socket = PodSocket(AF_INET, SOCK_DGRAM);
  EXPECT_EQ(Ask(socket), "10.244.7.1");
  Apply({Changing().Endpoints({"10.244.7.1"}).Weight("10.244.7.1", 0)});
  EXPECT_EQ(Ask(socket), "10.244.7.1");
  EXPECT_EQ(PodSocket(AF_INET, SOCK_DGRAM).SendTo(At(kService), "x"), ECONNREFUSED);
}

// With a second port, ports must have names, and for the maps a named port is another port.
TEST_P(SetChangeTest, ASenderKeepsItsBackendWhenItsFrontendGetsAnotherPool) {
  const auto alone = ServiceStory("renamed").ClusterIp("10.96.3.9").Port(53, kUdp, 8081).Endpoints(Five());
  const auto named =
      ServiceStory("other-name").ClusterIp("10.96.3.9").Port(53, kUdp, 8081).Port(80, kTcp, 8080).Endpoints(Five());
  for (int i = 0; i < 5; ++i) {
    Apply({alone});
    ClientSocket socket = PodSocket(AF_INET, SOCK_DGRAM);
    const std::string backend = Ask(socket, "10.96.3.9:53");
    const model::ServicePlan removed = alone.Removed(), taken = named.Plan();
    const model::ServicePlan* const plans[] = {&removed, &taken};
    ASSERT_TRUE(datapath().Apply(plans, datapath::ApplyScope::kChanged).empty());
    EXPECT_EQ(Ask(socket, "10.96.3.9:53"), backend);
    Remove(named);
  }
}

TEST_P(SetChangeTest, ASenderFollowsAnAddressThatGoesToAnotherServiceWhileTheOldOneStays) {
  const auto both = ServiceStory("old").ClusterIp("10.96.3.7").Port(53, kUdp, 8081).Endpoints({"10.244.7.1"});
  Apply({ServiceStory(both).ExternalIp("203.0.113.77")});
  ClientSocket socket = PodSocket(AF_INET, SOCK_DGRAM);
  EXPECT_EQ(Ask(socket, "203.0.113.77:53"), "10.244.7.1");
  Apply({both});
  Apply({ServiceStory("new")
             .ClusterIp("10.96.3.8")
             .ExternalIp("203.0.113.77")
             .Port(53, kUdp, 8081)
             .Endpoints({"10.244.7.2"})});
  EXPECT_EQ(Ask(socket, "203.0.113.77:53"), "10.244.7.2");
}

TEST_P(SetChangeTest, ATerminatingEndpointThatServesKeepsItsSendersAndGetsNoNewOnes) {
  Apply({Changing().Endpoints(Five())});
  ClientSocket socket = PodSocket(AF_INET, SOCK_DGRAM);
  const std::string backend = Ask(socket);
  std::vector<std::string> others = Five();
  std::erase(others, backend);
  const ServiceStory ending = Changing().Endpoints(others);
  Apply({ServiceStory(ending).Endpoint({.address = backend, .ready = false, .serving = true, .terminating = true})});
  for (int i = 0; i < 20; ++i) EXPECT_EQ(Ask(socket), backend);
  EXPECT_EQ(ConnectUdp(world().pod(), kService, 200).count(backend), 0u);
  Apply({ServiceStory(ending).Endpoint({.address = backend, .ready = false, .serving = false, .terminating = true})});
  EXPECT_NE(Ask(socket), backend) << "it no longer serves";
}

// By now the pool that the sender remembers may belong to another Service and contain the remembered backend.
TEST_P(SetChangeTest, ASenderOfAReplacedServiceIsNotHeldByWhoHasItsPoolNow) {
  const auto sharing = [](int i) {
    return ServiceStory(absl::StrCat("sharing-", i))
        .ClusterIp(absl::StrCat("10.96.4.", i + 1))
        .Port(53, kUdp, 8081)
        .Endpoints({"10.244.7.1"});
  };
  Apply({sharing(0), Changing().Endpoints({"10.244.7.1"})});
  ClientSocket socket = PodSocket(AF_INET, SOCK_DGRAM);
  EXPECT_EQ(Ask(socket, "10.96.4.1:53"), "10.244.7.1");  // makes the Service below a further destination too
  EXPECT_EQ(Ask(socket), "10.244.7.1");
  ClientSocket single = PodSocket(AF_INET, SOCK_DGRAM);
  EXPECT_EQ(Ask(single), "10.244.7.1");
  Remove(Changing());
  for (int i = 1; i < 200; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));  // grace periods pass meanwhile
    Apply({sharing(i)});
  }
  Apply({Changing().Endpoints({"10.244.7.2"})});
  EXPECT_EQ(Ask(single), "10.244.7.2");
  EXPECT_EQ(Ask(socket), "10.244.7.2");
}

TEST_P(SetChangeTest, AnEstablishedTcpConnectionOutlivesItsService) {
  Apply({Changing().Endpoints(Five())});
  ClientSocket socket = PodSocket(AF_INET, SOCK_STREAM);
  ASSERT_EQ(socket.Connect(At("10.96.3.1:80")), 0);
  socket.Receive();
  Remove(Changing());
  ASSERT_EQ(socket.Send("still here"), 0);
  EXPECT_EQ(socket.Receive().text, "still here");
  EXPECT_EQ(socket.PeerName().from, At("10.96.3.1:80"));
}

TEST_P(SetChangeTest, AnotherServiceTakingOverAddressAndBackendsIsServedAtOnce) {
  const ServiceStory old_owner = Changing().Endpoints(Five());
  for (int round = 0; round < 20; ++round) {
    Apply({old_owner});
    EXPECT_EQ(DialTcp(world().pod(), "10.96.3.1:80").substr(0, 9), "10.244.7.");
    Remove(old_owner);
    const ServiceStory heir =
        ServiceStory("heir").ClusterIp("10.96.3.1").Port(80, kTcp, 8080).Endpoints({"10.244.8.9"});
    Apply({heir});
    EXPECT_EQ(DialTcp(world().pod(), "10.96.3.1:80"), "10.244.8.9:8080");
    Remove(heir);
  }
}

TEST_P(SetChangeTest, ARestartedAgentLeavesEverythingAsItIs) {
  Apply({Changing().Endpoints(Five())});
  ClientSocket datagrams = PodSocket(AF_INET, SOCK_DGRAM), stream = PodSocket(AF_INET, SOCK_STREAM);
  const std::string backend = Ask(datagrams);
  ASSERT_EQ(stream.Connect(At("10.96.3.1:80")), 0);
  Reopen(Options());
  EXPECT_EQ(Ask(datagrams), backend);
  EXPECT_EQ(stream.PeerName().from, At("10.96.3.1:80"));
  EXPECT_EQ(DialTcp(world().pod(), "10.96.3.1:80").substr(0, 9), "10.244.7.");
  Apply({Changing().Endpoints(Five())});
  EXPECT_EQ(Ask(datagrams), backend) << "the same plan again is no change";
}

}  // namespace
}  // namespace shunt::kernel_test
