// SPDX-License-Identifier: Apache-2.0
// Which packets the programs leave alone, from the first to the last, and by which way and to which neighbour they send
// those of a flow.
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/bpf/tc_fixture.h"
#include "tests/sandbox/devices.h"

namespace shunt {
namespace {

class TcWayTest : public TcTest {
 protected:
  // A load balancer's address, which is not this node's.
  void AddLoadBalancer(const TcFrontend& like) {
    TcFrontend frontend = like;
    frontend.at = "203.0.113.5:80";
    frontend.kind = SHUNT_KIND_LOAD_BALANCER;
    frontend.internal_pool = frontend.external_pool = world_->AddPool({world_->AddBackend("10.244.2.7:80")});
    world_->AddFrontend(frontend);
  }

  // A connection whose SYN passes is another program's: so does what follows.
  void ExpectPasses(const char* device, const Packet& packet, shunt_reason reason) {
    for (const Packet& next :
         {Packet(packet).Syn(), Packet(packet).Ack(), Packet(packet).Fin(), Packet(packet).Flags(4)}) {
      const uint64_t before = world_->Reason(reason);
      Run({{"it passes", device, next, kPass, {}}});
      EXPECT_EQ(world_->Reason(reason), before + 1);
    }
  }
};

TEST_F(TcWayTest, AConnectionOfAnotherHostPassesWhole) {
  AddLoadBalancer({});
  ExpectPasses("eth0", Tcp("198.51.100.7:40001", "203.0.113.5:80").Macs(kClientMac, MacOf(0x77)),
               SHUNT_REASON_OTHER_HOST);
}

TEST_F(TcWayTest, AConnectionThatAStaleAgentLeavesPassesWhole) {
  MakeWorld({.stale_after_ms = 1000});
  AddLoadBalancer({});
  ExpectPasses("eth0", Tcp("198.51.100.7:40001", "203.0.113.5:80"), SHUNT_REASON_STALE_AGENT);
  ExpectPasses("pod1", Tcp("10.244.1.7:40001", "10.96.0.10:80"), SHUNT_REASON_STALE_AGENT);
}

TEST_F(TcWayTest, AConnectionToAClusterIpFromOutsidePassesWhole) {
  MakeWorld({.external_cluster_ip = false});
  ExpectPasses("eth0", Tcp("198.51.100.7:40001", "10.96.0.10:80"), SHUNT_REASON_OUTSIDE_CLIENT);
  Run({{"a pod's has lost its flow", "pod1", Tcp("10.244.1.7:40001", "10.96.0.10:80").Ack(), kDrop, {}}});
}

TEST_F(TcWayTest, AConnectionToNoServicePassesWhole) {
  AddLoadBalancer({});
  ExpectPasses("eth0", Tcp("198.51.100.7:40001", "203.0.113.5:30080"), SHUNT_REASON_NOT_A_SERVICE);
}

// A load balancer's address of the node's own prefix does not make every packet to the node worth a search.
TEST_F(TcWayTest, ALoadBalancerBesideTheNodeIsFoundByItsPorts) {
  const uint32_t pool = world_->AddPool({world_->AddBackend("10.244.1.7:80")});
  world_->AddFrontend(
      {.at = "192.0.2.200:80", .kind = SHUNT_KIND_LOAD_BALANCER, .internal_pool = pool, .external_pool = pool});
  Run({{"its port", "eth0", Tcp("198.51.100.7:40001", "192.0.2.200:80").Syn(), kPass,
        Tcp("198.51.100.7:40001", "10.244.1.7:80").Syn()},
       {"ssh to the node", "eth0", Tcp("198.51.100.7:40001", "192.0.2.10:22").Syn(), kPass, {}},
       {"another port of it", "eth0", Tcp("198.51.100.7:40001", "192.0.2.200:22").Syn(), kPass, {}}});
  EXPECT_EQ(world_->Reason(SHUNT_REASON_NOT_A_SERVICE), 0u) << "what was not searched is not counted";
}

TEST_F(TcWayTest, RangesWithoutAListAdmitNoClient) {
  AddLoadBalancer({.flags = SHUNT_ROW_SOURCE_RANGES, .source_ranges = 0});
  Run({{"from outside", "eth0", Tcp("198.51.100.7:40001", "203.0.113.5:80").Syn(), kDrop, {}},
       {"from a pod", "pod1", Tcp("10.244.1.7:40001", "203.0.113.5:80").Syn(), kDrop, {}}});
  EXPECT_EQ(world_->Reason(SHUNT_REASON_SOURCE_DENIED), 2u);
}

// The backend's reply is told apart by another source, as conntrack would choose another port. What goes through the
// stack to a pod of this node keeps its client: there policies of the node look for it.
TEST_F(TcWayTest, APortThatIsInUseTowardsABackendGetsAnotherSource) {
  const packets::Mac node_b = MacOf(kNodeBMac), from_pod = MacOf(kPodMac1), pod2 = MacOf(kPodMac2);
  const uint32_t bridged = world_->AddPool({world_->AddBackend("10.244.3.3:8080")});
  world_->AddFrontend({.at = "10.96.0.10:84", .internal_pool = bridged});
  Run({{"a remote pod", "pod1", Tcp("10.244.1.7:40001", "10.96.0.10:80").Syn(), kPass,
        Tcp("10.244.1.7:40001", "10.244.2.7:8080").Syn()},
       {"by its NodePort as well", "pod1", Tcp("10.244.1.7:40001", "192.0.2.10:30080").Syn(), kRedirect,
        Routed(Tcp(kBorrowed, "10.244.2.7:8080").Syn(), node_b)},
       {"a pod on the same bridge", "p1", Tcp("10.244.3.2:40002", "10.96.0.10:83").Macs(from_pod, kNodeMac).Syn(),
        kRedirect, Routed(Tcp("10.244.3.2:40002", "10.244.3.3:8080").Syn(), pod2)},
       {"by another frontend as well", "p1", Tcp("10.244.3.2:40002", "10.96.0.10:84").Macs(from_pod, kNodeMac).Syn(),
        kRedirect, Routed(Tcp(kBorrowedBridge, "10.244.3.3:8080").Syn(), pod2)},
       {"a pod of this node", "eth0", Tcp("198.51.100.7:40003", "192.0.2.10:30081").Syn(), kPass,
        Tcp("198.51.100.7:40003", "10.244.1.7:8080").Syn()},
       {"by its ClusterIP as well", "eth0", Tcp("198.51.100.7:40003", "10.96.0.10:81").Syn(), kDrop, {}}});
  EXPECT_EQ(world_->Reason(SHUNT_REASON_REPLY_TAKEN), 1u);
  EXPECT_EQ(world_->TakenPorts(), 2u);
}

// Only what the kernel sends itself makes it ask whether a neighbour is still there.
TEST_F(TcWayTest, APacketByAnOldHopIsSentByTheKernel) {
  const Packet request = Tcp("198.51.100.7:40001", "192.0.2.10:30080");
  world_->Ingress("eth0", Packet(request).Syn());
  const std::string lent = absl::StrCat("192.0.2.10:", BorrowedBy(40001));
  const Packet from_b = Tcp("10.244.2.7:8080", lent).Macs(MacOf(kNodeBMac), kNodeMac);
  const Packet to_client = Tcp("192.0.2.10:30080", "198.51.100.7:40001");
  world_->AgeHops();
  for (const Packet& packet : {Packet(request).Ack(), Packet(from_b).Ack()}) {
    EXPECT_TRUE(packets::IsLeftToKernel(ToBytes(packet), world_->Ingress("eth0", packet)));
  }
  Run({{"the next request", "eth0", Packet(request).Ack(), kRedirect,
        Routed(Tcp(lent, "10.244.2.7:8080").Ack(), MacOf(kNodeBMac))},
       {"the next reply", "eth0", Packet(from_b).Ack(), kRedirect, Routed(Packet(to_client).Ack(), kClientMac)}});
}

// The routes name eth0 for this client, but it has come by vx0, so vx0 is what its replies have to fit.
TEST_F(TcWayTest, AReplyHasToFitTheDeviceByWhichItLeaves) {
  world_->Ingress("vx0", Tcp("198.51.100.7:40001", "192.0.2.10:30080").Macs(MacOf(kOverlayMac), kNodeMac).Syn());
  const std::string lent = absl::StrCat("192.0.2.10:", BorrowedBy(40001));
  const auto reply = [&](size_t bytes) {
    return Tcp("10.244.2.7:8080", lent).Macs(MacOf(kNodeBMac), kNodeMac).Ack().DontFragment().Payload(bytes);
  };
  ASSERT_TRUE(sandbox::SetMtu("eth0", 1300).ok());
  Run({{"too long for eth0", "eth0", reply(1400), kRedirect,
        Routed(Tcp("192.0.2.10:30080", "198.51.100.7:40001").Ack().DontFragment().Payload(1400), MacOf(kOverlayMac))},
       {"too long for vx0", "eth0", reply(1461), kRedirect,
        packets::TooBig("192.0.2.10", "10.244.2.7", 1500)
            .QuotingWords(reply(1461))
            .Macs(kNodeMac, MacOf(kNodeBMac))
            .DontFragment()}});
  EXPECT_EQ(world_->Reason(SHUNT_REASON_TOO_BIG), 1u);
}

TEST_F(TcWayTest, WhatADeviceWithoutALinkLayerBringsPasses) {
  world_->Ingress("eth0", Tcp("198.51.100.7:40002", "192.0.2.10:30081").Syn());
  const Packet syn = Tcp("198.51.100.7:40001", "192.0.2.10:30081").Syn();
  const Packet out = Tcp("10.244.1.7:8080", "198.51.100.7:40002").SynAck();
  world_->SetLinkHeader("eth0", 0);
  Run({{"in", "eth0", syn, kPass, {}}});
  Run({{"out", "eth0", out, kPass, {}}}, /*egress=*/true);
  world_->SetLinkHeader("eth0", 14);
  Run({{"in by Ethernet", "eth0", syn, kPass, Tcp("198.51.100.7:40001", "10.244.1.7:8080").Syn()}});
}

}  // namespace
}  // namespace shunt
