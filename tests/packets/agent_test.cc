// SPDX-License-Identifier: Apache-2.0
// The real agent with the packet path, as a process in node A: a client outside reaches pods of both nodes, whatever
// becomes of the agent.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "tests/sandbox/cgroup.h"
#include "tests/sandbox/client_socket.h"
#include "tests/sandbox/cluster_network.h"
#include "tests/sandbox/devices.h"
#include "tests/sandbox/echo_server.h"
#include "tests/sandbox/network_namespace.h"
#include "userspace/datapath/kernel/devices/tc_filter.h"
#include "userspace/datapath/kernel/devices/tcx_link.h"
#include "userspace/datapath/kernel/testing/sandbox_fixture.h"

namespace shunt::packets {
namespace {

using Clock = std::chrono::steady_clock;
using sandbox::At;
using sandbox::ClientSocket;
using sandbox::InNamespace;
using sandbox::NetworkNamespace;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr uint16_t kTarget = 8080;
// After this time something counts as hanging; nothing takes longer.
constexpr std::chrono::seconds kPatience{60};

int FamilyOf(const std::string& text) {
  return text.front() == '[' ? AF_INET6 : AF_INET;
}

// Returns the address, without its port, that the server saw of its client, or what failed.
std::string SeenFrom(const NetworkNamespace& where, int type, const std::string& to) {
  ClientSocket socket(where, FamilyOf(to), type);
  socket.SetPatience(1000);
  if (const int error = socket.Connect(At(to)); error != 0) return absl::StrCat("connect: errno ", error);
  if (type == SOCK_DGRAM && socket.Send("hello") != 0) return "send failed";
  const sandbox::Received received = socket.Receive();
  if (received.error != 0) return absl::StrCat("receive: errno ", received.error);
  absl::string_view seen = received.text;
  absl::ConsumeSuffix(&seen, " hello");
  return At(seen).address.ToString();
}

bool Within(std::chrono::seconds patience, const std::function<bool()>& holds) {
  for (const auto end = Clock::now() + patience; !holds();) {
    if (Clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}

// A Service of both families with a NodePort, and one endpoint.
std::string Manifest(int number, const std::string& v4, const std::string& v6, const std::string& node) {
  const std::string name = absl::StrCat("s", number);
  std::string yaml = absl::StrCat("apiVersion: v1\nkind: Service\nmetadata: {name: ", name,
                                  ", namespace: default}\nspec:\n  type: NodePort\n", "  clusterIP: 10.96.0.", number,
                                  "\n  clusterIPs: [10.96.0.", number, ", \"fd00:96::", number, "\"]\n",
                                  "  ports:\n  - {name: t, protocol: TCP, port: 80, nodePort: ", 30080 + number,
                                  "}\n  - {name: u, protocol: UDP, port: 80, nodePort: ", 30080 + number, "}\n");
  for (const auto& [family, address] : {std::pair("IPv4", v4), std::pair("IPv6", v6)}) {
    absl::StrAppend(&yaml, "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata:\n  name: ", name, "-",
                    absl::AsciiStrToLower(family),
                    "\n  namespace: default\n  labels: {kubernetes.io/service-name: ", name, "}\naddressType: ", family,
                    "\nports:\n- {name: t, protocol: TCP, port: ", kTarget,
                    "}\n- {name: u, protocol: UDP, port: ", kTarget, "}\nendpoints:\n- addresses: [\"", address,
                    "\"]\n  nodeName: ", node, "\n");
  }
  return yaml;
}

class PacketAgentTest : public datapath::SandboxTest {
 protected:
  void SetUp() override {
    SandboxTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    auto network = sandbox::ClusterNetwork::Create();
    ASSERT_TRUE(network.ok()) << network.status();
    network_ = *std::move(network);
    for (int node = 0; node < 2; ++node) AddPod(node);
    ASSERT_EQ(pods_.size(), 2u);
    char pattern[] = "/tmp/shunt-packets-XXXXXX";
    ASSERT_NE(mkdtemp(pattern), nullptr);
    directory_ = pattern;
    ASSERT_EQ(mkdir((directory_ + "/manifests").c_str(), 0755), 0);
    std::ofstream(directory_ + "/manifests/local.yaml") << Manifest(1, pods_[0].v4, pods_[0].v6, "here");
    std::ofstream(directory_ + "/manifests/remote.yaml") << Manifest(2, pods_[1].v4, pods_[1].v6, "b");
  }

  void TearDown() override {
    for (const pid_t agent : std::exchange(agents_, {})) {
      kill(agent, SIGKILL);
      waitpid(agent, nullptr, 0);
    }
    if (!directory_.empty()) std::filesystem::remove_all(directory_);
    SandboxTest::TearDown();
  }

  void AddPod(int node) {
    auto pod = network_->AddPod(node, sandbox::PodLink::kRouted);
    ASSERT_TRUE(pod.ok()) << pod.status();
    ASSERT_TRUE(server_.Listen(pod->where, kTarget).ok());
    pods_.push_back(*std::move(pod));
  }

  const NetworkNamespace& node() const { return network_->node(0); }

  // Runs a verb of the binary in node A. What it writes goes to the log of this name.
  pid_t Run(const std::string& log, std::vector<std::string> arguments) {
    std::vector<char*> pointers;
    for (std::string& argument : arguments) pointers.push_back(argument.data());
    pointers.push_back(nullptr);
    const std::string path = absl::StrCat(directory_, "/", log), own = world_->cgroup();
    const InNamespace inside(node());
    const pid_t child = fork();
    if (child != 0) return child;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)sandbox::EnterCgroup(own);
    const int output = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
    dup2(output, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
    execv(pointers[0], pointers.data());
    _exit(127);
  }
  pid_t Start(const std::vector<std::string>& more, const char* binary = SHUNTD_BINARY) {
    std::vector<std::string> arguments = {binary,
                                          "run",
                                          "--manifests",
                                          directory_ + "/manifests",
                                          "--cgroup",
                                          cgroup_,
                                          "--bpffs",
                                          bpffs_,
                                          "--node-name",
                                          "here",
                                          "--admin-socket",
                                          directory_ + "/admin.sock",
                                          "--healthz-bind-address=",
                                          "--metrics-bind-address=",
                                          "--end-sockets=off"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    agents_.push_back(Run("log", std::move(arguments)));
    return agents_.back();
  }
  void Kill(pid_t agent, int signal) {
    kill(agent, signal);
    EXPECT_EQ(waitpid(agent, nullptr, 0), agent);
    std::erase(agents_, agent);
  }
  int Cleanup() {
    int status = -1;
    waitpid(Run("cleanup", {SHUNTD_BINARY, "cleanup", "--cgroup", cgroup_, "--bpffs", bpffs_}), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  std::string Log(const std::string& name = "log") const {
    std::ifstream file(absl::StrCat(directory_, "/", name));
    return {(std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>()};
  }
  int Count(const std::string& said) const {
    int count = 0;
    const std::string log = Log();
    for (size_t at = 0; (at = log.find(said, at)) != std::string::npos; at += said.size()) ++count;
    return count;
  }

  std::string NodePort(int service) const { return absl::StrCat("192.0.2.10:", 30080 + service); }
  bool Serves() {
    return SeenFrom(network_->client(), SOCK_STREAM, NodePort(1)) == "198.51.100.7" &&
           SeenFrom(network_->client(), SOCK_STREAM, NodePort(2)) == "10.244.1.0";
  }
  void ExpectServing() {
    EXPECT_TRUE(Within(kPatience, [this] { return Serves(); })) << Log();
  }

  // How many programs of ours are at the uplink's hooks, by links or by filters.
  size_t ProgramsAtUplink() const {
    const InNamespace inside(node());
    const uint32_t uplink = if_nametoindex("eth0");
    size_t count = 0;
    for (const datapath::Direction direction : datapath::kDirections) {
      if (datapath::HasTcx()) count += datapath::TcxLinksOn(uplink, direction)->size();
      for (const datapath::TcFilter& filter : *datapath::FiltersOn(uplink, direction)) count += filter.is_ours ? 1 : 0;
    }
    return count;
  }

  std::unique_ptr<sandbox::ClusterNetwork> network_;
  sandbox::EchoServer server_{sandbox::EchoEnd::kPeer};
  std::vector<sandbox::Pod> pods_;
  std::string directory_;
  std::vector<pid_t> agents_;
};

TEST_F(PacketAgentTest, AClientOutsideReachesPodsOfBothNodes) {
  EXPECT_THAT(SeenFrom(network_->client(), SOCK_STREAM, NodePort(1)), HasSubstr("errno")) << "no agent, no NodePort";
  Start({"--devices=auto"});
  ExpectServing();
  for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
    EXPECT_EQ(SeenFrom(network_->client(), type, "192.0.2.10:30081"), "198.51.100.7");
    EXPECT_EQ(SeenFrom(network_->client(), type, "[2001:db8::10]:30081"), "2001:db8:1::7");
    EXPECT_EQ(SeenFrom(network_->client(), type, "192.0.2.10:30082"), "10.244.1.0");
    EXPECT_EQ(SeenFrom(network_->client(), type, "[2001:db8::10]:30082"), "fd00:244:1::");
    EXPECT_THAT(SeenFrom(network_->client(), type, "10.96.0.1:80"), HasSubstr("errno")) << "not from outside";
  }
  EXPECT_THAT(Log(), Not(HasSubstr("Degraded")));
}

// A connection of the client that is open, and what came over it last.
class OpenConnection {
 public:
  OpenConnection(const NetworkNamespace& where, const std::string& to) : socket_(where, AF_INET, SOCK_STREAM) {
    EXPECT_EQ(socket_.Connect(At(to)), 0) << to;
    EXPECT_EQ(socket_.Receive().error, 0) << to;
  }
  bool GoesOn() {
    const std::string text = absl::StrCat("message ", ++messages_);
    return socket_.Exchange(text).text == text;
  }

 private:
  ClientSocket socket_;
  int messages_ = 0;
};

TEST_F(PacketAgentTest, OpenConnectionsGoOnWhateverBecomesOfTheAgent) {
  std::ofstream(directory_ + "/sizes.yaml") << "apiVersion: shunt-lb.io/v1alpha1\nkind: ShuntConfiguration\n"
                                               "limits: {frontends: 4096, pools: 4096, flows: 4096}\n";
  struct Successor {
    const char* what;
    int signal;  // that ends the one before it
    const char* binary;
    std::vector<std::string> more;
  };
  const Successor successors[] = {
      {"the same again", SIGTERM, SHUNTD_BINARY, {}},
      {"after a crash", SIGKILL, SHUNTD_BINARY, {}},
      {"another layout", SIGTERM, OTHER_SHUNTD_BINARY, {}},
      {"back again", SIGKILL, SHUNTD_BINARY, {}},
      {"other sizes", SIGTERM, SHUNTD_BINARY, {"--config", directory_ + "/sizes.yaml"}},
  };
  pid_t agent = Start({"--devices=auto"});
  ExpectServing();
  std::vector<std::unique_ptr<OpenConnection>> connections;
  const auto open_more = [&] {
    for (const int service : {1, 2}) {
      connections.push_back(std::make_unique<OpenConnection>(network_->client(), NodePort(service)));
    }
  };
  const auto expect_all_go_on = [&](const std::string& when) {
    for (size_t i = 0; i < connections.size(); ++i) EXPECT_TRUE(connections[i]->GoesOn()) << when << ", number " << i;
  };
  open_more();
  for (const Successor& successor : successors) {
    SCOPED_TRACE(successor.what);
    const int replaced = Count("Packets of devices are translated by this build");
    Kill(agent, successor.signal);
    expect_all_go_on("without an agent");
    EXPECT_TRUE(Serves()) << "new connections without an agent";
    std::vector<std::string> flags = {"--devices=auto"};
    flags.insert(flags.end(), successor.more.begin(), successor.more.end());
    agent = Start(flags, successor.binary);
    ASSERT_TRUE(Within(kPatience, [&] { return Count("Packets of devices are translated by this build") > replaced; }))
        << Log();
    expect_all_go_on("with the new agent");
    EXPECT_TRUE(Serves()) << Log();
    open_more();
    expect_all_go_on("with more connections");
  }
}

TEST_F(PacketAgentTest, ADeviceThatComesLaterIsServed) {
  Start({"--devices=auto", "--pod-devices=auto"});
  ExpectServing();
  AddPod(0);
  ASSERT_EQ(pods_.size(), 3u);
  // No hook of a socket sees it: it is in no cgroup that the agent serves.
  EXPECT_TRUE(Within(kPatience, [this] {
    return SeenFrom(pods_[2].where, SOCK_STREAM, "10.96.0.1:80") == pods_[2].v4;
  })) << Log();
}

TEST_F(PacketAgentTest, OffItRemovesWhatAnEarlierRunHasAttachedAndCleanupLeavesNothing) {
  pid_t agent = Start({"--devices=auto"});
  ExpectServing();
  EXPECT_EQ(ProgramsAtUplink(), 2u);
  Kill(agent, SIGTERM);
  EXPECT_EQ(ProgramsAtUplink(), 2u) << "they stay without an agent";
  agent = Start({});
  EXPECT_TRUE(Within(kPatience, [this] { return ProgramsAtUplink() == 0; })) << Log();
  EXPECT_THAT(SeenFrom(network_->client(), SOCK_STREAM, NodePort(1)), HasSubstr("errno"));
  Kill(agent, SIGTERM);
  agent = Start({"--devices=eth0,flannel.*"});
  ExpectServing();
  Kill(agent, SIGTERM);
  EXPECT_EQ(Cleanup(), 0) << Log("cleanup");
  EXPECT_EQ(ProgramsAtUplink(), 0u);
  EXPECT_FALSE(std::filesystem::exists(bpffs_ + "/shunt"));
}

TEST_F(PacketAgentTest, ASecondAgentInTheSameNetworkIsRefusedAndOneWithoutDevicesLeavesTheFirstAlone) {
  Start({"--devices=auto"});
  ExpectServing();
  const absl::StatusOr<std::string> bpffs = world_->NewBpffs(), cgroup = world_->NewCgroup();
  ASSERT_TRUE(bpffs.ok() && cgroup.ok());
  const std::vector<std::string> second = {"--bpffs", *bpffs,           "--cgroup",
                                           *cgroup,   "--admin-socket", directory_ + "/second.sock"};
  std::vector<std::string> flags = second;
  flags.emplace_back("--devices=auto");
  int status = 0;
  const pid_t refused = Start(flags);
  EXPECT_EQ(waitpid(refused, &status, 0), refused);
  std::erase(agents_, refused);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 1);
  EXPECT_THAT(Log(), HasSubstr("has the packet path of this network namespace"));
  const int applied = Count("Everything is applied");
  const pid_t beside = Start(second);
  EXPECT_TRUE(Within(kPatience, [&] { return Count("Everything is applied") > applied; })) << Log();
  Kill(beside, SIGTERM);
  EXPECT_TRUE(Serves()) << Log();
  EXPECT_EQ(ProgramsAtUplink(), 2u);
}

}  // namespace
}  // namespace shunt::packets
