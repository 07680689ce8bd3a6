// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/packet_filters.h"

#include <gtest/gtest.h>

#include "bpf/packet_abi.h"
#include "userspace/datapath/codec.h"
#include "userspace/datapath/testing/memory_table.h"
#include "userspace/datapath/testing/plans.h"

namespace shunt::datapath {
namespace {

MemoryRows Words(const char* name, uint32_t words) {
  MemoryRows rows;
  rows.name = name;
  rows.value_size = sizeof(uint64_t);
  rows.capacity = words;
  rows.array.resize(size_t{words} * sizeof(uint64_t));
  return rows;
}

class PacketFiltersTest : public testing::Test {
 protected:
  static shunt_frontend_key Key(const char* address, uint16_t port, model::Protocol protocol = model::Protocol::kTcp) {
    return EncodeFrontend({Ip(address), port, protocol});
  }
  static bool Holds(const Table& table, uint32_t bit) {
    uint64_t word = 0;
    EXPECT_TRUE(table.Load(bit / 64, MutableBytesOf(word)).ok());
    return (word >> (bit % 64) & 1) != 0;
  }
  bool HoldsPort(uint8_t protocol, uint16_t port) { return Holds(node_ports_, shunt_node_port_bit(protocol, port)); }
  bool HoldsBackend(const char* address, uint16_t port) {
    const shunt_backend row = EncodeBackend({Ip(address), port});
    return Holds(endpoints_, shunt_endpoint_bit(&row.address, row.port));
  }

  MemoryRows port_rows_ = Words("node_ports", SHUNT_NODE_PORT_WORDS);
  MemoryRows endpoint_rows_ = Words("endpoint_filter", SHUNT_ENDPOINT_WORDS);
  WriteHooks hooks_;
  MemoryTable node_ports_{port_rows_, hooks_};
  MemoryTable endpoints_{endpoint_rows_, hooks_};
  PacketFilters filters_{node_ports_, endpoints_};
};

TEST_F(PacketFiltersTest, APortOfThisNodeIsLetThroughInItsProtocolOnly) {
  ASSERT_TRUE(filters_.SetFrontend(Key("0.0.0.0", 30080), model::FrontendKind::kNodePort).ok());
  EXPECT_TRUE(HoldsPort(6, 30080));
  EXPECT_FALSE(HoldsPort(17, 30080));
  EXPECT_FALSE(HoldsPort(6, 30081));
  ASSERT_TRUE(filters_.SetFrontend(Key("::", 30080, model::Protocol::kSctp), model::FrontendKind::kNodePort).ok());
  EXPECT_TRUE(HoldsPort(132, 30080));
  EXPECT_FALSE(HoldsPort(17, 30080));
}

TEST_F(PacketFiltersTest, AnExternalAddressMayBeThisNodesAndAClusterIpIsNot) {
  ASSERT_TRUE(filters_.SetFrontend(Key("203.0.113.5", 443), model::FrontendKind::kLoadBalancer).ok());
  ASSERT_TRUE(filters_.SetFrontend(Key("192.0.2.10", 8443), model::FrontendKind::kExternalIp).ok());
  ASSERT_TRUE(filters_.SetFrontend(Key("10.96.0.1", 80), model::FrontendKind::kClusterIp).ok());
  EXPECT_TRUE(HoldsPort(6, 443));
  EXPECT_TRUE(HoldsPort(6, 8443));
  EXPECT_FALSE(HoldsPort(6, 80));
}

TEST_F(PacketFiltersTest, ABackendIsLetThroughByAddressAndPort) {
  ASSERT_TRUE(filters_.SetBackend({Ip("10.244.1.7"), 8080}).ok());
  ASSERT_TRUE(filters_.SetBackend({Ip("fd00:10:244::7"), 8080}).ok());
  EXPECT_TRUE(HoldsBackend("10.244.1.7", 8080));
  EXPECT_TRUE(HoldsBackend("fd00:10:244::7", 8080));
  EXPECT_FALSE(HoldsBackend("10.244.1.7", 8081));
  EXPECT_FALSE(HoldsBackend("10.244.1.8", 8080));
}

// They have no ports.
TEST_F(PacketFiltersTest, FragmentsAreLetThroughUnderPortZero) {
  EXPECT_FALSE(HoldsPort(17, 0));
  ASSERT_TRUE(filters_.SetFrontend(Key("10.96.0.1", 53, model::Protocol::kUdp), model::FrontendKind::kClusterIp).ok());
  EXPECT_FALSE(HoldsPort(17, 0)) << "a ClusterIP is none of the node's addresses";
  ASSERT_TRUE(filters_.SetFrontend(Key("0.0.0.0", 30053, model::Protocol::kUdp), model::FrontendKind::kNodePort).ok());
  EXPECT_TRUE(HoldsPort(17, 0));
  EXPECT_FALSE(HoldsPort(6, 0));
  ASSERT_TRUE(filters_.SetBackend({Ip("10.244.1.7"), 8080}).ok());
  EXPECT_TRUE(HoldsBackend("10.244.1.7", 0));
  EXPECT_FALSE(HoldsBackend("10.244.1.8", 0));
}

TEST_F(PacketFiltersTest, ABitThatIsSetIsNotWrittenAgain) {
  int writes = 0;
  hooks_.after = [&](absl::string_view) { ++writes; };
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(filters_.SetBackend({Ip("10.244.1.7"), 8080}).ok());
  EXPECT_EQ(writes, 2) << "its port's bit, and the one of fragments";
}

TEST_F(PacketFiltersTest, WhatCouldNotBeWrittenIsWrittenTheNextTime) {
  hooks_.before = [](absl::string_view) { return absl::UnavailableError("scripted"); };
  EXPECT_FALSE(filters_.SetBackend({Ip("10.244.1.7"), 8080}).ok());
  EXPECT_FALSE(filters_.SetFrontend(Key("0.0.0.0", 30080), model::FrontendKind::kNodePort).ok());
  hooks_.before = nullptr;
  EXPECT_FALSE(HoldsBackend("10.244.1.7", 8080));
  ASSERT_TRUE(filters_.SetBackend({Ip("10.244.1.7"), 8080}).ok());
  ASSERT_TRUE(filters_.SetFrontend(Key("0.0.0.0", 30080), model::FrontendKind::kNodePort).ok());
  EXPECT_TRUE(HoldsBackend("10.244.1.7", 8080));
  EXPECT_TRUE(HoldsPort(6, 30080));
}

TEST_F(PacketFiltersTest, WhatAnEarlierAgentHasPublishedIsRepairedAndKept) {
  ASSERT_TRUE(filters_.SetBackend({Ip("10.244.1.7"), 8080}).ok());
  PacketFilters next(node_ports_, endpoints_);
  ASSERT_TRUE(next.ReadBack().ok());
  next.AdoptBackend({Ip("10.244.1.7"), 8080});
  next.AdoptBackend({Ip("10.244.1.8"), 8080});
  next.AdoptBackend({Ip("10.244.1.8"), 8080});
  next.AdoptFrontend(Key("0.0.0.0", 30080), model::FrontendKind::kNodePort);
  EXPECT_FALSE(HoldsBackend("10.244.1.8", 8080)) << "adoption writes nothing";
  ASSERT_TRUE(next.Repair().ok());
  EXPECT_EQ(next.repaired(), 4u) << "two bits of each";
  EXPECT_TRUE(HoldsBackend("10.244.1.7", 8080));
  EXPECT_TRUE(HoldsBackend("10.244.1.8", 8080));
  EXPECT_TRUE(HoldsPort(6, 30080));
  EXPECT_TRUE(next.Agrees());
}

TEST_F(PacketFiltersTest, AMapThatAnotherHasWrittenDiffers) {
  EXPECT_TRUE(filters_.Agrees());
  ASSERT_TRUE(endpoints_.StoreWord(7, 0, 1).ok());
  EXPECT_FALSE(filters_.Agrees());
}

}  // namespace
}  // namespace shunt::datapath
