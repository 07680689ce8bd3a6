// SPDX-License-Identifier: Apache-2.0
// Begins, finds and ends flows by the real programs on the real maps.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "bpf/packet/flow_life.h"
#include "tests/bpf/flow_table.h"

namespace shunt::datapath {
namespace {

constexpr uint8_t kFin = 1, kSyn = 2, kRst = 4, kAck = 16;

class FlowTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "loading programs needs root";
    Open({});
  }

  void Open(const FlowTableSize& size) {
    auto table = FlowTable::Open(size);
    ASSERT_TRUE(table.ok()) << table.status();
    table_ = *std::move(table);
  }

  // Begins a flow that must be new.
  flow_order Begin(const shunt_flow& flow) {
    const flow_order begun = table_->Create(flow);
    EXPECT_EQ(begun.result, 0);
    EXPECT_EQ(begun.leads, 1u);
    return begun;
  }
  bool Finds(const shunt_flow_tuple& tuple) { return table_->Find(tuple).result == 1; }

  std::unique_ptr<FlowTable> table_;
};

TEST_F(FlowTest, ItIsFoundByWhatTheClientSendsAndByWhatTheBackendSends) {
  const shunt_flow flow = MakeFlow(IPPROTO_TCP, "10.1.0.1", 40000);
  const flow_order begun = Begin(flow);
  for (const bool reverse : {false, true}) {
    const flow_order found = table_->Find(reverse ? shunt_reverse_tuple(&flow) : shunt_forward_tuple(&flow));
    ASSERT_EQ(found.result, 1) << reverse;
    EXPECT_EQ(found.row, begun.row);
    EXPECT_EQ(found.reverse, reverse ? 1u : 0u);
    EXPECT_EQ(found.leads, 1u);
    EXPECT_EQ(ntohs(found.flow.backend_port), 8080);
  }
  EXPECT_EQ(table_->Disagreement(), "");
}

TEST_F(FlowTest, EveryPartOfATupleCounts) {
  const shunt_flow flow = MakeFlow(IPPROTO_TCP, "fd00::1", 40000);
  Begin(flow);
  const shunt_flow_tuple tuple = shunt_forward_tuple(&flow);
  for (size_t byte = 0; byte < offsetof(shunt_flow_tuple, pad); ++byte) {
    shunt_flow_tuple other = tuple;
    reinterpret_cast<uint8_t*>(&other)[byte] ^= 1;
    EXPECT_FALSE(Finds(other)) << byte;
  }
  EXPECT_TRUE(Finds(tuple));
}

TEST_F(FlowTest, ARetiredFlowIsGoneAtOnceAndItsRowAndPortAreFreeLater) {
  const shunt_flow flow = MakeSnatFlow(IPPROTO_TCP, "10.1.0.1", 40000);
  const flow_order begun = Begin(flow);
  EXPECT_EQ(table_->Retire(shunt_forward_tuple(&flow)).result, 1);
  EXPECT_FALSE(Finds(shunt_forward_tuple(&begun.flow)));
  EXPECT_FALSE(Finds(shunt_reverse_tuple(&begun.flow)));
  EXPECT_EQ(table_->Disagreement(), "");
  table_->Sweep();
  EXPECT_TRUE(table_->IsTaken(begun.row)) << "freed while a reader may hold it";
  EXPECT_EQ(table_->TakenPorts(), 1u) << "freed while replies may be under way";
  table_->FreeRested();
  EXPECT_EQ(table_->TakenRows(), 0u);
  EXPECT_EQ(table_->TakenPorts(), 0u);
}

TEST_F(FlowTest, AnUnfinishedEndIsNotFreedHoweverLongItTakes) {
  const shunt_flow flow = MakeFlow(IPPROTO_TCP, "10.1.0.1", 40000);
  const flow_order begun = Begin(flow);
  table_->rows()[begun.row].state |= SHUNT_FLOW_RETIRED;  // another CPU is about to take the entries away
  EXPECT_FALSE(Finds(shunt_forward_tuple(&flow)));
  table_->Age(begun.row, 3600);
  table_->Sweep();
  EXPECT_TRUE(table_->IsTaken(begun.row));
}

TEST_F(FlowTest, PacketsTellItsLife) {
  const shunt_flow flow = MakeFlow(IPPROTO_TCP, "10.1.0.1", 40000);
  const uint32_t row = Begin(flow).row;
  const shunt_flow_tuple forward = shunt_forward_tuple(&flow), reverse = shunt_reverse_tuple(&flow);
  const auto kind = [&] { return shunt_flow_kind_of(IPPROTO_TCP, table_->rows()[row].state); };
  EXPECT_EQ(kind(), SHUNT_FLOW_KIND_OPENING);
  table_->Note(forward, 0);
  EXPECT_EQ(kind(), SHUNT_FLOW_KIND_OPENING) << "nothing has answered";
  table_->Note(reverse, kSyn | kAck);
  table_->Note(reverse, kSyn | kAck);
  EXPECT_EQ(kind(), SHUNT_FLOW_KIND_OPENING) << "a backend answers a forged SYN too";
  table_->Note(forward, kSyn);
  EXPECT_EQ(kind(), SHUNT_FLOW_KIND_OPENING) << "the SYN again";
  table_->Note(forward, kAck);
  EXPECT_EQ(kind(), SHUNT_FLOW_KIND_OPEN);
  table_->Note(forward, kFin);
  table_->Note(forward, kFin);
  EXPECT_EQ(kind(), SHUNT_FLOW_KIND_HALF_CLOSED) << "the same side twice";
  table_->Note(reverse, kFin);
  EXPECT_EQ(kind(), SHUNT_FLOW_KIND_CLOSED);
}

TEST_F(FlowTest, ItsLastUseIsStoredOnceASecond) {
  const shunt_flow flow = MakeFlow(IPPROTO_UDP, "10.1.0.1", 40000);
  shunt_flow& row = table_->rows()[Begin(flow).row];
  const uint32_t recent = row.last_use = table_->Now() - kHz / 2;
  table_->Note(shunt_forward_tuple(&flow), 0);
  EXPECT_EQ(row.last_use, recent);
  const uint32_t old = row.last_use = table_->Now() - kHz;
  table_->Note(shunt_forward_tuple(&flow), 0);
  EXPECT_NE(row.last_use, old);
  const uint32_t later = row.last_use = table_->Now() + kHz / 2;  // another CPU's clock is ahead
  table_->Note(shunt_forward_tuple(&flow), 0);
  EXPECT_EQ(row.last_use, later);
}

TEST_F(FlowTest, AClientThatBeginsAgainGetsANewFlow) {
  const shunt_flow flow = MakeSnatFlow(IPPROTO_TCP, "10.1.0.1", 40000);
  const flow_order old = Begin(flow);
  table_->Note(shunt_forward_tuple(&flow), kRst);
  table_->Retire(shunt_forward_tuple(&flow));
  const flow_order begun = Begin(flow);
  EXPECT_NE(begun.row, old.row);
  EXPECT_NE(begun.flow.source_port, old.flow.source_port) << "replies to the old port may still come";
  EXPECT_EQ(table_->Find(shunt_forward_tuple(&flow)).row, begun.row);
  EXPECT_EQ(table_->Disagreement(), "");
}

// One client port, two frontends, one backend, and no SNAT: the replies would have the same tuple.
TEST_F(FlowTest, RepliesOfOneBackendGoToOneFlowOfAClient) {
  const shunt_flow first = MakeFlow(IPPROTO_TCP, "10.1.0.1", 40000);
  shunt_flow second = first;
  second.frontend = Address("203.0.113.10");
  const uint32_t row = Begin(first).row;
  EXPECT_EQ(table_->Create(second).result, -SHUNT_REASON_REPLY_TAKEN);
  EXPECT_FALSE(Finds(shunt_forward_tuple(&second)));
  EXPECT_EQ(table_->Find(shunt_reverse_tuple(&first)).row, row);
  EXPECT_EQ(table_->Disagreement(), "");

  shunt_flow elsewhere = second;
  elsewhere.backend_address = Address("10.244.0.8");
  Begin(elsewhere);
  shunt_flow by_snat = second;
  by_snat.frontend_port = htons(81);
  by_snat.flags = SHUNT_FLOW_SNAT;
  by_snat.source = Address("192.168.7.1");
  Begin(by_snat);
  EXPECT_EQ(table_->Disagreement(), "");
}

TEST_F(FlowTest, APortThatTheClientUsesAgainIsNotHeldByItsClosedConnection) {
  const shunt_flow first = MakeFlow(IPPROTO_TCP, "10.1.0.1", 40000);
  shunt_flow second = first;
  second.frontend = Address("203.0.113.10");
  Begin(first);
  table_->Note(shunt_forward_tuple(&first), kFin);
  EXPECT_EQ(table_->Create(second).result, -SHUNT_REASON_REPLY_TAKEN) << "one side may still send";
  table_->Note(shunt_reverse_tuple(&first), kFin);
  const uint32_t row = Begin(second).row;
  EXPECT_FALSE(Finds(shunt_forward_tuple(&first)));
  EXPECT_EQ(table_->Find(shunt_reverse_tuple(&first)).row, row);
  EXPECT_EQ(table_->Disagreement(), "");
}

TEST_F(FlowTest, APortOfTheNodeBelongsToOneFlowTowardsABackend) {
  std::set<uint16_t> ports;
  for (uint16_t i = 0; i < 100; ++i) {
    const uint16_t port = ntohs(Begin(MakeSnatFlow(IPPROTO_UDP, "10.1.0.1", i)).flow.source_port);
    EXPECT_GE(port, FlowTable::kFirstPort);
    ports.insert(port);
  }
  EXPECT_EQ(ports.size(), 100u);
  EXPECT_EQ(table_->TakenPorts(), 100u);
  // Neither the low end nor multiples of 64: they cannot be guessed.
  std::set<uint16_t> bits, words;
  for (const uint16_t port : ports) bits.insert(port % 64), words.insert(port / 64);
  EXPECT_GT(bits.size(), 30u);
  EXPECT_GT(words.size(), 30u);
  EXPECT_EQ(table_->Disagreement(), "");
}

TEST_F(FlowTest, AFlowOfTheHostKeepsItsPortIfItIsFree) {
  shunt_flow host = MakeSnatFlow(IPPROTO_TCP, "192.168.7.1", 50000);
  host.flags |= SHUNT_FLOW_HOST;
  host.frontend = host.backend_address;
  host.frontend_port = host.backend_port;
  EXPECT_EQ(ntohs(Begin(host).flow.source_port), 50000);
  shunt_flow same_port = host;
  same_port.client = Address("192.168.7.2");
  EXPECT_NE(ntohs(Begin(same_port).flow.source_port), 50000);
  EXPECT_EQ(table_->Disagreement(), "");
}

// Flows outlive a change of the range: their ports stay theirs, whether or not the new range has them.
TEST_F(FlowTest, APortStaysItsFlowsWhenTheRangeMoves) {
  shunt_flow host = MakeSnatFlow(IPPROTO_TCP, "192.168.7.1", 50000);
  host.flags |= SHUNT_FLOW_HOST;
  const flow_order old = Begin(host);
  ASSERT_EQ(ntohs(old.flow.source_port), 50000);

  for (const uint16_t first : {40000, 1024, 40000}) {
    ASSERT_TRUE(table_->Restart(first).ok());
    EXPECT_TRUE(Finds(shunt_forward_tuple(&old.flow)));
    shunt_flow same_port = host;
    same_port.client = Address(first == 1024 ? "192.168.7.2" : "192.168.7.3");
    const flow_order begun = table_->Create(same_port);
    const uint16_t port = ntohs(begun.flow.source_port);
    EXPECT_NE(port, 50000) << "of range " << first;
    EXPECT_GE(port, first);
    EXPECT_LT(port, first + SHUNT_SNAT_PORTS);
    table_->Retire(shunt_forward_tuple(&begun.flow));
    EXPECT_EQ(table_->Disagreement(), "") << first;
  }

  table_->Retire(shunt_forward_tuple(&old.flow));
  table_->FreeRested();
  EXPECT_EQ(table_->TakenPorts(), 0u) << "a collector frees the bit that another agent's program has claimed";
  EXPECT_EQ(ntohs(Begin(host).flow.source_port), 50000);
  EXPECT_EQ(table_->Disagreement(), "");
}

// Every port of a range that begins anywhere has a bit of its own.
TEST_F(FlowTest, ARangeThatBeginsAnywhereIsLentWhole) {
  ASSERT_NO_FATAL_FAILURE(Open({.rows = 1u << 15, .buckets = 1u << 14, .snat_sets = 1}));
  ASSERT_TRUE(table_->Restart(1025).ok());
  const flow_order order = {.flow = MakeSnatFlow(IPPROTO_UDP, "10.0.0.0", 1), .count = SHUNT_SNAT_PORTS};
  EXPECT_EQ(table_->Run("create_many", 0, order).failures, 0u);
  std::set<uint16_t> ports;
  for (uint32_t row = 0; row < table_->rows().size(); ++row) {
    if (table_->IsTaken(row)) ports.insert(ntohs(table_->rows()[row].source_port));
  }
  EXPECT_EQ(ports.size(), SHUNT_SNAT_PORTS);
  EXPECT_EQ(*ports.begin(), 1025);
  EXPECT_EQ(*ports.rbegin(), 1024 + SHUNT_SNAT_PORTS);
  EXPECT_EQ(table_->Disagreement(), "");
}

TEST_F(FlowTest, AFullTableRefusesAndKeepsWhatItHas) {
  std::vector<shunt_flow> flows;
  for (uint16_t i = 0; i < 256; ++i) {
    flows.push_back(MakeFlow(IPPROTO_TCP, "10.1.0.1", 1000 + i));
    Begin(flows.back());
  }
  EXPECT_EQ(table_->level().pressure, 0u);
  EXPECT_EQ(table_->Create(MakeSnatFlow(IPPROTO_TCP, "10.1.0.2", 1)).result, -SHUNT_REASON_FLOWS_FULL);
  EXPECT_EQ(table_->level().pressure, 2u) << "the collector must know at once";
  EXPECT_EQ(table_->TakenPorts(), 0u);
  for (const shunt_flow& flow : flows) EXPECT_TRUE(Finds(shunt_forward_tuple(&flow)));
  EXPECT_EQ(table_->Disagreement(), "");
}

TEST_F(FlowTest, AFullIndexRefusesAndLeavesNoMark) {
  ASSERT_NO_FATAL_FAILURE(Open({.rows = 256, .buckets = 8}));  // 56 entries
  std::vector<shunt_flow> flows;
  for (uint16_t i = 0; i < 40; ++i) {
    const shunt_flow flow = MakeFlow(IPPROTO_TCP, "10.1.0.1", 1000 + i);
    const flow_order begun = table_->Create(flow);
    EXPECT_EQ(begun.result, flows.size() < 28 ? 0 : -SHUNT_REASON_FLOWS_FULL) << "56 entries are 28 flows";
    if (begun.result == 0) flows.push_back(flow);
    ASSERT_EQ(table_->Disagreement(), "") << i;
  }
  for (const shunt_flow& flow : flows) {
    EXPECT_TRUE(Finds(shunt_forward_tuple(&flow)));
    EXPECT_TRUE(Finds(shunt_reverse_tuple(&flow)));
  }
}

TEST_F(FlowTest, AFullPortSetRefusesAndIsUsableOnceAPortIsFree) {
  ASSERT_NO_FATAL_FAILURE(Open({.rows = 1u << 15, .buckets = 1u << 14, .snat_sets = 1}));
  flow_order order = {.flow = MakeSnatFlow(IPPROTO_UDP, "10.0.0.0", 1), .count = SHUNT_SNAT_PORTS};
  EXPECT_EQ(table_->Run("create_many", 0, order).failures, 0u) << "a free port was not found";
  EXPECT_EQ(table_->TakenPorts(), SHUNT_SNAT_PORTS);
  EXPECT_EQ(table_->level().pressure, 0u);
  EXPECT_EQ(table_->Create(MakeSnatFlow(IPPROTO_UDP, "10.250.0.1", 1)).result, -SHUNT_REASON_SNAT_PORTS_FULL);
  EXPECT_EQ(table_->level().pressure, 1u) << "what has closed gives its port back soon, and nothing open ends";
  EXPECT_EQ(table_->TakenRows(), SHUNT_SNAT_PORTS) << "the row of a flow without a port leaks";
  flow_of_number(77, &order.flow);
  table_->Retire(shunt_forward_tuple(&order.flow));
  table_->FreeRested();
  Begin(MakeSnatFlow(IPPROTO_UDP, "10.250.0.1", 1));
  EXPECT_EQ(table_->Disagreement(), "");
}

// ---- a rival in every state: what another CPU has done so far, done by hand ----

class RivalTest : public FlowTest {
 protected:
  // A row of another CPU with both entries, in this state.
  void MakeRival(const shunt_flow& flow, uint32_t row, uint32_t state) {
    table_->rows()[row] = flow;
    table_->rows()[row].state = state;
    table_->rows()[row].last_use = table_->Now();
    table_->taken()[row / 64] |= uint64_t{1} << (row % 64);
    const shunt_flow_tuple forward = shunt_forward_tuple(&flow), reverse = shunt_reverse_tuple(&flow);
    ASSERT_NE(table_->StoreEntry(forward, row, false), 0u);
    ASSERT_NE(table_->StoreEntry(reverse, row, true), 0u);
  }
  // Leaves only rows of this id or above to claim.
  void TakeRowsBelow(uint32_t row) {
    for (uint32_t i = 0; i < row; ++i) table_->taken()[i / 64] |= uint64_t{1} << (i % 64);
  }
  const shunt_flow flow_ = MakeFlow(IPPROTO_UDP, "10.1.0.1", 40000);
};

TEST_F(RivalTest, OneThatIsSettledWins) {
  MakeRival(flow_, 200, SHUNT_FLOW_SETTLED);
  const flow_order begun = table_->Create(flow_);
  EXPECT_EQ(begun.result, 1);
  EXPECT_EQ(begun.row, 200u);
  EXPECT_EQ(begun.leads, 1u);
  EXPECT_EQ(table_->Disagreement(), "") << "the loser has withdrawn";
  EXPECT_EQ(table_->TakenRows(), 2u) << "and its row rests";
}

TEST_F(RivalTest, OneWithALowerRowWinsThoughItIsNotSettled) {
  TakeRowsBelow(64);
  MakeRival(flow_, 3, 0);
  const flow_order begun = table_->Create(flow_);
  EXPECT_EQ(begun.result, 1);
  EXPECT_EQ(begun.row, 3u);
  EXPECT_EQ(table_->rows()[3].state, 0u) << "it settles itself";
}

TEST_F(RivalTest, OneWithAHigherRowIsRetiredIfItIsNotSettled) {
  TakeRowsBelow(192);
  for (uint32_t row = 192; row < 255; ++row) table_->taken()[3] |= uint64_t{1} << (row % 64);
  MakeRival(flow_, 255, 0);
  table_->taken()[0] &= ~uint64_t{1};  // so row 0 is the only one
  const flow_order begun = table_->Create(flow_);
  EXPECT_EQ(begun.result, 0);
  EXPECT_EQ(begun.row, 0u);
  EXPECT_EQ(table_->rows()[255].state, uint32_t{SHUNT_FLOW_RETIRED}) << "it takes its entries away itself";
  EXPECT_EQ(table_->Find(shunt_forward_tuple(&flow_)).row, 0u) << "its entries come first, but it is retired";
}

TEST_F(RivalTest, OneThatHasEndedDoesNotCount) {
  MakeRival(flow_, 100, SHUNT_FLOW_SETTLED | SHUNT_FLOW_RETIRED);
  Begin(flow_);
}

TEST_F(RivalTest, AnotherFrontendsFlowThatIsNotSettledTakesTheReplies) {
  TakeRowsBelow(64);
  shunt_flow other = flow_;
  other.frontend = Address("203.0.113.10");
  MakeRival(other, 3, 0);
  EXPECT_EQ(table_->Create(flow_).result, -SHUNT_REASON_REPLY_TAKEN);
}

TEST_F(RivalTest, OneThatIsNotSettledIsNotFound) {
  MakeRival(flow_, 3, 0);
  EXPECT_FALSE(Finds(shunt_forward_tuple(&flow_)));
  EXPECT_FALSE(Finds(shunt_reverse_tuple(&flow_)));
}

// ---- any history -------------------------------------------------------------------------------

// Random clients, few enough that they meet, on a small table that is often full.
class History {
 public:
  History(FlowTable& table, uint32_t seed) : table_(table), random_(seed) {}

  void Step() {
    switch (Random(8)) {
      case 0:
      case 1:
      case 2:
        return Begin(Any(), false);
      case 3:
        return Begin(Any(), true);
      case 4:
        return Look(Any());
      case 5:
        return Close();
      case 6:
        return Random(4) == 0 ? Collect() : Look(Any());
      default:
        return Random(2) == 0 ? End() : Look(Any());
    }
  }

  void CheckAll() {
    EXPECT_EQ(table_.Disagreement(), "");
    EXPECT_EQ(table_.TakenRows(), flows_.size() + resting_);
    for (const auto& [key, row] : flows_) EXPECT_EQ(table_.rows()[row].state & kLife, uint32_t{SHUNT_FLOW_SETTLED});
  }
  size_t refused() const { return refused_; }
  size_t conflicts() const { return conflicts_; }

 private:
  static constexpr uint32_t kLife = SHUNT_FLOW_SETTLED | SHUNT_FLOW_RETIRED;
  using Flows = std::map<std::string, uint32_t>;

  uint32_t Random(uint32_t below) { return std::uniform_int_distribution<uint32_t>(0, below - 1)(random_); }
  static std::string Key(const shunt_flow_tuple& tuple) {
    return std::string(reinterpret_cast<const char*>(&tuple), sizeof(tuple));
  }

  shunt_flow Any() {
    const uint8_t protocols[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP};
    const std::string client = Random(2) == 0 ? absl::StrCat("10.1.0.", Random(3)) : absl::StrCat("fd00::", Random(3));
    const auto make = Random(2) == 0 ? &MakeFlow : &MakeSnatFlow;
    shunt_flow flow = make(protocols[Random(3)], client.c_str(), static_cast<uint16_t>(40000 + Random(12)));
    flow.frontend.word[3] = htonl(0x0a600000 + Random(3));
    flow.backend_address.word[3] = htonl(0x0af40000 + Random(2));
    return flow;
  }
  Flows::iterator OneOf() {
    auto flow = flows_.begin();
    if (!flows_.empty()) std::advance(flow, Random(static_cast<uint32_t>(flows_.size())));
    return flow;
  }

  // `blind`: without a look whether it exists, as a CPU does that is late.
  void Begin(const shunt_flow& flow, bool blind) {
    const auto known = flows_.find(Key(shunt_forward_tuple(&flow)));
    if (known != flows_.end() && !blind) return Look(flow);
    const bool full = flows_.size() + resting_ == table_.rows().size();
    auto same_replies = flows_.end();
    for (auto other = flows_.begin(); other != flows_.end() && !(flow.flags & SHUNT_FLOW_SNAT); ++other) {
      const shunt_flow& row = table_.rows()[other->second];
      if (other != known && Key(shunt_reverse_tuple(&row)) == Key(shunt_reverse_tuple(&flow))) same_replies = other;
    }
    const flow_order begun = table_.Create(flow);
    if (full) {
      ++refused_;
      EXPECT_EQ(begun.result, -SHUNT_REASON_FLOWS_FULL);
      return;
    }
    if (known != flows_.end()) {
      EXPECT_EQ(begun.result, 1);
      EXPECT_EQ(begun.row, known->second);
      ++resting_;  // the row that it had made
      return;
    }
    if (same_replies != flows_.end()) {
      const shunt_flow& other = table_.rows()[same_replies->second];
      ++resting_;  // this row, or the other one
      ++conflicts_;
      if (!closed_.count(same_replies->second)) {
        EXPECT_EQ(begun.result, -SHUNT_REASON_REPLY_TAKEN);
        return;
      }
      EXPECT_TRUE(other.state & SHUNT_FLOW_RETIRED);
      Forget(same_replies);
    }
    EXPECT_EQ(begun.result, 0);
    EXPECT_EQ(table_.Find(shunt_reverse_tuple(&begun.flow)).row, begun.row);
    flows_[Key(shunt_forward_tuple(&flow))] = begun.row;
  }

  void Look(const shunt_flow& flow) {
    const auto known = flows_.find(Key(shunt_forward_tuple(&flow)));
    const flow_order found = table_.Find(shunt_forward_tuple(&flow));
    EXPECT_EQ(found.result, known != flows_.end());
    if (found.result && known != flows_.end()) {
      EXPECT_EQ(found.row, known->second);
    }
  }

  void Close() {
    const auto flow = OneOf();
    if (flow == flows_.end() || table_.rows()[flow->second].protocol == IPPROTO_UDP) return;
    table_.Note(shunt_forward_tuple(&table_.rows()[flow->second]), kRst);
    closed_.insert(flow->second);
  }

  void End() {
    const auto flow = OneOf();
    if (flow == flows_.end()) return;
    if (Random(2) == 0) {
      EXPECT_EQ(table_.Retire(shunt_forward_tuple(&table_.rows()[flow->second])).result, 1);
    } else {  // the collector does it
      table_.Age(flow->second, 86'400);
      table_.Sweep();
    }
    EXPECT_TRUE(table_.rows()[flow->second].state & SHUNT_FLOW_RETIRED);
    ++resting_;
    Forget(flow);
  }

  void Collect() {
    table_.FreeRested();
    resting_ = 0;
  }

  void Forget(Flows::iterator flow) {
    closed_.erase(flow->second);
    flows_.erase(flow);
  }

  FlowTable& table_;
  std::mt19937 random_;
  Flows flows_;  // rows by forward tuple
  std::set<uint32_t> closed_;
  size_t resting_ = 0, refused_ = 0, conflicts_ = 0;
};

TEST_F(FlowTest, RowsEntriesPortsAndBitsAgreeAfterAnyHistory) {
  size_t refused = 0, conflicts = 0;
  for (uint32_t seed = 1; seed <= 5 && !HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    ASSERT_NO_FATAL_FAILURE(Open({.rows = 128, .buckets = 64}));
    History history(*table_, seed);
    for (int step = 0; step < 3000 && !HasFailure(); ++step) {
      history.Step();
      history.CheckAll();
    }
    refused += history.refused();
    conflicts += history.conflicts();
  }
  EXPECT_GT(refused, 10u) << "the table was never full";
  EXPECT_GT(conflicts, 10u) << "no two flows ever wanted the same replies";
}

}  // namespace
}  // namespace shunt::datapath
