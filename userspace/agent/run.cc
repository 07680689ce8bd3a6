// SPDX-License-Identifier: Apache-2.0
#include "userspace/agent/run.h"

#include <malloc.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "shunt_version.h"
#include "userspace/admin/server.h"
#include "userspace/agent/bypass_thread.h"
#include "userspace/agent/control/inbox.h"
#include "userspace/agent/control/ledger.h"
#include "userspace/agent/control/loop.h"
#include "userspace/agent/control/reconciler.h"
#include "userspace/agent/identity.h"
#include "userspace/agent/kubernetes_cluster.h"
#include "userspace/agent/live_parts.h"
#include "userspace/agent/loop_events.h"
#include "userspace/agent/open_cluster_source.h"
#include "userspace/agent/process/log.h"
#include "userspace/agent/process/signals.h"
#include "userspace/agent/serve/http_servers.h"
#include "userspace/agent/serve/live_health.h"
#include "userspace/agent/serve/live_view.h"
#include "userspace/agent/snapshot_thread.h"
#include "userspace/agent/socket_ender_thread.h"
#include "userspace/datapath/kernel/devices/device_hooks.h"
#include "userspace/datapath/kernel/kernel_datapath.h"
#include "userspace/datapath/kernel/node_addresses.h"
#include "userspace/datapath/kernel/object/pins.h"
#include "userspace/datapath/kernel/packets/packet_settings.h"
#include "userspace/datapath/kernel/pinned_reader.h"
#include "userspace/report/agent_status.h"
#include "userspace/report/socket_sweep.h"
#include "userspace/report/source_version.h"

namespace shunt::agent {
namespace {

// Calls of the admin API in progress get this long when the agent stops.
constexpr absl::Duration kAdminGrace = absl::Milliseconds(500);

void LogPrograms(const datapath::KernelDatapath& datapath) {
  bool waits = datapath.waits_for_take_over();
  for (const std::string& problem : datapath.problems()) {
    if (std::exchange(waits, false)) {  // the first problem says why
      LogNote(0, "Waiting to put this build's programs in force", {{"why", problem}});
    } else {
      LogWarning("Degraded", {{"problem", problem}});
    }
  }
  LogNote(1, datapath.programs_current() ? "Programs are in force" : "Programs of an earlier agent are in force",
          {{"cgroup", datapath.cgroup()}, {"own_plan", datapath.pin_directory()}});
}

std::optional<datapath::PacketOptions> PacketOptionsOf(const Options& options) {
  if (!HasPacketPath(options)) return std::nullopt;
  return datapath::PacketOptions{.devices = {.external = options.devices, .pods = options.pod_devices},
                                 .first_snat_port = options.masquerade_ports,
                                 .external_cluster_ip = options.external_cluster_ip};
}

void LogDevices(const datapath::DeviceHookChanges& changes) {
  for (const auto& [what, names] : {std::pair("Packets of devices are translated", &changes.attached),
                                    std::pair("Packets of devices are translated by this build", &changes.replaced),
                                    std::pair("Packets of devices are no longer translated", &changes.detached)}) {
    if (!names->empty()) LogNote(1, what, {{"devices", absl::StrJoin(*names, ",")}});
  }
  for (const std::string& name : changes.healed) {
    LogWarning("A device had lost a program, which is attached again", {{"device", name}});
  }
}

absl::StatusOr<std::unique_ptr<datapath::KernelDatapath>> OpenDatapath(const Options& options) {
  absl::StatusOr<std::unique_ptr<datapath::KernelDatapath>> datapath =
      datapath::KernelDatapath::Open({.bpffs = options.bpffs,
                                      .cgroup = options.cgroup,
                                      .limits = MapLimits(options),
                                      .inside = options.cluster_cidr,
                                      .local_miss_drops = options.local_policy_miss == LocalPolicyMiss::kDrop,
                                      .observe = options.observe,
                                      .bypass = options.bypass,
                                      .stale_after = options.stale_after,
                                      .packets = PacketOptionsOf(options)});
  if (!datapath.ok()) return datapath.status();
  for (const std::string& note : (*datapath)->notes()) LogNote(1, "Found pinned", {{"note", note}});
  LogPrograms(**datapath);
  if (options.observe) LogWarning("Only observing: nothing is translated, refused or ended");
  (*datapath)->ListenForHealing([](const std::vector<std::string>& programs, const absl::Status& status) {
    for (const std::string& program : programs) {
      LogWarning("A hook had lost its program, which is attached again", {{"program", program}});
    }
    if (!status.ok()) LogError(status, "A hook has lost its program; trying again every second");
  });
  (*datapath)->ListenForOthers([](const std::vector<std::string>& notes, const std::string& problem) {
    for (const std::string& note : notes) LogWarning("Put right", {{"note", note}});
    if (!problem.empty()) LogWarning("Degraded", {{"problem", problem}});
  });
  (*datapath)->ListenForTakeOver([pins = (*datapath)->pin_directory()](const std::vector<std::string>& notes) {
    for (const std::string& note : notes) LogNote(1, "Found pinned", {{"note", note}});
    LogNote(0, "This build's programs are in force", {{"pins", pins}});
  });
  (*datapath)->ListenForDevices(LogDevices);
  return datapath;
}

std::array<report::SourceVersion, 3> SourceVersionsOf(const datapath::KernelDatapath& datapath) {
  std::array<report::SourceVersion, 3> versions;  // by sources::ObjectKind
  for (size_t kind = 0; kind < versions.size(); ++kind) {
    versions[kind] = datapath.source_version(static_cast<uint32_t>(kind));
  }
  return versions;
}

// Null if no snapshot is kept: manifests on this node's disk need none.
std::unique_ptr<SnapshotThread> StartSnapshotThread(const Options& options) {
  const std::string path = SnapshotPath(options);
  if (!options.manifests.empty() || path.empty()) return nullptr;
  return std::make_unique<SnapshotThread>(path, options.node_name);
}

SourceEnvironment EnvironmentOf(datapath::KernelDatapath& datapath,
                                const std::array<report::SourceVersion, 3>& versions, bool served_before,
                                SnapshotThread* snapshot) {
  SourceEnvironment environment{.versions = versions,
                                .kernel_serves = served_before,
                                .exempt_socket = [&datapath](int fd) { return datapath.ExemptSocket(fd); },
                                .on_servers_discovered = nullptr};
  if (snapshot != nullptr) {
    environment.on_servers_discovered = [snapshot](std::vector<std::string> urls) {
      snapshot->SetApiServers(std::move(urls));
    };
  }
  return environment;
}

// The node's addresses as the kernel announces them.
class KernelAddresses final : public AddressFeed {
 public:
  explicit KernelAddresses(datapath::NodeAddressWatch& watch) : watch_(watch) {}

  int fd() const override { return watch_.fd(); }
  absl::StatusOr<std::vector<datapath::NodeAddress>> Read() override {
    const absl::StatusOr<bool> changed = watch_.Drain();
    if (!changed.ok()) return changed.status();
    if (*changed || !known_.ok()) known_ = watch_.Read();
    return known_;
  }

 private:
  datapath::NodeAddressWatch& watch_;
  absl::StatusOr<std::vector<datapath::NodeAddress>> known_ = absl::UnavailableError("not read yet");
};

ReconcilerOptions ReconcilerOptionsOf(const Options& options) {
  return {.node_name = options.node_name,
          .sources = 1,
          .expects_node = options.manifests.empty(),
          .node_port_addresses = options.node_port_addresses,
          .planner = {.endpoints_max = options.endpoints_per_pool,
                      .udp_idle_s = options.udp_idle_s,
                      .masquerades_all = options.masquerade_all,
                      .serves_packets = HasPacketPath(options)},
          .jitter_seed = static_cast<uint64_t>(::getpid())};
}

// Begins to end sockets whose backend is gone, unless `options` or this host forbid it; the result then says why. The
// loop must not run yet, because the datapath reports removals to the thread.
std::unique_ptr<SocketEnderThread> StartSocketEnder(const Options& options, datapath::KernelDatapath& datapath) {
  const EndSockets wanted = options.observe ? EndSockets::kOff : options.end_sockets;
  report::SocketSweeps identity;
  identity.protocols = EndSocketsName(wanted);
  if (wanted == EndSockets::kOff) return std::make_unique<SocketEnderThread>(std::move(identity));
  const bool tcp = wanted == EndSockets::kAll;
  absl::StatusOr<std::unique_ptr<datapath::SocketEnder>> opened = datapath.OpenSocketEnder({.tcp = tcp});
  if (!opened.ok()) {
    identity.problem = std::string(opened.status().message());
    LogWarning("Sockets whose backend is gone are not ended", {{"problem", identity.problem}});
    return std::make_unique<SocketEnderThread>(std::move(identity));
  }
  const std::shared_ptr<datapath::SocketEnder> ender = *std::move(opened);
  identity.method = ender->method();
  auto thread = std::make_unique<SocketEnderThread>([ender] { return ender->Sweep(); }, std::move(identity));
  datapath.ListenForRemovals([&thread = *thread, tcp](const datapath::Removals& removals) {
    if (removals.udp || tcp) thread.Removal();
  });
  return thread;
}

ExitStatus CannotStart(const absl::Status& error) {
  LogError(error, "Cannot start");
  return absl::IsInvalidArgument(error) ? kExitUsage : kExitFailed;
}

// The same, once programs are attached by this agent or by an earlier one.
ExitStatus CannotServe(const absl::Status& error) {
  const ExitStatus status = CannotStart(error);
  LogNote(0, "The programs stay in force; `shuntd cleanup` removes them");
  return status;
}

// Makes the parts of the agent, each from the ones before it, and serves until `end` says so. Parts end in the reverse
// order, except that the threads and the servers are stopped first, so that no part is asked while it is taken apart.
ExitStatus Serve(const Options& options, datapath::KernelDatapath& datapath, const EndWatch& end) {
  const bool served_before = datapath.Serves();
  const std::array<report::SourceVersion, 3> versions = SourceVersionsOf(datapath);
  const std::unique_ptr<SnapshotThread> snapshot = StartSnapshotThread(options);
  const auto source = OpenClusterSource(options, EnvironmentOf(datapath, versions, served_before, snapshot.get()));
  if (!source.ok()) return CannotServe(source.status());
  auto node_addresses = datapath::NodeAddressWatch::Open();
  if (!node_addresses.ok()) return CannotServe(node_addresses.status());
  KernelAddresses addresses(*node_addresses);
  Ledger ledger;
  Inbox inbox(1);
  Loop loop(ReconcilerOptionsOf(options), datapath, ledger, inbox, addresses);
  std::unique_ptr<SocketEnderThread> socket_ender = StartSocketEnder(options, datapath);
  const BypassThread bypass(datapath.scopes());
  const LiveHealth health(loop.metrics(), inbox);
  const auto http = HttpServers::Start(
      {.healthz = options.healthz_bind_address, .metrics = options.metrics_bind_address}, ledger, health);
  if (!http.ok()) return CannotServe(http.status());
  const LiveParts parts(datapath, loop, served_before, **source, snapshot.get(), *socket_ender, **http);
  const LiveView view(IdentityOf(options, datapath, **source), ledger, loop, parts,
                      [&] { return datapath::PinnedReader::OpenPlan(options.bpffs, datapath.pins()); });
  const auto admin = admin::AdminServer::Start(options.admin_socket, view);
  if (!admin.ok()) return CannotServe(admin.status());
  (*http)->Listen(view);
  for (const report::StatusProblem& problem : (*http)->Problems()) {
    LogWarning("Degraded", {{"where", problem.where}, {"problem", problem.what}});
  }
  LoopEvents events({options, datapath, ledger, loop, *node_addresses, **source, snapshot.get(), **http, **admin},
                    versions);
  events.Started(served_before);
  std::jthread loop_thread([&](std::stop_token stop) { loop.Run(stop, events); });
  std::jthread source_thread([&](std::stop_token stop) {
    const absl::Status status = (*source)->Run(inbox.PortOf(0), stop);
    if (!status.ok()) end.End(status);
  });

  const absl::Status why = end.Wait();
  LoopEvents::Stopping();
  source_thread = {};  // asks it to stop, and joins
  loop_thread = {};
  (*admin)->Shutdown(kAdminGrace);
  (*http)->Stop();
  socket_ender.reset();  // neither the loop nor the API asks it after this
  if (why.ok()) {
    LogNote(0, "Stopped; the pins stay in force");
    return kExitOk;
  }
  LogError(why, "Stopped; the pins stay in force");
  return kExitFailed;
}

}  // namespace

ExitStatus Run(const Options& options) {
  // The source's thread allocates what the loop's thread frees: with one arena for each, neither can reuse the memory
  // of the other.
  ::mallopt(M_ARENA_MAX, 1);
  OpenLog(options.log_format, options.verbosity);
  LogNote(0, "Starting",
          {{"version", kVersion},
           {"abi", datapath::PinAbiVersion()},
           {"node", options.node_name},
           {"bpffs", options.bpffs},
           {"admin_socket", options.admin_socket}});
  const absl::StatusOr<EndWatch> end = EndWatch::Open();
  if (!end.ok()) return CannotStart(end.status());
  // What can be refused without changing the kernel comes first.
  if (absl::Status status = CheckClusterSource(options); !status.ok()) return CannotStart(status);
  if (absl::Status status = admin::AdminServer::CheckSocket(options.admin_socket); !status.ok()) {
    return CannotStart(status);
  }
  const absl::StatusOr<std::unique_ptr<datapath::KernelDatapath>> datapath = OpenDatapath(options);
  if (!datapath.ok()) return CannotStart(datapath.status());
  return Serve(options, **datapath, *end);
}

}  // namespace shunt::agent
