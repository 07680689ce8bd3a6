// SPDX-License-Identifier: Apache-2.0
#include "userspace/agent/run.h"

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "shunt_version.h"
#include "userspace/admin/server.h"
#include "userspace/agent/control/inbox.h"
#include "userspace/agent/control/ledger.h"
#include "userspace/agent/control/loop.h"
#include "userspace/agent/kube_proxy.h"
#include "userspace/agent/open_cluster_source.h"
#include "userspace/agent/process/clock.h"
#include "userspace/agent/process/log.h"
#include "userspace/agent/process/service_notify.h"
#include "userspace/agent/process/signals.h"
#include "userspace/agent/serve/http_servers.h"
#include "userspace/agent/serve/live_health.h"
#include "userspace/agent/serve/live_view.h"
#include "userspace/agent/snapshot_thread.h"
#include "userspace/agent/socket_ender_thread.h"
#include "userspace/datapath/kernel/attach/pins.h"
#include "userspace/datapath/kernel/kernel_datapath.h"
#include "userspace/datapath/kernel/maps/pinned_reader.h"
#include "userspace/datapath/kernel/node_addresses.h"

namespace shunt::agent {
namespace {

// Calls of the admin API in progress get this long when the agent stops.
constexpr absl::Duration kAdminGrace = absl::Milliseconds(500);

void Notify(absl::string_view state) {
  const char* socket = std::getenv("NOTIFY_SOCKET");
  const absl::Status status = NotifySupervisor(socket == nullptr ? "" : socket, state);
  if (!status.ok()) LogError(status, "The supervisor does not listen");
}

// The agent's parts in the order in which they start; they are taken apart in the reverse order.
class Agent {
 public:
  Agent(const Options& options, const EndWatch& end) : options_(options), end_(end) {}
  ~Agent() { Stop(); }

  // kInvalidArgument: the configuration cannot be meant. Other errors: this host, now.
  absl::Status Start();
  void Stop();
  // Whether programs are attached, by this agent or an earlier one.
  bool in_force() const { return datapath_ != nullptr; }

 private:
  absl::Status OpenDatapath();
  absl::Status OpenSource();
  LoopListener Listener();
  void FollowNodePorts();
  void MakeLoop();
  absl::Status StartAdmin();
  std::vector<report::StatusProblem> MoreProblems() const;
  void StartSocketEnder();
  void StartThreads();
  report::AgentStatus Identity() const;
  void SayReady();

  const Options& options_;
  const EndWatch& end_;
  std::unique_ptr<datapath::KernelDatapath> datapath_;
  std::optional<datapath::NodeAddressWatch> addresses_;
  Ledger ledger_;
  Inbox inbox_{1};
  bool serves_from_start_ = false;  // an earlier agent's Services are in the kernel
  std::unique_ptr<ClusterSource> source_;
  std::array<report::SourceVersion, 3> versions_;  // by sources::ObjectKind; the loop's thread, once it runs
  std::string version_problem_;                    // why the last one was not kept; the loop's thread
  std::optional<SnapshotThread> snapshot_;         // none: there is nothing to outlast
  std::optional<Loop> loop_;
  std::unique_ptr<datapath::SocketEnder> socket_ender_;
  std::optional<SocketEnderThread> socket_ender_thread_;
  report::SocketSweeps no_socket_ender_;  // what there is to say without one
  std::optional<LiveView> view_;
  std::optional<LiveHealth> health_;
  std::unique_ptr<HttpServers> http_;
  std::unique_ptr<admin::AdminServer> admin_;
  std::jthread loop_thread_;
  std::jthread source_thread_;
};

absl::Status Agent::Start() {
  if (absl::Status status = CheckClusterSource(options_); !status.ok()) return status;
  if (absl::Status status = OpenDatapath(); !status.ok()) return status;
  if (absl::Status status = OpenSource(); !status.ok()) return status;
  absl::StatusOr<datapath::NodeAddressWatch> addresses = datapath::NodeAddressWatch::Open();
  if (!addresses.ok()) return addresses.status();
  addresses_ = *std::move(addresses);
  MakeLoop();
  StartSocketEnder();
  if (absl::Status status = StartAdmin(); !status.ok()) return status;
  StartThreads();
  return absl::OkStatus();
}

absl::Status Agent::OpenDatapath() {
  absl::StatusOr<std::unique_ptr<datapath::KernelDatapath>> opened =
      datapath::KernelDatapath::Open({.bpffs = options_.bpffs,
                                      .cgroup = options_.cgroup,
                                      .limits = options_.limits,
                                      .local_miss_drops = options_.local_policy_miss == LocalPolicyMiss::kDrop,
                                      .observe = options_.observe});
  if (!opened.ok()) return opened.status();
  datapath_ = *std::move(opened);
  for (const std::string& note : datapath_->notes()) LogNote(1, "Found pinned", {{"note", note}});
  for (const std::string& problem : datapath_->problems()) LogWarning("Degraded", {{"problem", problem}});
  if (options_.observe) LogWarning("Only observing: nothing is translated, refused or ended");
  LogNote(1, "Programs are in force",
          {{"pins", datapath_->pin_directory()},
           {"cgroup", datapath_->cgroup()},
           {"of_this_build", datapath_->programs_current()}});
  return absl::OkStatus();
}

absl::Status Agent::OpenSource() {
  for (size_t kind = 0; kind < versions_.size(); ++kind) {
    versions_[kind] = datapath_->source_version(static_cast<uint32_t>(kind));
  }
  serves_from_start_ = datapath_->Serves();
  SourceEnvironment environment{.versions = versions_,
                                .kernel_serves = serves_from_start_,
                                .exempt_socket = [this](int fd) { return datapath_->ExemptSocket(fd); },
                                .on_servers_learned = nullptr};
  if (options_.manifests.empty() && !options_.state_directory.empty()) {
    snapshot_.emplace(SnapshotPath(options_), options_.node_name);
    environment.on_servers_learned = [this](std::vector<std::string> urls) {
      snapshot_->SetApiServers(std::move(urls));
    };
  }
  absl::StatusOr<std::unique_ptr<ClusterSource>> source = OpenClusterSource(options_, std::move(environment));
  if (!source.ok()) return source.status();
  source_ = *std::move(source);
  return absl::OkStatus();
}

LoopListener Agent::Listener() {
  LoopListener listener;
  listener.first_applied = [this] { SayReady(); };
  listener.stepped = [this] { FollowNodePorts(); };
  if (!options_.manifests.empty()) return listener;
  listener.progressed = [this](sources::ObjectKind kind, const report::SourceVersion& version) {
    versions_[static_cast<size_t>(kind)] = version;
    const absl::Status status = datapath_->KeepSourceVersion(static_cast<uint32_t>(kind), version);
    const std::string problem(status.message());
    if (!status.ok() && problem != version_problem_) LogError(status, "A restart may meet older state of the cluster");
    version_problem_ = problem;
  };
  if (!snapshot_.has_value()) return listener;
  listener.changed = [this](sources::ClusterView view) {
    // A snapshot that is served stays as old as it is.
    if (source_->status().snapshot_time_ms != 0) return false;
    snapshot_->Offer({std::move(view), versions_});
    return true;
  };
  return listener;
}

// In the loop's thread: the healthCheckNodePorts answer where NodePorts do, as kube-proxy's.
void Agent::FollowNodePorts() {
  if (!options_.node_port_addresses.IsEverywhere()) {
    std::vector<model::IpAddress> addresses;
    for (const datapath::NodeAddress& local : loop_->NodePortAddresses()) addresses.push_back(local.address);
    http_->SetNodePortAddresses(std::move(addresses));
  }
  http_->Follow();
}

void Agent::MakeLoop() {
  AddressFeed feed{.fd = addresses_->fd(), .read = [this]() -> absl::StatusOr<std::vector<datapath::NodeAddress>> {
                     if (absl::StatusOr<bool> drained = addresses_->Drain(); !drained.ok()) return drained.status();
                     return addresses_->Read();
                   }};
  ReconcilerOptions reconciler{.node_name = options_.node_name,
                               .sources = 1,
                               .node_port_addresses = options_.node_port_addresses,
                               .planner = {.endpoints_max = options_.endpoints_per_pool},
                               .jitter_seed = static_cast<uint64_t>(::getpid())};
  loop_.emplace(std::move(reconciler), *datapath_, ledger_, inbox_, std::move(feed), Listener());
}

// Before the loop runs, which is listened to. Without it the agent does all its other work.
void Agent::StartSocketEnder() {
  no_socket_ender_.protocols = EndSocketsName(options_.end_sockets);
  if (options_.observe) no_socket_ender_.protocols = EndSocketsName(EndSockets::kOff);
  if (options_.observe || options_.end_sockets == EndSockets::kOff) return;
  const bool tcp = options_.end_sockets == EndSockets::kAll;
  absl::StatusOr<std::unique_ptr<datapath::SocketEnder>> ender = datapath_->OpenSocketEnder({.tcp = tcp});
  if (!ender.ok()) {
    no_socket_ender_.problem = std::string(ender.status().message());
    LogWarning("Sockets whose backend is gone are not ended", {{"problem", no_socket_ender_.problem}});
    return;
  }
  socket_ender_ = *std::move(ender);
  report::SocketSweeps identity = no_socket_ender_;
  identity.way = socket_ender_->way();
  socket_ender_thread_.emplace([this] { return socket_ender_->Sweep(); }, std::move(identity));
  datapath_->ListenForRemovals([this, tcp](const datapath::Removals& removals) {
    if (removals.udp || tcp) socket_ender_thread_->Removal();
  });
}

absl::Status Agent::StartAdmin() {
  LiveSources sources{.identity = Identity(), .ledger = ledger_, .loop = *loop_, .open_maps = nullptr};
  sources.socket_sweeps = [this] {
    return socket_ender_thread_.has_value() ? socket_ender_thread_->sweeps() : no_socket_ender_;
  };
  sources.source_status = [this] { return source_->status(); };
  sources.open_maps = [bpffs = options_.bpffs] { return datapath::PinnedReader::Open(bpffs); };
  sources.more_problems = [this] { return MoreProblems(); };
  view_.emplace(std::move(sources));
  health_.emplace(loop_->metrics(), inbox_);
  absl::StatusOr<std::unique_ptr<HttpServers>> http = HttpServers::Start(
      {.healthz = options_.healthz_bind_address, .metrics = options_.metrics_bind_address}, ledger_, *health_);
  if (!http.ok()) return http.status();
  http_ = *std::move(http);
  absl::StatusOr<std::unique_ptr<admin::AdminServer>> admin = admin::AdminServer::Start(options_.admin_socket, *view_);
  if (!admin.ok()) return admin.status();
  admin_ = *std::move(admin);
  http_->Listen(*view_);
  for (const report::StatusProblem& problem : http_->Problems()) {
    LogWarning("Degraded", {{"where", problem.where}, {"problem", problem.what}});
  }
  return absl::OkStatus();
}

std::vector<report::StatusProblem> Agent::MoreProblems() const {
  std::vector<report::StatusProblem> problems = http_->Problems();
  if (!loop_->state().synced && serves_from_start_) {
    problems.push_back({"source",
                        "not synced yet: what an earlier agent left in the kernel is served as it is; "
                        "`shuntctl --offline service list` shows it"});
  }
  if (snapshot_.has_value() && !snapshot_->problem().empty()) problems.push_back({"snapshot", snapshot_->problem()});
  if (const int64_t saved_ms = source_->status().snapshot_time_ms; saved_ms != 0) {
    const absl::Time saved = absl::FromUnixMillis(saved_ms);
    problems.push_back(
        {"snapshot", absl::StrCat("no API server has answered since the start: what is served is the "
                                  "cluster of ",
                                  absl::FormatTime(absl::RFC3339_sec, saved, absl::UTCTimeZone()), ", ",
                                  absl::FormatDuration(absl::Trunc(std::max(absl::Now() - saved, absl::ZeroDuration()),
                                                                   absl::Seconds(1))),
                                  " ago")});
  }
  return problems;
}

void Agent::StartThreads() {
  loop_thread_ = std::jthread([this](std::stop_token stop) { loop_->Run(stop); });
  source_thread_ = std::jthread([this](std::stop_token stop) {
    const absl::Status status = source_->Run(inbox_.PortOf(0), stop);
    if (!status.ok()) end_.End(status);
  });
}

report::AgentStatus Agent::Identity() const {
  report::AgentStatus identity;
  identity.version = kVersion;
  identity.abi_version = datapath::PinAbiVersion();
  identity.pid = ::getpid();
  identity.node_name = options_.node_name;
  identity.source = source_->Description();
  identity.pin_directory = datapath_->pin_directory();
  identity.cgroup = datapath_->cgroup();
  identity.start_time_ms = ReadClocks().wall_ms;
  identity.programs_current = datapath_->programs_current();
  identity.observing = options_.observe && datapath_->programs_current();
  for (const std::string& problem : datapath_->problems()) identity.problems.push_back({"programs", problem});
  // Before this agent takes the port.
  if (KubeProxyAnswers(kKubeProxyHealthPort)) {
    const std::string meaning = KubeProxyMeaning(kKubeProxyHealthPort);
    LogWarning("A kube-proxy works on this node too", {{"meaning", meaning}, {"what_to_do", KubeProxyWhatToDo()}});
    identity.problems.push_back(
        {.where = "kube-proxy",
         .what = absl::StrCat("when shuntd started: ", meaning, ". To do: ", KubeProxyWhatToDo()),
         .advice = true});
  }
  return identity;
}

// In the loop's thread, after the first Apply.
void Agent::SayReady() {
  ::malloc_trim(0);  // what it took to read everything at once is not needed again
  admin_->SetServing(true);
  Notify(absl::StrCat("READY=1\nSTATUS=", ledger_.totals().services, " services"));
}

void Agent::Stop() {
  source_thread_ = {};  // asks it to stop, and joins
  loop_thread_ = {};
  if (admin_ != nullptr) admin_->Shutdown(kAdminGrace);
  if (http_ != nullptr) http_->Stop();  // it stays: who is asked for problems until the end asks it
  socket_ender_thread_.reset();         // neither the loop nor the API asks it any more
}

ExitStatus StatusOf(const absl::Status& error) {
  return absl::IsInvalidArgument(error) ? kExitUsage : kExitFailed;
}

}  // namespace

ExitStatus Run(const Options& options) {
  // What the source's thread makes the loop's thread drops: with an arena for each, neither can use the other's room.
  ::mallopt(M_ARENA_MAX, 1);
  OpenLog(options.log_format, options.verbosity);
  LogNote(0, "Starting",
          {{"version", kVersion},
           {"abi", datapath::PinAbiVersion()},
           {"node", options.node_name},
           {"bpffs", options.bpffs},
           {"admin_socket", options.admin_socket}});
  const absl::StatusOr<EndWatch> end = EndWatch::Open();
  if (!end.ok()) {
    LogError(end.status(), "Cannot start");
    return kExitFailed;
  }
  Agent agent(options, *end);
  if (absl::Status status = agent.Start(); !status.ok()) {
    LogError(status, "Cannot start");
    if (agent.in_force()) LogNote(0, "The programs stay in force; `shuntd cleanup` removes them");
    return StatusOf(status);
  }
  const absl::Status why = end->Wait();
  Notify("STOPPING=1");
  agent.Stop();
  if (!why.ok()) {
    LogError(why, "Stopped; the pins stay in force");
    return kExitFailed;
  }
  LogNote(0, "Stopped; the pins stay in force");
  return kExitOk;
}

}  // namespace shunt::agent
