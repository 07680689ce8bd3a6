// SPDX-License-Identifier: Apache-2.0
// Two CPUs at one table: they begin the same flows, and one reads while the other gives rows to other flows.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "tests/bpf/flow_table.h"

namespace shunt::datapath {
namespace {

// Tells how many new flows two CPUs begin at once; a million takes a minute.
uint32_t FlowsToRace() {
  uint32_t flows = 100'000;
  const char* wanted = getenv("SHUNT_RACE_FLOWS");
  if (wanted != nullptr && !absl::SimpleAtoi(wanted, &flows)) ADD_FAILURE() << "SHUNT_RACE_FLOWS=" << wanted;
  return flows;
}

// Pins the calling thread, if there is more than one CPU. A thread inherits this, so the test's first one stays free.
void PinTo(uint32_t thread) {
  cpu_set_t allowed, one;
  sched_getaffinity(0, sizeof(allowed), &allowed);
  CPU_ZERO(&one);
  for (int cpu = 0, seen = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &allowed) && seen++ == static_cast<int>(thread)) CPU_SET(cpu, &one);
  }
  if (CPU_COUNT(&one) == 1) sched_setaffinity(0, sizeof(one), &one);
}

class TwoCpusTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "loading programs needs root";
  }

  void Open(const FlowTableSize& size) {
    auto table = FlowTable::Open(size);
    ASSERT_TRUE(table.ok()) << table.status();
    table_ = *std::move(table);
  }

  std::unique_ptr<FlowTable> table_;
};

class FlowRaceTest : public TwoCpusTest, public testing::WithParamInterface<bool /*snat*/> {
 protected:
  // Both threads begin these flows, a batch at a time, each batch at the same moment.
  void BeginTwice(uint32_t first, uint32_t count) {
    constexpr uint32_t kBatch = 64;
    std::atomic<uint32_t> arrived = 0;
    const auto begin = [&](uint32_t thread) {
      PinTo(thread);
      for (uint32_t batch = 0; batch * kBatch < count; ++batch) {
        arrived.fetch_add(1);
        while (arrived.load() < 2 * (batch + 1)) sched_yield();
        flow_order order = {
            .flow = GetParam() ? MakeSnatFlow(IPPROTO_UDP, "10.0.0.0", 53) : MakeFlow(IPPROTO_UDP, "10.0.0.0", 53),
            .first = first + batch * kBatch,
            .count = std::min(kBatch, count - batch * kBatch)};
        // They may have drawn different backends.
        if (thread == 1 && batch % 2 == 1) order.flow.backend_port = htons(8081);
        order = table_->Run("create_many", thread, order);
        ASSERT_EQ(order.failures, 0u) << order.result;
        std::copy_n(table_->RowsGot(thread).begin(), order.count, got_[thread].begin() + batch * kBatch);
      }
    };
    got_[0].assign(count, 0);
    got_[1].assign(count, 0);
    std::thread one(begin, 0u), other(begin, 1u);
    one.join();
    other.join();
  }

  std::vector<uint64_t> got_[2];
};

TEST_P(FlowRaceTest, OfTwoThatBeginTheSameFlowBothUseOne) {
  constexpr uint32_t kRound = 25'000;
  ASSERT_NO_FATAL_FAILURE(Open({.rows = 1u << 17, .buckets = 1u << 16, .snat_sets = 1u << 6, .reader_window = 50}));
  uint32_t lost = 0, total = FlowsToRace();
  for (uint32_t first = 0; first < total; first += kRound) {
    const uint32_t count = std::min(kRound, total - first);
    BeginTwice(first, count);
    if (HasFailure()) return;
    EXPECT_EQ(got_[0], got_[1]) << "the two have different rows of one flow";
    uint32_t alive = 0, retired = 0;
    for (const shunt_flow& row : table_->rows()) {
      alive += row.state == SHUNT_FLOW_SETTLED;
      retired += (row.state & SHUNT_FLOW_RETIRED) != 0;
    }
    EXPECT_EQ(alive, count) << "duplicates";
    EXPECT_EQ(table_->Disagreement(), "");
    lost += retired;
    table_->FreeRested();
    EXPECT_EQ(table_->TakenRows(), count) << "rows leak";
    EXPECT_EQ(table_->Disagreement(), "");
    table_->Clear();
  }
  std::printf("%u flows begun by two CPUs, %u rows withdrawn\n", total, lost);
  RecordProperty("withdrawn", static_cast<int>(lost));
}

INSTANTIATE_TEST_SUITE_P(All, FlowRaceTest, testing::Bool(),
                         [](const auto& run) { return run.param ? "Snat" : "ClientsAddress"; });

// Two CPUs begin and end flows as they like, on a table that is often full, while the collector goes round and round.
TEST_F(TwoCpusTest, NothingLeaksWhateverTheyDoAtOnce) {
  // A row rests for 0.8 s if the kernel's second has 250 jiffies; more flows begin than there are rows.
  ASSERT_NO_FATAL_FAILURE(Open({.rows = 1024, .buckets = 512, .reader_window = 20, .hz = 100}));
  std::atomic<int> running = 2;
  std::atomic<uint32_t> begun = 0, full = 0, taken = 0;
  const auto change = [&](uint32_t thread) {
    PinTo(thread);
    // Only the test's own timeout limits how long it takes until each thing has happened often.
    while (begun < 5000 || full < 100 || taken < 100) {
      const flow_order order =
          table_->Run("any_many", thread, {.flow = MakeFlow(IPPROTO_UDP, "10.0.0.0", 53), .count = 500});
      begun += static_cast<uint32_t>(order.result);
      full += order.failures;
      taken += order.stale;
    }
    --running;
  };
  std::thread one(change, 0u), other(change, 1u);
  while (running > 0) table_->Sweep();
  one.join();
  other.join();
  std::printf("%u flows begun, %u refused for want of a row, %u because the replies were taken\n", begun.load(),
              full.load(), taken.load());
  EXPECT_EQ(table_->Disagreement(), "");
  for (shunt_flow& flow : table_->rows()) {
    if (flow.state == SHUNT_FLOW_SETTLED) table_->Retire(shunt_forward_tuple(&flow));
  }
  table_->FreeRested();
  EXPECT_EQ(table_->TakenRows(), 0u);
  EXPECT_EQ(table_->TakenPorts(), 0u);
  EXPECT_EQ(table_->Disagreement(), "");
}

// Rows become other flows' without a grace period, so that a reader often holds one that does.
TEST_F(TwoCpusTest, AReaderNeverTakesAnotherFlowsRowForItsOwn) {
  const bool together = std::thread::hardware_concurrency() > 1;
  ASSERT_NO_FATAL_FAILURE(Open({.rows = 64, .buckets = 64, .reader_window = 20}));
  const shunt_flow flow = MakeFlow(IPPROTO_UDP, "10.0.0.0", 0);
  std::atomic<bool> done = false;
  uint32_t failures = 0;
  std::thread writer([&] {
    PinTo(0);
    flow_order order = {.flow = flow, .count = 10'000};
    flow_of_number(7, &order.flow);
    for (; !done; order.first += order.count) failures += table_->Run("churn_many", 0, order).failures;
  });
  // Only the test's own timeout limits how long this takes.
  int64_t good = 0, torn = 0, stale = 0;
  std::thread reader([&] {
    PinTo(1);
    while (torn == 0 && (good < 1000 || (together && stale < 1000))) {
      const flow_order read = table_->Run("read_many", 1, {.flow = flow, .first = 7, .count = 10'000});
      good += read.result;
      torn += read.torn;
      stale += read.stale;
    }
  });
  reader.join();
  done = true;
  writer.join();
  EXPECT_EQ(failures, 0u);
  EXPECT_EQ(torn, 0);
  table_->taken()[0] = 0;
  EXPECT_EQ(table_->Disagreement(), "");
  std::printf("%ld good copies, %ld thrown away\n", good, stale);
}

}  // namespace
}  // namespace shunt::datapath
