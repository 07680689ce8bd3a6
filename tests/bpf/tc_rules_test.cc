// SPDX-License-Identifier: Apache-2.0
// The rules of services and flows, as the packet path's programs keep them.
#include <sched.h>

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/bpf/tc_fixture.h"

namespace shunt {
namespace {

// UDP has no connection that would break: a flow leaves a backend that is gone, and stays with one that only gets no
// new flows. A TCP connection stays with its backend.
TEST_F(TcTest, DatagramsLeaveABackendThatIsGoneAndConnectionsStay) {
  const uint32_t old_udp = world_->AddBackend("10.244.2.8:53", packets::kUdp);
  const uint32_t new_udp = world_->AddBackend("10.244.2.9:53", packets::kUdp);
  const uint32_t old_tcp = world_->AddBackend("10.244.2.8:53");
  const uint32_t new_tcp = world_->AddBackend("10.244.2.9:53");
  const uint32_t udp = world_->AddPool({old_udp}), tcp = world_->AddPool({old_tcp});
  AddNodePort(packets::kUdp, 30053, udp);
  AddNodePort(packets::kTcp, 30053, tcp);
  const auto datagram = [](uint16_t port) {
    return Udp(absl::StrCat("198.51.100.7:", port), "192.0.2.10:30053").Payload(20);
  };
  const auto backend = [&](const Packet& packet) {
    return packets::Parse(world_->Ingress("eth0", packet).packet).packet.destination.ToString();
  };
  EXPECT_EQ(backend(datagram(40001)), "10.244.2.8");
  EXPECT_EQ(backend(Tcp("198.51.100.7:40001", "192.0.2.10:30053").Syn()), "10.244.2.8");
  const uint16_t port = BorrowedBy(40001);

  world_->SetPool(udp, {new_udp, old_udp});
  EXPECT_EQ(backend(datagram(40001)), "10.244.2.8") << "it is still a member";
  EXPECT_EQ(BorrowedBy(40001), port) << "by the same flow";
  world_->SetPool(udp, {new_udp});
  world_->SetPool(tcp, {new_tcp});
  EXPECT_EQ(backend(datagram(40001)), "10.244.2.9");
  EXPECT_EQ(backend(Tcp("198.51.100.7:40001", "192.0.2.10:30053").Ack()), "10.244.2.8");
  EXPECT_EQ(world_->Flows().size(), 2u);
  world_->SetPool(udp, {}, SHUNT_EMPTY_NO_ENDPOINTS);
  EXPECT_EQ(packets::Parse(world_->Ingress("eth0", datagram(40001)).packet).packet.protocol, packets::kIcmp);
  world_->RemoveFrontend("0.0.0.0:30053", packets::kUdp);
  Run({{"the service is gone", "eth0", datagram(40001), kPass, {}}});
}

TEST_F(TcTest, ASynOnAClosedConnectionBeginsAnother) {
  const Packet client = Tcp("198.51.100.7:40001", "192.0.2.10:30080");
  world_->Ingress("eth0", Packet(client).Syn());
  const uint16_t first = BorrowedBy(40001);
  world_->Ingress("eth0", Packet(client).Syn());
  EXPECT_EQ(BorrowedBy(40001), first) << "a SYN that is repeated belongs to the same flow";
  const Packet backend = Tcp("10.244.2.7:8080", absl::StrCat("192.0.2.10:", first)).Macs(MacOf(kNodeBMac), kNodeMac);
  world_->Ingress("eth0", Packet(backend).SynAck());
  world_->Ingress("eth0", Packet(client).Fin());
  world_->Ingress("eth0", Packet(client).Syn());
  EXPECT_EQ(BorrowedBy(40001), first) << "only one side has closed";
  world_->Ingress("eth0", Packet(backend).Fin());
  world_->Ingress("eth0", Packet(client).Ack());
  EXPECT_EQ(BorrowedBy(40001), first) << "the last acknowledgement";
  world_->Ingress("eth0", Packet(client).Syn());
  EXPECT_NE(BorrowedBy(40001), first);
  EXPECT_EQ(world_->Flows().size(), 1u);
}

TEST_F(TcTest, SourceRangesHoldOnlyForTheirFrontendAndAreSilent) {
  const uint32_t pool = world_->AddPool({world_->AddBackend("10.244.1.7:80")});
  const uint32_t pool6 = world_->AddPool({world_->AddBackend("[fd00:244:1::7]:80")});
  for (const char* at : {"203.0.113.5:80", "[2001:db8:5::5]:80"}) {
    const uint32_t its = at[0] == '[' ? pool6 : pool;
    world_->AddFrontend({.at = at,
                         .kind = SHUNT_KIND_LOAD_BALANCER,
                         .internal_pool = its,
                         .external_pool = its,
                         .flags = SHUNT_ROW_SOURCE_RANGES,
                         .source_ranges = 7});
  }
  AddNodePort(packets::kTcp, 30090, pool);
  world_->AddSources(7, "198.51.100.0/25");
  world_->AddSources(7, "2001:db8:7::/48");
  world_->AddSources(8, "198.51.100.200/32");
  Run({
      {"within", "eth0", Tcp("198.51.100.7:40001", "203.0.113.5:80").Syn(), kPass,
       Tcp("198.51.100.7:40001", "10.244.1.7:80").Syn()},
      {"outside, and in another list", "eth0", Tcp("198.51.100.200:40001", "203.0.113.5:80").Syn(), kDrop, {}},
      {"within of IPv6", "eth0", Tcp("[2001:db8:7::7]:40001", "[2001:db8:5::5]:80").Syn(), kPass,
       Tcp("[2001:db8:7::7]:40001", "[fd00:244:1::7]:80").Syn()},
      {"outside of IPv6", "eth0", Tcp("[2001:db8:8::7]:40001", "[2001:db8:5::5]:80").Syn(), kDrop, {}},
      {"a pod outside", "pod1", Tcp("10.244.1.7:40001", "203.0.113.5:80").Syn(), kDrop, {}},
      {"the NodePort has no ranges", "eth0", Tcp("198.51.100.200:40001", "192.0.2.10:30090").Syn(), kPass,
       Tcp("198.51.100.200:40001", "10.244.1.7:80").Syn()},
  });
  EXPECT_EQ(world_->Reason(SHUNT_REASON_SOURCE_DENIED), 3u);
}

TEST_F(TcTest, ClientsInsideGetTheInternalPoolByAnyFrontend) {
  const uint32_t all = world_->AddPool({world_->AddBackend("10.244.2.7:80")});
  const uint32_t here = world_->AddPool({}, SHUNT_EMPTY_LOCAL_MISS);
  world_->AddFrontend(
      {.at = "203.0.113.5:80", .kind = SHUNT_KIND_LOAD_BALANCER, .internal_pool = all, .external_pool = here});
  world_->AddSources(SHUNT_LIST_INSIDE, "10.244.0.0/16");
  Run({
      {"outside: only endpoints of this node", "eth0", Tcp("198.51.100.7:40001", "203.0.113.5:80").Syn(), kDrop, {}},
      {"a pod of this node", "pod1", Tcp("10.244.1.7:40001", "203.0.113.5:80").Syn(), kPass,
       Tcp("10.244.1.7:40001", "10.244.2.7:80").Syn()},
      {"a pod of another node, which needs the reply to come back here", "eth0",
       Tcp("10.244.2.9:40001", "203.0.113.5:80").Macs(MacOf(kNodeBMac), kNodeMac).Syn(), kRedirect,
       Routed(Tcp(kBorrowed, "10.244.2.7:80").Syn(), MacOf(kNodeBMac))},
  });
}

TEST_F(TcTest, AClusterIpIsNothingFromOutsideUnlessItIsAllowed) {
  MakeWorld({.external_cluster_ip = false});
  Run({{"from outside", "eth0", Tcp("198.51.100.7:40001", "10.96.0.10:80").Syn(), kPass, {}},
       {"from a pod", "pod1", Tcp("10.244.1.7:40001", "10.96.0.10:80").Syn(), kPass,
        Tcp("10.244.1.7:40001", "10.244.2.7:8080").Syn()}});
  EXPECT_EQ(world_->Reason(SHUNT_REASON_OUTSIDE_CLIENT), 1u);
}

TEST_F(TcTest, AnAffinityIsOfTheAddressAndSharedByTheFrontends) {
  std::vector<uint32_t> backends;
  for (int i = 1; i <= 8; ++i) backends.push_back(world_->AddBackend(absl::StrCat("10.244.2.", i, ":70")));
  const uint32_t pool = world_->AddPool(backends);
  for (const char* at : {"203.0.113.5:70", "10.96.0.10:70"}) {
    world_->AddFrontend({.at = at,
                         .kind = at[0] == '2' ? SHUNT_KIND_LOAD_BALANCER : SHUNT_KIND_CLUSTER_IP,
                         .internal_pool = pool,
                         .external_pool = pool,
                         .flags = SHUNT_ROW_SNAT,
                         .affinity_timeout_s = 100,
                         .service_port = 9});
  }
  const auto reached = [&](int client, int port, const char* frontend) {
    const Packet syn = Tcp(absl::StrCat("198.51.100.", client, ":", port), frontend).Syn();
    return packets::Parse(world_->Ingress("eth0", syn).packet).packet.destination.ToString();
  };
  const std::string kept = reached(7, 40001, "203.0.113.5:70");
  for (int port = 40002; port < 40012; ++port) {
    EXPECT_EQ(reached(7, port, port % 2 == 0 ? "203.0.113.5:70" : "10.96.0.10:70"), kept);
  }
  std::set<std::string> others;
  for (int client = 10; client < 60; ++client) others.insert(reached(client, 40001, "203.0.113.5:70"));
  EXPECT_GT(others.size(), 4u) << "clients do not share one affinity";
}

TEST_F(TcTest, WhatCannotGoOnIsAnsweredOrDroppedAndCounted) {
  const auto node_port = [](uint16_t port) { return Tcp("198.51.100.7:40001", absl::StrCat("192.0.2.10:", port)); };
  const auto answer = [](Packet packet) { return packet.Macs(kNodeMac, kClientMac).DontFragment(); };
  const Packet last = node_port(30080).Syn().Ttl(1), big = node_port(30080).Ack().DontFragment().Payload(1461);
  AddNodePort(packets::kTcp, 30091, world_->AddPool({world_->AddBackend("[2001:db8:99::1]:1")}));
  Run({{"at its last hop, past the stack", "eth0", last, kRedirect,
        answer(packets::TimeExceeded("192.0.2.10", "198.51.100.7").QuotingWords(last))},
       {"at its last hop, into the stack", "eth0", node_port(30081).Syn().Ttl(1), kPass,
        Tcp("198.51.100.7:40001", "10.244.1.7:8080").Syn().Ttl(1)},
       {"too big for the way", "eth0", big, kRedirect,
        answer(packets::TooBig("192.0.2.10", "198.51.100.7", 1500).QuotingWords(big))},
       {"as big as the way", "eth0", node_port(30080).Ack().Payload(1460), kRedirect,
        Routed(Tcp(kBorrowed, "10.244.2.7:8080").Ack().Payload(1460), MacOf(kNodeBMac))}});
  EXPECT_EQ(world_->Reason(SHUNT_REASON_HOPS_EXHAUSTED), 1u);
  EXPECT_EQ(world_->Reason(SHUNT_REASON_TOO_BIG), 1u);

  world_->RemoveDevice("vx0");
  Run({{"by a device that nobody knows", "eth0", node_port(30083).Syn(), kDrop, {}}});
  EXPECT_EQ(world_->Reason(SHUNT_REASON_NO_SOURCE), 1u);
}

// What the kernel will make several packets of is as long as each of them.
TEST_F(TcTest, ASegmentedPacketIsAsBigAsItsSegments) {
  const Packet packet = Tcp("198.51.100.7:40001", "192.0.2.10:30080").Ack().DontFragment().Payload(2400);
  world_->Ingress("eth0", Tcp("198.51.100.7:40001", "192.0.2.10:30080").Syn());
  const std::string lent = absl::StrCat("192.0.2.10:", BorrowedBy(40001));
  ExpectPacket(Routed(Packet(packet).From(lent).To("10.244.2.7:8080"), MacOf(kNodeBMac)),
               world_->Ingress("eth0", packet, 1460));
  const RunResult result = world_->Ingress("eth0", packet, 1461);
  EXPECT_EQ(result.verdict, kRedirect);
  ExpectPacket(packets::TooBig("192.0.2.10", "198.51.100.7", 1500)
                   .QuotingWords(packet)
                   .Macs(kNodeMac, kClientMac)
                   .DontFragment(),
               result);
  EXPECT_EQ(world_->Reason(SHUNT_REASON_TOO_BIG), 1u);
}

TEST_F(TcTest, AFullTableDropsTheNewFlowAndKeepsTheOld) {
  MakeWorld({.flows = 64});
  const auto syn = [](int port) { return Tcp(absl::StrCat("198.51.100.7:", port), "192.0.2.10:30080").Syn(); };
  for (int port = 40001; port <= 40064; ++port) EXPECT_EQ(world_->Ingress("eth0", syn(port)).verdict, kRedirect);
  EXPECT_EQ(world_->Ingress("eth0", syn(40065)).verdict, kDrop);
  EXPECT_EQ(world_->Reason(SHUNT_REASON_FLOWS_FULL), 1u);
  for (int port = 40001; port <= 40064; ++port) EXPECT_EQ(world_->Ingress("eth0", syn(port)).verdict, kRedirect);
  EXPECT_EQ(world_->TakenPorts(), 64u);
}

TEST_F(TcTest, WhoOnlyObservesCountsAndTouchesNothing) {
  MakeWorld({.observe = true});
  Run({{"a request", "eth0", Tcp("198.51.100.7:40001", "192.0.2.10:30080").Syn(), kPass, {}},
       {"one that nobody serves", "eth0", Tcp("198.51.100.7:40001", "192.0.2.10:30084").Syn(), kPass, {}},
       {"one that would be dropped", "eth0", Tcp("198.51.100.7:40001", "192.0.2.10:30085").Syn(), kPass, {}},
       {"a connection without a flow", "eth0", Tcp("198.51.100.7:40001", "10.96.0.10:80").Ack(), kPass, {}}});
  EXPECT_EQ(world_->Reason(SHUNT_REASON_WOULD_TRANSLATE), 1u);
  EXPECT_EQ(world_->Reason(SHUNT_REASON_WOULD_REFUSE), 2u);
  EXPECT_EQ(world_->Reason(SHUNT_REASON_NO_FLOW), 1u) << "another proxy serves it now";
  EXPECT_EQ(world_->Flows().size(), 0u);
}

TEST_F(TcTest, WithoutASignOfLifeNoFlowBegins) {
  MakeWorld({.stale_after_ms = 1000});
  Run({{"a request", "eth0", Tcp("198.51.100.7:40001", "192.0.2.10:30080").Syn(), kPass, {}},
       {"one that nothing serves", "eth0", Tcp("198.51.100.7:40001", "192.0.2.10:30084").Syn(), kPass, {}}});
  EXPECT_EQ(world_->Reason(SHUNT_REASON_STALE_AGENT), 2u);
}

TEST_F(TcTest, AKernelWithoutTheFlagForIpv6GetsTheSameChecksums) {
  MakeWorld({.has_ipv6_csum_flag = false});
  Run({{"past the stack", "eth0", Tcp("[2001:db8:7::7]:40001", "[2001:db8::10]:30080").Syn(), kRedirect,
        Routed(Tcp(kBorrowedV6, "[fd00:244:2::7]:8080").Syn(), MacOf(kNodeBMac))},
       {"through the stack", "eth0", Udp("[2001:db8:7::7]:40001", "[2001:db8::10]:30081").Payload(7), kPass,
        Udp("[2001:db8:7::7]:40001", "[fd00:244:1::7]:8080").Payload(7)}});
}

// Runs `packet` on one CPU until it is not answered, and returns how often it was.
int AnswersTo(TcWorld& world, const std::function<Packet(int)>& packet) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(sched_getcpu(), &one);
  cpu_set_t all;
  sched_getaffinity(0, sizeof all, &all);
  sched_setaffinity(0, sizeof one, &one);
  int answered = 0;
  // However slow the machine is, no second sees more than the limit; the loop is for 20 times as many.
  while (answered < 20'000 && world.Ingress("eth0", packet(answered)).verdict == kRedirect) ++answered;
  sched_setaffinity(0, sizeof all, &all);
  return answered;
}

// Each kind has a limit of its own: a flood to a closed port does not keep others from learning what fits.
TEST_F(TcTest, RefusalsAndErrorsAreLimitedPerSecond) {
  const auto refused = [](int i) { return Udp(absl::StrCat("198.51.100.7:", 1024 + i), "192.0.2.10:30084"); };
  const auto exhausted = [](int) { return Tcp("198.51.100.7:40001", "192.0.2.10:30080").Syn().Ttl(1); };
  EXPECT_GE(AnswersTo(*world_, refused), 1000);
  EXPECT_EQ(world_->Reason(SHUNT_REASON_REFUSALS_LIMIT), 1u);
  EXPECT_GE(AnswersTo(*world_, exhausted), 1000);
  EXPECT_EQ(world_->Reason(SHUNT_REASON_REFUSALS_LIMIT), 2u);
}

}  // namespace
}  // namespace shunt
