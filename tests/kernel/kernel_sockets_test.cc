// SPDX-License-Identifier: Apache-2.0
// A UDP socket of the kernel's own has what it remembers in its own storage alone, because nothing tells the programs
// of its end. With --bypass=kernel it is left alone.
#include <sys/socket.h>

#include <cerrno>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "bpf/abi.h"
#include "tests/kernel/kernel_test.h"
#include "userspace/datapath/kernel/kernel_datapath.h"

namespace shunt::kernel_test {
namespace {

constexpr int kOwn = 1 + SHUNT_NEAR_PEERS;

class KernelSocketsTest : public KernelTest {
 protected:
  datapath::KernelOptions Options() const override {
    datapath::KernelOptions options = KernelTest::Options();
    options.object_path = SHUNT_KERNEL_SOCKETS_OBJECT;
    return options;
  }
  void SetUp() override {
    KernelTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    std::vector<ServiceStory> stories;
    for (int i = 0; i < kOwn + 2; ++i) {
      stories.push_back(ServiceStory(absl::StrCat("many-", i))
                            .ClusterIp(absl::StrCat("10.98.0.", i + 1))
                            .Port(53, kUdp, 8081)
                            .Endpoints({absl::StrCat("10.246.0.", i + 1)}));
    }
    Apply(stories);
  }

  static SocketAddress Service(int i) { return At(absl::StrCat("10.98.0.", i + 1, ":53")); }

  // Returns a socket that these programs take for one of the kernel's own: SHUNT_KERNEL_SOCKETS_OBJECT reads the mark
  // of SO_NO_CHECK (sk_no_check_tx) where the shipped one reads sk_kern_sock, which no process can set.
  ClientSocket KernelSocket() {
    ClientSocket socket = PodSocket(AF_INET, SOCK_DGRAM);
    const int on = 1;
    EXPECT_EQ(setsockopt(socket.fd(), SOL_SOCKET, SO_NO_CHECK, &on, sizeof on), 0);
    return socket;
  }
};

TEST_F(KernelSocketsTest, AKernelSocketHasAsManyDestinationsAsItsOwnStorageHolds) {
  const ClientSocket socket = KernelSocket();
  for (int i = 0; i < kOwn; ++i) {
    ASSERT_EQ(socket.SendTo(Service(i), "hello"), 0);
    EXPECT_EQ(socket.Receive().from, Service(i));
  }
  for (int i = kOwn; i < kOwn + 2; ++i) EXPECT_EQ(socket.SendTo(Service(i), "hello"), ENOBUFS);
  EXPECT_EQ(Reason("peers_quota"), 2u);
  EXPECT_EQ(RowsOf("socket_peers"), 0u) << "nothing would ever free them";
  EXPECT_EQ(RowsOf("socket_state"), 0u) << "nothing would ever free it";
  ASSERT_EQ(socket.SendTo(Service(0), "again"), 0);
  EXPECT_EQ(socket.Receive().from, Service(0)) << "what it has goes on";
}

class BypassedKernelSocketsTest : public KernelSocketsTest {
 protected:
  datapath::KernelOptions Options() const override {
    datapath::KernelOptions options = KernelSocketsTest::Options();
    options.bypass.kernel = true;
    return options;
  }
};

TEST_F(BypassedKernelSocketsTest, TheKernelsSocketIsLeftAloneAndAnApplicationsIsNot) {
  const ClientSocket socket = KernelSocket(), application = PodSocket(AF_INET, SOCK_DGRAM);
  ASSERT_EQ(socket.SendTo(Service(0), "hello"), 0);
  EXPECT_EQ(Reason("bypassed"), 1u);
  EXPECT_EQ(RowsOf("socket_state"), 0u);
  ASSERT_EQ(application.SendTo(Service(0), "hello"), 0);
  EXPECT_EQ(application.Receive().text, "10.246.0.1:8081 hello");
  EXPECT_EQ(Reason("bypassed"), 1u);
}

TEST_F(KernelSocketsTest, AnApplicationsSocketHasMore) {
  const ClientSocket socket = PodSocket(AF_INET, SOCK_DGRAM);
  for (int i = 0; i < kOwn + 2; ++i) ASSERT_EQ(socket.SendTo(Service(i), "hello"), 0);
  EXPECT_EQ(RowsOf("socket_peers"), 4u);
}

}  // namespace
}  // namespace shunt::kernel_test
