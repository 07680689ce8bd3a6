// SPDX-License-Identifier: Apache-2.0
// Agents of two builds with different layouts take over from each other under load, with other sizes and on other
// cgroups, killed at any moment; no connection fails, arrives elsewhere, sees another peer than it dialled, or is ended
// while its backend serves.
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <random>
#include <string>
#include <thread>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tests/kernel/agent_process.h"
#include "tests/kernel/dialler.h"
#include "tests/kernel/live_sockets.h"
#include "tests/kernel/world.h"
#include "tests/sandbox/cgroup.h"
#include "tests/seeds.h"

namespace shunt::kernel_test {
namespace {

// At least this many; SHUNT_TAKE_OVER_CONNECTS=1000000 is the long run.
constexpr int64_t kConnects = 20'000;
constexpr int kWholeTakeOvers = 8;
// By then every kind of take-over has had its turn, whatever the seed.
constexpr int kStartsToSeeAll = 100;
// From one agent's start to the next.
constexpr std::chrono::milliseconds kPace{500};

int64_t Connects() {
  const char* const given = std::getenv("SHUNT_TAKE_OVER_CONNECTS");
  int64_t connects = 0;
  return given != nullptr && absl::SimpleAtoi(given, &connects) ? connects : kConnects;
}

class TakeOverTest : public AgentProcessTest {
 protected:
  void SetUp() override {
    AgentProcessTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    inner_ = cgroup_ + "/applications";
    ASSERT_EQ(mkdir(inner_.c_str(), 0755), 0);
    for (int sizes = 0; sizes < kSizes; ++sizes) {
      std::ofstream(Configuration(sizes))
          << "apiVersion: shunt-lb.io/v1alpha1\nkind: ShuntConfiguration\nlimits:\n"
          << "  pools: " << (1024 << sizes) << "\n  slots: " << (20'000 << sizes)
          << "\n  backends: " << (20'000 >> sizes) << "\n  frontends: 4096\n"
          << "  servicePorts: " << 1000 + 24 * sizes << "\n  sockets: " << (1024 >> 2 * sizes) << "\n";
    }
  }
  void TearDown() override {
    if (!inner_.empty()) {
      EXPECT_TRUE(sandbox::EnterCgroup(World::Get()->sandbox().cgroup()).ok());
      EXPECT_TRUE(sandbox::RemoveCgroup(inner_).ok());
    }
    AgentProcessTest::TearDown();
  }

  static constexpr int kSizes = 3;
  std::string Configuration(int sizes) const { return absl::StrCat(directory_, "/sizes", sizes, ".yaml"); }

  // Starts an agent of either build, with any sizes, on the applications' cgroup or on the one above.
  void StartAny(std::mt19937& random) {
    attach_to_ = random() % 4 == 0 ? cgroup_ : inner_;
    StartAgent(random() % 2 == 0 ? SHUNTD_BINARY : OTHER_SHUNTD_BINARY,
               {"--config", Configuration(static_cast<int>(random() % kSizes)), "--end-sockets", "udp"});
  }

  std::string inner_;
};

TEST_F(TakeOverTest, BetweenTwoLayoutsUnderLoadNothingFailsAndNothingIsAstray) {
  const uint32_t seed = seeds::Usually(1);
  SCOPED_TRACE(seeds::Trace(seed));
  std::mt19937 random(seed);
  ASSERT_TRUE(sandbox::EnterCgroup(inner_).ok());
  StartAny(random);
  ASSERT_TRUE(ReachesLatest(kPatience)) << Log();
  for (int frontend = 0; frontend < History::kFrontends; ++frontend) history_.Finish(frontend);

  Dialler dialler(history_, World::Get()->host());
  LiveSockets sockets(history_, World::Get()->host());
  int starts = 0, killed_on_the_way = 0, ready = AgentsReady();
  const int copies_before = Count("which has all its rows"), others_before = Count("once everything is applied");
  const int rows_before = Count("map socket_state with"), dropped_before = Count("previous rows that no socket has");
  const auto has_seen_all = [&] {
    return Count("map socket_state with") > rows_before && Count("previous rows that no socket has") > dropped_before &&
           sockets.ended() > 0;
  };
  for (int whole = 0;
       whole < kWholeTakeOvers || dialler.connects() < Connects() || (starts < kStartsToSeeAll && !has_seen_all());
       ++starts) {
    const auto begin = Clock::now();
    const int frontend = static_cast<int>(random() % History::kFrontends);
    const int status = KillAgent(random() % 4 == 0 ? SIGTERM : SIGKILL);
    ASSERT_TRUE(WIFSIGNALED(status) || WEXITSTATUS(status) == 0) << "the agent ended by itself: " << Log();
    if (dialler.failures() + sockets.failures() > 0) break;
    WriteNewSet(frontend);
    StartAny(random);
    if (starts % 3 == 0) {
      std::this_thread::sleep_for(std::chrono::milliseconds(random() % 400));
      ++killed_on_the_way;
    } else {
      ASSERT_TRUE(DoesItsWork(ready, frontend, dialler)) << Log();
      ++whole;
      std::this_thread::sleep_until(begin + kPace);
    }
    ready = AgentsReady();
  }
  ASSERT_TRUE(DoesItsWork(ready - 1, 0, dialler)) << Log();
  dialler.Stop();
  sockets.Stop();
  std::printf(
      "%d starts, %d killed on the way, %d plans copied, %d taken over after a first apply, %d other numbers of rows, "
      "%d previous ones left behind; %lld connects, %lld checks of live sockets, %lld ended\n",
      starts, killed_on_the_way, Count("which has all its rows") - copies_before,
      Count("once everything is applied") - others_before, Count("map socket_state with") - rows_before,
      Count("previous rows that no socket has") - dropped_before, static_cast<long long>(dialler.connects()),
      static_cast<long long>(sockets.checks()), static_cast<long long>(sockets.ended()));
  EXPECT_EQ(dialler.failures(), 0) << ::testing::PrintToString(dialler.complaints()) << WholeLog();
  EXPECT_EQ(sockets.failures(), 0) << ::testing::PrintToString(sockets.complaints()) << WholeLog();
  EXPECT_GT(Count("which has all its rows"), copies_before);
  EXPECT_GT(Count("once everything is applied"), others_before);
  EXPECT_GT(Count("map socket_state with"), rows_before);
  EXPECT_GT(Count("previous rows that no socket has"), dropped_before);
  EXPECT_GT(sockets.ended(), 0);
}

}  // namespace
}  // namespace shunt::kernel_test
