// SPDX-License-Identifier: Apache-2.0
// The network alone, without Shunt: what a test of the packet path takes for granted.
#include "tests/sandbox/cluster_network.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "tests/sandbox/client_socket.h"
#include "tests/sandbox/echo_server.h"

namespace shunt::sandbox {
namespace {

constexpr uint16_t kPort = 8080;

std::string At8080(const std::string& address) {
  return address.find(':') == std::string::npos ? absl::StrCat(address, ":", kPort)
                                                : absl::StrCat("[", address, "]:", kPort);
}

int FamilyOf(const std::string& text) {
  return text.front() == '[' ? AF_INET6 : AF_INET;
}

// Returns the address that a server of EchoEnd::kPeer saw, without its port, or what failed.
std::string SeenBy(const NetworkNamespace& from, int type, const std::string& to, size_t bytes = 5) {
  ClientSocket socket(from, FamilyOf(to), type);
  if (const int error = socket.Connect(At(to)); error != 0) return absl::StrCat("connect: errno ", error);
  const std::string sent(bytes, 'x');
  if (type == SOCK_DGRAM && socket.Send(sent) != 0) return "send failed";
  Received received = socket.Receive();
  if (received.error == EMSGSIZE && socket.Send(sent) == 0) received = socket.Receive();  // the path's MTU is known now
  if (received.error != 0) return absl::StrCat("receive: errno ", received.error);
  absl::string_view seen = received.text;
  if (type == SOCK_DGRAM && !absl::ConsumeSuffix(&seen, " " + sent)) return "another text came back";
  const uint16_t port = socket.SocketName().from.port;
  if (!absl::ConsumeSuffix(&seen, absl::StrCat(":", port))) return absl::StrCat(seen, " has another port");
  absl::ConsumePrefix(&seen, "[");
  absl::ConsumeSuffix(&seen, "]");
  return std::string(seen);
}

class ClusterNetworkTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root: namespaces and devices";
  }

  void Make(ClusterOptions options = {}) {
    auto made = ClusterNetwork::Create(options);
    ASSERT_TRUE(made.ok()) << made.status();
    network_ = *std::move(made);
    server_ = std::make_unique<EchoServer>(EchoEnd::kPeer);
  }

  // A pod with a server in it.
  void AddPod(int node, PodLink link = PodLink::kRouted) {
    auto pod = network_->AddPod(node, link);
    ASSERT_TRUE(pod.ok()) << pod.status();
    ASSERT_TRUE(server_->Listen(pod->where, kPort).ok());
    pods_.push_back(*std::move(pod));
  }

  void AddEveryKindOfPod() {
    for (int node = 0; node < ClusterNetwork::kNodes; ++node) {
      AddPod(node, PodLink::kRouted);
      AddPod(node, PodLink::kRouted);
      AddPod(node, PodLink::kBridged);
      AddPod(node, PodLink::kBridged);
    }
  }

  void ExpectThatAllReachAll() {
    for (const Pod& pod : pods_) {
      for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
        EXPECT_EQ(SeenBy(network_->client(), type, At8080(pod.v4)), "198.51.100.7") << pod.v4;
        EXPECT_EQ(SeenBy(network_->client(), type, At8080(pod.v6)), "2001:db8:1::7") << pod.v6;
        for (const Pod& other : pods_) {
          EXPECT_EQ(SeenBy(other.where, type, At8080(pod.v4)), other.v4) << "to " << pod.v4;
          EXPECT_EQ(model::IpAddress::Parse(SeenBy(other.where, type, At8080(pod.v6))),
                    model::IpAddress::Parse(other.v6))
              << "to " << pod.v6;
        }
      }
    }
  }

  std::unique_ptr<ClusterNetwork> network_;
  std::unique_ptr<EchoServer> server_;
  std::vector<Pod> pods_;
};

TEST_F(ClusterNetworkTest, ClientAndPodsReachEveryPodOverTheOverlay) {
  Make();
  AddEveryKindOfPod();
  ExpectThatAllReachAll();
}

TEST_F(ClusterNetworkTest, ClientAndPodsReachEveryPodByPlainRoutes) {
  Make({.overlay = false});
  AddEveryKindOfPod();
  ExpectThatAllReachAll();
}

TEST_F(ClusterNetworkTest, ANodesOwnPacketsToAnotherNodesPodHaveTheOverlaysAddress) {
  Make();
  AddPod(1);
  EXPECT_EQ(SeenBy(network_->node(0), SOCK_STREAM, At8080(pods_[0].v4)), "10.244.1.0");
  EXPECT_EQ(SeenBy(network_->node(0), SOCK_DGRAM, At8080(pods_[0].v6)), "fd00:244:1::");
  AddPod(0);
  EXPECT_EQ(SeenBy(network_->node(0), SOCK_STREAM, At8080(pods_[1].v4)), "192.0.2.10");
}

TEST_F(ClusterNetworkTest, ALoadBalancersAddressIsRoutedToNodeA) {
  Make();
  ASSERT_TRUE(server_->Listen(network_->node(0), kPort).ok());
  {
    InNamespace inside(network_->node(0));
    ASSERT_TRUE(AddDeviceAddress("lo", "203.0.113.5/32").ok());
    ASSERT_TRUE(AddDeviceAddress("lo", "2001:db8:2::5/128").ok());
  }
  EXPECT_EQ(SeenBy(network_->client(), SOCK_STREAM, "203.0.113.5:8080"), "198.51.100.7");
  EXPECT_EQ(SeenBy(network_->client(), SOCK_STREAM, "[2001:db8:2::5]:8080"), "2001:db8:1::7");
}

TEST_F(ClusterNetworkTest, ADropOfInvalidPacketsLetsHonestOnesPass) {
  Make();
  AddPod(0);
  AddPod(1, PodLink::kBridged);
  const absl::Status loaded = network_->DropInvalid();
  if (loaded.code() == absl::StatusCode::kFailedPrecondition) GTEST_SKIP() << loaded;
  ASSERT_TRUE(loaded.ok()) << loaded;
  ExpectThatAllReachAll();
  const absl::Status refused = ClusterNetwork::LoadNft(network_->node(0), "no rules at all");
  EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument) << refused;
}

TEST_F(ClusterNetworkTest, ARuleThatDropsByClientIsObeyed) {
  Make();
  AddPod(0);
  const absl::Status loaded =
      ClusterNetwork::LoadNft(network_->node(0),
                              "table inet by_client {\n chain forward {\n type filter hook forward priority filter;\n"
                              "ip saddr 198.51.100.7 reject with icmp type admin-prohibited\n }\n }\n");
  if (loaded.code() == absl::StatusCode::kFailedPrecondition) GTEST_SKIP() << loaded;
  ASSERT_TRUE(loaded.ok()) << loaded;
  EXPECT_EQ(SeenBy(network_->client(), SOCK_STREAM, At8080(pods_[0].v4)),
            absl::StrCat("connect: errno ", EHOSTUNREACH));
  EXPECT_EQ(SeenBy(network_->client(), SOCK_STREAM, At8080(pods_[0].v6)), "2001:db8:1::7");
}

TEST_F(ClusterNetworkTest, TenMegabytesPassWithOffloadsAndWithout) {
  Make();
  AddPod(1);
  std::string bytes(10 << 20, 0);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 31 + (i >> 8));
  for (const bool offloads : {true, false}) {
    ASSERT_TRUE(network_->SetOffloads(offloads).ok());
    for (const std::string& address : {pods_[0].v4, pods_[0].v6}) {
      ClientSocket socket(network_->client(), FamilyOf(At8080(address)), SOCK_STREAM);
      ASSERT_EQ(socket.Connect(At(At8080(address))), 0);
      ASSERT_NE(socket.Receive().text, "");  // the banner
      const Received received = socket.Exchange(bytes);
      EXPECT_EQ(received.error, 0);
      EXPECT_TRUE(received.text == bytes) << received.text.size() << " bytes came back from " << address;
    }
  }
}

// Returns the errno of a datagram of this size that must not be cut; UDP's header and IP's are added to it.
int SendWhole(const ClientSocket& socket, size_t bytes) {
  return socket.Send(std::string(bytes, 'x'));
}

TEST_F(ClusterNetworkTest, PacketsThatAreTooBigForALinkAreReported) {
  Make({.client_mtu = 1400, .segment_mtu = 1500});
  AddPod(1);
  // The pod's device has 1450, and the router tells it of the client's link.
  ClientSocket socket(pods_[0].where, AF_INET, SOCK_DGRAM);
  const int always = IP_PMTUDISC_DO;
  ASSERT_EQ(setsockopt(socket.fd(), IPPROTO_IP, IP_MTU_DISCOVER, &always, sizeof always), 0);
  ASSERT_EQ(socket.Connect(At("198.51.100.7:9")), 0);
  EXPECT_EQ(SendWhole(socket, 1450 - 28 + 1), EMSGSIZE);
  EXPECT_EQ(SendWhole(socket, 1450 - 28), 0);  // lost at the router
  EXPECT_EQ(socket.Receive().error, EMSGSIZE);
  int mtu = 0;
  socklen_t size = sizeof mtu;
  ASSERT_EQ(getsockopt(socket.fd(), IPPROTO_IP, IP_MTU, &mtu, &size), 0);
  EXPECT_EQ(mtu, 1400);
}

TEST_F(ClusterNetworkTest, FragmentedDatagramsArriveWhole) {
  Make();
  AddPod(1);
  EXPECT_EQ(SeenBy(network_->client(), SOCK_DGRAM, At8080(pods_[0].v4), 4000), "198.51.100.7");
  EXPECT_EQ(SeenBy(network_->client(), SOCK_DGRAM, At8080(pods_[0].v6), 4000), "2001:db8:1::7");
}

TEST_F(ClusterNetworkTest, ASecondUplinkIsReached) {
  Make({.second_uplink = SecondUplink::kPresent});
  ASSERT_TRUE(server_->Listen(network_->node(0), kPort).ok());
  EXPECT_EQ(SeenBy(network_->router(), SOCK_DGRAM, "198.18.0.10:8080"), "198.18.0.1");
  EXPECT_EQ(SeenBy(network_->router(), SOCK_DGRAM, "192.0.2.10:8080"), "192.0.2.1");
  EXPECT_EQ(SeenBy(network_->client(), SOCK_STREAM, "[2001:db8:3::10]:8080"), "2001:db8:1::7");
}

// A reply leaves by the second uplink, so a strict filter takes the client's packets on the first for spoofed ones.
TEST_F(ClusterNetworkTest, AStrictFilterDropsWhatCameByTheOtherUplink) {
  for (const bool strict : {true, false}) {
    Make({.strict_rp_filter = strict, .second_uplink = SecondUplink::kDefaultRoute});
    ASSERT_TRUE(server_->Listen(network_->node(0), kPort).ok());
    EXPECT_EQ(SeenBy(network_->client(), SOCK_STREAM, "198.18.0.10:8080"), "198.51.100.7");
    ClientSocket socket(network_->client(), AF_INET, SOCK_DGRAM);
    socket.SetPatience(500);
    ASSERT_EQ(socket.SendTo(At("192.0.2.10:8080"), "hello"), 0);
    EXPECT_EQ(socket.Receive().error, strict ? EAGAIN : 0);
  }
}

TEST_F(ClusterNetworkTest, NothingInItHasARouteToTheMachine) {
  Make();
  AddPod(0);
  for (const NetworkNamespace* where : {&network_->router(), &network_->client()}) {
    ClientSocket socket(*where, AF_INET, SOCK_DGRAM);
    const int error = socket.Connect(At("203.0.114.1:9"));
    // The client's packets end at the router.
    EXPECT_EQ(error, where == &network_->router() ? ENETUNREACH : 0);
  }
}

}  // namespace
}  // namespace shunt::sandbox
