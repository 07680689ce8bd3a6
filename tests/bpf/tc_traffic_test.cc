// SPDX-License-Identifier: Apache-2.0
// Real sockets through the packet path's programs, with all offloads of the devices: checksums that devices are to
// complete, and packets of several segments. The node's reverse path filter is strict.
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/bpf/tc_fixture.h"
#include "tests/bpf/tc_world.h"
#include "tests/packets/packet.h"
#include "tests/sandbox/client_socket.h"
#include "tests/sandbox/echo_server.h"
#include "tests/sandbox/network_namespace.h"
#include "userspace/posix/file_descriptor.h"

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

// Sends a frame out of the device of this name in the calling thread's namespace.
void SendFrame(const packets::Bytes& frame, const char* device) {
  const posix::FileDescriptor link(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
  ASSERT_GE(link.get(), 0) << std::strerror(errno);
  sockaddr_ll to = {};
  to.sll_family = AF_PACKET;
  to.sll_ifindex = static_cast<int>(if_nametoindex(device));
  ASSERT_EQ(sendto(link.get(), frame.data(), frame.size(), 0, reinterpret_cast<const sockaddr*>(&to), sizeof to),
            static_cast<ssize_t>(frame.size()))
      << std::strerror(errno);
}

// The kernel takes a frame of VLAN 0 for one of the device itself, also if the tag is there twice.
TEST_F(TcTrafficTest, AFrameWithAPriorityTagAloneIsNoVlans) {
  const packets::Packet packet = packets::Udp("198.51.100.7:40001", "192.0.2.10:30081").Macs(kClientMac, kNodeMac);
  const auto send = [&](const packets::Bytes& frame) {
    const sandbox::InNamespace there(world_->peer("eth0"));
    SendFrame(frame, "eth0");
  };
  send(packets::ToBytes(packets::Packet(packet).Vlan(7)));
  EXPECT_TRUE(world_->Flows().empty());
  for (const int tags : {1, 2, 4}) {
    const packets::Packet next = packet.From(absl::StrCat("198.51.100.7:", 40001 + tags));
    packets::Bytes frame = packets::ToBytes(next);
    for (int i = 0; i < tags; ++i) frame.insert(frame.begin() + 12, {0x81, 0x00, 0xa0, 0x00});
    send(frame);
    bool is_there = false;
    for (int tries = 0; tries < 500 && !is_there; ++tries) {
      for (const shunt_flow& flow : world_->Flows()) is_there |= ntohs(flow.client_port) == 40001 + tags;
      if (!is_there) usleep(10'000);
    }
    EXPECT_TRUE(is_there) << tags << " tags";
  }
  const uint64_t before = world_->Reason(SHUNT_REASON_OPAQUE_HEADERS);
  packets::Bytes frame = packets::ToBytes(packet);
  for (int i = 0; i < 9; ++i) frame.insert(frame.begin() + 12, {0x81, 0x00, 0x00, 0x00});
  send(frame);
  for (int tries = 0; tries < 500 && world_->Reason(SHUNT_REASON_OPAQUE_HEADERS) == before; ++tries) usleep(10'000);
  EXPECT_EQ(world_->Reason(SHUNT_REASON_OPAQUE_HEADERS), before + 1);
}

}  // namespace
}  // namespace shunt
