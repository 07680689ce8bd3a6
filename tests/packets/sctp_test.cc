// SPDX-License-Identifier: Apache-2.0
// SCTP beyond the golden packets: random packets of every length through the real programs, and associations through
// the real stacks of the network of tests/sandbox. Raw sockets are their ends, because not every kernel has SCTP.
#include <gtest/gtest.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/packets/cluster_test.h"
#include "tests/packets/packet.h"
#include "tests/packets/packet_node.h"
#include "tests/packets/packet_programs.h"
#include "tests/packets/parse.h"
#include "tests/packets/test_run.h"
#include "tests/sandbox/client_socket.h"
#include "tests/sandbox/cluster_network.h"
#include "tests/sandbox/network_namespace.h"
#include "tests/sandbox/service_story.h"
#include "tests/seeds.h"
#include "userspace/datapath/kernel/testing/sandbox_fixture.h"
#include "userspace/posix/file_descriptor.h"

namespace shunt::packets {
namespace {

using sandbox::At;
using sandbox::ClientSocket;
using sandbox::InNamespace;
using sandbox::NetworkNamespace;
using sandbox::PodLink;
using sandbox::Received;
using sandbox::ServiceStory;

constexpr uint16_t kTarget = 3868;
constexpr uint16_t kNodePort = 30868;

// ---- single packets -------------------------------------------------------------------------------------

class SctpPacketsTest : public datapath::SandboxTest {
 protected:
  void SetUp() override {
    SandboxTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    auto made = PacketNode::Create(bpffs_, cgroup_);
    ASSERT_TRUE(made.ok()) << made.status();
    node_ = *std::move(made);
    ServiceStory story("diameter");
    story.ClusterIp("10.96.0.1").ClusterIp("fd00:96::1").Port(80, model::Protocol::kSctp, kTarget, kNodePort);
    story.Endpoint({.address = "10.244.2.7", .node = "b"}).Endpoint({.address = "fd00:244:2::7", .node = "b"});
    const absl::Status serving = node_->programs().Serve({story}, {"10.244.2.7:3868", "[fd00:244:2::7]:3868"});
    ASSERT_TRUE(serving.ok()) << serving;
  }

  void TearDown() override {
    node_.reset();
    SandboxTest::TearDown();
  }

  std::unique_ptr<PacketNode> node_;
};

// Every packet is checked in full, its checksum over all its bytes too.
TEST_F(SctpPacketsTest, RandomPacketsKeepARightChecksum) {
  const uint32_t seed = seeds::Usually(1);
  SCOPED_TRACE(seeds::Trace(seed));
  std::mt19937 random(seed);
  for (int i = 0; i < 20'000; ++i) {
    const bool is_v4 = random() % 2 == 0;
    const std::string client = absl::StrCat(is_v4 ? "198.51.100.7:" : "[2001:db8:1::7]:", 40000 + random() % 8);
    const std::string frontend = absl::StrCat(is_v4 ? "192.0.2.10:" : "[2001:db8::10]:", kNodePort);
    Packet packet = Sctp(client, frontend).SctpTag(static_cast<uint32_t>(random()));
    // The routes allow no more in one packet. What is behind the first chunk has any length.
    packet.Payload(4 + random() % (is_v4 ? 1385 : 1365));
    for (uint8_t& byte : packet.payload) byte = static_cast<uint8_t>(random());
    packet.payload[0] = i < 200 ? kSctpInit : kSctpData;
    const Packet arriving = node_->Arriving("eth0", packet);
    const Fate fate = node_->Run(Hook::kIngress, "eth0", arriving);
    if (VerdictName(fate.verdict) == "TC_ACT_UNSPEC" && packet.payload[0] == kSctpData) continue;  // no INIT before it
    ASSERT_EQ(VerdictName(fate.verdict), "TC_ACT_REDIRECT") << testing::PrintToString(fate.reasons);
    const Packet onwards = packet.From(is_v4 ? absl::StrCat("10.244.1.0:", fate.packet.source_port)
                                             : absl::StrCat("[fd00:244:1::]:", fate.packet.source_port));
    ASSERT_EQ(Mismatch(node_->Leaving("flannel.1", is_v4 ? "10.244.2.0" : "fd00:244:2::",
                                      onwards.To(is_v4 ? "10.244.2.7:3868" : "[fd00:244:2::7]:3868").Ttl(63)),
                       fate.bytes),
              "");
  }
}

// What a pod's kernel leaves to be cut where its chunks end has no length that the routes could be asked about.
TEST_F(SctpPacketsTest, APacketOfSeveralSegmentsIsNotTakenForTooLong) {
  for (const bool is_v4 : {true, false}) {
    const std::string client = is_v4 ? "198.51.100.7:40000" : "[2001:db8:1::7]:40000";
    const std::string frontend = absl::StrCat(is_v4 ? "192.0.2.10:" : "[2001:db8::10]:", kNodePort);
    const Packet init = node_->Arriving("eth0", Sctp(client, frontend).Init());
    ASSERT_EQ(VerdictName(node_->Run(Hook::kIngress, "eth0", init).verdict), "TC_ACT_REDIRECT");
    const Packet data = node_->Arriving("eth0", Sctp(client, frontend).Chunk(kSctpData, 2000).Checksum(0));
    const auto run = RunProgram(node_->programs().ingress_fd(), ToBytes(data),
                                {.ifindex = if_nametoindex("eth0"), .gso_size = 0xffff, .gso_segs = 2});
    ASSERT_TRUE(run.ok()) << run.status();
    EXPECT_EQ(VerdictName(run->verdict), "TC_ACT_REDIRECT");
  }
}

// ---- real stacks ----------------------------------------------------------------------------------------

// One end of associations: sends and receives packets of SCTP as they are.
class SctpEnd {
 public:
  SctpEnd(const NetworkNamespace& where, int family) : family_(family) {
    const InNamespace inside(where);
    socket_ = posix::FileDescriptor(::socket(family, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_SCTP));
    const timeval patience = {.tv_sec = 5, .tv_usec = 0};
    EXPECT_EQ(::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0)
        << std::strerror(errno);
  }

  // The kernel makes the IP header.
  void Send(const Packet& packet) {
    sockaddr_storage to = {};
    socklen_t size = sizeof(sockaddr_in);
    const std::array<uint8_t, 16>& address = packet.destination.bytes();
    if (family_ == AF_INET) {
      auto& v4 = reinterpret_cast<sockaddr_in&>(to);
      v4.sin_family = AF_INET;
      std::memcpy(&v4.sin_addr, address.data() + 12, 4);
    } else {
      auto& v6 = reinterpret_cast<sockaddr_in6&>(to);
      v6.sin6_family = AF_INET6;
      std::memcpy(&v6.sin6_addr, address.data(), 16);
      size = sizeof(sockaddr_in6);
    }
    const Bytes bytes = TransportBytes(packet);
    EXPECT_EQ(::sendto(socket_.get(), bytes.data(), bytes.size(), 0, reinterpret_cast<sockaddr*>(&to), size),
              static_cast<ssize_t>(bytes.size()))
        << ToString(packet) << ": " << std::strerror(errno);
  }

  // Returns the next packet, with every checksum checked, as one to `here`; nullopt, and a failure, if none comes.
  std::optional<Packet> Receive(const model::IpAddress& here) {
    Bytes bytes(4096);
    sockaddr_storage from = {};
    socklen_t size = sizeof(from);
    const ssize_t received =
        ::recvfrom(socket_.get(), bytes.data(), bytes.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
    if (received < 0) {
      ADD_FAILURE() << "nothing came: " << std::strerror(errno);
      return std::nullopt;
    }
    // The IP header is there in IPv4 alone.
    const size_t header = family_ == AF_INET ? (bytes[0] & 15) * 4u : 0;
    const Bytes transport(bytes.begin() + static_cast<ptrdiff_t>(header), bytes.begin() + received);
    Packet shell = Sctp(family_ == AF_INET ? "0.0.0.0:0" : "[::]:0", family_ == AF_INET ? "0.0.0.0:0" : "[::]:0");
    shell.source = AddressOf(from);
    shell.destination = here;
    Parsed parsed = Parse(AroundTransport(shell, transport));
    EXPECT_TRUE(parsed.faults.empty()) << parsed.faults[0];
    return std::move(parsed.packet);
  }

 private:
  static model::IpAddress AddressOf(const sockaddr_storage& from) {
    std::array<uint8_t, 16> bytes = {};
    if (from.ss_family == AF_INET) {
      return model::IpAddress::FromV4(ntohl(reinterpret_cast<const sockaddr_in&>(from).sin_addr.s_addr));
    }
    std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in6&>(from).sin6_addr, bytes.size());
    return model::IpAddress(bytes);
  }

  const int family_;
  posix::FileDescriptor socket_;
};

constexpr char kKernelAnswers[] = "this kernel has SCTP, and ends what its own sockets have not begun";

class SctpStacksTest : public ClusterTest {
 protected:
  void SetUp() override {
    SandboxTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    // Clients and pods have the same MTU, the overlay's, so that no router has to tell of a smaller one.
    ASSERT_NO_FATAL_FAILURE(MakeNetwork({.client_mtu = 1450}));
    for (int node = 0; node < 2; ++node) ASSERT_NO_FATAL_FAILURE(AddPod(node, PodLink::kRouted));
    ASSERT_NO_FATAL_FAILURE(LoadPrograms({"192.0.2.10", "2001:db8::10"}));
    Serve();
    const ToldDevice devices[] = {
        {"eth0", SHUNT_DEVICE_EXTERNAL, "192.0.2.10", "2001:db8::10"},
        {"flannel.1", SHUNT_DEVICE_OVERLAY, "10.244.1.0", "fd00:244:1::"},
        {pods_[0].device.c_str(), SHUNT_DEVICE_POD, "192.0.2.10", "2001:db8::10"},
    };
    Attach(devices);
  }

  // A Service for each pod: NodePorts 30868 and 30869.
  void Serve() {
    std::vector<ServiceStory> stories;
    std::vector<std::string> backends;
    for (uint16_t pod = 0; pod < 2; ++pod) {
      ServiceStory story(absl::StrCat("s", pod));
      story.ClusterIp(absl::StrCat("10.96.0.", pod + 1)).ClusterIp(absl::StrCat("fd00:96::", pod + 1));
      story.Port(80, model::Protocol::kSctp, kTarget, static_cast<uint16_t>(kNodePort + pod));
      for (const std::string& address : {pods_[pod].v4, pods_[pod].v6}) {
        story.Endpoint({.address = address, .node = pod == 0 ? "here" : "b"});
        backends.push_back(model::IpAddress::Parse(address)->ToStringWithPort(kTarget));
      }
      stories.push_back(story);
    }
    const absl::Status serving = programs_->Serve(stories, backends);
    ASSERT_TRUE(serving.ok()) << serving;
  }

  bool KernelHasSctp() const {
    return ClientSocket(network_->client(), AF_INET, SOCK_STREAM, IPPROTO_SCTP).open_error() == 0;
  }

  // A client outside and a pod exchange packets; the pod sees `source`.
  void Associate(int pod, const std::string& client, const std::string& frontend, const std::string& source) {
    const int family = client.front() == '[' ? AF_INET6 : AF_INET;
    SctpEnd outside(network_->client(), family), inside(pods_[pod].where, family);
    const std::string backend =
        model::IpAddress::Parse(family == AF_INET ? pods_[pod].v4 : pods_[pod].v6)->ToStringWithPort(kTarget);
    const Packet asked = Sctp(client, frontend), answered = Sctp(backend, client);
    std::optional<Packet> seen;
    for (Packet sent :
         {Packet(asked).Init(), Packet(asked).Chunk(kSctpData, 1200), Packet(asked).Chunk(kSctpData, 3)}) {
      outside.Send(sent);
      seen = inside.Receive(answered.source);
      ASSERT_TRUE(seen.has_value());
      EXPECT_EQ(seen->source.ToString(), source);
      EXPECT_EQ(seen->destination_port, kTarget);
      EXPECT_EQ(seen->payload, sent.payload);
      EXPECT_EQ(seen->sctp_tag, sent.sctp_tag);
    }
    const std::string client_seen = seen->source.ToStringWithPort(seen->source_port);
    for (Packet sent :
         {Packet(answered).InitAck(), Packet(answered).Chunk(kSctpData, 1200), Packet(answered).Abort()}) {
      inside.Send(sent.To(client_seen));
      seen = outside.Receive(asked.source);
      ASSERT_TRUE(seen.has_value());
      EXPECT_EQ(seen->source, asked.destination);
      EXPECT_EQ(seen->source_port, asked.destination_port);
      EXPECT_EQ(seen->destination_port, asked.source_port);
      EXPECT_EQ(seen->payload, sent.payload);
    }
  }
};

TEST_F(SctpStacksTest, AnAssociationReachesAPodOfThisNodeThroughTheStack) {
  if (KernelHasSctp()) GTEST_SKIP() << kKernelAnswers;
  Associate(0, "198.51.100.7:40001", "192.0.2.10:30868", "198.51.100.7");
  Associate(0, "[2001:db8:1::7]:40001", "[2001:db8::10]:30868", "2001:db8:1::7");
}

TEST_F(SctpStacksTest, AnAssociationReachesAPodOfAnotherNodeFromAnAddressOfThisNode) {
  if (KernelHasSctp()) GTEST_SKIP() << kKernelAnswers;
  Associate(1, "198.51.100.7:40001", "192.0.2.10:30869", "10.244.1.0");
  Associate(1, "[2001:db8:1::7]:40001", "[2001:db8::10]:30869", "fd00:244:1::");
}

// The kernel's own SCTP, where there is one: on a veth it leaves each checksum to the device, and of a large message it
// makes one packet of several segments. It is bound to one address, as its addresses are not translated.
TEST_F(SctpStacksTest, AssociationsOfTheKernelCarryLargeMessagesBothWays) {
  if (!KernelHasSctp()) GTEST_SKIP() << "this kernel has no SCTP";
  for (const int pod : {0, 1}) {
    for (const bool is_v4 : {true, false}) {
      const std::string frontend = absl::StrCat(is_v4 ? "192.0.2.10:" : "[2001:db8::10]:", kNodePort + pod);
      SCOPED_TRACE(frontend);
      const int family = is_v4 ? AF_INET : AF_INET6;
      const ClientSocket listener(pods_[pod].where, family, SOCK_STREAM, IPPROTO_SCTP);
      ASSERT_EQ(listener.Bind({*model::IpAddress::Parse(is_v4 ? pods_[pod].v4 : pods_[pod].v6), kTarget}), 0);
      ASSERT_EQ(::listen(listener.fd(), 1), 0);
      const ClientSocket client(network_->client(), family, SOCK_STREAM, IPPROTO_SCTP);
      ASSERT_EQ(client.Bind({*model::IpAddress::Parse(is_v4 ? "198.51.100.7" : "2001:db8:1::7"), 0}), 0);
      ASSERT_EQ(client.Connect(At(frontend)), 0);
      EXPECT_EQ(client.PeerName().from, At(frontend));
      const ClientSocket server(::accept4(listener.fd(), nullptr, nullptr, SOCK_CLOEXEC), family);
      for (const auto& [from, to] : {std::pair(&client, &server), std::pair(&server, &client)}) {
        std::string sent;
        for (int message = 0; message < 8; ++message) {
          const std::string text(8000, static_cast<char>('a' + message));
          ASSERT_EQ(from->Send(text), 0);
          sent += text;
        }
        std::string received;
        while (received.size() < sent.size()) {
          const Received part = to->Receive();
          ASSERT_EQ(part.error, 0) << std::strerror(part.error);
          received += part.text;
        }
        EXPECT_TRUE(received == sent);
      }
    }
  }
}

}  // namespace
}  // namespace shunt::packets
