// SPDX-License-Identifier: Apache-2.0
// Real sockets through the packet path's programs, with all offloads of the devices: checksums that devices are to
// complete, and packets of several segments. The node's reverse path filter is strict.
#include <sys/socket.h>

#include <cerrno>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/bpf/tc_fixture.h"
#include "tests/sandbox/client_socket.h"
#include "tests/sandbox/echo_server.h"

namespace shunt {
namespace {

using sandbox::At;
using sandbox::ClientSocket;

class TcTrafficTest : public TcTest {
 protected:
  void SetUp() override {
    TcTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    ASSERT_TRUE(world_->Attach().ok());
    for (const char* device : {"pod1", "p2", "vx0"}) {
      const absl::Status status = servers_.Listen(world_->peer(device), 8080);
      ASSERT_TRUE(status.ok()) << status;
    }
  }

  sandbox::EchoServer servers_;
};

const struct {
  const char* what;
  const char* from;  // the device before the client
  const char* to;
} kWays[] = {
    {"a NodePort, a pod of this node", "eth0", "192.0.2.10:30081"},
    {"a NodePort, a pod behind the overlay", "eth0", "192.0.2.10:30083"},
    {"a ClusterIP from outside", "eth0", "10.96.0.10:81"},
    {"a ClusterIP from a bridged pod", "p1", "10.96.0.10:81"},
    {"a ClusterIP of a pod on the same bridge", "p1", "10.96.0.10:83"},
    {"a NodePort from a pod", "pod1", "192.0.2.10:30083"},
    {"a pod that reaches itself", "pod1", "10.96.0.10:81"},
    {"a bridged pod that reaches itself", "p2", "10.96.0.10:83"},
};

TEST_F(TcTrafficTest, ConnectionsCarryDataBothWays) {
  for (const auto& way : kWays) {
    SCOPED_TRACE(way.what);
    const ClientSocket client(world_->peer(way.from), AF_INET, SOCK_STREAM);
    ASSERT_EQ(client.Connect(At(way.to)), 0);
    const sandbox::Received told = client.Receive();  // which end the server is
    ASSERT_EQ(told.error, 0);
    const std::string text(2'000'000, 'x');
    EXPECT_TRUE(client.Exchange(text).text == text) << "2 MB came back otherwise";
  }
}

// What the agent does not know of a device the kernel does: packets that leave by it have link-layer addresses too.
TEST_F(TcTrafficTest, RepliesLeaveByADeviceThatHasNoRow) {
  world_->RemoveDevice("eth0");
  const ClientSocket client(world_->peer("eth0"), AF_INET, SOCK_STREAM);
  ASSERT_EQ(client.Connect(At("192.0.2.10:30083")), 0);
  EXPECT_EQ(client.Receive().error, 0);
}

TEST_F(TcTrafficTest, DatagramsAreAnsweredByWhatWasDialled) {
  for (const auto& way : kWays) {
    SCOPED_TRACE(way.what);
    const ClientSocket client(world_->peer(way.from), AF_INET, SOCK_DGRAM);
    for (const size_t size : {0, 1, 100, 1456}) {  // with the 16 that the server adds, the last answer fills its packet
      const std::string text(size, 'x');
      ASSERT_EQ(client.SendTo(At(way.to), text), 0);
      const sandbox::Received answer = client.Receive();
      ASSERT_EQ(answer.error, 0) << size << " bytes";
      EXPECT_EQ(answer.text.substr(answer.text.find(' ') + 1), text);
      EXPECT_EQ(answer.from, At(way.to));
    }
  }
}

TEST_F(TcTrafficTest, ARefusalReachesTheApplication) {
  for (const char* from : {"eth0", "pod1", "p1"}) {
    for (const char* to : {"192.0.2.10:30084", "10.96.0.10:99"}) {
      SCOPED_TRACE(absl::StrCat(from, " to ", to));
      const ClientSocket tcp(world_->peer(from), AF_INET, SOCK_STREAM);
      EXPECT_EQ(tcp.Connect(At(to)), ECONNREFUSED);
      const ClientSocket udp(world_->peer(from), AF_INET, SOCK_DGRAM);
      ASSERT_EQ(udp.Connect(At(to)), 0);
      ASSERT_EQ(udp.Send("hello"), 0);
      EXPECT_EQ(udp.Receive().error, ECONNREFUSED);
    }
  }
}

}  // namespace
}  // namespace shunt
