// SPDX-License-Identifier: Apache-2.0
// The collector: what it ends and when, what it counts, and that it goes on without the process that started it.
#include <bpf/bpf.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "bpf/packet/flow_life.h"
#include "tests/bpf/flow_table.h"
#include "tests/sandbox/sandbox.h"

namespace shunt::datapath {
namespace {

class SweepTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "loading programs needs root";
    auto table = FlowTable::Open({});
    ASSERT_TRUE(table.ok()) << table.status();
    table_ = *std::move(table);
  }
  std::unique_ptr<FlowTable> table_;
};

struct Life {
  const char* name;
  uint8_t protocol;
  uint32_t state;
  shunt_flow_kind kind;
  uint32_t idle_s[3];  // by pressure
};

constexpr uint32_t kBothFins = SHUNT_FLOW_FIN_FORWARD | SHUNT_FLOW_FIN_REVERSE;
constexpr uint32_t kConfirmed = SHUNT_FLOW_REPLIED | SHUNT_FLOW_CONFIRMED;
const Life kLives[] = {
    {"TcpOpening", IPPROTO_TCP, 0, SHUNT_FLOW_KIND_OPENING, {60, 5, 5}},
    {"TcpAnswered", IPPROTO_TCP, SHUNT_FLOW_REPLIED, SHUNT_FLOW_KIND_OPENING, {60, 5, 5}},
    {"TcpAnsweredAndClosedByOne",
     IPPROTO_TCP,
     SHUNT_FLOW_REPLIED | SHUNT_FLOW_FIN_REVERSE,
     SHUNT_FLOW_KIND_OPENING,
     {60, 5, 5}},
    {"TcpOpen", IPPROTO_TCP, kConfirmed, SHUNT_FLOW_KIND_OPEN, {86'400, 86'400, 8100}},
    {"TcpClientHasClosed",
     IPPROTO_TCP,
     kConfirmed | SHUNT_FLOW_FIN_FORWARD,
     SHUNT_FLOW_KIND_HALF_CLOSED,
     {3600, 60, 60}},
    {"TcpBackendHasClosed",
     IPPROTO_TCP,
     kConfirmed | SHUNT_FLOW_FIN_REVERSE,
     SHUNT_FLOW_KIND_HALF_CLOSED,
     {3600, 60, 60}},
    {"TcpClosed", IPPROTO_TCP, kConfirmed | kBothFins, SHUNT_FLOW_KIND_CLOSED, {60, 5, 5}},
    {"TcpReset", IPPROTO_TCP, kConfirmed | SHUNT_FLOW_RESET, SHUNT_FLOW_KIND_CLOSED, {10, 5, 5}},
    {"UdpOneWay", IPPROTO_UDP, 0, SHUNT_FLOW_KIND_DATAGRAMS, {30, 5, 5}},
    {"UdpAnswered", IPPROTO_UDP, SHUNT_FLOW_REPLIED, SHUNT_FLOW_KIND_ANSWERED, {180, 30, 30}},
    {"SctpOpening", IPPROTO_SCTP, 0, SHUNT_FLOW_KIND_OPENING, {30, 5, 5}},
    {"SctpOpen", IPPROTO_SCTP, SHUNT_FLOW_REPLIED, SHUNT_FLOW_KIND_OPEN, {86'400, 86'400, 8100}},
    {"SctpEnded", IPPROTO_SCTP, SHUNT_FLOW_REPLIED | SHUNT_FLOW_RESET, SHUNT_FLOW_KIND_CLOSED, {10, 5, 5}},
};

class LifeTest : public SweepTest, public testing::WithParamInterface<Life> {};

TEST_P(LifeTest, ItEndsWhenItHasBeenIdleForItsTimeAndNotBefore) {
  const Life& life = GetParam();
  for (const uint32_t pressure : {0u, 1u, 2u}) {
    SCOPED_TRACE(pressure);
    const shunt_flow flow = MakeFlow(life.protocol, "10.1.0.1", 40000);
    const flow_order begun = table_->Create(flow);
    ASSERT_EQ(begun.result, 0);
    shunt_flow& row = table_->rows()[begun.row];
    row.state |= life.state;
    const uint64_t ends = table_->level().ends[life.kind];

    table_->Age(begun.row, life.idle_s[pressure] - 1);
    table_->level().pressure = pressure;
    table_->Sweep();
    EXPECT_FALSE(row.state & SHUNT_FLOW_RETIRED) << "a second too early";
    EXPECT_EQ(table_->level().kinds[life.kind], 1u);
    EXPECT_EQ(table_->Find(shunt_reverse_tuple(&flow)).result, 1);

    table_->Age(begun.row, life.idle_s[pressure]);
    table_->level().pressure = pressure;
    table_->Sweep();
    EXPECT_TRUE(row.state & SHUNT_FLOW_RETIRED);
    EXPECT_EQ(table_->level().ends[life.kind], ends + 1);
    EXPECT_EQ(table_->Find(shunt_reverse_tuple(&flow)).result, 0);
    EXPECT_EQ(table_->Disagreement(), "");

    table_->Age(begun.row, 1);
    table_->Sweep();
    EXPECT_EQ(table_->level().kinds[SHUNT_FLOW_KIND_RETIRED], 1u);
    EXPECT_TRUE(table_->IsTaken(begun.row)) << "it has not rested";
    table_->Age(begun.row, 2);
    table_->Sweep();
    EXPECT_FALSE(table_->IsTaken(begun.row));
    EXPECT_EQ(row.state, 0u);
  }
}

TEST_F(SweepTest, AfterAPauseTheNodesFlowsAreNoLongerTakenForThePacketPaths) {
  table_->Sweep();  // the first step of all
  table_->level().translating_since = 7;
  table_->level().tick = table_->Now() - 59 * kHz;
  table_->Sweep();
  EXPECT_EQ(table_->level().translating_since, 7u);
  table_->level().tick = table_->Now() - 61 * kHz;
  table_->Sweep();
  EXPECT_EQ(table_->level().translating_since, 0u);
}

INSTANTIATE_TEST_SUITE_P(All, LifeTest, testing::ValuesIn(kLives), [](const auto& life) { return life.param.name; });

TEST_F(SweepTest, ARowThatIsBeingMadeIsLeftAlone) {
  table_->taken()[0] |= 1;
  table_->rows()[0] = MakeFlow(IPPROTO_UDP, "10.1.0.1", 1);  // its last use is long ago, its state 0
  table_->Sweep();
  EXPECT_TRUE(table_->IsTaken(0));
  EXPECT_EQ(table_->rows()[0].state, 0u);
}

TEST_F(SweepTest, AnotherCpusClockThatIsAheadEndsNothing) {
  const flow_order begun = table_->Create(MakeFlow(IPPROTO_UDP, "10.1.0.1", 1));
  table_->rows()[begun.row].last_use = table_->Now() + kHz;
  table_->Sweep();
  EXPECT_FALSE(table_->rows()[begun.row].state & SHUNT_FLOW_RETIRED);
}

TEST_F(SweepTest, PressureFollowsHowFullTheTableIs) {
  const auto fill_to = [&](uint32_t rows) {
    while (table_->TakenRows() < rows) {
      const auto port = static_cast<uint16_t>(table_->TakenRows());
      if (table_->Create(MakeFlow(IPPROTO_TCP, "10.1.0.1", port)).result != 0) return;
    }
    table_->Sweep();
  };
  const std::pair<uint32_t, uint32_t> levels[] = {{192, 0}, {193, 1}, {225, 1}, {226, 2}, {256, 2}};
  for (const auto& [rows, pressure] : levels) {
    fill_to(rows);
    EXPECT_EQ(table_->level().rows_taken, rows);
    EXPECT_EQ(table_->level().pressure, pressure) << rows;
  }
}

// More clients than rows send a SYN that a backend answers, and go silent; one connection is open all the time.
TEST_F(SweepTest, AnOpenConnectionSurvivesAFlood) {
  const shunt_flow open = MakeFlow(IPPROTO_TCP, "10.9.9.9", 9);
  const uint32_t row = table_->Create(open).row;
  table_->Note(shunt_reverse_tuple(&open), SHUNT_TCP_SYN | SHUNT_TCP_ACK);
  table_->Note(shunt_forward_tuple(&open), SHUNT_TCP_ACK);
  uint32_t begun = 0, refused = 0;
  for (uint32_t client = 0; client < 5 * 256; ++client) {
    shunt_flow flow = MakeFlow(IPPROTO_TCP, "10.1.0.1", 1);
    flow_of_number(client, &flow);
    const flow_order order = table_->Create(flow);
    if (order.result == 0) {
      ++begun;
      table_->Note(shunt_reverse_tuple(&flow), SHUNT_TCP_SYN | SHUNT_TCP_ACK);
      continue;
    }
    ++refused;
    ASSERT_EQ(order.result, -SHUNT_REASON_FLOWS_FULL);
    for (uint32_t i = 0; i < 256; ++i) table_->rows()[i].last_use -= 6 * kHz;  // six seconds later
    table_->Sweep();
    table_->FreeRested();
    EXPECT_EQ(table_->Disagreement(), "");
  }
  EXPECT_EQ(table_->Find(shunt_forward_tuple(&open)).row, row);
  EXPECT_GE(refused, 4u);
  EXPECT_EQ(begun + refused, 5u * 256);
}

// ---- the timer -----------------------------------------------------------------------------------

class TimerTest : public SweepTest {
 protected:
  void SetUp() override {
    SweepTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    absl::StatusOr<std::unique_ptr<sandbox::Sandbox>> world = sandbox::Sandbox::Create();
    if (world.status().code() == absl::StatusCode::kFailedPrecondition) GTEST_SKIP() << world.status();
    ASSERT_TRUE(world.ok()) << world.status();
    world_ = *std::move(world);
    absl::StatusOr<std::string> bpffs = world_->NewBpffs();
    ASSERT_TRUE(bpffs.ok()) << bpffs.status();
    bpffs_ = *bpffs;
    pin_ = bpffs_ + "/sweeper";
  }
  void TearDown() override {
    if (!bpffs_.empty()) sandbox::RemovePins(bpffs_);
  }

  // Returns "" once the collector of this configuration has been started.
  std::string Start(const shunt_packet_config& config, bool again) {
    absl::StatusOr<BpfObject> collector = table_->OpenCollector(config);
    if (!collector.ok()) return collector.status().ToString();
    const int pinned = again ? bpf_obj_get(pin_.c_str()) : -1;
    if (pinned >= 0) {
      if (absl::Status status = collector->UseMap("sweeper", pinned); !status.ok()) return status.ToString();
      close(pinned);
    }
    if (absl::Status status = collector->Load(); !status.ok()) return status.ToString();
    if (!again && bpf_obj_pin(collector->MapFd("sweeper"), pin_.c_str()) != 0) return "cannot pin";
    shunt_sweep_order order = {};
    LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = &order, .ctx_size_in = sizeof(order));
    if (bpf_prog_test_run_opts(collector->ProgramFd("arm_sweeper"), &options) != 0) return "cannot run";
    return order.error == 0 ? "" : std::string("error ") + std::to_string(order.error);
  }
  // The same in a process that exits at once.
  bool StartInAChild(const shunt_packet_config& config) {
    const pid_t child = fork();
    if (child == 0) _exit(Start(config, false).empty() ? 0 : 1);
    int status = 0;
    return waitpid(child, &status, 0) == child && status == 0;
  }

  // Only the test's own timeout limits how long this takes.
  static void WaitUntil(const std::function<bool()>& holds) {
    while (!holds()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  uint64_t Rounds() const { return *const_cast<volatile __u64*>(&table_->level().rounds); }

  std::unique_ptr<sandbox::Sandbox> world_;
  std::string bpffs_, pin_;
};

TEST_F(TimerTest, ItGoesOnAfterTheProcessThatStartedItHasExited) {
  ASSERT_TRUE(StartInAChild(table_->config()));
  const uint64_t rounds = Rounds();
  const flow_order begun = table_->Create(MakeSnatFlow(IPPROTO_TCP, "10.1.0.1", 1));
  table_->Age(begun.row, 60);
  WaitUntil([&] { return table_->rows()[begun.row].state & SHUNT_FLOW_WITHDRAWN; });
  table_->Age(begun.row, 2);
  WaitUntil([&] { return !table_->IsTaken(begun.row); });
  EXPECT_EQ(table_->TakenPorts(), 0u);
  WaitUntil([&] { return Rounds() > rounds + 3; });
  EXPECT_EQ(table_->Disagreement(), "");
}

TEST_F(TimerTest, AnUpgradeStartsItWithTheNewProgram) {
  ASSERT_TRUE(StartInAChild(table_->config()));
  const uint64_t rounds = Rounds();
  WaitUntil([&] { return Rounds() > rounds; });
  const flow_order begun = table_->Create(MakeFlow(IPPROTO_TCP, "10.1.0.1", 1));
  table_->Age(begun.row, 30);  // less than the old program waits
  shunt_packet_config config = table_->config();
  config.hz /= 2;
  ASSERT_EQ(Start(config, true), "");
  WaitUntil([&] { return table_->rows()[begun.row].state & SHUNT_FLOW_RETIRED; });
}

TEST_F(TimerTest, ItEndsWithItsPin) {
  ASSERT_TRUE(StartInAChild(table_->config()));
  const int fd = bpf_obj_get(pin_.c_str());
  bpf_map_info info = {};
  uint32_t size = sizeof(info);
  ASSERT_EQ(bpf_obj_get_info_by_fd(fd, &info, &size), 0);
  close(fd);
  ASSERT_EQ(unlink(pin_.c_str()), 0);
  WaitUntil([&] {
    const int left = bpf_map_get_fd_by_id(info.id);
    if (left >= 0) close(left);
    return left < 0;
  });
  const uint64_t rounds = Rounds();
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_LE(Rounds(), rounds + 1) << "a call that was under way may end a round, and no other";
}

}  // namespace
}  // namespace shunt::datapath
