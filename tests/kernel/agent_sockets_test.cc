// SPDX-License-Identifier: Apache-2.0
// The running agent: its files change, and it ends sockets in its own namespace and in a pod's whose backend is gone.
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/kernel/kernel_test.h"
#include "tests/sandbox/cgroup.h"
#include "tests/sandbox/netlink.h"
#include "userspace/datapath/kernel/attach/cleanup.h"

namespace shunt::kernel_test {
namespace {

// After this time something counts as hanging.
constexpr std::chrono::seconds kPatience{60};

class AgentSocketsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (World::Get() == nullptr) GTEST_SKIP() << World::WhyNot();
    sandbox::Sandbox& sandbox = World::Get()->sandbox();
    const auto cgroup = sandbox.NewCgroup();
    const auto bpffs = sandbox.NewBpffs();
    ASSERT_TRUE(cgroup.ok() && bpffs.ok());
    cgroup_ = *cgroup;
    bpffs_ = *bpffs;
    char pattern[] = "/tmp/shunt-sockets-XXXXXX";
    ASSERT_NE(mkdtemp(pattern), nullptr);
    directory_ = pattern;
    std::filesystem::create_directory(directory_ + "/manifests");
    pod_process_ = Fork([] {
      if (World::Get()->pod().Enter().ok()) pause();
    });
  }

  void TearDown() override {
    for (const pid_t process : {agent_, pod_process_}) {
      if (process <= 0) continue;
      kill(process, SIGKILL);
      waitpid(process, nullptr, 0);
    }
    (void)sandbox::RemoveLoopbackAddress(*model::IpAddress::Parse("10.96.0.10"));  // only if a test failed
    if (cgroup_.empty()) return;
    EXPECT_TRUE(sandbox::EnterCgroup(World::Get()->sandbox().cgroup()).ok());
    std::vector<std::string> removed;
    EXPECT_TRUE(datapath::Cleanup(bpffs_, &removed).ok());
    sandbox::RemovePins(bpffs_);
    EXPECT_TRUE(sandbox::RemoveCgroup(cgroup_).ok());
    std::filesystem::remove_all(directory_);
  }

  template <typename Run>
  static pid_t Fork(Run run) {
    const pid_t process = fork();
    if (process != 0) return process;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    run();
    _exit(127);
  }

  // Writes the only Service, with one endpoint, by one atomic replacement.
  void Serve(const std::string& endpoint) const {
    const std::string path = directory_ + "/manifests/dns.yaml";
    std::ofstream(path + ".new") << "apiVersion: v1\nkind: Service\nmetadata: {name: dns, namespace: default}\nspec:\n"
                                    "  clusterIPs: [10.96.0.10]\n  clusterIP: 10.96.0.10\n"
                                    "  ports:\n  - {name: dns, protocol: UDP, port: 53}\n---\n"
                                    "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata:\n  name: dns-a\n"
                                    "  namespace: default\n  labels: {kubernetes.io/service-name: dns}\n"
                                    "addressType: IPv4\nports:\n- {name: dns, protocol: UDP, port: 8081}\n"
                                    "endpoints:\n- addresses: ["
                                 << endpoint << "]\n";
    std::filesystem::rename(path + ".new", path);
  }

  void StartAgent() {
    agent_ = Fork([this] {
      const std::string manifests = directory_ + "/manifests", socket = directory_ + "/admin.sock";
      (void)sandbox::EnterCgroup(World::Get()->sandbox().cgroup());
      const int output = open(LogFile().c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
      dup2(output, STDOUT_FILENO);
      dup2(output, STDERR_FILENO);
      execl(SHUNTD_BINARY, SHUNTD_BINARY, "run", "--manifests", manifests.c_str(), "--cgroup", cgroup_.c_str(),
            "--bpffs", bpffs_.c_str(), "--admin-socket", socket.c_str(), "--node-name", "here", nullptr);
    });
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while (!absl::StrContains(Log(), "Everything is applied")) {
      ASSERT_LT(std::chrono::steady_clock::now(), end) << Log();
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }

  std::string LogFile() const { return directory_ + "/log"; }
  std::string Log() const {
    std::ifstream file(LogFile());
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }

  // Returns the errno of a blocked receive. A call that gives up after two seconds is repeated.
  static int WaitForTheEnd(const ClientSocket& socket) {
    const auto end = std::chrono::steady_clock::now() + kPatience;
    int error = EAGAIN;
    while (error == EAGAIN && std::chrono::steady_clock::now() < end) error = socket.Receive().error;
    return error;
  }

  std::string cgroup_, bpffs_, directory_;
  pid_t agent_ = -1;
  pid_t pod_process_ = -1;  // a process in the pod, which shows the pod's namespace in /proc
};

TEST_F(AgentSocketsTest, SocketsOfTheHostAndOfAPodAreEndedWhenTheirBackendGoes) {
  Serve("10.244.1.1");
  StartAgent();
  ASSERT_TRUE(sandbox::EnterCgroup(cgroup_).ok());
  ClientSocket host(World::Get()->host(), AF_INET, SOCK_DGRAM), pod(World::Get()->pod(), AF_INET, SOCK_DGRAM);
  for (const ClientSocket* socket : {&host, &pod}) {
    ASSERT_EQ(socket->Connect(At("10.96.0.10:53")), 0);
    ASSERT_EQ(socket->Send("hello"), 0);
    ASSERT_EQ(socket->Receive().text, "10.244.1.1:8081 hello");
  }
  const auto begin = std::chrono::steady_clock::now();
  Serve("10.244.2.1");
  EXPECT_EQ(WaitForTheEnd(pod), ECONNABORTED) << Log();
  EXPECT_EQ(WaitForTheEnd(host), ECONNABORTED) << Log();
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
  std::cout << "from the changed file to the end of both sockets: " << took.count() << " ms\n";
  ASSERT_EQ(pod.Connect(At("10.96.0.10:53")), 0);
  ASSERT_EQ(pod.Send("hello"), 0);
  EXPECT_EQ(pod.Receive().text, "10.244.2.1:8081 hello");
}

// NodeLocal DNSCache gives the ClusterIP of the cluster's DNS to a device of the node, and listens there.
TEST_F(AgentSocketsTest, AClusterIpIsLeftToTheNodeForAsLongAsTheNodeHasIt) {
  const model::IpAddress cluster_ip = *model::IpAddress::Parse("10.96.0.10");
  Serve("10.244.1.1");
  StartAgent();
  ASSERT_TRUE(sandbox::EnterCgroup(cgroup_).ok());
  // A new socket each time: what a socket has been told once, it may remember.
  const auto answer = [](const sandbox::NetworkNamespace& from) {
    ClientSocket socket(from, AF_INET, SOCK_DGRAM);
    EXPECT_EQ(socket.Connect(At("10.96.0.10:53")), 0);
    EXPECT_EQ(socket.Send("hello"), 0);
    return socket.Receive().text;
  };
  const auto answers = [&](const sandbox::NetworkNamespace& from, const std::string& expected) {
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while (answer(from) != expected && std::chrono::steady_clock::now() < end) {
    }
    return answer(from);
  };
  const std::string translated = "10.244.1.1:8081 hello", local = "10.96.0.10:53 hello";
  EXPECT_EQ(answer(World::Get()->host()), translated);
  ASSERT_TRUE(sandbox::AddLoopbackAddress(cluster_ip).ok());
  EXPECT_EQ(answers(World::Get()->host(), local), local) << Log();
  EXPECT_EQ(answer(World::Get()->pod()), local) << "nothing is translated for pods either";
  ClientSocket unused(World::Get()->host(), AF_INET, SOCK_STREAM);
  EXPECT_EQ(unused.Connect(At("10.96.0.10:8080")), 0) << "a port that the Service does not have is the node's own";
  ASSERT_TRUE(sandbox::RemoveLoopbackAddress(cluster_ip).ok());
  EXPECT_EQ(answers(World::Get()->host(), translated), translated) << Log();
}

}  // namespace
}  // namespace shunt::kernel_test
