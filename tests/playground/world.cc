// SPDX-License-Identifier: Apache-2.0
#include "tests/playground/world.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/sandbox/cgroup.h"
#include "tests/sandbox/devices.h"

namespace shunt::playground {
namespace {

// Inside the playground this is a file system of its own, so the agent's default socket works and is never seen
// outside.
constexpr char kRun[] = "/run";
constexpr char kHome[] = "/run/playground";
constexpr char kNotifySocket[] = "/run/playground/notify";
constexpr std::chrono::seconds kAgentPatience{30};
// The node's device towards the client outside.
constexpr char kUplink[] = "eth0", kUplinkV4[] = "203.0.113.1", kUplinkV6[] = "2001:db8:113::1";

absl::Status Errno(absl::string_view what) {
  return absl::ErrnoToStatus(errno, what);
}

std::string LastLines(const std::string& log) {
  std::ifstream in(log);
  const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  return text.size() > 2000 ? text.substr(text.size() - 2000) : text;
}

// The socket on which the agent says that it is ready.
absl::StatusOr<int> OpenNotifySocket() {
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  absl::string_view(kNotifySocket).copy(address.sun_path, sizeof(address.sun_path) - 1);
  if (fd < 0 || ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return Errno(absl::StrCat("listen on ", kNotifySocket));
  }
  return fd;
}

// Waits for a byte or a datagram. Returns kDeadlineExceeded if none comes in time, or the error of `gone` if it comes
// first.
absl::StatusOr<std::string> Await(int fd, const std::function<absl::Status()>& gone) {
  const auto deadline = std::chrono::steady_clock::now() + kAgentPatience;
  while (std::chrono::steady_clock::now() < deadline) {
    pollfd ready{.fd = fd, .events = POLLIN, .revents = 0};
    if (::poll(&ready, 1, 50) > 0) {
      char text[256];
      const ssize_t got = ::read(fd, text, sizeof(text));
      if (got > 0) return std::string(text, static_cast<size_t>(got));
    }
    if (absl::Status status = gone(); !status.ok()) return status;
  }
  return absl::DeadlineExceededError(absl::StrCat("no answer within ", kAgentPatience.count(), " s"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<World>> World::Build(const Paths& paths, Narrator& narrator) {
  std::unique_ptr<World> world(new World(paths));
  absl::StatusOr<Shop> shop = ReadShop(paths.examples);
  if (!shop.ok()) return shop.status();
  world->shop_ = *std::move(shop);
  world->listening_ = PodsOf(world->shop_);
  struct Part {
    std::string what;
    absl::Status (World::*work)();
  };
  const Part parts[] = {
      {"making a sandbox: network, mounts, cgroup, BPF file system", &World::MakeSandbox},
      {absl::StrCat("starting ", world->listening_.size(), " pods"), &World::StartPods},
      {"starting shuntd and waiting until it is ready", &World::StartAgent},
  };
  for (const Part& part : parts) {
    absl::Status status = narrator.Step(part.what, [&] { return (world.get()->*part.work)(); });
    if (!status.ok()) return status;
  }
  return world;
}

World::~World() {
  if (agent_.has_value()) agent_->Stop(std::chrono::seconds(5));
  agent_.reset();
  pods_.clear();
  sandbox_.reset();
}

absl::Status World::MakeSandbox() {
  std::set<std::string> addresses;
  for (const model::Node& node : shop_.nodes) addresses.insert(node.addresses.begin(), node.addresses.end());
  for (const Pod& pod : listening_) {
    for (const PodListener& listener : pod.listeners) addresses.insert(listener.address.address.ToString());
  }
  // Only the addresses of pods and node. There is no route, so a connection to any other address fails.
  absl::StatusOr<std::unique_ptr<sandbox::Sandbox>> made =
      sandbox::Sandbox::Create({.local_prefixes = {}, .addresses = {addresses.begin(), addresses.end()}});
  if (!made.ok()) return made.status();
  sandbox_ = *std::move(made);
  if (absl::Status status = AddOutside(); !status.ok()) return status;
  absl::StatusOr<std::string> cgroup = sandbox_->NewCgroup();
  if (!cgroup.ok()) return cgroup.status();
  cgroup_ = *cgroup;
  if (absl::Status status = sandbox::EnterCgroup(cgroup_); !status.ok()) return status;

  if (::mount("playground", kRun, "tmpfs", 0, "mode=0755") != 0) return Errno(absl::StrCat("mount a tmpfs at ", kRun));
  manifests_ = absl::StrCat(kHome, "/manifests");
  agent_log_ = absl::StrCat(kHome, "/shuntd.log");
  shell_ = absl::StrCat(kHome, "/shell");
  std::error_code error;
  std::filesystem::create_directories(kHome, error);
  if (!error) std::filesystem::copy(paths_.examples, manifests_, error);
  if (error) return absl::InternalError(absl::StrCat("copy ", paths_.examples, ": ", error.message()));
  return WriteShell();
}

// A pair of devices joins the node and the client. The client's way to everything is the node.
absl::Status World::AddOutside() {
  absl::StatusOr<sandbox::NetworkNamespace> outside = sandbox::NetworkNamespace::Create();
  if (!outside.ok()) return outside.status();
  outside_.emplace(*std::move(outside));
  absl::Status status = sandbox::AddVethPair(kUplink, kUplink, outside_->fd());
  const auto bring_up = [&status](absl::string_view v4, absl::string_view v6) {
    if (status.ok()) status = sandbox::AddDeviceAddress(kUplink, absl::StrCat(v4, "/24"));
    if (status.ok()) status = sandbox::AddDeviceAddress(kUplink, absl::StrCat(v6, "/64"));
    if (status.ok()) status = sandbox::SetDeviceUp(kUplink);
  };
  bring_up(kUplinkV4, kUplinkV6);
  {
    const sandbox::InNamespace inside(*outside_);
    bring_up("203.0.113.7", "2001:db8:113::7");
    for (const auto& [to, via] : {std::pair("0.0.0.0/0", kUplinkV4), std::pair("::/0", kUplinkV6)}) {
      if (status.ok()) status = sandbox::AddRoute({.to = to, .via = via, .device = kUplink});
    }
    if (status.ok()) status = sandbox::WaitUntilRunning(kUplink);
  }
  return status.ok() ? sandbox::WaitUntilRunning(kUplink) : status;
}

absl::StatusOr<Visit> World::DialFromOutside(const model::SocketAddress& to) const {
  if (absl::Status status = sandbox::EnterCgroup(sandbox_->cgroup()); !status.ok()) return status;
  Visit visit;
  {
    const sandbox::InNamespace inside(*outside_);
    visit = VisitTcp(to);
  }
  if (absl::Status status = sandbox::EnterCgroup(cgroup_); !status.ok()) return status;
  return visit;
}

absl::Status World::WriteShell() const {
  const auto directory_of = [](const std::string& path) { return std::filesystem::path(path).parent_path().string(); };
  std::ofstream out(shell_);
  out << "#!/bin/sh\n"
      << "# Joins the playground's cgroup, where connections are translated.\n"
      << "echo $$ > " << cgroup_ << "/cgroup.procs || exit 1\n"
      << "PATH=" << directory_of(paths_.shuntctl) << ":" << directory_of(paths_.shuntd) << ":"
      << directory_of(paths_.self) << ":$PATH\nexport PATH\ncd " << kHome << "\n"
      << "[ $# -gt 0 ] && exec \"$@\"\n"
      << "PS1='playground# ' exec sh -i\n";
  out.close();
  if (!out || ::chmod(shell_.c_str(), 0755) != 0) return Errno(absl::StrCat("write ", shell_));
  return absl::OkStatus();
}

absl::Status World::StartPods() {
  for (const Pod& pod : listening_) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return Errno("make a pipe");
    const absl::Status status = StartPod(pod, ends[0], ends[1]);
    ::close(ends[0]);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status World::StartPod(const Pod& pod, int ready_read_fd, int ready_write_fd) {
  ChildOptions options{.command = {paths_.self, "pod", pod.name, absl::StrCat(ready_write_fd)},
                       .environment = {},
                       .output = absl::StrCat(kHome, "/pods.log"),
                       .kept_fd = ready_write_fd};
  for (const PodListener& listener : pod.listeners) options.command.push_back(FormatListener(listener));
  absl::StatusOr<Child> child = Child::Start(options);
  ::close(ready_write_fd);
  if (!child.ok()) return child.status();
  pods_.push_back(*std::move(child));
  return Await(ready_read_fd,
               [&]() -> absl::Status {
                 if (!pods_.back().Ended().has_value()) return absl::OkStatus();
                 return absl::AbortedError(absl::StrCat("pod ", pod.name, " has ended\n", LastLines(options.output)));
               })
      .status();
}

absl::Status World::StartAgent() {
  const absl::StatusOr<int> notify = OpenNotifySocket();
  if (!notify.ok()) return notify.status();
  const std::string node = shop_.nodes.empty() ? "playground" : shop_.nodes[0].name;
  absl::StatusOr<Child> agent = Child::Start({.command = {paths_.shuntd, "run", "--manifests", manifests_, "--cgroup",
                                                          cgroup_, "--node-name", node, "--devices", "auto"},
                                              .environment = {absl::StrCat("NOTIFY_SOCKET=", kNotifySocket)},
                                              .output = agent_log_});
  absl::Status status = agent.status();
  if (agent.ok()) {
    agent_.emplace(*std::move(agent));
    // Before it is ready, it tells what it waits for.
    absl::StatusOr<std::string> told;
    do {
      told = Await(*notify, [this] { return AgentIsWell(); });
    } while (told.ok() && !absl::StartsWith(*told, "READY=1"));
    status = told.status();
  }
  ::close(*notify);
  return status;
}

absl::Status World::AgentIsWell() {
  if (!agent_.has_value()) return absl::FailedPreconditionError("shuntd was never started");
  const std::optional<int> ended = agent_->Ended();
  if (!ended.has_value()) return absl::OkStatus();
  agent_.reset();
  return absl::AbortedError(absl::StrCat("shuntd ended with exit status ", *ended, "\n", LastLines(agent_log_)));
}

}  // namespace shunt::playground
