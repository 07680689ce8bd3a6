// SPDX-License-Identifier: Apache-2.0
// The agent is killed repeatedly, at any moment, and applications never notice.
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/kernel/dialler.h"
#include "tests/kernel/dials.h"
#include "tests/kernel/history.h"
#include "tests/kernel/kernel_test.h"
#include "tests/sandbox/cgroup.h"
#include "tests/sandbox/netlink.h"
#include "tests/seeds.h"
#include "userspace/datapath/kernel/attach/cleanup.h"

namespace shunt::kernel_test {
namespace {

using Clock = std::chrono::steady_clock;

// Agents are killed at least for this time, this often and during this many connects. A slow machine takes longer.
constexpr std::chrono::seconds kKilling{60};
constexpr int kKills = 150;
constexpr int64_t kConnects = 100'000;
// After this time something counts as hanging; nothing takes longer.
constexpr std::chrono::seconds kPatience{60};
constexpr char kReady[] = "Everything is applied";

class RestartTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (World::Get() == nullptr) GTEST_SKIP() << World::WhyNot();
    sandbox::Sandbox& sandbox = World::Get()->sandbox();
    auto cgroup = sandbox.NewCgroup();
    auto bpffs = sandbox.NewBpffs();
    ASSERT_TRUE(cgroup.ok() && bpffs.ok());
    cgroup_ = *cgroup;
    bpffs_ = *bpffs;
    char pattern[] = "/tmp/shunt-restart-XXXXXX";
    ASSERT_NE(mkdtemp(pattern), nullptr);
    directory_ = pattern;
    ASSERT_EQ(mkdir(Manifests().c_str(), 0755), 0);
    ASSERT_TRUE(sandbox::AddLocalPrefix(History::kPrefix).ok());
    for (int frontend = 0; frontend < History::kFrontends; ++frontend) WriteNewSet(frontend);
  }

  void TearDown() override {
    if (agent_ > 0) KillAgent(SIGKILL);
    if (cgroup_.empty()) return;
    EXPECT_TRUE(sandbox::EnterCgroup(World::Get()->sandbox().cgroup()).ok());
    std::vector<std::string> removed;
    const absl::Status cleaned = datapath::Cleanup(bpffs_, &removed);
    EXPECT_TRUE(cleaned.ok()) << cleaned;
    sandbox::RemovePins(bpffs_);
    EXPECT_TRUE(sandbox::RemoveCgroup(cgroup_).ok());
    std::filesystem::remove_all(directory_);
  }

  std::string Manifests() const { return directory_ + "/manifests"; }

  // Writes the frontend's Service with a new set of endpoints, as one file, by one atomic replacement.
  void WriteNewSet(int frontend) {
    const uint32_t set = history_.Begin(frontend, true);
    std::string yaml = absl::StrCat(
        "apiVersion: v1\nkind: Service\nmetadata: {name: s", frontend, ", namespace: default}\nspec:\n  clusterIPs: [",
        History::ClusterIp(frontend), "]\n  clusterIP: ", History::ClusterIp(frontend),
        "\n  ports:\n  - {name: dns, protocol: UDP, port: 53}\n  - {name: http, protocol: TCP, port: 80}\n",
        "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata:\n  name: s", frontend,
        "-a\n  namespace: default\n  labels: {kubernetes.io/service-name: s", frontend,
        "}\naddressType: IPv4\nports:\n- {name: dns, protocol: UDP, port: 8081}\n",
        "- {name: http, protocol: TCP, port: 8080}\nendpoints:\n");
    for (int member = 0; member < 8; ++member) {
      absl::StrAppend(&yaml, "- addresses: [", History::Backend(frontend, set, member), "]\n");
    }
    const std::string path = absl::StrCat(Manifests(), "/s", frontend, ".yaml");
    std::ofstream(path + ".new") << yaml;
    std::filesystem::rename(path + ".new", path);
  }

  void StartAgent(const char* stale_after = "off") {
    const std::string socket = directory_ + "/admin.sock", log = directory_ + "/log",
                      own = World::Get()->sandbox().cgroup();
    const std::string manifests = Manifests();
    agent_ = fork();
    ASSERT_GE(agent_, 0);
    if (agent_ != 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)sandbox::EnterCgroup(own);
    const int output = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
    dup2(output, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
    execl(SHUNTD_BINARY, SHUNTD_BINARY, "run", "--manifests", manifests.c_str(), "--cgroup", cgroup_.c_str(), "--bpffs",
          bpffs_.c_str(), "--admin-socket", socket.c_str(), "--node-name", "here", "--end-sockets", "off",
          "--stale-after", stale_after, nullptr);
    _exit(127);
  }

  // Kills the agent and returns its wait status.
  int KillAgent(int signal) {
    int status = 0;
    kill(agent_, signal);
    waitpid(agent_, &status, 0);
    agent_ = -1;
    return status;
  }

  std::string WholeLog() const {
    std::ifstream file(directory_ + "/log");
    return {(std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>()};
  }
  std::string Log() const {  // returns the end of the log
    const std::string text = WholeLog();
    return text.size() > 4000 ? text.substr(text.size() - 4000) : text;
  }
  // Returns how many agents so far have applied everything.
  int AgentsReady() const {
    int ready = 0;
    const std::string log = WholeLog();
    for (size_t at = 0; (at = log.find(kReady, at)) != std::string::npos; at += sizeof(kReady) - 1) ++ready;
    return ready;
  }

  // Waits until one more agent than `ready_before` has applied everything and a connection to the frontend has reached
  // its latest set.
  bool DoesItsWork(int ready_before, int frontend, const Dialler& dialler) const {
    const auto end = Clock::now() + kPatience;
    while (dialler.newest_seen(frontend) < history_.latest(frontend) || AgentsReady() <= ready_before) {
      if (Clock::now() > end) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return true;
  }

  // Returns true once a connection to every frontend reaches its latest set.
  bool ReachesLatest(std::chrono::seconds patience) {
    const auto end = Clock::now() + patience;
    for (int frontend = 0; frontend < History::kFrontends; ++frontend) {
      const SocketAddress to = At(History::ClusterIp(frontend) + ":53");
      model::IpAddress reached;
      while (ConnectOnce(to, SOCK_DGRAM, reached) != 0 ||
             history_.Judge(frontend, history_.latest(frontend), history_.latest(frontend), reached) !=
                 History::Verdict::kRight) {
        if (Clock::now() > end) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
      }
    }
    return true;
  }

  // Returns a number that grows by at least one with every new set that a connection meets.
  static uint64_t SetsSeen(const Dialler& dialler) {
    uint64_t sum = 0;
    for (int frontend = 0; frontend < History::kFrontends; ++frontend) sum += dialler.newest_seen(frontend);
    return sum;
  }

  History history_;
  std::string cgroup_, bpffs_, directory_;
  pid_t agent_ = -1;
};

// Most agents are killed at a random moment of their first 400 ms, whatever they have done by then. Every third one may
// first do its work, however long that takes, and is killed while it may be at the next change. This proves that agents
// work at all, and adopt what others left half done.
TEST_F(RestartTest, KilledAtAnyMomentUnderLoadItFailsNoConnectAndAdoptsWhatItFinds) {
  const uint32_t seed = seeds::Usually(1);
  SCOPED_TRACE(seeds::Trace(seed));
  std::mt19937 random(seed);
  ASSERT_TRUE(sandbox::EnterCgroup(cgroup_).ok());
  StartAgent();
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
    StartAgent();
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
  StartAgent(kTooLong);
  ASSERT_TRUE(ReachesLatest(kPatience)) << Log();
  const SocketAddress service = At(History::ClusterIp(0) + ":53");
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
  StartAgent(kTooLong);
  EXPECT_TRUE(ReachesLatest(kPatience)) << Log();
  for (int frontend = 0; frontend < History::kFrontends; ++frontend) history_.Finish(frontend);
}

}  // namespace
}  // namespace shunt::kernel_test
