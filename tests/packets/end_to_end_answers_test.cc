// SPDX-License-Identifier: Apache-2.0
// What real sockets notice of a way that carries less than their packets, or fewer hops: the client outside and the
// pods learn what fits, and what may be cut arrives whole.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/errqueue.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/packets/cluster_test.h"
#include "tests/packets/packet_programs.h"
#include "tests/sandbox/client_socket.h"
#include "tests/sandbox/cluster_network.h"
#include "tests/sandbox/devices.h"
#include "tests/sandbox/echo_server.h"
#include "tests/sandbox/service_story.h"
#include "userspace/datapath/kernel/devices/loopback.h"

namespace shunt::packets {
namespace {

using sandbox::At;
using sandbox::ClientSocket;
using sandbox::EchoServer;
using sandbox::InNamespace;
using sandbox::Pod;
using sandbox::PodLink;
using sandbox::Received;
using sandbox::SecondUplink;
using sandbox::ServiceStory;

constexpr uint16_t kTarget = 8080;
constexpr uint16_t kSink = 9090;  // where a test listens itself
constexpr uint32_t kOverlayMtu = 1400;
constexpr uint32_t kSecondMtu = 1350;  // of the second uplink, by which some clients come

bool IsV4(absl::string_view text) {
  return text.front() != '[';
}

ClientSocket Open(const sandbox::NetworkNamespace& where, absl::string_view to, int type) {
  return ClientSocket(where, IsV4(to) ? AF_INET : AF_INET6, type);
}

// How a socket finds out what fits (IP_PMTUDISC_*, whose values are IPv6's too).
void SetDiscovery(const ClientSocket& socket, int how) {
  const bool is_v4 = socket.family() == AF_INET;
  ASSERT_EQ(setsockopt(socket.fd(), is_v4 ? IPPROTO_IP : IPPROTO_IPV6, is_v4 ? IP_MTU_DISCOVER : IPV6_MTU_DISCOVER,
                       &how, sizeof how),
            0);
}

// What the kernel believes that a connected socket's way carries.
int MtuOf(const ClientSocket& socket) {
  const bool is_v4 = socket.family() == AF_INET;
  int mtu = 0;
  socklen_t size = sizeof mtu;
  getsockopt(socket.fd(), is_v4 ? IPPROTO_IP : IPPROTO_IPV6, is_v4 ? IP_MTU : IPV6_MTU, &mtu, &size);
  return mtu;
}

size_t HeadersOf(const ClientSocket& socket) {
  return socket.family() == AF_INET ? 28 : 48;
}

std::string Text(size_t bytes) {
  std::string text(bytes, 0);
  for (size_t i = 0; i < bytes; ++i) text[i] = static_cast<char>(i * 31 + (i >> 8));
  return text;
}

// An ICMP error as the application gets it.
struct HopError {
  uint8_t type = 255;
  uint8_t code = 255;
  std::string from;
  std::string sent;  // the datagram that it is about
};

HopError NextError(const ClientSocket& socket) {
  pollfd waiting = {.fd = socket.fd(), .events = 0, .revents = 0};
  if (poll(&waiting, 1, 3000) != 1) return {};
  char text[2048], control[512];
  iovec part = {.iov_base = text, .iov_len = sizeof text};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  const ssize_t size = recvmsg(socket.fd(), &message, MSG_ERRQUEUE);
  HopError error;
  if (size < 0) return error;
  error.sent.assign(text, static_cast<size_t>(size));
  for (cmsghdr* head = CMSG_FIRSTHDR(&message); head != nullptr; head = CMSG_NXTHDR(&message, head)) {
    if (head->cmsg_type != IP_RECVERR && head->cmsg_type != IPV6_RECVERR) continue;
    const auto* const said = reinterpret_cast<const sock_extended_err*>(CMSG_DATA(head));
    error.type = said->ee_type;
    error.code = said->ee_code;
    char name[INET6_ADDRSTRLEN] = "";
    const sockaddr* const offender = SO_EE_OFFENDER(said);
    if (offender->sa_family == AF_INET) {
      inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(offender)->sin_addr, name, sizeof name);
    } else {
      inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6*>(offender)->sin6_addr, name, sizeof name);
    }
    error.from = name;
  }
  return error;
}

class EndToEndAnswersTest : public ClusterTest {
 protected:
  void Start(SecondUplink second = SecondUplink::kPresent, bool strict_rp_filter = true) {
    ASSERT_NO_FATAL_FAILURE(MakeNetwork({.strict_rp_filter = strict_rp_filter, .second_uplink = second}));
    for (const int node : {0, 1}) ASSERT_NO_FATAL_FAILURE(AddPod(node, PodLink::kRouted));
    server_ = std::make_unique<EchoServer>();
    ASSERT_TRUE(server_->Listen(far().where, kTarget).ok());
    {
      InNamespace router(network_->router());
      ASSERT_TRUE(sandbox::SetMtu("second", kSecondMtu).ok());
    }
    ASSERT_NO_FATAL_FAILURE(LoadPrograms({"192.0.2.10", "2001:db8::10", "198.18.0.10", "2001:db8:3::10"}));
    ASSERT_TRUE(sandbox::SetMtu("flannel.1", kOverlayMtu).ok());
    ASSERT_TRUE(sandbox::SetMtu("eth1", kSecondMtu).ok());
    ASSERT_TRUE(datapath::AcceptOwnSources().ok());
    Serve();
    AttachAll();
  }

  // NodePorts 30081 and 30082, and ports 80 and 90 of 203.0.113.1 and 2001:db8:2::1.
  void Serve() {
    ServiceStory story("far");
    story.ClusterIp("10.96.0.1").ClusterIp("fd00:96::1").LoadBalancerIp("203.0.113.1").LoadBalancerIp("2001:db8:2::1");
    std::vector<std::string> backends;
    for (const auto protocol : {model::Protocol::kTcp, model::Protocol::kUdp}) {
      story.Port(80, protocol, kTarget, 30081).Port(90, protocol, kSink, 30082);
    }
    for (const std::string& address : {far().v4, far().v6}) {
      story.Endpoint({.address = address, .node = "b"});
      for (const uint16_t port : {kTarget, kSink}) {
        backends.push_back(model::IpAddress::Parse(address)->ToStringWithPort(port));
      }
    }
    const absl::Status serving = programs_->Serve({story}, backends);
    ASSERT_TRUE(serving.ok()) << serving;
  }

  void AttachAll() {
    const ToldDevice devices[] = {
        {"eth0", SHUNT_DEVICE_EXTERNAL, "192.0.2.10", "2001:db8::10"},
        {"eth1", SHUNT_DEVICE_EXTERNAL, "198.18.0.10", "2001:db8:3::10", nullptr, kSecondMtu},
        {"flannel.1", SHUNT_DEVICE_OVERLAY, "10.244.1.0", "fd00:244:1::", nullptr, kOverlayMtu},
        {near().device.c_str(), SHUNT_DEVICE_POD, "192.0.2.10", "2001:db8::10"},
    };
    Attach(devices);
  }

  // A socket at the far pod that gets what is sent to port kSink.
  ClientSocket Sink(bool is_v4) const {
    ClientSocket sink(far().where, is_v4 ? AF_INET : AF_INET6, SOCK_DGRAM);
    EXPECT_EQ(sink.Bind(At(absl::StrCat(is_v4 ? "0.0.0.0" : "[::]", ":", kSink))), 0);
    sink.SetPatience(3000);
    return sink;
  }

  void ExpectMegabyteBack(const std::string& to, int discovery) {
    SCOPED_TRACE(to);
    const std::string bytes = Text(1 << 20);
    const ClientSocket socket = Open(network_->client(), to, SOCK_STREAM);
    SetDiscovery(socket, discovery);
    ASSERT_EQ(socket.Connect(At(to)), 0);
    ASSERT_NE(socket.Receive().text, "");  // the banner
    const Received received = socket.Exchange(bytes);
    EXPECT_EQ(received.error, 0);
    EXPECT_TRUE(received.text == bytes) << received.text.size() << " bytes came back";
  }

  void ExpectRequestsArriveWhole() {
    const ClientSocket sink = Sink(true);
    for (const char* to : {"192.0.2.10:30082", "203.0.113.1:90"}) {
      SCOPED_TRACE(to);
      const ClientSocket socket = Open(network_->client(), to, SOCK_DGRAM);
      SetDiscovery(socket, IP_PMTUDISC_DONT);
      ASSERT_EQ(socket.Connect(At(to)), 0);
      for (size_t bytes = 1465; bytes <= 1472; ++bytes) {
        ASSERT_EQ(socket.Send(Text(bytes)), 0);
        const Received received = sink.Receive();
        EXPECT_TRUE(received.text == Text(bytes)) << bytes << ": errno " << received.error;
        EXPECT_EQ(received.from.address.ToString(), "10.244.1.0");
      }
    }
  }

  void ExpectReplyArrivesWhole(const std::string& to) {
    const ClientSocket sink = Sink(true);
    SetDiscovery(sink, IP_PMTUDISC_DONT);
    const ClientSocket socket = Open(network_->client(), to, SOCK_DGRAM);
    ASSERT_EQ(socket.Connect(At(to)), 0);
    ASSERT_EQ(socket.Send("a question"), 0);
    const Received received = sink.Receive();
    ASSERT_EQ(received.text, "a question");
    socket.SetPatience(3000);
    for (size_t bytes = 1400; bytes <= 1422; bytes += 2) {
      ASSERT_EQ(sink.SendTo(received.from, Text(bytes)), 0);
      EXPECT_TRUE(socket.Receive().text == Text(bytes)) << bytes;
    }
  }

  // The pod of this node, and that of the other.
  const Pod& near() const { return pods_[0]; }
  const Pod& far() const { return pods_[1]; }

  std::unique_ptr<EchoServer> server_;
};

constexpr const char* kFirstUplink[] = {"192.0.2.10:30082", "203.0.113.1:90", "[2001:db8::10]:30082",
                                        "[2001:db8:2::1]:90"};

// The first datagram that is a byte too long is lost, as on any way, but its sender is told, and the next ones fail.
TEST_F(EndToEndAnswersTest, AClientIsToldToTheByteWhatFits) {
  Start();
  const ClientSocket sinks[] = {Sink(true), Sink(false)};
  for (const char* to : kFirstUplink) {
    SCOPED_TRACE(to);
    const ClientSocket& sink = sinks[IsV4(to) ? 0 : 1];
    const ClientSocket socket = Open(network_->client(), to, SOCK_DGRAM);
    SetDiscovery(socket, IP_PMTUDISC_DO);
    ASSERT_EQ(socket.Connect(At(to)), 0);
    const size_t fits = kOverlayMtu - HeadersOf(socket);
    for (size_t bytes = fits - 3; bytes <= fits; ++bytes) {
      ASSERT_EQ(socket.Send(Text(bytes)), 0);
      EXPECT_TRUE(sink.Receive().text == Text(bytes)) << bytes;
    }
    if (MtuOf(socket) == 1500) {  // the kernel remembers it for the address, not for the port
      ASSERT_EQ(socket.Send(Text(fits + 1)), 0);
      EXPECT_EQ(socket.Receive().error, EMSGSIZE);
    }
    EXPECT_EQ(MtuOf(socket), static_cast<int>(kOverlayMtu));
    EXPECT_EQ(socket.Send(Text(fits + 1)), EMSGSIZE);
    ASSERT_EQ(socket.Send(Text(fits)), 0);
    EXPECT_EQ(sink.Receive().text.size(), fits);
  }
}

// A pod's packets have checksums that a device is to complete. Here the node's end of its link completes those of what
// is sent to the pod, the error too: the pod takes it only if that leaves the error's own checksum right.
TEST_F(EndToEndAnswersTest, APodIsToldThoughDevicesCompleteItsChecksums) {
  Start();
  for (const bool offloads : {true, false}) {
    ASSERT_TRUE(sandbox::SetOffloads(near().device, offloads).ok());
    for (const char* to :
         {offloads ? "192.0.2.10:30082" : "203.0.113.1:90", offloads ? "[2001:db8::10]:30082" : "[2001:db8:2::1]:90"}) {
      SCOPED_TRACE(absl::StrCat(to, offloads ? "" : " without offloads"));
      const ClientSocket socket = Open(near().where, to, SOCK_DGRAM);
      SetDiscovery(socket, IP_PMTUDISC_DO);
      ASSERT_EQ(socket.Connect(At(to)), 0);
      ASSERT_EQ(socket.Send(Text(kOverlayMtu + 1 - HeadersOf(socket))), 0);
      socket.SetPatience(3000);
      EXPECT_EQ(socket.Receive().error, EMSGSIZE);
      EXPECT_EQ(MtuOf(socket), static_cast<int>(kOverlayMtu));
    }
  }
}

// By the first uplink requests do not fit the overlay; by the second replies do not fit it, of which the pod knows
// nothing.
TEST_F(EndToEndAnswersTest, AMegabytePassesEachWayThoughNoFullSegmentFits) {
  Start();
  for (const bool offloads : {true, false}) {
    ASSERT_TRUE(network_->SetOffloads(offloads).ok());
    for (const char* to : {"192.0.2.10:30081", "[2001:db8::10]:30081", "198.18.0.10:30081", "[2001:db8:3::10]:30081"}) {
      ExpectMegabyteBack(to, IP_PMTUDISC_DO);
    }
  }
  EXPECT_GT(programs_->Reasons()[SHUNT_REASON_TOO_BIG], 0u);
}

// What the stack cuts leaves by the routes: here by the second uplink, as the packet path would have sent it.
TEST_F(EndToEndAnswersTest, AMegabytePassesEachWayThoughSegmentsAreCut) {
  Start(SecondUplink::kDefaultRoute);
  {
    InNamespace pod(far().where);
    ASSERT_TRUE(sandbox::SetSysctl("ipv4/ip_no_pmtu_disc", "1").ok());
  }
  for (const bool offloads : {true, false}) {
    ASSERT_TRUE(network_->SetOffloads(offloads).ok());
    ExpectMegabyteBack("192.0.2.10:30081", IP_PMTUDISC_DONT);
    // Here the router would cut the requests, so only the pod's replies have no DF.
    ExpectMegabyteBack("198.18.0.10:30081", IP_PMTUDISC_DO);
  }
}

TEST_F(EndToEndAnswersTest, ADatagramThatMayBeCutArrivesWholeUnderStrictReversePathFilters) {
  Start(SecondUplink::kDefaultRoute);
  ExpectRequestsArriveWhole();
  ExpectReplyArrivesWhole("198.18.0.10:30082");
}

TEST_F(EndToEndAnswersTest, ADatagramThatMayBeCutArrivesWholeThoughInvalidPacketsAreDropped) {
  Start(SecondUplink::kDefaultRoute);
  const absl::Status loaded = network_->DropInvalid();
  if (loaded.code() == absl::StatusCode::kFailedPrecondition) GTEST_SKIP() << loaded;
  ASSERT_TRUE(loaded.ok()) << loaded;
  ExpectRequestsArriveWhole();
  ExpectReplyArrivesWhole("198.18.0.10:30082");
}

// A load balancer's address is none of the node's, so only here the stack takes what has it for its source.
TEST_F(EndToEndAnswersTest, ADatagramThatMayBeCutArrivesWholeWithoutReversePathFilters) {
  Start(SecondUplink::kPresent, /*strict_rp_filter=*/false);
  ExpectRequestsArriveWhole();
  ExpectReplyArrivesWhole("198.18.0.10:30082");
  ASSERT_TRUE(programs_->Tell({"eth0", SHUNT_DEVICE_EXTERNAL, "192.0.2.10", "2001:db8::10", nullptr, kSecondMtu}).ok());
  ExpectReplyArrivesWhole("203.0.113.1:90");
}

// The router counts the first hop, the node the second.
TEST_F(EndToEndAnswersTest, TheNodeIsAHopOfTheWayToAServicesBackend) {
  Start();
  for (const char* to : kFirstUplink) {
    SCOPED_TRACE(to);
    const ClientSocket socket = Open(network_->client(), to, SOCK_DGRAM);
    const bool is_v4 = IsV4(to);
    const int hops = 2, on = 1;
    ASSERT_EQ(setsockopt(socket.fd(), is_v4 ? IPPROTO_IP : IPPROTO_IPV6, is_v4 ? IP_TTL : IPV6_UNICAST_HOPS, &hops,
                         sizeof hops),
              0);
    ASSERT_EQ(
        setsockopt(socket.fd(), is_v4 ? IPPROTO_IP : IPPROTO_IPV6, is_v4 ? IP_RECVERR : IPV6_RECVERR, &on, sizeof on),
        0);
    ASSERT_EQ(socket.Connect(At(to)), 0);
    ASSERT_EQ(socket.Send("who is there"), 0);
    const HopError error = NextError(socket);
    EXPECT_EQ(error.type, is_v4 ? ICMP_TIMXCEED : ICMP6_TIME_EXCEEDED);
    EXPECT_EQ(error.code, 0);
    EXPECT_EQ(error.from, At(to).address.ToString());
    EXPECT_EQ(error.sent, "who is there");
  }
}

}  // namespace
}  // namespace shunt::packets
