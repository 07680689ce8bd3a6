// SPDX-License-Identifier: Apache-2.0
// Real connections through node A with the real programs at its devices' tc hooks: a client outside, pods of both
// nodes, an overlay, strict reverse path filters everywhere, and conntrack that drops what it calls invalid.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/errqueue.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "tests/packets/cluster_test.h"
#include "tests/packets/packet.h"
#include "tests/packets/packet_programs.h"
#include "tests/packets/test_run.h"
#include "tests/sandbox/client_socket.h"
#include "tests/sandbox/cluster_network.h"
#include "tests/sandbox/devices.h"
#include "tests/sandbox/echo_server.h"
#include "tests/sandbox/service_story.h"

namespace shunt::packets {
namespace {

using sandbox::At;
using sandbox::ClientSocket;
using sandbox::EchoServer;
using sandbox::InNamespace;
using sandbox::NetworkNamespace;
using sandbox::Pod;
using sandbox::PodLink;
using sandbox::Received;
using sandbox::ServiceStory;

constexpr uint16_t kTarget = 8080;

int FamilyOf(const std::string& text) {
  return text.front() == '[' ? AF_INET6 : AF_INET;
}

// Returns the address, without its port, that the server saw of its client, or what failed.
std::string SeenFrom(const NetworkNamespace& where, int type, const std::string& to) {
  ClientSocket socket(where, FamilyOf(to), type);
  socket.SetPatience(3000);
  if (const int error = socket.Connect(At(to)); error != 0) return absl::StrCat("connect: errno ", error);
  if (type == SOCK_DGRAM && socket.Send("hello") != 0) return "send failed";
  const Received received = socket.Receive();
  if (received.error != 0) return absl::StrCat("receive: errno ", received.error);
  absl::string_view seen = received.text;
  absl::ConsumeSuffix(&seen, " hello");
  return At(seen).address.ToString();
}

// Services 10.96.0.N with a NodePort 30080 + N and a load balancer's address 203.0.113.N, each with one endpoint.
enum Service { kOnRouted = 1, kOnBridged = 2, kOnOtherNode = 3, kOnHost = 4, kOnOtherHost = 5, kOnNothing = 6 };

class EndToEndTest : public ClusterTest {
 protected:
  void SetUp() override {
    ClusterTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    ASSERT_NO_FATAL_FAILURE(MakeNetwork({.second_uplink = sandbox::SecondUplink::kPresent}));
    server_ = std::make_unique<EchoServer>(sandbox::EchoEnd::kPeer);
    AddServingPod(0, PodLink::kRouted);
    AddServingPod(0, PodLink::kRouted);
    AddServingPod(0, PodLink::kBridged);
    AddServingPod(0, PodLink::kBridged);
    AddServingPod(1, PodLink::kRouted);
    ASSERT_EQ(pods_.size(), 5u);
    for (int node = 0; node < 2; ++node) ASSERT_TRUE(server_->Listen(network_->node(node), kTarget).ok());
    ASSERT_NO_FATAL_FAILURE(LoadPrograms({"192.0.2.10", "2001:db8::10", "198.18.0.10", "2001:db8:3::10"}));
    Serve();
    AttachAll();
  }

  void AddServingPod(int node, PodLink link) {
    ASSERT_NO_FATAL_FAILURE(AddPod(node, link));
    ASSERT_TRUE(server_->Listen(pods_.back().where, kTarget).ok());
  }

  void Serve(uint16_t target = kTarget) {
    const std::pair<std::string, std::string> backends[] = {{pods_[0].v4, pods_[0].v6},
                                                            {pods_[2].v4, pods_[2].v6},
                                                            {pods_[4].v4, pods_[4].v6},
                                                            {"192.0.2.10", "2001:db8::10"},
                                                            {"192.0.2.11", "2001:db8::11"}};
    std::vector<ServiceStory> stories;
    std::vector<std::string> filter;
    for (int n = kOnRouted; n <= kOnNothing; ++n) {
      ServiceStory story(absl::StrCat("s", n));
      story.ClusterIp(absl::StrCat("10.96.0.", n)).ClusterIp(absl::StrCat("fd00:96::", n));
      story.LoadBalancerIp(absl::StrCat("203.0.113.", n)).LoadBalancerIp(absl::StrCat("2001:db8:2::", n));
      if (n != kOnNothing) {
        for (const std::string& address : {backends[n - 1].first, backends[n - 1].second}) {
          story.Endpoint({.address = address, .node = n == kOnOtherNode || n == kOnOtherHost ? "b" : "here"});
          filter.push_back(model::IpAddress::Parse(address)->ToStringWithPort(target));
        }
      }
      const auto node_port = static_cast<uint16_t>(30080 + n);
      story.Port(80, model::Protocol::kTcp, target, node_port).Port(80, model::Protocol::kUdp, target, node_port);
      stories.push_back(story);
    }
    const absl::Status serving = programs_->Serve(stories, filter);
    ASSERT_TRUE(serving.ok()) << serving;
  }

  void AttachAll() {
    const ToldDevice devices[] = {
        {"eth0", SHUNT_DEVICE_EXTERNAL, "192.0.2.10", "2001:db8::10"},
        {"eth1", SHUNT_DEVICE_EXTERNAL, "198.18.0.10", "2001:db8:3::10"},
        {"flannel.1", SHUNT_DEVICE_OVERLAY, "10.244.1.0", "fd00:244:1::"},
        {pods_[0].device.c_str(), SHUNT_DEVICE_POD, "192.0.2.10", "2001:db8::10"},
        {pods_[1].device.c_str(), SHUNT_DEVICE_POD, "192.0.2.10", "2001:db8::10"},
        {"cni0", SHUNT_DEVICE_POD, "10.244.1.65", "fd00:244:1:0:b::1"},
        {pods_[2].device.c_str(), SHUNT_DEVICE_POD, "10.244.1.65", "fd00:244:1:0:b::1", "cni0"},
        {pods_[3].device.c_str(), SHUNT_DEVICE_POD, "10.244.1.65", "fd00:244:1:0:b::1", "cni0"},
    };
    Attach(devices);
  }

  // Dials a Service by its NodePort and its load balancer's address, from outside, by everything.
  void ExpectOutsideClientSeenAs(Service service, const std::string& v4, const std::string& v6) {
    for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
      SCOPED_TRACE(absl::StrCat("service ", service, type == SOCK_STREAM ? " by TCP" : " by UDP"));
      EXPECT_EQ(SeenFrom(network_->client(), type, absl::StrCat("192.0.2.10:", 30080 + service)), v4);
      EXPECT_EQ(SeenFrom(network_->client(), type, absl::StrCat("203.0.113.", service, ":80")), v4);
      EXPECT_EQ(SeenFrom(network_->client(), type, absl::StrCat("[2001:db8::10]:", 30080 + service)), v6);
      EXPECT_EQ(SeenFrom(network_->client(), type, absl::StrCat("[2001:db8:2::", service, "]:80")), v6);
    }
  }

  void ExpectPodSeenAs(const Pod& pod, Service service, const std::string& v4, const std::string& v6) {
    for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
      SCOPED_TRACE(absl::StrCat(pod.v4, " to service ", service, type == SOCK_STREAM ? " by TCP" : " by UDP"));
      EXPECT_EQ(SeenFrom(pod.where, type, absl::StrCat("10.96.0.", service, ":80")), v4);
      EXPECT_EQ(SeenFrom(pod.where, type, absl::StrCat("[fd00:96::", service, "]:80")),
                model::IpAddress::Parse(v6)->ToString());
    }
  }

  void ExpectEverythingIsReached() {
    ExpectOutsideClientSeenAs(kOnRouted, "198.51.100.7", "2001:db8:1::7");
    ExpectOutsideClientSeenAs(kOnBridged, "198.51.100.7", "2001:db8:1::7");
    ExpectOutsideClientSeenAs(kOnHost, "198.51.100.7", "2001:db8:1::7");
    ExpectOutsideClientSeenAs(kOnOtherNode, "10.244.1.0", "fd00:244:1::");
    ExpectOutsideClientSeenAs(kOnOtherHost, "192.0.2.10", "2001:db8::10");
    const Pod &routed = pods_[0], &other = pods_[1], &bridged = pods_[2], &neighbour = pods_[3];
    ExpectPodSeenAs(other, kOnRouted, other.v4, other.v6);
    ExpectPodSeenAs(other, kOnBridged, other.v4, other.v6);
    ExpectPodSeenAs(other, kOnOtherNode, other.v4, other.v6);
    ExpectPodSeenAs(routed, kOnRouted, "192.0.2.10", "2001:db8::10");  // itself
    ExpectPodSeenAs(neighbour, kOnBridged, neighbour.v4, neighbour.v6);
    ExpectPodSeenAs(bridged, kOnBridged, "10.244.1.65", "fd00:244:1:0:b::1");  // itself
    ExpectPodSeenAs(neighbour, kOnRouted, neighbour.v4, neighbour.v6);
  }

  std::unique_ptr<EchoServer> server_;
};

TEST_F(EndToEndTest, EveryKindOfBackendIsReachedUnderStrictReversePathFilters) {
  ExpectEverythingIsReached();
}

TEST_F(EndToEndTest, EveryKindOfBackendIsReachedThoughInvalidPacketsAreDropped) {
  const absl::Status loaded = network_->DropInvalid();
  if (loaded.code() == absl::StatusCode::kFailedPrecondition) GTEST_SKIP() << loaded;
  ASSERT_TRUE(loaded.ok()) << loaded;
  ExpectEverythingIsReached();
}

TEST_F(EndToEndTest, EveryKindOfBackendIsReachedWithoutOffloads) {
  ASSERT_TRUE(network_->SetOffloads(false).ok());
  ExpectEverythingIsReached();
}

TEST_F(EndToEndTest, AServiceWithoutEndpointsRefuses) {
  const std::string refused = absl::StrCat("connect: errno ", ECONNREFUSED);
  const std::string answered = absl::StrCat("receive: errno ", ECONNREFUSED);
  for (const char* to : {"192.0.2.10:30086", "203.0.113.6:80", "[2001:db8::10]:30086", "[2001:db8:2::6]:80"}) {
    EXPECT_EQ(SeenFrom(network_->client(), SOCK_STREAM, to), refused) << to;
    EXPECT_EQ(SeenFrom(network_->client(), SOCK_DGRAM, to), answered) << to;
  }
  for (const char* to : {"10.96.0.6:80", "[fd00:96::6]:80", "10.96.0.1:81", "[fd00:96::1]:81"}) {
    EXPECT_EQ(SeenFrom(pods_[0].where, SOCK_STREAM, to), refused) << to;
    EXPECT_EQ(SeenFrom(pods_[0].where, SOCK_DGRAM, to), answered) << to;
  }
}

TEST_F(EndToEndTest, TenMegabytesPassEachWay) {
  std::string bytes(10 << 20, 0);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 31 + (i >> 8));
  for (const bool offloads : {true, false}) {
    ASSERT_TRUE(network_->SetOffloads(offloads).ok());
    for (const int service : {kOnRouted, kOnBridged, kOnOtherNode, kOnHost, kOnOtherHost}) {
      for (const bool is_v4 : {true, false}) {
        const std::string to = absl::StrCat(is_v4 ? "192.0.2.10:" : "[2001:db8::10]:", 30080 + service);
        SCOPED_TRACE(absl::StrCat(to, offloads ? "" : " without offloads"));
        ClientSocket socket(network_->client(), FamilyOf(to), SOCK_STREAM);
        ASSERT_EQ(socket.Connect(At(to)), 0);
        ASSERT_NE(socket.Receive().text, "");  // the banner
        const Received received = socket.Exchange(bytes);
        EXPECT_EQ(received.error, 0);
        EXPECT_TRUE(received.text == bytes) << received.text.size() << " bytes came back";
      }
    }
  }
}

// The router's strict filter would drop a reply from the second uplink's address that comes by the first.
TEST_F(EndToEndTest, AReplyLeavesTheWayThatItsClientCame) {
  for (const int service : {kOnOtherNode, kOnOtherHost}) {
    const bool is_pod = service == kOnOtherNode;
    for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
      EXPECT_EQ(SeenFrom(network_->client(), type, absl::StrCat("198.18.0.10:", 30080 + service)),
                is_pod ? "10.244.1.0" : "192.0.2.10");
      EXPECT_EQ(SeenFrom(network_->client(), type, absl::StrCat("[2001:db8:3::10]:", 30080 + service)),
                is_pod ? "fd00:244:1::" : "2001:db8::10");
    }
  }
}

TEST_F(EndToEndTest, AnOpenConnectionSurvivesAFloodOfFiveTimesTheTable) {
  for (const int service : {kOnRouted, kOnOtherNode}) {
    const std::string frontend = absl::StrCat("192.0.2.10:", 30080 + service);
    ClientSocket socket(network_->client(), AF_INET, SOCK_STREAM);
    ASSERT_EQ(socket.Connect(At(frontend)), 0);
    ASSERT_NE(socket.Receive().text, "");
    const auto mac = sandbox::MacOf("eth0");
    ASSERT_TRUE(mac.ok());
    int refused = 0;
    for (uint32_t i = 0; i < 5 * PacketPrograms::kFlows; ++i) {
      Packet syn = Tcp("10.1.0.0:1024", frontend).Syn().Macs({2, 0, 0, 0, 1, 1}, *mac);
      syn.source = model::IpAddress::FromV4(0x0b000000 + i);  // 11.0.0.0 and on
      const auto run = RunProgram(programs_->ingress_fd(), ToBytes(syn), {.ifindex = if_nametoindex("eth0")});
      ASSERT_TRUE(run.ok()) << run.status();
      refused += VerdictName(run->verdict) == "TC_ACT_SHOT" ? 1 : 0;
    }
    EXPECT_GE(refused, static_cast<int>(4 * PacketPrograms::kFlows));
    EXPECT_EQ(socket.Exchange("still there").text, "still there");
    ASSERT_TRUE(programs_->ForgetFlows().ok());
  }
}

// The server of this test tells at which address it was reached.
TEST_F(EndToEndTest, AUdpClientFollowsItsServiceWhenItsPodIsGone) {
  EchoServer server;
  for (int pod = 0; pod < 2; ++pod) ASSERT_TRUE(server.Listen(pods_[pod].where, 9090).ok());
  const std::string at[] = {pods_[0].v4 + ":9090", pods_[1].v4 + ":9090"};
  const auto serve = [&](int pod) {
    ServiceStory story("follow");
    story.ClusterIp("10.96.0.9").Port(80, model::Protocol::kUdp, 9090, 30089).Endpoint({.address = pods_[pod].v4});
    return programs_->Serve({story}, {at[0], at[1]});
  };
  ASSERT_TRUE(serve(0).ok());
  ClientSocket outside(network_->client(), AF_INET, SOCK_DGRAM);
  ASSERT_EQ(outside.Connect(At("192.0.2.10:30089")), 0);
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(outside.Send("a"), 0);
    EXPECT_EQ(outside.Receive().text, at[0] + " a");
  }
  ASSERT_TRUE(serve(1).ok());
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(outside.Send("b"), 0);
    EXPECT_EQ(outside.Receive().text, at[1] + " b");
  }
}

// ---- ICMP errors about flows ----

// Sends and receives 1 MB by a connection to a Service's NodePort.
void ExpectAMegabyteEachWay(const NetworkNamespace& client, const std::string& to) {
  SCOPED_TRACE(to);
  const std::string bytes(1 << 20, 'x');
  ClientSocket socket(client, FamilyOf(to), SOCK_STREAM);
  ASSERT_EQ(socket.Connect(At(to)), 0);
  ASSERT_NE(socket.Receive().text, "");  // the banner
  const Received received = socket.Exchange(bytes);
  EXPECT_EQ(received.error, 0);
  EXPECT_TRUE(received.text == bytes) << received.text.size() << " bytes came back";
}

// The client's own link carries more than the router's way to it, so the backends' segments do not pass there, and only
// the router's error says so.
TEST_F(EndToEndTest, BackendsLearnWhatTheWayToTheClientCarries) {
  for (const char* client : {"198.51.100.7/32", "2001:db8:1::7/128"}) {
    InNamespace inside(network_->router());
    const absl::Status added = sandbox::AddRoute({.to = client, .via = "", .device = "client", .mtu = 1400});
    ASSERT_TRUE(added.ok()) << added;
  }
  // The node's own backend comes last: from then on the node itself knows that longer packets do not pass.
  for (const int service : {kOnRouted, kOnBridged, kOnOtherNode, kOnOtherHost, kOnHost}) {
    for (const char* node : {"192.0.2.10:", "[2001:db8::10]:"}) {
      ExpectAMegabyteEachWay(network_->client(), absl::StrCat(node, 30080 + service));
    }
  }
}

// The node's end of each pod's link carries less than the pod's own end, and only an error of that node says so.
TEST_F(EndToEndTest, ClientsLearnWhatTheWayToTheBackendCarries) {
  const std::pair<int, const Pod*> ends[] = {{0, &pods_[0]}, {1, &pods_[4]}};
  for (const auto& [node, pod] : ends) {
    InNamespace inside(network_->node(node));
    ASSERT_TRUE(sandbox::SetMtu(pod->device, 1300).ok());
  }
  for (const int service : {kOnRouted, kOnOtherNode}) {
    for (const char* node : {"192.0.2.10:", "[2001:db8::10]:"}) {
      ExpectAMegabyteEachWay(network_->client(), absl::StrCat(node, 30080 + service));
    }
  }
}

// Sends one datagram that ends after `hops` hops, and returns the error that comes back, and who sent it.
std::string ErrorOf(const NetworkNamespace& where, const std::string& to, int hops) {
  const bool is_v4 = FamilyOf(to) == AF_INET;
  const int level = is_v4 ? IPPROTO_IP : IPPROTO_IPV6, on = 1;
  ClientSocket socket(where, FamilyOf(to), SOCK_DGRAM);
  socket.SetPatience(3000);
  setsockopt(socket.fd(), level, is_v4 ? IP_TTL : IPV6_UNICAST_HOPS, &hops, sizeof hops);
  setsockopt(socket.fd(), level, is_v4 ? IP_RECVERR : IPV6_RECVERR, &on, sizeof on);
  if (socket.Connect(At(to)) != 0 || socket.Send("probe") != 0) return "not sent";
  const Received received = socket.Receive();
  if (received.error == 0) return absl::StrCat("answered: ", received.text);
  alignas(cmsghdr) char control[512];
  msghdr message = {};
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  if (recvmsg(socket.fd(), &message, MSG_ERRQUEUE) < 0)
    return absl::StrCat("errno ", received.error, " without a word");
  const cmsghdr* const header = CMSG_FIRSTHDR(&message);
  const auto* const error = reinterpret_cast<const sock_extended_err*>(CMSG_DATA(header));
  const sockaddr* const by = SO_EE_OFFENDER(error);
  const void* const address = is_v4 ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in*>(by)->sin_addr)
                                    : &reinterpret_cast<const sockaddr_in6*>(by)->sin6_addr;
  char text[INET6_ADDRSTRLEN] = "";
  inet_ntop(FamilyOf(to), address, text, sizeof text);
  return absl::StrCat(std::strerror(received.error), " by ", text);
}

const char* const kRefused = "Connection refused by ";
const char* const kExceeded = "No route to host by ";  // what Linux makes of a time exceeded

TEST_F(EndToEndTest, AClosedPortOfABackendIsRefusedByItsService) {
  Serve(kTarget + 1);  // where nothing listens
  for (const bool drops_invalid : {false, true}) {
    SCOPED_TRACE(drops_invalid ? "conntrack drops what it calls invalid" : "");
    if (drops_invalid && network_->DropInvalid().code() == absl::StatusCode::kFailedPrecondition) break;
    for (int service = kOnRouted; service <= kOnOtherHost; ++service) {
      SCOPED_TRACE(absl::StrCat("service ", service));
      const NetworkNamespace& client = network_->client();
      EXPECT_EQ(ErrorOf(client, absl::StrCat("192.0.2.10:", 30080 + service), 64),
                absl::StrCat(kRefused, "192.0.2.10"));
      EXPECT_EQ(ErrorOf(client, absl::StrCat("203.0.113.", service, ":80"), 64),
                absl::StrCat(kRefused, "203.0.113.", service));
      EXPECT_EQ(ErrorOf(client, absl::StrCat("[2001:db8:2::", service, "]:80"), 64),
                absl::StrCat(kRefused, "2001:db8:2::", service));
    }
    // A routed pod reaches another one, itself, and one of node B; one behind the bridge its neighbour, and itself.
    const std::pair<const Pod*, int> pods[] = {{&pods_[1], kOnRouted},
                                               {&pods_[0], kOnRouted},
                                               {&pods_[0], kOnOtherNode},
                                               {&pods_[3], kOnBridged},
                                               {&pods_[2], kOnBridged}};
    for (const auto& [pod, service] : pods) {
      SCOPED_TRACE(absl::StrCat(pod->v4, " to service ", service));
      EXPECT_EQ(ErrorOf(pod->where, absl::StrCat("10.96.0.", service, ":80"), 64),
                absl::StrCat(kRefused, "10.96.0.", service));
      EXPECT_EQ(ErrorOf(pod->where, absl::StrCat("[fd00:96::", service, "]:80"), 64),
                absl::StrCat(kRefused, "fd00:96::", service));
    }
  }
}

// As traceroute does it: the first hop is the router; from the node on, every hop answers by the Service's address.
// With three hops a datagram to the other node's pod ends at that node.
TEST_F(EndToEndTest, HopsBehindTheNodeAnswerByTheServicesAddress) {
  const NetworkNamespace& client = network_->client();
  for (const int service : {kOnRouted, kOnBridged, kOnOtherNode}) {
    const int hops = service == kOnOtherNode ? 3 : 2;
    const std::string v4 = absl::StrCat("203.0.113.", service), v6 = absl::StrCat("2001:db8:2::", service);
    EXPECT_EQ(ErrorOf(client, v4 + ":80", 1), absl::StrCat(kExceeded, "198.51.100.1"));
    EXPECT_EQ(ErrorOf(client, v4 + ":80", hops), kExceeded + v4);
    EXPECT_EQ(ErrorOf(client, absl::StrCat("[", v6, "]:80"), 1), absl::StrCat(kExceeded, "2001:db8:1::1"));
    EXPECT_EQ(ErrorOf(client, absl::StrCat("[", v6, "]:80"), hops), kExceeded + v6);
  }
}

}  // namespace
}  // namespace shunt::packets
