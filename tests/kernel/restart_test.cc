// SPDX-License-Identifier: Apache-2.0
// The agent is killed repeatedly, at any moment, and applications never notice.
#include <signal.h>
#include <sys/wait.h>

#include <chrono>
#include <cstdio>
#include <random>
#include <thread>

#include "tests/kernel/agent_process.h"
#include "tests/kernel/dialler.h"
#include "tests/kernel/dials.h"
#include "tests/kernel/history.h"
#include "tests/kernel/world.h"
#include "tests/sandbox/cgroup.h"
#include "tests/sandbox/client_socket.h"
#include "tests/seeds.h"

namespace shunt::kernel_test {
namespace {

using Clock = std::chrono::steady_clock;

// Agents are killed at least for this time, this often and during this many connects. A slow machine takes longer.
constexpr std::chrono::seconds kKilling{60};
constexpr int kKills = 150;
constexpr int64_t kConnects = 100'000;

using RestartTest = AgentProcessTest;

// Most agents are killed at a random moment of their first 400 ms, whatever they have done by then. Every third one may
// first do its work, however long that takes, and is killed while it may be at the next change. This proves that agents
// work at all, and adopt what others left half done.
TEST_F(RestartTest, KilledAtAnyMomentUnderLoadItFailsNoConnectAndAdoptsWhatItFinds) {
  const uint32_t seed = seeds::Usually(1);
  SCOPED_TRACE(seeds::Trace(seed));
  std::mt19937 random(seed);
  ASSERT_TRUE(sandbox::EnterCgroup(cgroup_).ok());
  StartAgent(SHUNTD_BINARY);
  ASSERT_TRUE(ReachesLatest(kPatience)) << Log();
  for (int frontend = 0; frontend < History::kFrontends; ++frontend) history_.Finish(frontend);

  Dialler dialler(history_, World::Get()->host());
  const uint64_t seen_before = SetsSeen(dialler);
  int kills = 0, working = 0, ready = 0;
  for (const auto start = Clock::now();
       Clock::now() - start < kKilling || kills < kKills || dialler.connects() < kConnects; ++kills) {
    const int frontend = static_cast<int>(random() % History::kFrontends);
    std::this_thread::sleep_for(std::chrono::milliseconds(random() % 101));
    WriteNewSet(frontend);
    if (kills % 3 == 2) {
      ASSERT_TRUE(DoesItsWork(ready, frontend, dialler)) << Log();
      ++working;
      WriteNewSet((frontend + 1) % History::kFrontends);
      std::this_thread::sleep_for(
          std::chrono::milliseconds(50 + random() % 50));  // a manifest must be unchanged for 50
    } else {
      std::this_thread::sleep_for(std::chrono::milliseconds(random() % 301));
    }
    const int status = KillAgent(SIGKILL);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the agent ended by itself: " << Log();
    if (dialler.failures() > 0) break;
    ready = AgentsReady();
    StartAgent(SHUNTD_BINARY);
  }
  EXPECT_GE(SetsSeen(dialler) - seen_before, working) << kills << " kills";
  EXPECT_GE(ready, working);
  EXPECT_TRUE(DoesItsWork(ready, 0, dialler) && ReachesLatest(kPatience)) << "not adopted: " << Log();
  for (int frontend = 0; frontend < History::kFrontends; ++frontend) history_.Finish(frontend);
  const int status = KillAgent(SIGTERM);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << Log();
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  dialler.Stop();

  std::printf("%d kills, %d of them after everything was applied, %lld connects\n", kills, ready,
              static_cast<long long>(dialler.connects()));
  EXPECT_EQ(dialler.failures(), 0) << ::testing::PrintToString(dialler.complaints());
  EXPECT_TRUE(ReachesLatest(std::chrono::seconds(0))) << "SIGTERM leaves translation in force";
}

TEST_F(RestartTest, GoneForTooLongItServesNothingUntilItIsBack) {
  constexpr char kTooLong[] = "10s";
  ASSERT_TRUE(sandbox::EnterCgroup(cgroup_).ok());
  StartAgent(SHUNTD_BINARY, {"--stale-after", kTooLong});
  ASSERT_TRUE(ReachesLatest(kPatience)) << Log();
  const model::SocketAddress service = sandbox::At(History::ClusterIp(0) + ":53");
  const auto killed = Clock::now();
  KillAgent(SIGKILL);
  const auto is_translated = [&service] {
    model::IpAddress reached;
    EXPECT_EQ(ConnectOnce(service, SOCK_DGRAM, reached), 0);
    return reached != service.address;  // a socket connected to a local address has it as its own, too
  };
  EXPECT_TRUE(is_translated()) << "a short absence makes no difference";
  while (is_translated() && Clock::now() - killed < kPatience)
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_GE(Clock::now() - killed, std::chrono::seconds(8)) << "a sign of life each second, and 10 s after the last";
  EXPECT_FALSE(is_translated());
  StartAgent(SHUNTD_BINARY, {"--stale-after", kTooLong});
  EXPECT_TRUE(ReachesLatest(kPatience)) << Log();
  for (int frontend = 0; frontend < History::kFrontends; ++frontend) history_.Finish(frontend);
}

}  // namespace
}  // namespace shunt::kernel_test
