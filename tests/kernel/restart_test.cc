// SPDX-License-Identifier: Apache-2.0
// The agent is killed again and again, at any moment, and its applications never notice.
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
#include "userspace/datapath/kernel/cleanup.h"

namespace shunt::kernel_test {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kKilling{60};

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

  // The frontend's Service with a new set of endpoints, as one file, replaced in one step.
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

  void StartAgent() {
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
          bpffs_.c_str(), "--admin-socket", socket.c_str(), "--node-name", "here", nullptr);
    _exit(127);
  }

  // Returns the wait status.
  int KillAgent(int signal) {
    int status = 0;
    kill(agent_, signal);
    waitpid(agent_, &status, 0);
    agent_ = -1;
    return status;
  }

  std::string Log() const {
    std::ifstream file(directory_ + "/log");
    std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    return text.size() > 4000 ? text.substr(text.size() - 4000) : text;
  }

  // True once a connection to every frontend reaches its latest set.
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

  History history_;
  std::string cgroup_, bpffs_, directory_;
  pid_t agent_ = -1;
};

TEST_F(RestartTest, KilledEvery200MillisecondsUnderLoadItFailsNoConnectAndAdoptsWhatItFinds) {
  ASSERT_TRUE(sandbox::EnterCgroup(cgroup_).ok());
  StartAgent();
  ASSERT_TRUE(ReachesLatest(std::chrono::seconds(20))) << Log();
  for (int frontend = 0; frontend < History::kFrontends; ++frontend) history_.Finish(frontend);

  Dialler dialler(history_, World::Get()->host());
  std::mt19937 random(1);
  int kills = 0;
  for (const auto start = Clock::now(); Clock::now() - start < kKilling; ++kills) {
    WriteNewSet(static_cast<int>(random() % History::kFrontends));
    std::this_thread::sleep_for(std::chrono::milliseconds(100 + random() % 201));
    const int status = KillAgent(SIGKILL);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the agent ended by itself: " << Log();
    StartAgent();
  }
  EXPECT_TRUE(ReachesLatest(std::chrono::seconds(20))) << "not adopted: " << Log();
  for (int frontend = 0; frontend < History::kFrontends; ++frontend) history_.Finish(frontend);
  const int status = KillAgent(SIGTERM);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << Log();
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  dialler.Stop();

  std::printf("%d kills, %lld connects\n", kills, static_cast<long long>(dialler.connects()));
  EXPECT_EQ(dialler.failures(), 0) << ::testing::PrintToString(dialler.complaints());
  EXPECT_GE(kills, 150);
  EXPECT_GE(dialler.connects(), 100'000);
  EXPECT_TRUE(ReachesLatest(std::chrono::seconds(0))) << "SIGTERM leaves translation in force";
}

}  // namespace
}  // namespace shunt::kernel_test
