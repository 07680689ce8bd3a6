// SPDX-License-Identifier: Apache-2.0
// The program itself, in a sandbox: exit statuses, one agent per pin directory, signals, pins that stay.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/sandbox/sandbox.h"
#include "userspace/agent/testing/http_get.h"

namespace shunt::agent {
namespace {

using testing::HasSubstr;

std::string Contents(const std::string& path) {
  std::ifstream in(path);
  return std::string((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
}

class ShuntdTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    absl::StatusOr<std::unique_ptr<sandbox::Sandbox>> made = sandbox::Sandbox::Create();
    if (made.ok()) {
      sandbox_ = std::move(*made).release();
    } else {
      cannot_ = std::string(made.status().message());
    }
  }
  static void TearDownTestSuite() {
    delete sandbox_;
    sandbox_ = nullptr;
  }

  void SetUp() override {
    if (sandbox_ == nullptr) GTEST_SKIP() << cannot_;
    cgroup_ = sandbox_->NewCgroup().value();
    bpffs_ = sandbox_->NewBpffs().value();
    char name[] = "/tmp/shuntd_test.XXXXXX";
    directory_ = ::mkdtemp(name);
    std::filesystem::create_directory(directory_ + "/manifests");
    std::ofstream(directory_ + "/manifests/cart.yaml")
        << "apiVersion: v1\nkind: Service\nmetadata: {name: cart, namespace: shop}\n"
           "spec: {clusterIPs: [10.96.0.1], ports: [{port: 80}]}\n";
  }
  void TearDown() override {
    for (const pid_t pid : running_) {
      ::kill(pid, SIGKILL);
      ::waitpid(pid, nullptr, 0);
    }
    if (!directory_.empty()) std::filesystem::remove_all(directory_);
    if (!bpffs_.empty()) sandbox::RemovePins(bpffs_);
  }

  std::vector<std::string> RunArguments() const {
    return {"run",     "--manifests", directory_ + "/manifests", "--cgroup",        cgroup_,
            "--bpffs", bpffs_,        "--admin-socket",          directory_ + "/s", "--node-name=here"};
  }
  pid_t Start(const std::vector<std::string>& arguments, const std::string& output) {
    std::vector<std::string> words = {SHUNTD_BINARY};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> pointers;
    for (std::string& word : words) pointers.push_back(word.data());
    pointers.push_back(nullptr);
    const pid_t pid = ::fork();
    if (pid == 0) {
      if (std::freopen(output.c_str(), "a", stdout) == nullptr || ::dup2(1, 2) < 0) ::_exit(126);
      ::execv(pointers[0], pointers.data());
      ::_exit(127);
    }
    running_.push_back(pid);
    return pid;
  }
  int Wait(pid_t pid) {
    int status = 0;
    ::waitpid(pid, &status, 0);
    running_.erase(std::find(running_.begin(), running_.end(), pid));
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  // Runs shuntd to its end; its output is in said_ then.
  int Run(const std::vector<std::string>& arguments) {
    const std::string output = directory_ + "/said";
    std::filesystem::remove(output);
    const int status = Wait(Start(arguments, output));
    said_ = Contents(output);
    return status;
  }
  bool Says(const std::string& output, const std::string& words) {
    for (int i = 0; i < 2000; ++i) {
      if (Contents(output).find(words) != std::string::npos) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    ADD_FAILURE() << "never said \"" << words << "\":\n" << Contents(output);
    return false;
  }
  size_t Pins() const {
    std::error_code none;
    const std::filesystem::recursive_directory_iterator all(bpffs_, none);
    return std::distance(begin(all), end(all));
  }

  static inline sandbox::Sandbox* sandbox_ = nullptr;
  static inline std::string cannot_;
  std::string cgroup_, bpffs_, directory_, said_;
  std::vector<pid_t> running_;
};

TEST_F(ShuntdTest, UsageErrorsExitWithTwo) {
  EXPECT_EQ(Run({}), 2);
  EXPECT_EQ(said_,
            "shuntd: run: nothing to serve: give --kubeconfig FILE or --api-server URL (in a pod its own cluster is "
            "served), or "
            "--manifests DIR\n"
            "Try `shuntd run --help`.\n");
  EXPECT_EQ(Run({"run", "--manifests", "/nonexistent", "--node-name=here"}), 2);
  EXPECT_THAT(said_, HasSubstr("directory of manifests /nonexistent: No such file or directory"));
  EXPECT_EQ(Pins(), 0u);
}

TEST_F(ShuntdTest, FailuresOfTheHostExitWithOne) {
  std::vector<std::string> arguments = RunArguments();
  arguments[6] = directory_;
  EXPECT_EQ(Run(arguments), 1) << "not a BPF file system";
  EXPECT_THAT(said_, HasSubstr("\"Cannot start\" err="));
  EXPECT_EQ(Run({"check", "--bpffs", directory_, "--cgroup", cgroup_}), 1);
  EXPECT_THAT(said_, HasSubstr("MISSING"));
  EXPECT_THAT(said_, HasSubstr("This host cannot run shuntd: 1 thing is missing."));
  const size_t advice = said_.find("mount -t bpf");
  EXPECT_NE(advice, std::string::npos);
  EXPECT_EQ(said_.find("mount -t bpf", advice + 1), std::string::npos) << "once:\n" << said_;
}

TEST_F(ShuntdTest, AnAdminSocketThatCannotBeIsRefusedBeforeTheKernelIsChanged) {
  const std::string log = directory_ + "/log";
  const pid_t first = Start(RunArguments(), log);
  ASSERT_TRUE(Says(log, "\"Everything is applied\" services=1"));
  const std::string pins_of_first = bpffs_;
  bpffs_ = sandbox_->NewBpffs().value();
  std::vector<std::string> arguments = RunArguments();
  arguments[4] = sandbox_->NewCgroup().value();
  EXPECT_EQ(Run(arguments), 1);
  EXPECT_THAT(said_, HasSubstr(absl::StrCat("another process, pid ", first, ", listens on ", directory_, "/s")));
  EXPECT_THAT(said_, HasSubstr("use another --admin-socket"));
  EXPECT_EQ(Pins(), 0u);
  arguments[8] = "/" + std::string(136, 'x');
  EXPECT_EQ(Run(arguments), 2);
  EXPECT_THAT(said_, HasSubstr("has 137 bytes, a socket's has at most 107"));
  EXPECT_EQ(Pins(), 0u);
  std::ofstream(directory_ + "/file") << "mine";
  arguments[8] = directory_ + "/file";
  EXPECT_EQ(Run(arguments), 1);
  EXPECT_THAT(said_, HasSubstr("exists and is no socket"));
  EXPECT_EQ(Pins(), 0u);
  bpffs_ = pins_of_first;
}

// Fewer rows than the earlier agent's Services need: its programs serve until everything is applied or refused.
TEST_F(ShuntdTest, AWaitForATakeOverIsNoFault) {
  std::ofstream(directory_ + "/manifests/search.yaml")
      << "apiVersion: v1\nkind: Service\nmetadata: {name: search, namespace: shop}\n"
         "spec: {clusterIPs: [10.96.0.2], ports: [{port: 80}]}\n";
  const std::string log = directory_ + "/log";
  const pid_t first = Start(RunArguments(), log);
  ASSERT_TRUE(Says(log, "\"Everything is applied\" services=2"));
  ::kill(first, SIGTERM);
  ASSERT_EQ(Wait(first), 0);

  std::ofstream(directory_ + "/config.yaml")
      << "apiVersion: shunt-lb.io/v1alpha1\nkind: ShuntConfiguration\nlimits: {servicePorts: 1}\n";
  std::vector<std::string> arguments = RunArguments();
  arguments.insert(arguments.end(), {"--config", directory_ + "/config.yaml"});
  const std::string log_of_second = directory_ + "/log2";
  const pid_t second = Start(arguments, log_of_second);
  ASSERT_TRUE(Says(log_of_second, "\"Applied, except for the Services that failed\" services=1 frontends=1 failed=1"));
  ASSERT_TRUE(Says(log_of_second, "\"This build's programs are in force\""));
  const std::string said = Contents(log_of_second);
  EXPECT_THAT(said, HasSubstr("\"Waiting to put this build's programs in force\" why="));
  EXPECT_THAT(said, HasSubstr("\"Programs of an earlier agent are in force\""));
  EXPECT_EQ(said.find("Degraded"), std::string::npos) << said;
  EXPECT_THAT(HttpGet(10256, "/readyz"), testing::StartsWith("HTTP/1.1 200 "))
      << "a Service that was refused is no wait";
  ::kill(second, SIGTERM);
  EXPECT_EQ(Wait(second), 0);
}

TEST_F(ShuntdTest, WordsThatNeedNoAgent) {
  EXPECT_EQ(Run({"check", "--bpffs", bpffs_, "--cgroup", cgroup_}), 0) << said_;
  EXPECT_THAT(said_, HasSubstr("This host can run shuntd.\n"));
  EXPECT_THAT(said_, HasSubstr("none answers at 127.0.0.1:10256"));
  EXPECT_THAT(said_, HasSubstr("net.ipv4.ip_local_reserved_ports=49152-65535")) << "what the packet path needs";
  EXPECT_EQ(Run({"version"}), 0);
  EXPECT_THAT(said_, testing::StartsWith("shuntd "));
  EXPECT_THAT(said_, HasSubstr("abi     v1 (pins in shunt/plan-v1-*)\n"));
  EXPECT_EQ(Run({"--help"}), 0);
  EXPECT_THAT(said_, AllOf(HasSubstr("Usage: shuntd [COMMAND] [OPTIONS]\n"), HasSubstr("cleanup")));
  EXPECT_EQ(Run({"cleanup", "--bpffs", bpffs_, "--cgroup", cgroup_}), 0);
  EXPECT_EQ(said_, absl::StrCat("nothing to remove below ", bpffs_, "/shunt\n"));
  EXPECT_EQ(Run({"cleanup", "--bpffs", directory_}), 1);
  EXPECT_EQ(said_, absl::StrCat("shuntd cleanup: ", directory_, " is not in a BPF file system, so nothing of Shunt is ",
                                "pinned in it: name the agent's with --bpffs\n"));
}

TEST_F(ShuntdTest, HealthAndMetricsAreWhereKubeProxyHasThem) {
  const std::string log = directory_ + "/log";
  std::ofstream(directory_ + "/manifests/front.yaml")
      << "apiVersion: v1\nkind: Service\nmetadata: {name: front, namespace: shop}\n"
         "spec: {type: LoadBalancer, externalTrafficPolicy: Local, healthCheckNodePort: 32123, clusterIPs: [10.96.0.2],"
         " ports: [{port: 80, nodePort: 30080}]}\n";
  const pid_t agent = Start(RunArguments(), log);
  ASSERT_TRUE(Says(log, "\"Everything is applied\" services=2"));
  EXPECT_THAT(HttpGet(10256, "/healthz"), testing::StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(HttpGet(10256, "/livez"), testing::StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(HttpGet(10256, "/readyz"), testing::StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(HttpGet(32123, "/any"), testing::StartsWith("HTTP/1.1 503 ")) << "it has no endpoint here";
  const std::string metrics = HttpGet(10249, "/metrics");
  EXPECT_THAT(metrics, HasSubstr("\nshunt_services 2\n"));
  EXPECT_THAT(metrics, HasSubstr("\nshunt_attached_programs{hook=\"cgroup/connect4\"} 1\n"));
  EXPECT_THAT(metrics, HasSubstr("\nshunt_map_entries{map=\"service_ports\"} "));
  EXPECT_THAT(metrics, HasSubstr("\nkubeproxy_proxy_healthz_total{code=\"200\"} 1\n"));
  ::kill(agent, SIGTERM);
  EXPECT_EQ(Wait(agent), 0);
}

TEST_F(ShuntdTest, ANodeNameThatNoNodeHasIsTold) {
  std::ofstream(directory_ + "/manifests/node.yaml") << "apiVersion: v1\nkind: Node\nmetadata: {name: node-a}\n";
  const std::string log = directory_ + "/log";
  std::vector<std::string> arguments = RunArguments();
  arguments.back() = "--node-name=${NODE_NAME}";
  EXPECT_EQ(Run(arguments), 2);
  EXPECT_THAT(said_, HasSubstr("\"${NODE_NAME}\": a variable in it was not replaced"));
  arguments.back() = "--node-name=Node-A";
  const pid_t agent = Start(arguments, log);
  ASSERT_TRUE(Says(log, "no Node named Node-A is known; Node node-a differs only in upper and lower case"));
  EXPECT_THAT(HttpGet(10256, "/healthz"), testing::StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(HttpGet(10256, "/healthz"), HasSubstr("\"nodeProblem\":\"no Node named Node-A is known"));
  std::filesystem::remove(directory_ + "/manifests/node.yaml");
  const auto is_told = [] { return HttpGet(10256, "/healthz").find("nodeProblem") != std::string::npos; };
  for (int i = 0; i < 10'000 && is_told(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_FALSE(is_told()) << "manifests need not describe Nodes";
  ::kill(agent, SIGTERM);
  EXPECT_EQ(Wait(agent), 0);
}

TEST_F(ShuntdTest, HealthCheckNodePortsKeepToTheNodePortAddresses) {
  const std::string log = directory_ + "/log";
  std::ofstream(directory_ + "/manifests/front.yaml")
      << "apiVersion: v1\nkind: Service\nmetadata: {name: front, namespace: shop}\n"
         "spec: {type: LoadBalancer, externalTrafficPolicy: Local, healthCheckNodePort: 32123, clusterIPs: [10.96.0.2],"
         " ports: [{port: 80, nodePort: 30080}]}\n";
  std::vector<std::string> arguments = RunArguments();
  arguments.insert(arguments.end(), {"--nodeport-addresses", "127.0.0.1/32"});
  const pid_t agent = Start(arguments, log);
  ASSERT_TRUE(Says(log, "\"Everything is applied\" services=2"));
  for (int i = 0; i < 10'000 && HttpGet(32123, "/").empty(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_THAT(HttpGet(32123, "/"), testing::StartsWith("HTTP/1.1 503 "));

  const sockaddr_in elsewhere = {
      .sin_family = AF_INET, .sin_port = htons(32123), .sin_addr = {htonl(INADDR_LOOPBACK + 1)}, .sin_zero = {}};
  const int client = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  EXPECT_EQ(::connect(client, reinterpret_cast<const sockaddr*>(&elsewhere), sizeof(elsewhere)), -1)
      << "not everywhere";
  ::close(client);
  ::kill(agent, SIGTERM);
  EXPECT_EQ(Wait(agent), 0);
}

TEST_F(ShuntdTest, OneAgentPerPinDirectoryAndPinsThatStay) {
  const std::string log = directory_ + "/log";
  const pid_t first = Start(RunArguments(), log);
  ASSERT_TRUE(Says(log, "\"Everything is applied\" services=1"));

  EXPECT_EQ(Run(RunArguments()), 1);
  EXPECT_THAT(said_, HasSubstr(absl::StrCat("pid ", first)));
  EXPECT_EQ(Run({"cleanup", "--bpffs", bpffs_, "--cgroup", cgroup_}), 1);
  EXPECT_THAT(said_, HasSubstr(absl::StrCat("pid ", first)));

  ::kill(first, SIGHUP);
  EXPECT_TRUE(Says(log, "\"Ignored:"));
  ::kill(first, SIGTERM);
  EXPECT_EQ(Wait(first), 0);
  EXPECT_THAT(Contents(log), HasSubstr("\"Asked to stop\" signal=\"Terminated\""));
  EXPECT_FALSE(std::filesystem::exists(directory_ + "/s")) << "the admin socket goes with the agent";
  const size_t pins = Pins();
  EXPECT_GT(pins, 20u);

  const std::string log_of_second = directory_ + "/log2";
  const pid_t second = Start(RunArguments(), log_of_second);
  ASSERT_TRUE(Says(log_of_second, "\"Everything is applied\" services=1"));
  EXPECT_EQ(Pins(), pins) << "the same pins, taken over";
  ::kill(second, SIGKILL);
  EXPECT_EQ(Wait(second), 128 + SIGKILL);
  EXPECT_EQ(Pins(), pins);
  EXPECT_EQ(Run({"cleanup", "--bpffs", bpffs_, "--cgroup", cgroup_}), 0) << said_;
  EXPECT_THAT(said_, HasSubstr("removed "));
  EXPECT_EQ(Pins(), 0u);
}

// Beside kube-proxy, which answers there.
TEST_F(ShuntdTest, HealthCheckNodePortsCanBeTurnedOff) {
  const std::string log = directory_ + "/log";
  std::ofstream(directory_ + "/manifests/front.yaml")
      << "apiVersion: v1\nkind: Service\nmetadata: {name: front, namespace: shop}\n"
         "spec: {type: LoadBalancer, externalTrafficPolicy: Local, healthCheckNodePort: 32123, clusterIPs: [10.96.0.2],"
         " ports: [{port: 80, nodePort: 30080}]}\n";
  std::vector<std::string> arguments = RunArguments();
  arguments.push_back("--health-check-node-ports=off");
  const pid_t agent = Start(arguments, log);
  ASSERT_TRUE(Says(log, "\"Everything is applied\" services=2"));
  // The step after the first one would have opened the port.
  std::filesystem::remove(directory_ + "/manifests/cart.yaml");
  ASSERT_TRUE(Says(log, "\"Applied\" services=1"));
  EXPECT_EQ(HttpGet(32123, "/"), "");
  EXPECT_THAT(HttpGet(10256, "/livez"), testing::StartsWith("HTTP/1.1 200 "));
  ::kill(agent, SIGTERM);
  EXPECT_EQ(Wait(agent), 0);
}

// As in a DaemonSet, whose pods are ready while they run and are started again when they end.
TEST_F(ShuntdTest, CleanupStaysIfItIsAskedTo) {
  const std::string log = directory_ + "/log";
  const pid_t agent = Start(RunArguments(), log);
  ASSERT_TRUE(Says(log, "\"Everything is applied\" services=1"));
  EXPECT_EQ(Run({"cleanup", "--stay", "--bpffs", bpffs_, "--cgroup", cgroup_}), 1) << "the agent runs";
  ::kill(agent, SIGTERM);
  ASSERT_EQ(Wait(agent), 0);
  const pid_t cleanup = Start({"cleanup", "--stay", "--bpffs", bpffs_, "--cgroup", cgroup_}, directory_ + "/cleanup");
  ASSERT_TRUE(Says(directory_ + "/cleanup", "clean; waiting to be stopped\n"));
  EXPECT_EQ(Pins(), 0u);
  EXPECT_EQ(::waitpid(cleanup, nullptr, WNOHANG), 0) << "it waits";
  ::kill(cleanup, SIGTERM);
  EXPECT_EQ(Wait(cleanup), 0);
}

// A datagram socket on which the agent's notifications arrive.
class Supervisor {
 public:
  explicit Supervisor(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    EXPECT_EQ(::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    const timeval patience = {.tv_sec = 20, .tv_usec = 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
  }
  ~Supervisor() {
    ::unsetenv("NOTIFY_SOCKET");
    ::close(fd_);
  }
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  std::string Next() {
    char text[256] = {};
    return ::recv(fd_, text, sizeof(text) - 1, 0) < 0 ? std::string("nothing") : std::string(text);
  }

 private:
  const int fd_;
};

TEST_F(ShuntdTest, TellsItsSupervisor) {
  Supervisor supervisor(directory_ + "/notify");
  const std::string awaited = absl::StrCat("waiting for manifests ", directory_, "/manifests");
  const pid_t agent = Start(RunArguments(), directory_ + "/log");
  EXPECT_EQ(supervisor.Next(), "STATUS=serving nothing yet; " + awaited);
  EXPECT_EQ(supervisor.Next(), "READY=1\nSTATUS=1 services");
  std::filesystem::remove(directory_ + "/manifests/cart.yaml");
  EXPECT_EQ(supervisor.Next(), "STATUS=0 services");
  ::kill(agent, SIGINT);
  EXPECT_EQ(supervisor.Next(), "STOPPING=1");
  EXPECT_EQ(Wait(agent), 0);
}

// Pins serve, and no API server answers. That may last for days, so a service manager must not wait for its end.
TEST_F(ShuntdTest, IsReadyAtOnceIfTheKernelServesWhatAnEarlierAgentLeft) {
  const std::string log = directory_ + "/log";
  const pid_t first = Start(RunArguments(), log);
  ASSERT_TRUE(Says(log, "\"Everything is applied\" services=1"));
  ::kill(first, SIGTERM);
  ASSERT_EQ(Wait(first), 0);

  std::vector<std::string> arguments = RunArguments();
  arguments[1] = "--api-server";
  arguments[2] = "https://127.0.0.1:1";  // where nothing listens
  arguments.push_back("--state-dir=" + directory_);
  Supervisor supervisor(directory_ + "/notify");
  const pid_t second = Start(arguments, directory_ + "/log2");
  EXPECT_EQ(supervisor.Next(),
            "READY=1\nSTATUS=serving what an earlier agent left; waiting for kubernetes https://127.0.0.1:1");
  ::kill(second, SIGTERM);
  EXPECT_EQ(supervisor.Next(), "STOPPING=1");
  EXPECT_EQ(Wait(second), 0);
}

// It may arrive after the boot: a service manager starts an agent again after a failure, not after a usage error.
TEST_F(ShuntdTest, AKubeconfigThatIsNotThereYetIsAFailure) {
  EXPECT_EQ(Run({"--kubeconfig", directory_ + "/kubelet.conf", "--bpffs", bpffs_, "--cgroup", cgroup_}), 1);
  EXPECT_THAT(said_, HasSubstr(directory_ + "/kubelet.conf"));
  std::ofstream(directory_ + "/kubelet.conf") << "no kubeconfig\n";
  EXPECT_EQ(Run({"--kubeconfig", directory_ + "/kubelet.conf", "--bpffs", bpffs_, "--cgroup", cgroup_}), 2);
  EXPECT_EQ(Pins(), 0u);
}

TEST_F(ShuntdTest, ServesWhatIsWrittenAndFollowsAnEdit) {
  const std::string log = directory_ + "/log";
  const pid_t agent = Start(RunArguments(), log);
  ASSERT_TRUE(Says(log, "\"Everything is applied\" services=1"));
  std::ofstream(directory_ + "/manifests/bad.yaml") << "apiVersion: v1\nkind: Service\nmetadata: {}\n";
  EXPECT_TRUE(Says(
      log, "\"The source has a problem; what it delivered before, if anything, stays in force\" where=\"bad.yaml:"));
  std::filesystem::remove(directory_ + "/manifests/cart.yaml");
  EXPECT_TRUE(Says(log, "\"Applied\" services=1"));
  ::kill(agent, SIGTERM);
  EXPECT_EQ(Wait(agent), 0);
}

}  // namespace
}  // namespace shunt::agent
