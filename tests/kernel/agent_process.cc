// SPDX-License-Identifier: Apache-2.0
#include "tests/kernel/agent_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/kernel/dials.h"
#include "tests/kernel/world.h"
#include "tests/sandbox/cgroup.h"
#include "tests/sandbox/client_socket.h"
#include "tests/sandbox/netlink.h"
#include "userspace/datapath/kernel/attach/cleanup.h"

namespace shunt::kernel_test {

void AgentProcessTest::SetUp() {
  if (World::Get() == nullptr) GTEST_SKIP() << World::WhyNot();
  sandbox::Sandbox& sandbox = World::Get()->sandbox();
  auto cgroup = sandbox.NewCgroup();
  auto bpffs = sandbox.NewBpffs();
  ASSERT_TRUE(cgroup.ok() && bpffs.ok());
  cgroup_ = *cgroup;
  attach_to_ = cgroup_;
  bpffs_ = *bpffs;
  char pattern[] = "/tmp/shunt-agent-XXXXXX";
  ASSERT_NE(mkdtemp(pattern), nullptr);
  directory_ = pattern;
  ASSERT_EQ(mkdir(Manifests().c_str(), 0755), 0);
  ASSERT_TRUE(sandbox::AddLocalPrefix(History::kPrefix).ok());
  for (int frontend = 0; frontend < History::kFrontends; ++frontend) WriteNewSet(frontend);
}

void AgentProcessTest::TearDown() {
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

void AgentProcessTest::WriteNewSet(int frontend) {
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

void AgentProcessTest::StartAgent(const char* binary, const std::vector<std::string>& more) {
  std::vector<std::string> arguments = {binary,          "run",      "--manifests",    Manifests(),
                                        "--cgroup",      attach_to_, "--bpffs",        bpffs_,
                                        "--node-name",   "here",     "--admin-socket", directory_ + "/admin.sock",
                                        "--end-sockets", "off"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  const std::string log = directory_ + "/log", own = World::Get()->sandbox().cgroup();
  agent_ = fork();
  ASSERT_GE(agent_, 0);
  if (agent_ != 0) return;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  (void)sandbox::EnterCgroup(own);
  const int output = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  dup2(output, STDOUT_FILENO);
  dup2(output, STDERR_FILENO);
  execv(binary, pointers.data());
  _exit(127);
}

int AgentProcessTest::KillAgent(int signal) {
  int status = 0;
  kill(agent_, signal);
  const auto end = Clock::now() + kPatience;
  while (waitpid(agent_, &status, WNOHANG) == 0) {
    if (Clock::now() > end) {
      ADD_FAILURE() << "the agent goes on after signal " << signal << ": " << Log();
      kill(agent_, SIGKILL);
      waitpid(agent_, &status, 0);
      break;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  agent_ = -1;
  return status;
}

std::string AgentProcessTest::WholeLog() const {
  std::ifstream file(directory_ + "/log");
  return {(std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>()};
}

std::string AgentProcessTest::Log() const {
  const std::string text = WholeLog();
  return text.size() > 4000 ? text.substr(text.size() - 4000) : text;
}

int AgentProcessTest::Count(const std::string& said) const {
  int count = 0;
  const std::string log = WholeLog();
  for (size_t at = 0; (at = log.find(said, at)) != std::string::npos; at += said.size()) ++count;
  return count;
}

bool AgentProcessTest::DoesItsWork(int ready_before, int frontend, const Dialler& dialler) const {
  const auto end = Clock::now() + kPatience;
  while (dialler.newest_seen(frontend) < history_.latest(frontend) || AgentsReady() <= ready_before) {
    if (Clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return true;
}

bool AgentProcessTest::ReachesLatest(std::chrono::seconds patience) {
  const auto end = Clock::now() + patience;
  for (int frontend = 0; frontend < History::kFrontends; ++frontend) {
    const model::SocketAddress to = sandbox::At(History::ClusterIp(frontend) + ":53");
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

uint64_t AgentProcessTest::SetsSeen(const Dialler& dialler) {
  uint64_t sum = 0;
  for (int frontend = 0; frontend < History::kFrontends; ++frontend) sum += dialler.newest_seen(frontend);
  return sum;
}

}  // namespace shunt::kernel_test
