// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/flows.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <string>
#include <vector>

#include "userspace/datapath/codec.h"
#include "userspace/datapath/testing/memory_table.h"

namespace shunt::datapath {
namespace {

using testing::ElementsAre;

constexpr FlowClock kClock = {.jiffies = 1000, .hz = 250};

shunt_flow MakeRow(uint8_t protocol, uint32_t state, uint32_t last_use = 1000) {
  shunt_flow flow = {};
  flow.client = EncodeAddress(*model::IpAddress::Parse("198.51.100.7"));
  flow.client_port = htons(40000);
  flow.frontend = EncodeAddress(*model::IpAddress::Parse("192.168.7.1"));
  flow.frontend_port = htons(30080);
  flow.backend_address = EncodeAddress(*model::IpAddress::Parse("10.244.1.7"));
  flow.backend_port = htons(8080);
  flow.source = EncodeAddress(*model::IpAddress::Parse("192.168.7.1"));
  flow.source_port = htons(50001);
  flow.protocol = protocol;
  flow.mode = SHUNT_FLOW_REDIRECT;
  flow.flags = SHUNT_FLOW_SNAT;
  flow.state = state;
  flow.last_use = last_use;
  flow.service_port = 3;
  flow.pool = 4;
  flow.backend = 5;
  return flow;
}

TEST(DecodeFlowTest, EveryField) {
  const auto flow = DecodeFlow(
      9, MakeRow(IPPROTO_TCP, SHUNT_FLOW_SETTLED | SHUNT_FLOW_REPLIED | SHUNT_FLOW_CONFIRMED, 1000 - 10 * 250), kClock);
  ASSERT_TRUE(flow.has_value());
  const auto text = [](const model::SocketAddress& at) { return at.address.ToStringWithPort(at.port); };
  EXPECT_EQ(flow->row, 9u);
  EXPECT_EQ(flow->kind, SHUNT_FLOW_KIND_OPEN);
  EXPECT_EQ(flow->protocol, model::Protocol::kTcp);
  EXPECT_EQ(text(flow->client), "198.51.100.7:40000");
  EXPECT_EQ(text(flow->frontend), "192.168.7.1:30080");
  EXPECT_EQ(text(flow->source), "192.168.7.1:50001");
  EXPECT_EQ(text(flow->backend), "10.244.1.7:8080");
  EXPECT_TRUE(flow->snat);
  EXPECT_FALSE(flow->host);
  EXPECT_TRUE(flow->redirect);
  EXPECT_EQ(flow->service_port, 3u);
  EXPECT_EQ(flow->pool, 4u);
  EXPECT_EQ(flow->backend_id, 5u);
  EXPECT_EQ(flow->idle_s, 10u);
  EXPECT_EQ(flow->left_s, 86'390u);
}

TEST(DecodeFlowTest, ARowThatIsFreeOrOnlyBeingMadeIsNoFlow) {
  EXPECT_FALSE(DecodeFlow(0, MakeRow(IPPROTO_TCP, 0), kClock).has_value());
  EXPECT_EQ(DecodeFlow(0, MakeRow(IPPROTO_TCP, SHUNT_FLOW_RETIRED), kClock)->kind, SHUNT_FLOW_KIND_RETIRED)
      << "one that was never settled rests as well";
}

TEST(DecodeFlowTest, TimesAreNeverNegative) {
  const auto ahead = DecodeFlow(0, MakeRow(IPPROTO_UDP, SHUNT_FLOW_SETTLED, 1001), kClock);
  EXPECT_EQ(ahead->idle_s, 0u);
  const auto late = DecodeFlow(0, MakeRow(IPPROTO_UDP, SHUNT_FLOW_SETTLED, 1000 - 31 * 250), kClock);
  EXPECT_EQ(late->idle_s, 31u) << "jiffies wrap";
  EXPECT_EQ(late->left_s, 0u) << "the collector has not come yet";
}

TEST(FlowKindTest, EachHasANameThatLeadsBack) {
  for (int kind = 0; kind < SHUNT_FLOW_KIND_COUNT; ++kind) {
    EXPECT_EQ(ParseFlowKind(FlowKindName(static_cast<shunt_flow_kind>(kind))), static_cast<shunt_flow_kind>(kind));
  }
  EXPECT_EQ(ParseFlowKind("Open"), std::nullopt);
}

class FlowsTest : public testing::Test {
 protected:
  void Put(uint32_t row, const shunt_flow& flow, bool taken = true) {
    ASSERT_TRUE(rows_.Store(row, BytesOf(flow)).ok());
    uint64_t word = 0;
    ASSERT_TRUE(taken_.Load(row / 64, MutableBytesOf(word)).ok());
    if (taken) word |= uint64_t{1} << (row % 64);
    ASSERT_TRUE(taken_.StoreWord(row / 64, 0, word).ok());
  }
  static MemoryRows Array(const char* name, uint32_t value_size, uint32_t capacity) {
    MemoryRows rows;
    rows.name = name;
    rows.value_size = value_size;
    rows.capacity = capacity;
    rows.array.resize(size_t{value_size} * capacity);
    return rows;
  }

  MemoryRows row_bytes_ = Array("flow_rows", sizeof(shunt_flow), 192);
  MemoryRows taken_bytes_ = Array("flow_taken", 8, 3);
  WriteHooks hooks_;
  MemoryTable rows_{row_bytes_, hooks_}, taken_{taken_bytes_, hooks_};
};

TEST_F(FlowsTest, EveryRowThatIsTakenAndHasAFlowIsVisited) {
  Put(0, MakeRow(IPPROTO_TCP, SHUNT_FLOW_SETTLED));
  Put(63, MakeRow(IPPROTO_UDP, SHUNT_FLOW_SETTLED | SHUNT_FLOW_REPLIED));
  Put(64, MakeRow(IPPROTO_UDP, 0));
  Put(65, MakeRow(IPPROTO_UDP, SHUNT_FLOW_SETTLED), /*taken=*/false);
  Put(191, MakeRow(IPPROTO_TCP, SHUNT_FLOW_SETTLED | SHUNT_FLOW_RETIRED));
  std::vector<uint32_t> seen;
  ASSERT_TRUE(ForEachFlow(taken_, rows_, kClock, [&](const Flow& flow) {
                seen.push_back(flow.row);
                return true;
              }).ok());
  EXPECT_THAT(seen, ElementsAre(0, 63, 191));
  EXPECT_THAT(CountFlows(taken_, rows_), ElementsAre(1, 0, 0, 0, 0, 1, 1));
  seen.clear();
  ASSERT_TRUE(ForEachFlow(taken_, rows_, kClock, [&](const Flow& flow) {
                seen.push_back(flow.row);
                return false;
              }).ok());
  EXPECT_THAT(seen, ElementsAre(0)) << "the visitor has had enough";
}

}  // namespace
}  // namespace shunt::datapath
