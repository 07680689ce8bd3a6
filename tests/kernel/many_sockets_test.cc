// SPDX-License-Identifier: Apache-2.0
// What a socket dialled is remembered exactly as long as the socket lives, whatever other sockets do.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/kernel/guest.h"
#include "tests/kernel/kernel_test.h"

namespace shunt::kernel_test {
namespace {

class ManySocketsTest : public SocketTest {
 protected:
  const int kSockets = InGuest() ? 20'000 : 300'000;
};
SHUNT_IN_BOTH_MEMORIES(ManySocketsTest);

TEST_P(ManySocketsTest, OnePodsSocketsInTurnDoNotChangeTheAddressThatAnothersReplyComesFrom) {
  Apply({ServiceStory("late").ClusterIp("10.96.5.1").Port(53, kUdp, 18053).Endpoints({"10.244.12.1"}), Web()});
  ClientSocket server = PodSocket(AF_INET, SOCK_DGRAM), client = PodSocket(AF_INET, SOCK_DGRAM);
  ASSERT_EQ(server.Bind(At("10.244.12.1:18053")), 0);
  ASSERT_EQ(client.SendTo(At("10.96.5.1:53"), "answer me late"), 0);
  const SocketAddress asker = server.Receive().from;

  sandbox::InNamespace inside(world().other_pod());
  for (int i = 0; i < kSockets; ++i) {
    const ClientSocket other(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), AF_INET);
    // One in sixteen sends, to two services; the others connect, which takes no time of the server.
    if (i % 16 != 0) {
      ASSERT_EQ(other.Connect(At("10.96.0.10:53")), 0);
    } else {
      ASSERT_EQ(other.SendTo(At("10.96.5.1:53"), "x"), 0);
      ASSERT_EQ(other.SendTo(At("10.96.0.10:53"), "x"), 0);
    }
  }
  ASSERT_EQ(server.SendTo(asker, "late"), 0);
  const Received answer = client.Receive();
  EXPECT_EQ(answer.text, "late");
  EXPECT_EQ(answer.from, At("10.96.5.1:53"));
}

TEST_P(ManySocketsTest, MoreLivingSocketsThanRowsAllKeepTheirNames) {
  Apply({Web()});
  std::vector<ClientSocket> sockets;
  for (int i = 0; i < 6000; ++i) {
    sockets.push_back(PodSocket(AF_INET, SOCK_DGRAM));
    ASSERT_EQ(sockets.back().Connect(At("10.96.0.10:53")), 0);
  }
  for (const ClientSocket& socket : sockets) ASSERT_EQ(socket.PeerName().from, At("10.96.0.10:53"));
  sockets.clear();
  EXPECT_EQ(RowsOf("socket_state"), 0u);
}

TEST_P(ManySocketsTest, AProcessThatDiesLeavesNoRow) {
  std::vector<ServiceStory> stories;
  const auto ip = [](int i) { return absl::StrCat("10.98.0.", i); };
  for (int i = 1; i <= 12; ++i) {
    stories.push_back(ServiceStory(absl::StrCat("one-of-many-", i))
                          .ClusterIp(ip(i))
                          .Port(53, kUdp, 8081)
                          .Endpoints({absl::StrCat("10.246.0.", i)}));
  }
  Apply(stories);
  const pid_t child = fork();
  if (child == 0) {
    std::vector<ClientSocket> sockets;
    for (int i = 0; i < 100; ++i) {
      sockets.push_back(PodSocket(AF_INET, SOCK_DGRAM));
      for (int n = 1; n <= 12; ++n) sockets.back().SendTo(At(ip(n) + ":53"), "x");
    }
    kill(getpid(), SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(RowsOf("socket_state"), 0u);
  EXPECT_EQ(RowsOf("socket_peers"), 0u);
}

}  // namespace
}  // namespace shunt::kernel_test
