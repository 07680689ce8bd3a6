// SPDX-License-Identifier: Apache-2.0
// Golden packets of datagrams in pieces: each fragment through the real programs, in order and in others, there and
// back, and held against the fragments of the translated datagram.
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <barrier>
#include <cstdint>
#include <cstring>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "bpf/packet_abi.h"
#include "tests/packets/packet.h"
#include "tests/packets/packet_node.h"
#include "tests/packets/parse.h"
#include "tests/packets/test_run.h"
#include "tests/sandbox/service_story.h"
#include "userspace/datapath/kernel/testing/sandbox_fixture.h"
#include "userspace/posix/file_descriptor.h"

namespace shunt::packets {
namespace {

using sandbox::ServiceStory;

constexpr size_t kMtu = 1400;  // what every way here carries
constexpr uint32_t kId = 4711;
// More jiffies to a second than pass in a test: time passes only by Age().
constexpr uint32_t kHz = 1'000'000;

// One way to a Service, in one family.
struct Way {
  const char* sentence;
  const char* client_device;
  const char* client;
  const char* client_hop;
  const char* frontend;
  const char* backend;
  const char* device;  // by which it leaves past the stack; null: through the stack
  const char* neighbour;
  const char* source;  // lent by this node; null: the client's own
  Hook reply_hook;
  const char* reply_device;
  const char* client_mac_device;
};

constexpr Way kWays[] = {
    {"from outside through the stack to a pod", "eth0", "198.51.100.7", "192.0.2.1", "192.0.2.10:30081",
     "10.244.1.2:8080", nullptr, nullptr, nullptr, Hook::kEgress, "eth0", nullptr},
    {"the same over IPv6", "eth0", "2001:db8:1::7", "2001:db8::1", "[2001:db8::10]:30081", "[fd00:244:1::2]:8080",
     nullptr, nullptr, nullptr, Hook::kEgress, "eth0", nullptr},
    {"from outside by a load balancer's address to a pod of node B", "eth0", "198.51.100.7", "192.0.2.1",
     "203.0.113.2:80", "10.244.2.7:8080", "flannel.1", "10.244.2.0", "10.244.1.0", Hook::kIngress, "flannel.1", "eth0"},
    {"the same over IPv6", "eth0", "2001:db8:1::7", "2001:db8::1", "[2001:db8:2::2]:80", "[fd00:244:2::7]:8080",
     "flannel.1", "fd00:244:2::", "fd00:244:1::", Hook::kIngress, "flannel.1", "eth0"},
    {"from outside back by the same device to node B", "eth0", "198.51.100.7", "192.0.2.1", "192.0.2.10:30083",
     "192.0.2.11:8080", "eth0", "192.0.2.11", "192.0.2.10", Hook::kIngress, "eth0", "eth0"},
    {"from a pod to a pod behind its bridge", "br1", "10.244.1.66", "10.244.1.66", "10.96.0.4:80", "10.244.1.67:8080",
     "cni0", "10.244.1.67", nullptr, Hook::kIngress, "br2", "cni0"},
    {"the same over IPv6", "br1", "fd00:244:1:0:b::2", "fd00:244:1:0:b::2", "[fd00:96::4]:80",
     "[fd00:244:1:0:b::3]:8080", "cni0", "fd00:244:1:0:b::3", nullptr, Hook::kIngress, "br2", "cni0"},
};

std::string At(absl::string_view address, uint16_t port) {
  return model::IpAddress::Parse(address)->ToStringWithPort(port);
}

// Everything that comes in by a device, as its own packet socket sees it.
class Incoming {
 public:
  explicit Incoming(const char* device)
      : socket_(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(ETH_P_ALL))) {
    sockaddr_ll address = {};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(ETH_P_ALL);
    address.sll_ifindex = static_cast<int>(if_nametoindex(device));
    EXPECT_EQ(bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }

  // Returns the next `count` fragments, or fewer if no more come. What the kernel itself sends and gets is left out.
  std::vector<Bytes> Fragments(size_t count) {
    std::vector<Bytes> frames;
    pollfd waiting = {.fd = socket_.get(), .events = POLLIN, .revents = 0};
    while (frames.size() < count && poll(&waiting, 1, 2000) == 1) {
      Bytes frame(4096);
      sockaddr_ll from = {};
      socklen_t size = sizeof from;
      const ssize_t got =
          recvfrom(socket_.get(), frame.data(), frame.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
      if (got < 0) break;
      frame.resize(static_cast<size_t>(got));
      if (from.sll_pkttype == PACKET_HOST && Parse(frame).packet.fragment) frames.push_back(std::move(frame));
    }
    return frames;
  }
  bool IsEmpty() {
    Bytes frame(4096);
    while (recv(socket_.get(), frame.data(), frame.size(), 0) > 0) {
      if (Parse(frame).packet.fragment) return false;
    }
    return true;
  }

 private:
  posix::FileDescriptor socket_;
};

class GoldenFragmentsTest : public datapath::SandboxTest {
 protected:
  void SetUp() override {
    SandboxTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    Start({.hz = kHz});
  }

  void Start(const ProgramOptions& options) {
    node_.reset();
    auto made = PacketNode::Create(bpffs_, cgroup_, options);
    ASSERT_TRUE(made.ok()) << made.status();
    node_ = *std::move(made);
    std::vector<ServiceStory> stories;
    std::vector<std::string> backends;
    for (int n = 1; n <= 5; ++n) {
      ServiceStory story(absl::StrCat("s", n));
      story.ClusterIp(absl::StrCat("10.96.0.", n)).ClusterIp(absl::StrCat("fd00:96::", n));
      story.LoadBalancerIp(absl::StrCat("203.0.113.", n)).LoadBalancerIp(absl::StrCat("2001:db8:2::", n));
      static constexpr const char* kBackends[][2] = {{"10.244.1.2", "fd00:244:1::2"},
                                                     {"10.244.2.7", "fd00:244:2::7"},
                                                     {"192.0.2.11", "2001:db8::11"},
                                                     {"10.244.1.67", "fd00:244:1:0:b::3"}};
      if (n < 5) {  // the last has none
        for (const char* address : kBackends[n - 1]) {
          story.Endpoint({.address = address, .node = n == 2 || n == 3 ? "b" : "here"});
          backends.push_back(At(address, 8080));
        }
      }
      const auto node_port = static_cast<uint16_t>(30080 + n);
      story.Port(80, model::Protocol::kTcp, 8080, node_port).Port(80, model::Protocol::kUdp, 8080, node_port);
      stories.push_back(story);
    }
    const absl::Status serving = node_->programs().Serve(stories, backends);
    ASSERT_TRUE(serving.ok()) << serving;
  }

  void TearDown() override {
    node_.reset();
    SandboxTest::TearDown();
  }

  std::vector<Packet> Arriving(const char* device, const Packet& whole) {
    return Fragments(node_->Arriving(device, whole), kMtu);
  }
  Fate In(const char* device, const Packet& packet) { return node_->Run(Hook::kIngress, device, packet); }

  // Changes the ages of all that is remembered and kept.
  void Age(uint32_t seconds);

  std::unique_ptr<PacketNode> node_;
};

void GoldenFragmentsTest::Age(uint32_t seconds) {
  const int fragments = node_->programs().map_fd("fragments"), waiting = node_->programs().map_fd("waiting");
  ASSERT_GE(fragments, 0);
  ASSERT_GE(waiting, 0);
  const uint32_t jiffies = seconds * kHz;
  shunt_fragment_key key = {};
  shunt_fragment row = {};
  for (const void* last = nullptr; bpf_map_get_next_key(fragments, last, &key) == 0; last = &key) {
    ASSERT_EQ(bpf_map_lookup_elem(fragments, &key, &row), 0);
    row.since -= jiffies;
    ASSERT_EQ(bpf_map_update_elem(fragments, &key, &row, BPF_EXIST), 0);
  }
  bpf_map_info info = {};
  uint32_t size = sizeof info;
  ASSERT_EQ(bpf_obj_get_info_by_fd(waiting, &info, &size), 0);
  std::vector<uint32_t> place(info.value_size / 4);
  for (uint32_t i = 0; i < info.max_entries; ++i) {
    ASSERT_EQ(bpf_map_lookup_elem(waiting, &i, place.data()), 0);
    place[1] -= jiffies;
    ASSERT_EQ(bpf_map_update_elem(waiting, &i, place.data(), BPF_EXIST), 0);
  }
}

// The order of three fragments, the first being 0; one may be there twice.
using Order = std::vector<size_t>;

TEST_F(GoldenFragmentsTest, EveryWayIsGoneThereAndBackByEveryFragment) {
  uint16_t port = 40000;
  for (const Way& way : kWays) {
    const bool is_v4 = absl::string_view(way.client).find(':') == absl::string_view::npos;
    for (const bool is_tcp : {true, false}) {
      for (const Order& order : {Order{0, 1, 2}, Order{0, 2, 1}, Order{0, 0, 1, 1, 2, 2}}) {
        SCOPED_TRACE(
            absl::StrCat(way.sentence, is_tcp ? ", TCP, " : ", UDP, ", order.size(), " fragments, then ", order[1]));
        const std::string client = At(way.client, ++port);
        const auto make = [&](const std::string& from, const std::string& to) {
          return (is_tcp ? Tcp(from, to).Syn() : Udp(from, to)).Payload(3500).Id(kId);
        };
        const auto last_hop = [&](Packet packet) {
          return way.device != nullptr ? packet.Ttl(packet.ttl - 1) : packet;
        };
        const std::string verdict = way.device != nullptr ? "TC_ACT_REDIRECT" : "TC_ACT_UNSPEC";

        const Packet request = node_->Arriving(way.client_device, make(client, way.frontend));
        std::vector<Packet> parts = Fragments(request, kMtu);
        ASSERT_EQ(parts.size(), 3u);
        std::string source = client;
        Packet expected = request;
        for (size_t i = 0; i < order.size(); ++i) {
          const Fate fate = In(way.client_device, parts[order[i]]);
          ASSERT_EQ(VerdictName(fate.verdict), verdict) << testing::PrintToString(fate.reasons);
          if (i == 0) {
            if (way.source != nullptr) source = At(way.source, fate.packet.source_port);
            expected = last_hop(request.From(source).To(way.backend));
            if (is_v4 && way.source != nullptr) expected.Id(fate.packet.id);
            if (way.device != nullptr) expected = node_->Leaving(way.device, way.neighbour, expected);
          }
          EXPECT_EQ(Mismatch(Fragments(expected, kMtu)[order[i]], fate.bytes), "");
        }

        Packet answer = make(way.backend, source);
        if (is_tcp) answer.SynAck();
        const Packet reply = way.reply_hook == Hook::kEgress ? answer : node_->Arriving(way.reply_device, answer);
        parts = Fragments(reply, kMtu);
        for (size_t i = 0; i < order.size(); ++i) {
          const Fate fate = node_->Run(way.reply_hook, way.reply_device, parts[order[i]]);
          ASSERT_EQ(VerdictName(fate.verdict), verdict) << testing::PrintToString(fate.reasons);
          if (i == 0) {
            expected = last_hop(reply.From(way.frontend).To(client));
            if (is_v4) expected.Id(fate.packet.id);
            if (way.device != nullptr) expected = node_->Leaving(way.client_mac_device, way.client_hop, expected);
          }
          EXPECT_EQ(Mismatch(Fragments(expected, kMtu)[order[i]], fate.bytes), "");
        }
      }
    }
  }
}

TEST_F(GoldenFragmentsTest, TheMapHasThePortsOfAFirstFragment) {
  const std::vector<Packet> parts =
      Arriving("eth0", Udp("198.51.100.7:40000", "192.0.2.10:30081").Payload(3000).Id(kId));
  In("eth0", parts[0]);
  shunt_fragment_key key = {};
  ASSERT_EQ(bpf_map_get_next_key(node_->programs().map_fd("fragments"), nullptr, &key), 0);
  EXPECT_EQ(key.id, kId);
  EXPECT_EQ(key.protocol, IPPROTO_UDP);
  EXPECT_EQ(ntohl(key.source.word[3]), 0xc6336407u);
  EXPECT_EQ(ntohl(key.destination.word[3]), 0xc000020au);
  shunt_fragment row = {};
  ASSERT_EQ(bpf_map_lookup_elem(node_->programs().map_fd("fragments"), &key, &row), 0);
  EXPECT_EQ(ntohs(row.source_port), 40000);
  EXPECT_EQ(ntohs(row.destination_port), 30081);
}

// Where both would leave from one address, the backend could not tell their fragments apart.
TEST_F(GoldenFragmentsTest, DatagramsWithOneIdLeaveThisNodesAddressWithTwo) {
  std::vector<std::vector<Packet>> datagrams;
  for (const char* client : {"198.51.100.7:40000", "198.51.100.200:40000"}) {
    datagrams.push_back(Arriving("eth0", Udp(client, "192.0.2.10:30082").Payload(3000).Id(kId)));
  }
  std::vector<std::set<uint32_t>> ids(2);
  std::vector<std::set<std::string>> sources(2);
  for (const size_t part : {0, 0, 1, 2}) {  // a first fragment that comes twice changes nothing
    for (size_t i = 0; i < 2; ++i) {
      const Fate fate = In("eth0", datagrams[i][part]);
      ASSERT_EQ(VerdictName(fate.verdict), "TC_ACT_REDIRECT") << testing::PrintToString(fate.reasons);
      EXPECT_EQ(fate.packet.source.ToString(), "10.244.1.0");
      ids[i].insert(fate.packet.id);
    }
  }
  EXPECT_EQ(ids[0].size(), 1u);
  EXPECT_EQ(ids[1].size(), 1u);
  EXPECT_NE(ids[0], ids[1]);
}

// A client's two datagrams with one id, of two sockets: each fragment goes with the first before it.
TEST_F(GoldenFragmentsTest, AnIdThatIsUsedAgainIsTheNewDatagrams) {
  const std::vector<Packet> old = Arriving("eth0", Udp("198.51.100.7:40000", "192.0.2.10:30081").Payload(3000).Id(kId));
  const std::vector<Packet> now = Arriving("eth0", Udp("198.51.100.7:40001", "192.0.2.10:30082").Payload(3000).Id(kId));
  EXPECT_EQ(In("eth0", old[0]).packet.destination.ToString(), "10.244.1.2");
  EXPECT_EQ(In("eth0", old[1]).packet.destination.ToString(), "10.244.1.2");
  EXPECT_EQ(In("eth0", now[0]).packet.destination.ToString(), "10.244.2.7");
  EXPECT_EQ(In("eth0", now[1]).packet.destination.ToString(), "10.244.2.7");
}

// Only its first fragment tells that the second datagram is the host's own.
TEST_F(GoldenFragmentsTest, AnIdThatTheHostsDatagramUsesAgainIsTheHosts) {
  const std::vector<Packet> old = Arriving("eth0", Udp("198.51.100.7:40000", "192.0.2.10:30081").Payload(3000).Id(kId));
  const std::vector<Packet> now = Arriving("eth0", Udp("198.51.100.7:40001", "192.0.2.10:5353").Payload(3000).Id(kId));
  const uint32_t word = shunt_node_port_bit(IPPROTO_UDP, 5353) / 64;
  const uint64_t none = 0;  // the filter knows that no Service has the port
  ASSERT_EQ(bpf_map_update_elem(node_->programs().map_fd("node_ports"), &word, &none, BPF_EXIST), 0);
  EXPECT_EQ(In("eth0", old[0]).packet.destination.ToString(), "10.244.1.2");
  for (const size_t part : {0, 1, 2}) {
    const Fate fate = In("eth0", now[part]);
    EXPECT_EQ(VerdictName(fate.verdict), "TC_ACT_UNSPEC");
    EXPECT_EQ(Mismatch(now[part], fate.bytes), "");
  }
}

// The same of what leaves: a pod answers through the stack, and then sends from another port.
TEST_F(GoldenFragmentsTest, AnIdThatAPodsOwnDatagramUsesAgainIsThePods) {
  In("eth0", node_->Arriving("eth0", Udp("198.51.100.7:40000", "192.0.2.10:30081").Payload(9)));
  const std::vector<Packet> old = Fragments(Udp("10.244.1.2:8080", "198.51.100.7:40000").Payload(3000).Id(kId), kMtu);
  const std::vector<Packet> now = Fragments(Udp("10.244.1.2:53", "198.51.100.7:40000").Payload(3000).Id(kId), kMtu);
  EXPECT_EQ(node_->Run(Hook::kEgress, "eth0", old[0]).packet.source.ToString(), "192.0.2.10");
  for (const size_t part : {0, 1, 2}) {
    EXPECT_EQ(node_->Run(Hook::kEgress, "eth0", now[part]).packet.source.ToString(), "10.244.1.2");
  }
}

TEST_F(GoldenFragmentsTest, WhatAFirstFragmentToldIsForgottenAfterThirtySeconds) {
  const std::vector<Packet> parts =
      Arriving("eth0", Udp("198.51.100.7:40000", "192.0.2.10:30081").Payload(3000).Id(kId));
  In("eth0", parts[0]);
  Age(29);
  EXPECT_EQ(In("eth0", parts[1]).packet.destination.ToString(), "10.244.1.2");
  Age(2);
  const Fate late = In("eth0", parts[2]);
  EXPECT_EQ(VerdictName(late.verdict), "TC_ACT_UNSPEC");
  EXPECT_EQ(late.packet.destination.ToString(), "192.0.2.10");
}

// On a Service's address nothing else can be meant, so a fragment waits without being passed on; on the node's own the
// host gets it too, because it may be the host's.
TEST_F(GoldenFragmentsTest, FragmentsBeforeTheFirstComeAgainAfterIt) {
  struct Row {
    const char* device;
    const char* client;
    const char* frontend;
    const char* backend;
    const char* verdict;
  };
  constexpr Row kRows[] = {
      {"eth0", "198.51.100.7:40000", "192.0.2.10:30081", "10.244.1.2", "TC_ACT_UNSPEC"},
      {"eth0", "[2001:db8:1::7]:40000", "[2001:db8::10]:30081", "fd00:244:1::2", "TC_ACT_UNSPEC"},
      {"eth0", "198.51.100.7:40000", "192.0.2.10:30082", "10.244.2.7", "TC_ACT_UNSPEC"},
      {"pod1", "10.244.1.2:40000", "10.96.0.2:80", "10.244.2.7", "TC_ACT_SHOT"},
      {"pod1", "[fd00:244:1::2]:40000", "[fd00:96::2]:80", "fd00:244:2::7", "TC_ACT_SHOT"},
  };
  uint32_t id = kId;
  for (const Row& row : kRows) {
    for (const Order& order : {Order{2, 1, 0}, Order{2, 0, 1}, Order{1, 0, 2}, Order{2, 2, 1, 1, 0}}) {
      SCOPED_TRACE(absl::StrCat(row.client, " to ", row.frontend, ", ", order.size(), " fragments, ", order[1],
                                " is the second"));
      Incoming incoming(row.device);
      const std::vector<Packet> parts = Arriving(row.device, Udp(row.client, row.frontend).Payload(3500).Id(++id));
      std::vector<Bytes> early;
      bool has_first = false;
      for (const size_t part : order) {
        const Bytes bytes = ToBytes(parts[part]);
        const Fate fate = node_->Run(Hook::kIngress, row.device, bytes);
        has_first |= part == 0;
        if (has_first) {
          EXPECT_EQ(fate.packet.destination.ToString(), row.backend);
          EXPECT_TRUE(fate.faults.empty()) << testing::PrintToString(fate.faults);
          EXPECT_EQ(fate.packet.payload, parts[part].payload) << "of fragment " << part;
          continue;
        }
        EXPECT_EQ(VerdictName(fate.verdict), row.verdict);
        EXPECT_EQ(fate.reasons, std::vector<std::string>{"fragment_early"});
        EXPECT_EQ(fate.bytes, bytes);
        early.push_back(bytes);
      }
      std::vector<Bytes> again = incoming.Fragments(early.size());
      std::sort(again.begin(), again.end());
      std::sort(early.begin(), early.end());
      ASSERT_EQ(again, early);
      for (const Bytes& bytes : again) {
        EXPECT_EQ(node_->Run(Hook::kIngress, row.device, bytes).packet.destination.ToString(), row.backend);
      }
      EXPECT_TRUE(incoming.IsEmpty());
    }
  }
}

// A flow that has borrowed an address of this node gets its replies there.
TEST_F(GoldenFragmentsTest, AReplysFragmentsWaitAtThisNodesAddress) {
  Incoming incoming("eth0");
  const Fate request = In("eth0", node_->Arriving("eth0", Udp("198.51.100.7:40000", "192.0.2.10:30083").Payload(9)));
  ASSERT_EQ(request.packet.source.ToString(), "192.0.2.10") << testing::PrintToString(request.reasons);
  Packet reply = Udp("192.0.2.11:8080", At("192.0.2.10", request.packet.source_port)).Payload(3500).Id(kId);
  const std::vector<Packet> parts = Fragments(node_->Arriving("eth0", reply), kMtu);
  EXPECT_EQ(In("eth0", parts[2]).reasons, std::vector<std::string>{"fragment_early"});
  const Fate first = In("eth0", parts[0]);
  EXPECT_EQ(At(first.packet.destination.ToString(), first.packet.destination_port), "198.51.100.7:40000");
  const std::vector<Bytes> again = incoming.Fragments(1);
  ASSERT_EQ(again, std::vector<Bytes>{ToBytes(parts[2])});
  const Fate last = node_->Run(Hook::kIngress, "eth0", again[0]);
  EXPECT_EQ(last.packet.destination.ToString(), "198.51.100.7");
  EXPECT_EQ(last.packet.id, first.packet.id);
}

// Whichever CPU is first: the fragment is translated at once, or comes again.
TEST_F(GoldenFragmentsTest, AFragmentThatMeetsItsFirstOnAnotherCpuIsNotLost) {
  Incoming incoming("eth0");
  const int program = node_->programs().ingress_fd();
  const uint32_t device = if_nametoindex("eth0");
  int at_once = 0;
  for (uint32_t id = 1; id <= 500; ++id) {
    const std::vector<Packet> parts =
        Arriving("eth0", Udp("198.51.100.7:40000", "192.0.2.10:30081").Payload(2000).Id(id));
    const Bytes bytes[] = {ToBytes(parts[0]), ToBytes(parts[1])};
    absl::StatusOr<RunResult> runs[2];
    std::barrier start(2);
    const auto run = [&](size_t part) {
      start.arrive_and_wait();
      runs[part] = RunProgram(program, bytes[part], {.ifindex = device});
    };
    std::thread other(run, id % 2);  // each thread is the faster one at times
    run(1 - id % 2);
    other.join();
    ASSERT_TRUE(runs[0].ok() && runs[1].ok()) << runs[0].status() << runs[1].status();
    EXPECT_EQ(Parse(runs[0]->packet).packet.destination.ToString(), "10.244.1.2");
    if (Parse(runs[1]->packet).packet.destination.ToString() == "10.244.1.2") {
      ++at_once;
    } else {
      ASSERT_EQ(incoming.Fragments(1), std::vector<Bytes>{bytes[1]}) << "datagram " << id;
    }
  }
  RecordProperty("at_once", at_once);
  EXPECT_TRUE(incoming.IsEmpty());
}

// Its id may be another datagram's by then.
TEST_F(GoldenFragmentsTest, AFragmentWaitsForItsFirstNoLongerThanTwoSeconds) {
  Incoming incoming("eth0");
  const std::vector<Packet> parts =
      Arriving("eth0", Udp("198.51.100.7:40000", "192.0.2.10:30081").Payload(3000).Id(kId));
  In("eth0", parts[2]);
  Age(3);
  In("eth0", parts[1]);
  In("eth0", parts[0]);
  EXPECT_EQ(incoming.Fragments(1), std::vector<Bytes>{ToBytes(parts[1])});
  EXPECT_TRUE(incoming.IsEmpty());
}

// A set of places is full of one datagram's: the newest are kept.
TEST_F(GoldenFragmentsTest, AFloodOfEarlyFragmentsPushesOutTheOldest) {
  Incoming incoming("eth0");
  const std::vector<Packet> parts =
      Arriving("eth0", Udp("198.51.100.7:40000", "192.0.2.10:30081").Payload(30000).Id(kId));
  ASSERT_GT(parts.size(), 20u);
  for (size_t i = parts.size() - 1; i > 0; --i) {
    const Fate fate = In("eth0", parts[i]);
    EXPECT_EQ(VerdictName(fate.verdict), "TC_ACT_UNSPEC");
    EXPECT_EQ(fate.reasons, std::vector<std::string>{"fragment_early"});
    Age(0);
  }
  EXPECT_EQ(In("eth0", parts[0]).packet.destination.ToString(), "10.244.1.2");
  EXPECT_EQ(incoming.Fragments(16).size(), 16u);
  EXPECT_TRUE(incoming.IsEmpty());
}

TEST_F(GoldenFragmentsTest, AFragmentThatIsTooLongToKeepIsCounted) {
  Packet whole = node_->Arriving("pod1", Udp("10.244.1.2:40000", "10.96.0.2:80").Payload(5000).Id(kId));
  const std::vector<Packet> parts = Fragments(whole, 2500);
  const Fate fate = In("pod1", parts[1]);
  EXPECT_EQ(VerdictName(fate.verdict), "TC_ACT_SHOT");
  EXPECT_EQ(fate.reasons, std::vector<std::string>{"fragment_unkept"});
}

// What is none of ours, or cannot be told: untouched.
TEST_F(GoldenFragmentsTest, WhatIsNotAServicesPasses) {
  struct Row {
    const char* sentence;
    const char* device;
    Packet whole;
    size_t part;
  };
  const Row rows[] = {
      {"the first fragment to a pod", "eth0", Udp("198.51.100.7:1", "10.244.1.2:8080").Payload(3000).Id(1), 0},
      {"a later fragment to a pod", "eth0", Udp("198.51.100.7:1", "10.244.1.2:8080").Payload(3000).Id(1), 1},
      {"the first fragment from a backend without a flow", "flannel.1",
       Udp("10.244.2.7:8080", "10.244.1.2:1").Payload(3000).Id(1), 0},
      {"a later one", "flannel.1", Udp("10.244.2.7:8080", "10.244.1.2:1").Payload(3000).Id(1), 1},
      {"a later one from what is no backend", "flannel.1", Udp("10.244.2.8:8080", "10.244.1.2:1").Payload(3000).Id(1),
       1},
      {"a later fragment of another protocol", "eth0", EchoRequest("198.51.100.7", "192.0.2.10").Payload(3000).Id(1),
       1},
      {"a first fragment of another protocol", "eth0", EchoRequest("198.51.100.7", "192.0.2.10").Payload(3000).Id(1),
       0},
      {"a later fragment in a frame with a tag", "eth0", Udp("198.51.100.7:1", "192.0.2.10:30081").Payload(3000).Id(1),
       1},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.sentence);
    Packet part = Arriving(row.device, row.whole)[row.part];
    if (absl::string_view(row.sentence).find("tag") != absl::string_view::npos) part.Vlan(7);
    const Bytes bytes = ToBytes(part);
    const Fate fate = node_->Run(Hook::kIngress, row.device, bytes);
    EXPECT_EQ(VerdictName(fate.verdict), "TC_ACT_UNSPEC");
    EXPECT_EQ(fate.bytes, bytes);
    EXPECT_TRUE(row.part == 0 || fate.reasons.empty()) << testing::PrintToString(fate.reasons);
  }
}

// Returns a first fragment with so much of its TCP header, in a frame that is padded by zeros or by flags.
Bytes WithHeaderCut(Packet packet, size_t bytes, uint8_t padding) {
  packet.fragment = FragmentPart{.offset = 0, .more = true};
  Bytes header = TransportBytes(packet);
  header.resize(bytes);
  Bytes frame = AroundTransport(packet, header);
  frame.resize(std::max<size_t>(frame.size(), 60), padding);
  return frame;
}

// RFC 1858: no honest sender cuts a header of 20 bytes, and what the host would make of the pieces is for no process of
// its own. What an Ethernet device pads is none of the packet.
TEST_F(GoldenFragmentsTest, AFirstFragmentThatCutsItsTcpHeaderReachesNoHost) {
  for (const char* frontend : {"192.0.2.10:30081", "203.0.113.2:80"}) {
    for (const size_t bytes : {8, 16}) {
      for (const uint8_t padding : {uint8_t{0}, uint8_t{TcpHeader::kSyn}}) {
        SCOPED_TRACE(absl::StrCat(bytes, " bytes to ", frontend, ", padded by ", padding));
        const Packet packet = node_->Arriving("eth0", Tcp("198.51.100.7:40000", frontend).Syn());
        const Fate fate = node_->Run(Hook::kIngress, "eth0", WithHeaderCut(packet, bytes, padding));
        EXPECT_EQ(VerdictName(fate.verdict), "TC_ACT_SHOT");
        EXPECT_EQ(fate.reasons, std::vector<std::string>{"opaque_headers"});
      }
    }
  }
  EXPECT_TRUE(node_->programs().Flows().empty());
}

TEST_F(GoldenFragmentsTest, AFirstFragmentThatCutsItsTcpHeaderToTheHostItselfPasses) {
  const Packet packet = node_->Arriving("eth0", Tcp("198.51.100.7:40000", "192.0.2.10:22").Syn());
  const Bytes bytes = WithHeaderCut(packet, 8, 0);
  const Fate fate = node_->Run(Hook::kIngress, "eth0", bytes);
  EXPECT_EQ(VerdictName(fate.verdict), "TC_ACT_UNSPEC");
  EXPECT_EQ(fate.bytes, bytes);
  EXPECT_TRUE(fate.reasons.empty());
}

// RFC 3128: it would write over the flags of the first.
TEST_F(GoldenFragmentsTest, AFragmentThatBeginsWithinTheTcpHeaderReachesNoHost) {
  Packet packet = node_->Arriving("eth0", Tcp("198.51.100.7:40000", "192.0.2.10:30081"));
  packet.fragment = FragmentPart{.offset = 8, .more = false};
  const Fate fate = node_->Run(Hook::kIngress, "eth0", AroundTransport(packet, Bytes(32)));
  EXPECT_EQ(VerdictName(fate.verdict), "TC_ACT_SHOT");
  EXPECT_EQ(fate.reasons, std::vector<std::string>{"opaque_headers"});
}

// The IP header says where a packet ends; what follows in its frame is padding, and begins no flow.
TEST_F(GoldenFragmentsTest, APacketThatEndsWithinItsHeaderBeginsNoFlow) {
  for (const Packet& whole :
       {Tcp("198.51.100.7:40000", "192.0.2.10:30081").Syn(), Udp("198.51.100.7:40000", "192.0.2.10:30081"),
        Tcp("[2001:db8:1::7]:40000", "[2001:db8::10]:30081").Syn()}) {
    const Packet packet = node_->Arriving("eth0", whole);
    Bytes header = TransportBytes(packet);
    const Bytes rest(header.end() - 4, header.end());
    header.resize(header.size() - 4);
    Bytes bytes = AroundTransport(packet, header);
    bytes.insert(bytes.end(), rest.begin(), rest.end());
    const Fate fate = node_->Run(Hook::kIngress, "eth0", bytes);
    EXPECT_EQ(VerdictName(fate.verdict), "TC_ACT_UNSPEC") << ToString(packet);
    EXPECT_EQ(fate.bytes, bytes);
  }
  EXPECT_TRUE(node_->programs().Flows().empty());
}

TEST_F(GoldenFragmentsTest, AServiceWithoutEndpointsRefusesAFirstFragmentAlone) {
  const std::vector<Packet> parts =
      Arriving("eth0", Udp("198.51.100.7:40000", "192.0.2.10:30085").Payload(3000).Id(kId));
  const Fate refused = In("eth0", parts[0]);
  EXPECT_EQ(VerdictName(refused.verdict), "TC_ACT_REDIRECT");
  EXPECT_TRUE(refused.packet.IsIcmpError()) << ToString(refused.packet);
  const Fate later = In("eth0", parts[1]);
  EXPECT_EQ(VerdictName(later.verdict), "TC_ACT_UNSPEC");
  EXPECT_EQ(Mismatch(parts[1], later.bytes), "");
}

TEST_F(GoldenFragmentsTest, InObserveModeEveryFragmentPasses) {
  Start({.observe = true, .hz = kHz});
  Incoming incoming("pod1");
  const std::vector<Packet> parts = Arriving("pod1", Udp("10.244.1.2:40000", "10.96.0.2:80").Payload(3000).Id(kId));
  for (const size_t part : {2, 0, 1}) {
    const Fate fate = In("pod1", parts[part]);
    EXPECT_EQ(VerdictName(fate.verdict), "TC_ACT_UNSPEC");
    EXPECT_EQ(Mismatch(parts[part], fate.bytes), "");
  }
  EXPECT_TRUE(incoming.IsEmpty());
}

}  // namespace
}  // namespace shunt::packets
