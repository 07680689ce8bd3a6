// SPDX-License-Identifier: Apache-2.0
// What the tests of the packet path's programs share: a node with some services, and steps that say what becomes of a
// packet. Every checksum of what comes out is verified in full.
#ifndef SHUNT_TESTS_BPF_TC_FIXTURE_H_
#define SHUNT_TESTS_BPF_TC_FIXTURE_H_

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/pkt_cls.h>
#include <unistd.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "tests/bpf/tc_world.h"
#include "tests/packets/packet.h"
#include "tests/packets/parse.h"

namespace shunt {

using packets::Bytes;
using packets::Mismatch;
using packets::Packet;
using packets::RunResult;
using packets::Tcp;
using packets::Udp;

inline constexpr int kPass = TC_ACT_UNSPEC, kDrop = TC_ACT_SHOT, kRedirect = TC_ACT_REDIRECT;

// In an expected packet: the port that the flow has borrowed, which is drawn at random.
inline constexpr char kBorrowed[] = "192.0.2.10:0";
inline constexpr char kBorrowedV6[] = "[2001:db8::10]:0";
inline constexpr char kBorrowedOverlay[] = "10.244.9.0:0";
inline constexpr char kBorrowedBridge[] = "10.244.3.1:0";

class TcTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root: network namespaces and BPF";
    MakeWorld({});
  }

  void MakeWorld(const TcOptions& options) {
    world_.reset();
    absl::StatusOr<std::unique_ptr<TcWorld>> world = TcWorld::Create(options);
    ASSERT_TRUE(world.ok()) << world.status();
    world_ = *std::move(world);
    world_->AddAddress("192.0.2.10", SHUNT_ADDRESS_NODE);
    world_->AddAddress("2001:db8::10", SHUNT_ADDRESS_NODE);
    world_->AddAddress("10.96.0.10", SHUNT_ADDRESS_CLUSTER_IP);
    world_->AddAddress("fd00:96::10", SHUNT_ADDRESS_CLUSTER_IP);
    for (const uint8_t protocol : {packets::kTcp, packets::kUdp}) {
      AddService(protocol, 30080, "10.244.2.7:8080", "[fd00:244:2::7]:8080");
      AddService(protocol, 30081, "10.244.1.7:8080", "[fd00:244:1::7]:8080");
      AddNodePort(protocol, 30082, world_->AddPool({world_->AddBackend("192.0.2.10:9090", protocol)}));
      AddNodePort(protocol, 30083, world_->AddPool({world_->AddBackend("10.244.9.5:8080", protocol)}));
      AddNodePort(protocol, 30084, world_->AddPool({}, SHUNT_EMPTY_NO_ENDPOINTS));
      AddNodePort(protocol, 30085, world_->AddPool({}, SHUNT_EMPTY_LOCAL_MISS));
      const uint32_t bridged = world_->AddPool({world_->AddBackend("10.244.3.3:8080", protocol)});
      world_->AddFrontend({.at = "10.96.0.10:83", .protocol = protocol, .internal_pool = bridged});
    }
  }

  // A ClusterIP and a NodePort, of both families, with one backend.
  void AddService(uint8_t protocol, uint16_t node_port, const char* v4, const char* v6) {
    const uint16_t port = node_port == 30080 ? 80 : 81;
    const uint32_t pool = world_->AddPool({world_->AddBackend(v4, protocol)});
    const uint32_t pool6 = world_->AddPool({world_->AddBackend(v6, protocol)});
    world_->AddFrontend({.at = absl::StrCat("10.96.0.10:", port),
                         .protocol = protocol,
                         .internal_pool = pool,
                         .flags = SHUNT_ROW_SNAT});
    world_->AddFrontend({.at = absl::StrCat("[fd00:96::10]:", port),
                         .protocol = protocol,
                         .internal_pool = pool6,
                         .flags = SHUNT_ROW_SNAT});
    AddNodePort(protocol, node_port, pool);
    AddNodePort(protocol, node_port, pool6, "[::]");
  }

  void AddNodePort(uint8_t protocol, uint16_t port, uint32_t pool, const char* any = "0.0.0.0") {
    world_->AddFrontend({.at = absl::StrCat(any, ":", port),
                         .protocol = protocol,
                         .kind = SHUNT_KIND_NODE_PORT,
                         .internal_pool = pool,
                         .external_pool = pool,
                         .flags = SHUNT_ROW_SNAT});
  }

  // Compares, with the borrowed port of the last flow in the place of port 0.
  void ExpectPacket(Packet expected, const RunResult& result) {
    if (expected.source_port == 0) expected.source_port = packets::Parse(result.packet).packet.source_port;
    EXPECT_EQ(Mismatch(expected, result.packet), "");
  }

  struct Step {
    const char* what;
    const char* device;
    Packet in;
    int verdict;
    std::optional<Packet> out;  // not set: dropped, or untouched
  };

  void Run(const std::vector<Step>& steps, bool egress = false) {
    for (const Step& step : steps) {
      SCOPED_TRACE(step.what);
      const auto run = [&] {
        return egress ? world_->Egress(step.device, step.in) : world_->Ingress(step.device, step.in);
      };
      RunResult result = run();
      // A packet for which an old next hop is renewed is the kernel's to send; the next one like it goes by that hop.
      for (int i = 0; i < 100 && packets::IsLeftToKernel(ToBytes(step.in), result); ++i) result = run();
      EXPECT_EQ(packets::VerdictName(result.verdict), packets::VerdictName(step.verdict));
      if (step.verdict != kDrop) ExpectPacket(step.out.value_or(step.in), result);
    }
  }

  // The port that the flow of this client has borrowed.
  uint16_t BorrowedBy(uint16_t client_port) const {
    for (const shunt_flow& flow : world_->Flows()) {
      if (ntohs(flow.client_port) == client_port) return ntohs(flow.source_port);
    }
    return 0;
  }

  std::unique_ptr<TcWorld> world_;
};

// Returns the packet as it leaves past the stack.
inline Packet Routed(Packet packet, const packets::Mac& to) {
  return packet.Macs(kNodeMac, to).Ttl(63);
}

}  // namespace shunt

#endif  // SHUNT_TESTS_BPF_TC_FIXTURE_H_
