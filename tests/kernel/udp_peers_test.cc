// SPDX-License-Identifier: Apache-2.0
// Who pays for the destinations of unconnected UDP sockets: eight are each socket's own, the rest is shared with
// limits.
#include <cerrno>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "bpf/abi.h"
#include "tests/kernel/kernel_test.h"
#include "userspace/datapath/kernel/kernel_datapath.h"
#include "userspace/datapath/limits.h"

namespace shunt::kernel_test {
namespace {

// The destinations that a socket has without a row of socket_peers.
constexpr int kOwn = 1 + SHUNT_NEAR_PEERS;

class UdpPeersTest : public SocketTest {
 protected:
  static std::string ServiceIp(int i) { return absl::StrCat("10.98.", i / 250, ".", i % 250 + 1); }
  static SocketAddress Service(int i) { return At(ServiceIp(i) + ":53"); }

  // Gives service i the backend 10.246.x.y of the same numbers.
  void ApplyServices(int count) {
    std::vector<ServiceStory> stories;
    for (int i = 0; i < count; ++i) {
      stories.push_back(ServiceStory(absl::StrCat("many-", i))
                            .ClusterIp(ServiceIp(i))
                            .Port(53, kUdp, 8081)
                            .Endpoints({absl::StrCat("10.246.", i / 250, ".", i % 250 + 1)}));
    }
    Apply(stories);
  }

  // Sends to the services from `first` on until a send fails. Returns the number of those that did not.
  static int SendToMany(const ClientSocket& socket, int first, int last, int* error) {
    for (int i = first; i < last; ++i) {
      *error = socket.SendTo(Service(i), "hello");
      if (*error != 0) return i - first;
    }
    return last - first;
  }
};

// A map so small that one namespace may have four destinations in it.
class SmallPeersTest : public UdpPeersTest {
 protected:
  static constexpr int kRows = 64;
  static constexpr int kPerNamespace = 4;

  datapath::KernelOptions Options() const override {
    datapath::KernelOptions options = UdpPeersTest::Options();
    options.limits.socket_peers = kRows;
    return options;
  }
};
SHUNT_IN_BOTH_MEMORIES(SmallPeersTest);

TEST_P(SmallPeersTest, ManySocketsWithAFewDestinationsEachTakeNothingFromOthers) {
  ApplyServices(kOwn);
  std::vector<ClientSocket> sockets;
  for (int n = 0; n < 200; ++n) {
    int error = 0;
    sockets.push_back(PodSocket(AF_INET, SOCK_DGRAM));
    ASSERT_EQ(SendToMany(sockets.back(), 0, kOwn, &error), kOwn) << error;
  }
  EXPECT_EQ(RowsOf("socket_peers"), 0u);
  ClientSocket victim(world().other_pod(), AF_INET, SOCK_DGRAM);
  for (int i = 0; i < kOwn; ++i) {
    ASSERT_EQ(victim.SendTo(Service(i), "hello"), 0);
    EXPECT_EQ(victim.Receive().from, Service(i));
  }
}

TEST_P(SmallPeersTest, ANamespaceThatHasUsedItsShareFailsAlone) {
  ApplyServices(kOwn + 20);
  ClientSocket greedy = PodSocket(AF_INET, SOCK_DGRAM), second = PodSocket(AF_INET, SOCK_DGRAM),
               other(world().other_pod(), AF_INET, SOCK_DGRAM);
  int error = 0;
  EXPECT_EQ(SendToMany(greedy, 0, kOwn + 20, &error), kOwn + kPerNamespace);
  EXPECT_EQ(error, ENOBUFS);
  EXPECT_EQ(SendToMany(second, 0, kOwn + 20, &error), kOwn) << "the share is the namespace's";
  EXPECT_EQ(error, ENOBUFS);
  EXPECT_EQ(Reason("peers_quota"), 2u);
  EXPECT_EQ(Reason("peers_full"), 0u);
  // What it has goes on, and so do all others.
  EXPECT_EQ(greedy.SendTo(Service(kOwn), "again"), 0);
  EXPECT_EQ(SendToMany(other, 0, kOwn + kPerNamespace, &error), kOwn + kPerNamespace);
}

TEST_P(SmallPeersTest, ASocketThatEndsOrConnectsGivesItsShareBack) {
  ApplyServices(kOwn + 20);
  for (int round = 0; round < 3; ++round) {
    ClientSocket socket = PodSocket(AF_INET, SOCK_DGRAM);
    int error = 0;
    EXPECT_EQ(SendToMany(socket, 0, kOwn + 20, &error), kOwn + kPerNamespace) << "round " << round;
    ASSERT_EQ(socket.Connect(Service(0)), 0);
    ASSERT_EQ(socket.Disconnect(), 0);
    EXPECT_EQ(SendToMany(socket, 0, kOwn + 20, &error), kOwn + kPerNamespace) << "round " << round;
  }
}

class ManyPeersTest : public UdpPeersTest {};
SHUNT_IN_BOTH_MEMORIES(ManyPeersTest);

TEST_P(ManyPeersTest, OneSocketHasAtMostSoManyDestinations) {
  constexpr int kMost = kOwn + SHUNT_FAR_PEERS_MAX;
  static_assert(kMost == 1'032, "docs/limits.md names the number");
  ASSERT_EQ(shunt_peers_per_netns(datapath::Limits().socket_peers), 4'096u) << "docs/limits.md names the number";
  ApplyServices(kMost + 1);
  ClientSocket socket = PodSocket(AF_INET, SOCK_DGRAM), another = PodSocket(AF_INET, SOCK_DGRAM);
  int error = 0;
  EXPECT_EQ(SendToMany(socket, 0, kMost + 1, &error), kMost);
  EXPECT_EQ(error, ENOBUFS);
  EXPECT_EQ(Reason("peers_quota"), 1u);
  EXPECT_EQ(RowsOf("socket_peers"), size_t{2 * SHUNT_FAR_PEERS_MAX});
  EXPECT_EQ(SendToMany(another, 0, 100, &error), 100);
  socket.Close();
  another.Close();
  EXPECT_EQ(RowsOf("socket_peers"), 0u);
}

}  // namespace
}  // namespace shunt::kernel_test
