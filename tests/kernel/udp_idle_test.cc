// SPDX-License-Identifier: Apache-2.0
// How long a silent flow of an unconnected UDP socket keeps its backend.
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/kernel/kernel_test.h"
#include "userspace/datapath/kernel/kernel_datapath.h"

namespace shunt::kernel_test {
namespace {

class UdpIdleTest : public SocketTest {
 protected:
  static constexpr int kSockets = 24;

  void ApplyIdle(uint32_t udp_idle_s) {
    ServiceStory idle = ServiceStory("idle").ClusterIp("10.96.6.1").Port(53, kUdp, 8081).UdpIdle(udp_idle_s);
    for (int i = 1; i <= 16; ++i) idle.Endpoint({.address = absl::StrCat("10.244.30.", i)});
    Apply({idle, Api()});
  }

  // Returns the backend that each socket reaches.
  static std::vector<std::string> Ask(const std::vector<ClientSocket>& sockets) {
    std::vector<std::string> reached;
    for (const ClientSocket& socket : sockets) {
      EXPECT_EQ(socket.SendTo(At("10.96.6.1:53"), "x"), 0);
      reached.push_back(socket.Receive().text);
    }
    return reached;
  }

  std::vector<ClientSocket> OpenSockets() {
    std::vector<ClientSocket> sockets;
    for (int i = 0; i < kSockets; ++i) sockets.push_back(PodSocket(AF_INET, SOCK_DGRAM));
    return sockets;
  }
};
SHUNT_IN_BOTH_MEMORIES(UdpIdleTest);

// Longer than an idle time of one second can ever take: two ticks more.
constexpr auto kSilence = std::chrono::milliseconds(3300);

TEST_P(UdpIdleTest, AfterTheIdleTimeAFlowIsDrawnAgain) {
  ApplyIdle(1);
  const std::vector<ClientSocket> sockets = OpenSockets(), further = OpenSockets();
  for (const ClientSocket& socket : further) {
    ASSERT_EQ(socket.SendTo(At("10.96.0.20:53"), "the first destination"), 0);
    socket.Receive();
  }
  const std::vector<std::string> first = Ask(sockets), as_further = Ask(further);
  std::this_thread::sleep_for(kSilence);
  EXPECT_NE(Ask(sockets), first);
  EXPECT_NE(Ask(further), as_further);
}

TEST_P(UdpIdleTest, UntilThenItStays) {
  for (const uint32_t udp_idle_s : {0u, 86'400u}) {
    ApplyIdle(udp_idle_s);
    const std::vector<ClientSocket> sockets = OpenSockets();
    const std::vector<std::string> first = Ask(sockets);
    std::this_thread::sleep_for(kSilence);
    EXPECT_EQ(Ask(sockets), first) << "idle after " << udp_idle_s;
  }
}

TEST_P(UdpIdleTest, ASettingThatChangesCountsForFlowsThatExist) {
  ApplyIdle(0);
  const std::vector<ClientSocket> sockets = OpenSockets();
  const std::vector<std::string> first = Ask(sockets);
  Reopen(Options());
  ApplyIdle(1);
  std::this_thread::sleep_for(kSilence);
  EXPECT_NE(Ask(sockets), first);
}

}  // namespace
}  // namespace shunt::kernel_test
