// SPDX-License-Identifier: Apache-2.0
#include "userspace/agent/kubernetes_cluster.h"

#include <unistd.h>

#include <condition_variable>
#include <functional>
#include <map>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "userspace/agent/process/log.h"
#include "userspace/sources/kubernetes/client/api_server_probe.h"
#include "userspace/sources/kubernetes/client/client_choice.h"
#include "userspace/sources/kubernetes/client/curl_transport.h"
#include "userspace/sources/kubernetes/client/proxy.h"
#include "userspace/sources/kubernetes/follow/replica.h"
#include "userspace/sources/kubernetes/snapshot/snapshot_reader.h"

namespace shunt::agent {
namespace {

using sources::ObjectKind;
namespace kubernetes = sources::kubernetes;

// Buffers what a source delivers until the source is synced, then passes everything on: a part of the cluster is not
// better than the snapshot of all of it. Thread-safe.
class BufferingSink final : public sources::Sink {
 public:
  explicit BufferingSink(sources::Sink& sink) : sink_(sink) {}

  void Deliver(std::vector<sources::Event> events) override {
    const std::lock_guard lock(mutex_);
    if (synced_) return sink_.Deliver(std::move(events));
    held_.push_back(std::move(events));
  }
  void Progress(ObjectKind kind, std::string version, size_t count) override {
    const std::lock_guard lock(mutex_);
    if (synced_) return sink_.Progress(kind, std::move(version), count);
    progress_[kind] = {.version = std::move(version), .objects = count};
  }
  void Synced() override {
    const std::lock_guard lock(mutex_);
    if (given_up_) return;
    for (std::vector<sources::Event>& events : held_) sink_.Deliver(std::move(events));
    for (auto& [kind, progress] : progress_) sink_.Progress(kind, std::move(progress.version), progress.objects);
    held_.clear();
    sink_.Synced();
    synced_ = true;
  }
  void Report(std::vector<sources::SourceProblem> problems) override { sink_.Report(std::move(problems)); }

  // Passes nothing on from now on. Returns false, and changes nothing, if the source is synced already.
  bool GiveUp() {
    const std::lock_guard lock(mutex_);
    given_up_ = !synced_;
    return given_up_;
  }

 private:
  sources::Sink& sink_;
  std::mutex mutex_;
  std::vector<std::vector<sources::Event>> held_;         // mutex_ guards this and the members below
  std::map<ObjectKind, report::SourceVersion> progress_;  // the last of each kind
  bool synced_ = false;
  bool given_up_ = false;
};

absl::StatusOr<kubernetes::ClientConfig> Choose(const Options& options) {
  return kubernetes::ChooseClientConfig({.kubeconfig = options.kubeconfig,
                                         .api_servers = options.api_servers,
                                         .pod = kubernetes::InClusterPlace::OfProcess()});
}

kubernetes::Remembered& RememberedOf(kubernetes::KubernetesSourceOptions& options, ObjectKind kind) {
  switch (kind) {
    case ObjectKind::kService:
      return options.services;
    case ObjectKind::kEndpointSlice:
      return options.endpoint_slices;
    case ObjectKind::kNode:
      break;
  }
  return options.node;
}

}  // namespace

std::string SnapshotPath(const Options& options) {
  const bool is_kept = !options.state_directory.empty() && options.snapshot_interval != kNoSnapshots;
  return is_kept ? absl::StrCat(options.state_directory, "/snapshot") : "";
}

absl::Status KubernetesCluster::Check(const Options& options) {
  const absl::Status status = Choose(options).status();
  // A file that is missing may arrive later, as a kubeconfig does on a node that has yet to join. Waiting does not mend
  // one that is malformed.
  return status.ok() || absl::IsNotFound(status) ? status : absl::InvalidArgumentError(status.message());
}

absl::StatusOr<std::unique_ptr<ClusterSource>> KubernetesCluster::Open(const Options& options,
                                                                       SourceEnvironment environment) {
  absl::StatusOr<kubernetes::ClientConfig> client = Choose(options);
  if (!client.ok()) return client.status();
  const bool has_fallback = environment.kernel_serves || ::access(SnapshotPath(options).c_str(), R_OK) == 0;
  const absl::Status reachable =
      kubernetes::ProbeClusterIp(*client, kubernetes::InClusterPlace::OfProcess(),
                                 kubernetes::ProxyEnvironment::OfProcess(), environment.exempt_socket);
  // An agent with something to serve meanwhile warns and goes on.
  if (!reachable.ok() && !has_fallback) return reachable;
  if (!reachable.ok()) LogError(reachable, "API server is not reachable at the configured address");
  return std::unique_ptr<ClusterSource>(new KubernetesCluster(options, *std::move(client), std::move(environment)));
}

KubernetesCluster::KubernetesCluster(const Options& options, kubernetes::ClientConfig client,
                                     SourceEnvironment environment)
    : node_name_(options.node_name),
      snapshot_path_(SnapshotPath(options)),
      seed_(std::hash<std::string>()(options.node_name) ^ static_cast<uint64_t>(::getpid())),
      client_(std::move(client)),
      environment_(std::move(environment)) {
  ReadDiscoveredServers();
}

std::string KubernetesCluster::Description() const {
  std::vector<std::string> urls;
  for (const kubernetes::ApiServer& server : client_.servers) urls.push_back(server.url);
  return absl::StrCat("kubernetes ", absl::StrJoin(urls, ","));
}

report::SourceStatus KubernetesCluster::status() const {
  const std::lock_guard lock(mutex_);
  if (running_ != nullptr) return running_->status();
  report::SourceStatus status;
  status.snapshot_time_ms = served_snapshot_ms_;
  return status;
}

// Reads them even if the snapshot itself is not served: further addresses of API servers can only help.
void KubernetesCluster::ReadDiscoveredServers() {
  const absl::StatusOr<kubernetes::SnapshotSummary> summary = kubernetes::ReadSnapshotSummary(snapshot_path_);
  if (summary.ok()) discovered_servers_ = summary->api_servers;
}

kubernetes::KubernetesSourceOptions KubernetesCluster::SourceOptions() const {
  kubernetes::KubernetesSourceOptions options;
  options.node_name = node_name_;
  options.servers = client_.servers;
  options.discovered_servers = discovered_servers_;
  options.discovers_servers = !client_.skip_tls_verification;
  options.seed = seed_;
  for (size_t kind = 0; kind < environment_.versions.size(); ++kind) {
    const report::SourceVersion& version = environment_.versions[kind];
    RememberedOf(options, static_cast<ObjectKind>(kind)) = {
        .version = version.version, .count = version.objects, .delivered = {}};
  }
  options.on_servers_discovered = environment_.on_servers_discovered;
  return options;
}

absl::Status KubernetesCluster::Run(sources::Sink& sink, std::stop_token stop) {
  // So that the next snapshot has them too, even if nothing changes that would make the source discover them again.
  if (environment_.on_servers_discovered && !discovered_servers_.empty()) {
    environment_.on_servers_discovered(discovered_servers_);
  }
  const bool may_need_snapshot = !environment_.kernel_serves && ::access(snapshot_path_.c_str(), R_OK) == 0;
  if (!may_need_snapshot) return Follow(SourceOptions(), sink, stop);
  if (absl::Status status = FollowPatiently(sink, stop); !status.ok() || stop.stop_requested()) return status;
  kubernetes::KubernetesSourceOptions options = SourceOptions();
  ServeSnapshot(options, sink);
  sink.Report({});  // the next source begins without problems and reports only changes
  return Follow(std::move(options), sink, stop);
}

absl::Status KubernetesCluster::FollowPatiently(sources::Sink& sink, std::stop_token stop) {
  BufferingSink buffer(sink);
  std::stop_source enough;
  const std::stop_callback outer(stop, [&enough] { enough.request_stop(); });
  std::mutex mutex;
  std::condition_variable_any never;
  const std::jthread timer([&](std::stop_token over) {
    std::unique_lock lock(mutex);
    never.wait_for(lock, over, environment_.patience, [] { return false; });
    if (!over.stop_requested() && buffer.GiveUp()) enough.request_stop();
  });
  return Follow(SourceOptions(), buffer, enough.get_token());
}

absl::Status KubernetesCluster::Follow(kubernetes::KubernetesSourceOptions options, sources::Sink& sink,
                                       std::stop_token stop) {
  absl::StatusOr<std::unique_ptr<kubernetes::CurlTransport>> transport =
      kubernetes::CurlTransport::Create({.client = client_,
                                         .proxies = kubernetes::ProxyEnvironment::OfProcess(),
                                         .prepare_socket = environment_.exempt_socket,
                                         .timers = {}});
  if (!transport.ok()) return transport.status();
  kubernetes::KubernetesSource source(std::move(options), *std::move(transport));
  const auto run_as = [this](kubernetes::KubernetesSource* running) {
    const std::lock_guard lock(mutex_);
    running_ = running;
  };
  run_as(&source);
  const absl::Status status = source.Run(sink, stop);
  run_as(nullptr);
  return status;
}

void KubernetesCluster::ServeSnapshot(kubernetes::KubernetesSourceOptions& options, sources::Sink& sink) {
  std::vector<sources::Event> events;
  std::vector<std::pair<ObjectKind, kubernetes::KnownObject>> known;
  std::vector<std::pair<ObjectKind, kubernetes::UnusableObject>> left_out;
  const absl::StatusOr<kubernetes::SnapshotSummary> summary = kubernetes::ReadSnapshot(
      snapshot_path_,
      {.usable =
           [&](sources::Object object) {
             known.emplace_back(sources::KindOf(object), kubernetes::Identify(object));
             events.push_back(sources::Upsert{std::move(object)});
           },
       .unusable = [&](ObjectKind kind,
                       kubernetes::UnusableObject object) { left_out.emplace_back(kind, std::move(object)); }});
  if (!summary.ok()) {
    LogWarning("No API server answers, and the snapshot is unusable", {{"problem", summary.status().message()}});
    return;
  }
  if (summary->node_name != node_name_) {
    LogWarning("No API server answers, and the snapshot is another node's", {{"node", summary->node_name}});
    return;
  }
  for (const kubernetes::SnapshotResource& resource : summary->resources) {
    kubernetes::Remembered& remembered = RememberedOf(options, resource.kind);
    // The pins are new, so no version is kept beside them. State older than the snapshot's would be a step back.
    remembered.version = resource.version;
    remembered.count = resource.object_count;
  }
  for (auto& [kind, object] : known) RememberedOf(options, kind).delivered.push_back(std::move(object));
  for (auto& [kind, object] : left_out) RememberedOf(options, kind).left_out.push_back(std::move(object));
  options.snapshot_time_ms = summary->saved_ms;
  LogWarning("No API server answers: serving the snapshot of the cluster",
             {{"objects", events.size()}, {"saved_ms", summary->saved_ms}, {"file", snapshot_path_}});
  {
    const std::lock_guard lock(mutex_);
    served_snapshot_ms_ = summary->saved_ms;
  }
  sink.Deliver(std::move(events));
  for (const kubernetes::SnapshotResource& resource : summary->resources) {
    if (!resource.version.empty()) sink.Progress(resource.kind, resource.version, resource.object_count);
  }
  sink.Synced();
}

}  // namespace shunt::agent
