// SPDX-License-Identifier: Apache-2.0
// Real datagrams in pieces through node A with the real programs: from clients that the kernel cuts for, and from one
// that sends its fragments in an order of its own.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/packets/cluster_test.h"
#include "tests/packets/packet.h"
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
using sandbox::NetworkNamespace;
using sandbox::Pod;
using sandbox::PodLink;
using sandbox::Received;
using sandbox::ServiceStory;

constexpr uint16_t kTarget = 8080;

std::string Text(size_t bytes) {
  std::string text(bytes, 0);
  for (size_t i = 0; i < bytes; ++i) text[i] = static_cast<char>('a' + (i * 7 + i / 251) % 26);
  return text;
}

// Services with one endpoint each: 10.96.0.N, NodePort 30080 + N.
enum Service { kOnRouted = 1, kOnBridged = 2, kOnOtherNode = 3, kOnHost = 4, kOnOtherHost = 5 };

class FragmentsEndToEndTest : public ClusterTest {
 protected:
  // Every way has an MTU of 1500, so that fragments fit wherever they go.
  void Start(const sandbox::ClusterOptions& options = {.overlay = false}) {
    if (IsSkipped()) return;
    ASSERT_NO_FATAL_FAILURE(MakeNetwork(options));
    server_ = std::make_unique<EchoServer>(sandbox::EchoEnd::kPeer);
    AddServingPod(0, PodLink::kRouted);
    AddServingPod(0, PodLink::kBridged);
    AddServingPod(0, PodLink::kBridged);
    AddServingPod(1, PodLink::kRouted);
    ASSERT_EQ(pods_.size(), 4u);
    for (int node = 0; node < 2; ++node) ASSERT_TRUE(server_->Listen(network_->node(node), kTarget).ok());
    ASSERT_NO_FATAL_FAILURE(LoadPrograms({"192.0.2.10", "2001:db8::10"}));
    Serve();
    AttachAll(options);
  }

  void AddServingPod(int node, PodLink link) {
    ASSERT_NO_FATAL_FAILURE(AddPod(node, link));
    ASSERT_TRUE(server_->Listen(pods_.back().where, kTarget).ok());
  }

  void Serve() {
    const std::pair<std::string, std::string> backends[] = {{pods_[0].v4, pods_[0].v6},
                                                            {pods_[1].v4, pods_[1].v6},
                                                            {pods_[3].v4, pods_[3].v6},
                                                            {"192.0.2.10", "2001:db8::10"},
                                                            {"192.0.2.11", "2001:db8::11"}};
    std::vector<ServiceStory> stories;
    std::vector<std::string> filter;
    for (int n = kOnRouted; n <= kOnOtherHost; ++n) {
      ServiceStory story(absl::StrCat("s", n));
      story.ClusterIp(absl::StrCat("10.96.0.", n)).ClusterIp(absl::StrCat("fd00:96::", n));
      for (const std::string& address : {backends[n - 1].first, backends[n - 1].second}) {
        story.Endpoint({.address = address, .node = n == kOnOtherNode || n == kOnOtherHost ? "b" : "here"});
        filter.push_back(model::IpAddress::Parse(address)->ToStringWithPort(kTarget));
      }
      stories.push_back(story.Port(80, model::Protocol::kUdp, kTarget, static_cast<uint16_t>(30080 + n)));
    }
    const absl::Status serving = programs_->Serve(stories, filter);
    ASSERT_TRUE(serving.ok()) << serving;
  }

  void AttachAll(const sandbox::ClusterOptions& options) {
    std::vector<ToldDevice> devices = {
        {"eth0", SHUNT_DEVICE_EXTERNAL, "192.0.2.10", "2001:db8::10"},
        {pods_[0].device.c_str(), SHUNT_DEVICE_POD, "192.0.2.10", "2001:db8::10"},
        {"cni0", SHUNT_DEVICE_POD, "10.244.1.65", "fd00:244:1:0:b::1"},
        {pods_[1].device.c_str(), SHUNT_DEVICE_POD, "10.244.1.65", "fd00:244:1:0:b::1", "cni0"},
        {pods_[2].device.c_str(), SHUNT_DEVICE_POD, "10.244.1.65", "fd00:244:1:0:b::1", "cni0"},
    };
    if (options.overlay) {
      devices.push_back(
          {"flannel.1", SHUNT_DEVICE_OVERLAY, "10.244.1.0", "fd00:244:1::", nullptr, options.segment_mtu - 50});
    }
    Attach(devices);
  }

  // Sends a datagram with a payload of this length and expects it back.
  static void ExpectEcho(const NetworkNamespace& where, const std::string& to, size_t bytes) {
    SCOPED_TRACE(absl::StrCat(bytes, " bytes to ", to));
    ClientSocket socket(where, At(to).address.IsV4() ? AF_INET : AF_INET6, SOCK_DGRAM);
    socket.SetPatience(3000);
    const std::string text = Text(bytes);
    ASSERT_EQ(socket.SendTo(At(to), text), 0);
    ExpectAnswer(socket, to, text);
  }
  static void ExpectAnswer(const ClientSocket& socket, const std::string& from, const std::string& text) {
    const Received received = socket.Receive();
    ASSERT_EQ(received.error, 0);
    EXPECT_EQ(received.from, At(from));
    ASSERT_GT(received.text.size(), text.size());
    EXPECT_TRUE(received.text.ends_with(" " + text));
  }

  void ExpectEverySizeThereAndBack(const std::vector<Service>& services) {
    for (const int service : services) {
      for (const std::string& to : FrontendsOf(service)) {
        for (size_t bytes = 1400; bytes <= 1480; bytes += bytes < 1440 ? 20 : 1) {
          ExpectEcho(network_->client(), to, bytes);
        }
        for (const size_t bytes : {2960, 4000, 20000, 60000}) ExpectEcho(network_->client(), to, bytes);
        if (HasFailure()) return;
      }
    }
  }

  static std::vector<std::string> FrontendsOf(int service) {
    return {absl::StrCat("192.0.2.10:", 30080 + service), absl::StrCat("[2001:db8::10]:", 30080 + service)};
  }

  std::unique_ptr<EchoServer> server_;
};

TEST_F(FragmentsEndToEndTest, ADatagramOfEverySizeGoesThereAndBack) {
  Start();
  ExpectEverySizeThereAndBack({kOnRouted, kOnBridged, kOnOtherNode, kOnHost, kOnOtherHost});
}

// The nodes' network carries what the overlay adds.
TEST_F(FragmentsEndToEndTest, ADatagramOfEverySizeGoesThereAndBackByAnOverlay) {
  Start({.segment_mtu = 1550});
  ExpectEverySizeThereAndBack({kOnRouted, kOnBridged, kOnOtherNode});
}

TEST_F(FragmentsEndToEndTest, APodsDatagramGoesThereAndBack) {
  Start();
  for (const int service : {kOnRouted, kOnBridged, kOnOtherNode, kOnOtherHost}) {
    for (const Pod* pod : {&pods_[0], &pods_[2]}) {
      ExpectEcho(pod->where, absl::StrCat("10.96.0.", service, ":80"), 4000);
      ExpectEcho(pod->where, absl::StrCat("[fd00:96::", service, "]:80"), 4000);
    }
  }
}

// With conntrack the node puts a datagram together and cuts it again on its way through the stack.
TEST_F(FragmentsEndToEndTest, ADatagramGoesThereAndBackWithConntrack) {
  Start();
  const absl::Status loaded = network_->DropInvalid();
  if (loaded.code() == absl::StatusCode::kFailedPrecondition) GTEST_SKIP() << loaded;
  ASSERT_TRUE(loaded.ok()) << loaded;
  for (const int service : {kOnRouted, kOnBridged, kOnOtherNode, kOnHost, kOnOtherHost}) {
    for (const std::string& to : FrontendsOf(service)) ExpectEcho(network_->client(), to, 4000);
  }
}

// A client that sends its own fragments.
class Cutter {
 public:
  Cutter(const NetworkNamespace& where, int family)
      : raw_(where, family, SOCK_RAW, IPPROTO_RAW), socket_(where, family, SOCK_DGRAM) {
    socket_.SetPatience(3000);
  }

  // `order` has the numbers of the fragments to send.
  void Send(const std::string& from, const std::string& to, const std::string& text, const std::vector<size_t>& order,
            uint32_t id) {
    const std::vector<Packet> parts = Fragments(Udp(from, to).Payload(text).Id(id).WithoutLinkHeader(), 1500);
    for (const size_t part : order) {
      ASSERT_LT(part, parts.size());
      const Bytes bytes = ToBytes(parts[part]);
      const model::SocketAddress destination = {At(to).address, 0};
      ASSERT_EQ(raw_.SendTo(destination, {reinterpret_cast<const char*>(bytes.data()), bytes.size()}), 0);
    }
  }
  // Gets the answers, once it is bound.
  const ClientSocket& socket() const { return socket_; }

 private:
  ClientSocket raw_;
  ClientSocket socket_;
};

TEST_F(FragmentsEndToEndTest, ADatagramArrivesInWhateverOrderItsFragmentsCome) {
  Start();
  const std::string text = Text(4000);
  uint32_t id = 100;
  for (const int service : {kOnRouted, kOnOtherNode, kOnHost, kOnOtherHost}) {
    for (const bool is_v4 : {true, false}) {
      const std::string to = FrontendsOf(service)[is_v4 ? 0 : 1];
      const std::string address = is_v4 ? "198.51.100.7" : "2001:db8:1::7";
      Cutter cutter(network_->client(), is_v4 ? AF_INET : AF_INET6);
      const std::string from = model::IpAddress::Parse(address)->ToStringWithPort(static_cast<uint16_t>(41000 + ++id));
      ASSERT_EQ(cutter.socket().Bind(At(from)), 0);
      using Order = std::vector<size_t>;
      for (const Order& order : {Order{0, 1, 2}, Order{2, 1, 0}, Order{2, 0, 1}, Order{1, 2, 0}, Order{1, 0, 2},
                                 Order{0, 2, 1}, Order{2, 2, 1, 1, 0}, Order{0, 0, 1, 2}}) {
        SCOPED_TRACE(
            absl::StrCat(from, " to ", to, ", ", order.size(), " fragments, first ", order[0], ", then ", order[1]));
        cutter.Send(from, to, text, order, ++id);
        ExpectAnswer(cutter.socket(), to, text);
        if (HasFailure()) return;
      }
    }
  }
}

// The overlay carries less than the client's way, so the stack of node A cuts what is too big for it: only of a
// datagram that it gets whole, because it puts it together before.
TEST_F(FragmentsEndToEndTest, ADatagramOfWhichOnlySomeFragmentsFitItsWayArrivesWithConntrack) {
  Start({.second_uplink = sandbox::SecondUplink::kDefaultRoute});
  ASSERT_TRUE(datapath::AcceptOwnSources().ok());
  const absl::Status loaded = network_->DropInvalid();
  if (loaded.code() == absl::StatusCode::kFailedPrecondition) GTEST_SKIP() << loaded;
  ASSERT_TRUE(loaded.ok()) << loaded;
  uint32_t id = 0;
  for (const size_t bytes : {1473, 2960, 4000}) {
    for (const bool is_in_order : {true, false}) {
      SCOPED_TRACE(absl::StrCat(bytes, is_in_order ? " bytes in order" : " bytes, the last fragment first"));
      const std::string to = FrontendsOf(kOnOtherNode)[0];
      const std::string from = absl::StrCat("198.51.100.7:", 43000 + ++id);
      const std::string text = Text(bytes);
      Cutter cutter(network_->client(), AF_INET);
      ASSERT_EQ(cutter.socket().Bind(At(from)), 0);
      std::vector<size_t> order((bytes + 8 + 1479) / 1480);
      for (size_t i = 0; i < order.size(); ++i) order[i] = is_in_order ? i : order.size() - 1 - i;
      cutter.Send(from, to, text, order, id);
      ExpectAnswer(cutter.socket(), to, text);
    }
  }
}

// Both leave for the backend from one address of node A.
TEST_F(FragmentsEndToEndTest, TwoClientsWithOneIdAreToldApart) {
  Start();
  const std::string to = FrontendsOf(kOnOtherNode)[0];
  const char* const addresses[] = {"198.51.100.7", "198.51.100.200"};
  Cutter clients[] = {Cutter(network_->client(), AF_INET), Cutter(network_->client(), AF_INET)};
  std::string from[2], text[2];
  for (int i = 0; i < 2; ++i) {
    from[i] = absl::StrCat(addresses[i], ":", 42000);
    text[i] = std::string(4000, static_cast<char>('a' + i));
    ASSERT_EQ(clients[i].socket().Bind(At(from[i])), 0);
  }
  for (const size_t part : {0, 1, 2}) {
    for (int i = 0; i < 2; ++i) clients[i].Send(from[i], to, text[i], {part}, 777);
  }
  for (int i = 0; i < 2; ++i) ExpectAnswer(clients[i].socket(), to, text[i]);
}

}  // namespace
}  // namespace shunt::packets
