// SPDX-License-Identifier: Apache-2.0
// Random packets through the real programs, each held against the model: the verdict, every byte of what comes out, and
// by which device it leaves for which neighbour.
#include "tests/packets/packet_model.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/packets/parse.h"
#include "tests/packets/test_run.h"
#include "tests/sandbox/service_story.h"
#include "tests/seeds.h"
#include "userspace/datapath/kernel/testing/sandbox_fixture.h"

namespace shunt::packets {
namespace {

using sandbox::ServiceStory;
using Action = Expected::Action;

model::IpAddress Ip(const std::string& text) {
  return *model::IpAddress::Parse(text);
}

struct Service {
  int number;                                          // 10.96.0.N, 203.0.113.N, 30080 + N, and their like in IPv6
  std::vector<std::pair<std::string, bool>> backends;  // of both families; true: on this node
  bool external_local = false;
  bool internal_local = false;
};

std::vector<Service> Services() {
  const std::vector<std::pair<std::string, bool>> here = {{"10.244.1.2", true}, {"fd00:244:1::2", true}};
  const std::vector<std::pair<std::string, bool>> other_pod = {{"10.244.1.3", true}, {"fd00:244:1::3", true}};
  const std::vector<std::pair<std::string, bool>> bridged = {{"10.244.1.67", true}, {"fd00:244:1:0:b::3", true}};
  const std::vector<std::pair<std::string, bool>> there = {{"10.244.2.7", false}, {"fd00:244:2::7", false}};
  const std::vector<std::pair<std::string, bool>> hosts = {
      {"192.0.2.10", true}, {"2001:db8::10", true}, {"192.0.2.11", false}, {"2001:db8::11", false}};
  std::vector<std::pair<std::string, bool>> all;
  for (const auto* some : {&here, &other_pod, &bridged, &there, &hosts})
    all.insert(all.end(), some->begin(), some->end());
  return {{1, here},
          {2, there},
          {3, bridged},
          {4, hosts},
          {5, all},
          {6, {}},
          {7, there, true},
          {8, there, false, true},
          {9, all, true, true}};
}

// The same Services and devices for the node and for the model.
struct World {
  std::vector<ServiceStory> stories;
  std::vector<std::string> backends;
  ModelTables tables;
};

ModelPool PoolOf(const Service& service, bool is_v4, bool local) {
  ModelPool pool;
  bool any = false;
  for (const auto& [address, is_here] : service.backends) {
    if (Ip(address).IsV4() != is_v4) continue;
    any = true;
    if (is_here || !local) pool.backends.insert({Ip(address), 8080});
  }
  pool.is_silent = any && pool.backends.empty();
  return pool;
}

void AddService(const Service& service, World* world) {
  const int n = service.number;
  ServiceStory story(absl::StrCat("s", n));
  for (const bool is_v4 : {true, false}) {
    const std::string cluster_ip = absl::StrCat(is_v4 ? "10.96.0." : "fd00:96::", n);
    const std::string load_balancer = absl::StrCat(is_v4 ? "203.0.113." : "2001:db8:2::", n);
    story.ClusterIp(cluster_ip).LoadBalancerIp(load_balancer);
    world->tables.cluster_ips.insert(Ip(cluster_ip));
    for (const uint8_t protocol : {kTcp, kUdp, kSctp}) {
      // A client inside does not depend on the node at which it arrives, so the external policy is not for it; and the
      // internal one is for the ClusterIP alone.
      const ModelFrontend frontend = {.inside = PoolOf(service, is_v4, /*local=*/false),
                                      .outside = PoolOf(service, is_v4, service.external_local),
                                      .masquerades = !service.external_local};
      world->tables.frontends[{protocol, {Ip(load_balancer), 80}}] = frontend;
      world->tables.node_ports[{protocol, {Ip(is_v4 ? "0.0.0.0" : "::"), static_cast<uint16_t>(30080 + n)}}] = frontend;
      world->tables.frontends[{protocol, {Ip(cluster_ip), 80}}] = {
          .is_cluster_ip = true, .inside = PoolOf(service, is_v4, service.internal_local)};
    }
  }
  if (service.external_local) story.ExternalLocal();
  if (service.internal_local) story.InternalLocal();
  for (const auto& [address, is_here] : service.backends) {
    story.Endpoint({.address = address, .node = is_here ? "here" : "b"});
  }
  for (const model::Protocol protocol : {model::Protocol::kTcp, model::Protocol::kUdp, model::Protocol::kSctp}) {
    story.Port(80, protocol, 8080, static_cast<uint16_t>(30080 + n));
  }
  world->stories.push_back(story);
}

World MakeWorld() {
  World world;
  for (const Service& service : Services()) {
    AddService(service, &world);
    for (const auto& [address, is_here] : service.backends) {
      world.backends.push_back(Ip(address).ToStringWithPort(8080));
    }
  }
  for (const char* address : {"192.0.2.10", "2001:db8::10", "198.18.0.10", "2001:db8:3::10"}) {
    world.tables.node_addresses.insert(Ip(address));
  }
  const auto device = [&](const char* name, bool is_pod, const char* routes, const char* v4, const char* v6) {
    world.tables.devices[name] = {is_pod, routes, Ip(v4), Ip(v6)};
  };
  device("eth0", false, "eth0", "192.0.2.10", "2001:db8::10");
  device("eth1", false, "eth1", "198.18.0.10", "2001:db8:3::10");
  device("flannel.1", false, "flannel.1", "10.244.1.0", "fd00:244:1::");
  world.tables.devices["flannel.1"].mtu = 1450;
  device("pod1", true, "pod1", "192.0.2.10", "2001:db8::10");
  device("pod2", true, "pod2", "192.0.2.10", "2001:db8::10");
  device("cni0", true, "cni0", "10.244.1.65", "fd00:244:1:0:b::1");
  device("br1", true, "cni0", "10.244.1.65", "fd00:244:1:0:b::1");
  device("br2", true, "cni0", "10.244.1.65", "fd00:244:1:0:b::1");
  world.tables.routes = {{Ip("10.244.1.2"), {"pod1", "10.244.1.2"}},
                         {Ip("fd00:244:1::2"), {"pod1", "fd00:244:1::2"}},
                         {Ip("10.244.1.3"), {"pod2", "10.244.1.3"}},
                         {Ip("fd00:244:1::3"), {"pod2", "fd00:244:1::3"}},
                         {Ip("10.244.1.67"), {"cni0", "10.244.1.67"}},
                         {Ip("fd00:244:1:0:b::3"), {"cni0", "fd00:244:1:0:b::3"}},
                         {Ip("10.244.2.7"), {"flannel.1", "10.244.2.0"}},
                         {Ip("fd00:244:2::7"), {"flannel.1", "fd00:244:2::"}},
                         {Ip("192.0.2.11"), {"eth0", "192.0.2.11"}},
                         {Ip("2001:db8::11"), {"eth0", "2001:db8::11"}},
                         {Ip("192.0.2.10"), {}},
                         {Ip("2001:db8::10"), {}}};
  return world;
}

// Where clients are: their device, and the neighbour from which it gets their packets.
struct Client {
  const char* device;
  const char* v4;
  const char* v6;
  const char* hop_v4;
  const char* hop_v6;
};

constexpr Client kClients[] = {
    {"eth0", "198.51.100.7", "2001:db8:1::7", "192.0.2.1", "2001:db8::1"},
    {"eth0", "198.51.100.200", "2001:db8:1::200", "192.0.2.1", "2001:db8::1"},
    {"eth1", "198.51.100.8", "2001:db8:1::8", "198.18.0.1", "2001:db8:3::1"},
    {"pod1", "10.244.1.2", "fd00:244:1::2", "10.244.1.2", "fd00:244:1::2"},
    {"br1", "10.244.1.66", "fd00:244:1:0:b::2", "10.244.1.66", "fd00:244:1:0:b::2"},
    {"br2", "10.244.1.67", "fd00:244:1:0:b::3", "10.244.1.67", "fd00:244:1:0:b::3"},
};

class PacketModelTest : public datapath::SandboxTest {
 protected:
  void TearDown() override {
    node_.reset();
    SandboxTest::TearDown();
  }

  void Play(uint32_t seed, int packets, uint32_t errors_in_ten = 0);
  uint32_t Below(uint32_t bound) { return static_cast<uint32_t>(random_() % bound); }
  bool OneIn(uint32_t count) { return Below(count) == 0; }
  Packet Dressed(Packet packet);
  void AddChunk(Packet* packet);
  void Cut(Packet& packet);
  void SendRequest();
  void SendReply();
  void SendError();
  Packet Quoted(const PacketModel::Tuple& tuple);
  Packet Complaint(const std::string& from, const std::string& to);
  void Compare(Hook hook, const std::string& device, const Packet& packet, const Packet& arriving);
  void Judge(const Expected& expected, const Packet& arriving, const Fate& fate);

  std::mt19937 random_;
  std::unique_ptr<PacketNode> node_;
  std::unique_ptr<PacketModel> model_;
  std::map<std::string, int> seen_;  // what was expected, and how often
};

// Makes what the packet holds begin with a chunk of SCTP, mostly one with a meaning, and sometimes a whole one.
void PacketModelTest::AddChunk(Packet* packet) {
  static constexpr uint8_t kChunks[] = {1, 1, 1, 1, 1, 2, 0, 0, 3, 4, 6, 7, 10, 14, 255};
  if (!packet->payload.empty()) packet->payload[0] = kChunks[Below(std::size(kChunks))];
  if (OneIn(8)) packet->Checksum(0);  // a device is to fill it in
}

// Makes a fragment of it. Few ids, so that fragments meet the first of some datagram.
void PacketModelTest::Cut(Packet& packet) {
  packet.Id(Below(4));
  if (OneIn(2)) {
    packet.Part(0, /*more=*/true);
    return;
  }
  // No host cuts within TCP's header. What does is dropped to a frontend (golden_fragments_test.cc).
  packet.Part(static_cast<uint16_t>(8 * (3 + Below(100))), OneIn(2));
  packet.source_port = packet.destination_port = 0;
}

// Random lengths, flags and headers.
Packet PacketModelTest::Dressed(Packet packet) {
  static constexpr uint8_t kTtls[] = {64, 63, 2, 1, 255};
  static constexpr uint8_t kFlags[] = {2, 2, 2, 2, 16, 16, 24, 17, 18, 4, 20, 1, 0, 63};
  static constexpr uint32_t kLengths[] = {40, 40, 40, 40, 1300, 1600};
  packet.Payload(Below(kLengths[Below(std::size(kLengths))])).Ttl(kTtls[Below(std::size(kTtls))]);
  packet.TrafficClass(static_cast<uint8_t>(Below(256))).Id(packet.IsV4() ? Below(65536) : 0);
  if (packet.IsV4() && OneIn(2)) packet.DontFragment();
  if (packet.IsV4() && OneIn(6)) packet.IpOptions(4 + 4 * Below(10));
  if (!packet.IsV4() && OneIn(6)) packet.Extension(kHopByHop, 8 + 8 * Below(4));
  if (!packet.IsV4() && OneIn(8)) packet.Extension(kDestinationOptions, 8 + 8 * Below(4));
  if (packet.IsV4() && packet.protocol == kUdp && OneIn(4)) packet.NoChecksum();
  if (OneIn(10)) packet.Padding(1 + Below(6));
  if (OneIn(5)) Cut(packet);
  if (OneIn(20)) packet.Vlan(static_cast<uint16_t>(1 + Below(4095)));
  if (packet.protocol == kSctp) AddChunk(&packet);
  if (packet.protocol != kTcp) return packet;
  packet.Flags(kFlags[Below(std::size(kFlags))]).Sequence(static_cast<uint32_t>(random_()));
  packet.Acknowledgement(static_cast<uint32_t>(random_())).Window(static_cast<uint16_t>(Below(65536)));
  return OneIn(3) ? packet.TcpOptions(4 * Below(11)) : packet;
}

Packet OfProtocol(uint8_t protocol, const std::string& from, const std::string& to) {
  return protocol == kTcp ? Tcp(from, to) : protocol == kUdp ? Udp(from, to) : Sctp(from, to);
}

// Few ports and addresses, so that packets meet the flows of others.
void PacketModelTest::SendRequest() {
  const Client& client = kClients[Below(std::size(kClients))];
  const bool is_v4 = OneIn(2);
  const uint32_t n = 1 + Below(10);  // the last is no Service's
  std::string to;
  uint32_t port = OneIn(12) ? Below(3) : 80;
  switch (Below(4)) {
    case 0:
      to = absl::StrCat(is_v4 ? "10.96.0." : "fd00:96::", n);
      break;
    case 1:
      to = absl::StrCat(is_v4 ? "203.0.113." : "2001:db8:2::", n);
      break;
    case 2:
      to = is_v4 ? "192.0.2.10" : "2001:db8::10";
      port = 30080 + n;
      break;
    default:
      to = is_v4 ? "198.18.0.10" : "2001:db8:3::10";
      port = 30080 + n;
  }
  const std::string from = Ip(is_v4 ? client.v4 : client.v6).ToStringWithPort(static_cast<uint16_t>(40000 + Below(6)));
  const std::string frontend = Ip(to).ToStringWithPort(static_cast<uint16_t>(port));
  static constexpr uint8_t kProtocols[] = {kTcp, kUdp, kSctp};
  Packet packet = Dressed(OfProtocol(kProtocols[Below(3)], from, frontend));
  // What begins a flow and is answered does not show by which backend.
  if (!model_->HasOpen(packet)) {
    packet.Ttl(std::max<uint8_t>(packet.ttl, 2));
    if (ToBytes(packet).size() > 1400) packet.Payload(Below(1000));
  }
  Compare(Hook::kIngress, client.device, packet, node_->Arriving(client.device, packet));
}

// What the backend of some flow sends, where it comes in or where it goes out.
void PacketModelTest::SendReply() {
  const auto& flows = model_->flows();
  if (flows.empty()) return;
  const PacketModel::Flow& flow = *std::next(flows.begin(), Below(static_cast<uint32_t>(flows.size())))->second;
  const PacketModel::Tuple reply = flow.onwards.Swapped();
  const std::string from = reply.from.address.ToStringWithPort(reply.from.port);
  const std::string to = reply.to.address.ToStringWithPort(reply.to.port);
  const Packet packet = Dressed(OfProtocol(reply.protocol, from, to));
  if (!flow.is_sent && OneIn(2)) return Compare(Hook::kEgress, flow.client_device, packet, packet);
  if (flow.way.device.empty()) return;
  const std::string device = flow.way.device == "cni0" ? "br2" : flow.way.device;
  Compare(Hook::kIngress, device, packet, node_->Arriving(device, packet));
}

// A packet as a router has had it in its hands.
Packet PacketModelTest::Quoted(const PacketModel::Tuple& tuple) {
  const std::string from = tuple.from.address.ToStringWithPort(tuple.from.port);
  const std::string to = tuple.to.address.ToStringWithPort(tuple.to.port);
  Packet packet = OfProtocol(tuple.protocol, from, to);
  if (packet.protocol == kTcp) packet.Ack();
  packet.Payload(OneIn(3) ? Below(1300) : Below(24)).Ttl(static_cast<uint8_t>(1 + Below(64)));
  packet.TrafficClass(static_cast<uint8_t>(Below(256))).Sequence(static_cast<uint32_t>(random_()));
  if (packet.IsV4()) packet.Id(Below(65536));
  if (packet.IsV4() && OneIn(4)) packet.IpOptions(4 + 4 * Below(10));
  if (packet.IsV4() && packet.protocol == kUdp && OneIn(4)) packet.NoChecksum();
  if (!packet.IsV4() && OneIn(20)) packet.Extension(kDestinationOptions, 8);
  return OneIn(40) ? packet.Part(0, true) : packet;
}

// A message of ICMP, mostly an error, without what it quotes.
Packet PacketModelTest::Complaint(const std::string& from, const std::string& to) {
  static constexpr uint8_t kTypesV4[] = {3, 3, 3, 3, 11, 12, 8, 5}, kTypesV6[] = {1, 1, 2, 2, 3, 4, 128, 0};
  const bool is_v4 = Ip(from).IsV4();
  const uint32_t kind = OneIn(8) ? Below(8) : Below(6);
  Packet packet = Icmp(from, to, is_v4 ? kTypesV4[kind] : kTypesV6[kind], static_cast<uint8_t>(Below(6)),
                       static_cast<uint32_t>(random_()));
  packet.Ttl(static_cast<uint8_t>(OneIn(20) ? 1 : 1 + Below(255))).TrafficClass(static_cast<uint8_t>(Below(256)));
  if (is_v4 && OneIn(6)) packet.IpOptions(4 + 4 * Below(10));
  if (!is_v4 && OneIn(6)) packet.Extension(kHopByHop, 8 + 8 * Below(4));
  if (OneIn(8)) packet.Padding(1 + Below(40));
  if (OneIn(40)) packet.Vlan(5);
  return OneIn(60) ? packet.Part(0, true) : packet;
}

// About a packet of some flow, in either direction, by the one who should have got it, by a router, or by a stranger;
// where it comes in, or where it goes out.
void PacketModelTest::SendError() {
  const auto& flows = model_->flows();
  if (flows.empty()) return;
  const PacketModel::Flow& flow = *std::next(flows.begin(), Below(static_cast<uint32_t>(flows.size())))->second;
  const bool about_request = OneIn(2);
  PacketModel::Tuple tuple = about_request ? flow.onwards : flow.request.Swapped();
  if (OneIn(20)) ++tuple.from.port;  // mostly of no flow
  const bool is_v4 = tuple.from.address.IsV4();
  const Packet quoted = Quoted(tuple);
  const std::string senders[] = {
      tuple.to.address.ToString(), is_v4 ? "192.0.2.1" : "2001:db8::1",
      is_v4 ? "10.244.2.0" : "fd00:244:2::", absl::StrCat(is_v4 ? "100.64.1." : "2001:db8:9::", Below(10))};
  const std::string receiver = OneIn(40) ? senders[1] : tuple.from.address.ToString();
  Packet packet = Complaint(senders[Below(std::size(senders))], receiver);
  const Hook hook = about_request && OneIn(3) ? Hook::kEgress : Hook::kIngress;
  std::string device = flow.client_device;
  if (hook == Hook::kIngress) {
    if (about_request && !flow.way.device.empty()) device = flow.way.device == "cni0" ? "br2" : flow.way.device;
    if (device == "eth0" && OneIn(4)) device = "eth1";
    const std::optional<uint16_t> vlan = packet.link->vlan;
    packet = node_->Arriving(device, packet);
    packet.link->vlan = vlan;
  }
  const size_t headers = (is_v4 ? 20 + quoted.ip_options.size() : 40) + 8;
  size_t bytes = headers + Below(16);
  if (OneIn(3)) bytes = is_v4 ? 548 : 1232;
  if (OneIn(20)) bytes = Below(static_cast<uint32_t>(headers));
  // A checksum that is quoted in part cannot be brought up to date.
  if (quoted.protocol == kTcp && bytes == headers + 9) ++bytes;
  if (quoted.protocol == kSctp && bytes > headers && bytes < headers + 4) bytes = headers + 4;
  const QuotingError error(packet, quoted, bytes);
  const Fate fate = node_->Run(hook, device, error.error);
  SCOPED_TRACE(absl::StrCat(hook == Hook::kIngress ? "in by " : "out by ", device, ": ", ToString(error.error)));
  const Expected expected = model_->ExpectError(hook, error);
  ++seen_[expected.packet == error.error ? "errors untouched" : "errors translated"];
  if (expected.action == Action::kSend) ++seen_["errors sent"];
  Judge(expected, error.error, fate);
}

void PacketModelTest::Compare(Hook hook, const std::string& device, const Packet& packet,
                              const Packet& arriving_packet) {
  Packet arriving = arriving_packet;
  if (packet.link) arriving.link->vlan = packet.link->vlan;
  const Fate fate = node_->Run(hook, device, arriving);
  SCOPED_TRACE(absl::StrCat(hook == Hook::kIngress ? "in by " : "out by ", device, ": ", ToString(arriving)));
  Judge(model_->Expect(hook, device, arriving, fate), arriving, fate);
}

// It goes to where the packet came from.
void ExpectErrorBack(Packet error, const Packet& arriving, const Fate& fate) {
  ASSERT_EQ(Mismatch(error.Macs(arriving.link->destination, arriving.link->source), fate.bytes), "");
}

void PacketModelTest::Judge(const Expected& expected, const Packet& arriving, const Fate& fate) {
  EXPECT_EQ(expected.wrong, "");
  switch (expected.action) {
    case Action::kPass:
      ++seen_["passed"];
      ASSERT_EQ(VerdictName(fate.verdict), "TC_ACT_UNSPEC") << testing::PrintToString(fate.reasons);
      ASSERT_EQ(Mismatch(expected.packet, fate.bytes), "");
      return;
    case Action::kDrop:
      ++seen_["dropped"];
      ASSERT_EQ(VerdictName(fate.verdict), "TC_ACT_SHOT") << ToString(fate.packet);
      return;
    case Action::kRefuse:
      ++seen_["refused"];
      // Past the limit of a second, which the model does not count, the refusal itself is left out.
      if (std::count(fate.reasons.begin(), fate.reasons.end(), "refusals_limit") != 0) return;
      ASSERT_EQ(VerdictName(fate.verdict), "TC_ACT_REDIRECT") << testing::PrintToString(fate.reasons);
      if (arriving.protocol != kTcp) return ExpectErrorBack(expected.packet, arriving, fate);
      ASSERT_TRUE(fate.faults.empty()) << fate.faults[0];
      ASSERT_EQ(fate.packet.destination, arriving.source);
      return;
    case Action::kAnswer:
      ++seen_["answered"];
      if (std::count(fate.reasons.begin(), fate.reasons.end(), "refusals_limit") != 0) return;
      ASSERT_EQ(VerdictName(fate.verdict), "TC_ACT_REDIRECT") << testing::PrintToString(fate.reasons);
      return ExpectErrorBack(expected.packet, arriving, fate);
    case Action::kCut:
      ++seen_["cut"];
      ASSERT_EQ(VerdictName(fate.verdict), "TC_ACT_REDIRECT") << testing::PrintToString(fate.reasons);
      ASSERT_EQ(Mismatch(Packet(expected.packet).Macs(arriving.link->source, Mac{}), fate.bytes), "");
      return;
    case Action::kSend:
      break;
  }
  ++seen_["sent"];
  if (arriving.fragment) ++seen_[arriving.fragment->offset != 0 ? "later fragments sent" : "first fragments sent"];
  ASSERT_EQ(VerdictName(fate.verdict), "TC_ACT_REDIRECT") << testing::PrintToString(fate.reasons);
  std::string neighbour = expected.leaves.neighbour, by = expected.leaves.device;
  for (const Client& client : kClients) {
    if (neighbour.empty() && by == client.device) neighbour = arriving.IsV4() ? client.hop_v4 : client.hop_v6;
  }
  if (by == "br1" || by == "br2") by = "cni0";  // whose address is the ports'
  ASSERT_EQ(Mismatch(node_->Leaving(by, neighbour, expected.packet), fate.bytes), "");
}

void PacketModelTest::Play(uint32_t seed, int packets, uint32_t errors_in_ten) {
  World world = MakeWorld();
  random_.seed(seed);
  if (node_ == nullptr) {
    auto made = PacketNode::Create(bpffs_, cgroup_, {.hz = 5000});
    ASSERT_TRUE(made.ok()) << made.status();
    node_ = *std::move(made);
    const absl::Status serving = node_->programs().Serve(world.stories, world.backends);
    ASSERT_TRUE(serving.ok()) << serving;
  }
  ASSERT_TRUE(node_->programs().ForgetFlows().ok());
  model_ = std::make_unique<PacketModel>(std::move(world.tables));
  for (int i = 0; i < packets && !HasFatalFailure() && !HasNonfatalFailure(); ++i) {
    if (Below(10) < errors_in_ten) {
      SendError();
    } else if (OneIn(2)) {
      SendRequest();
    } else {
      SendReply();
    }
  }
}

TEST_F(PacketModelTest, RandomPacketsGoAsTheModelSays) {
  for (const uint32_t seed : seeds::UpTo(3)) {
    SCOPED_TRACE(seeds::Trace(seed));
    Play(seed, 20'000);
    if (HasFailure()) return;
  }
  for (const auto& [outcome, count] : seen_) RecordProperty(outcome, count);
  for (const char* outcome :
       {"passed", "dropped", "refused", "sent", "answered", "first fragments sent", "later fragments sent", "cut"}) {
    EXPECT_GT(seen_[outcome], outcome == std::string("cut") ? 20 : 300) << outcome;
  }
}

// Every byte of what an error quotes, and every checksum in it, is what the model's own writer makes of it.
TEST_F(PacketModelTest, RandomErrorsAboutFlowsGoAsTheModelSays) {
  int wanted = 0;  // for each seed
  for (const uint32_t seed : seeds::UpTo(3)) {
    SCOPED_TRACE(seeds::Trace(seed));
    Play(seed, 24'000, 8);
    if (HasFailure()) return;
    wanted += 17'000;
  }
  for (const auto& [outcome, count] : seen_) RecordProperty(outcome, count);
  EXPECT_GT(seen_["errors translated"] + seen_["errors untouched"], wanted);
  for (const char* outcome : {"errors translated", "errors untouched", "errors sent"}) {
    EXPECT_GT(seen_[outcome], wanted / 10) << outcome;
  }
}

}  // namespace
}  // namespace shunt::packets
