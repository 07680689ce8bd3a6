// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/kubernetes/kubernetes_source.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace shunt::sources::kubernetes {
namespace {

int64_t NowMs() {
  using std::chrono::milliseconds;
  return std::chrono::duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

size_t Index(ObjectKind kind) {
  return static_cast<size_t>(kind);
}

}  // namespace

KubernetesSource::KubernetesSource(KubernetesSourceOptions options, std::unique_ptr<Transport> transport)
    : on_servers_discovered_(std::move(options.on_servers_discovered)),
      discovers_servers_(options.discovers_servers),
      snapshot_time_ms_(options.snapshot_time_ms),
      transport_(std::move(transport)),
      servers_(std::move(options.servers)) {
  status_.snapshot_time_ms = snapshot_time_ms_;
  if (discovers_servers_) servers_.SetDiscovered(options.discovered_servers);
  const auto add = [&](ObjectKind kind, const Remembered& remembered) {
    // Each resource gets random numbers of its own.
    const uint64_t seed = options.seed * reflectors_.size() + Index(kind);
    reflectors_[Index(kind)] =
        std::make_unique<Reflector>(kind, options.node_name, remembered, seed, servers_, *transport_);
  };
  add(ObjectKind::kService, options.services);
  add(ObjectKind::kEndpointSlice, options.endpoint_slices);
  add(ObjectKind::kNode, options.node);
}

absl::Status KubernetesSource::Run(Sink& sink, std::stop_token stop) {
  const std::stop_callback wake(stop, [this] { transport_->Wake(); });
  SteadyTime now = transport_->Wait(SteadyTime::min());
  while (!stop.stop_requested()) {
    SteadyTime next = SteadyTime::max();
    for (const auto& reflector : reflectors_) {
      reflector->Advance(now);
      Deliver(*reflector, sink);
      next = std::min(next, reflector->NextWake());
    }
    Conclude(now, sink);
    now = transport_->Wait(next);
  }
  return absl::OkStatus();
}

report::SourceStatus KubernetesSource::status() const {
  const std::lock_guard lock(status_mutex_);
  return status_;
}

void KubernetesSource::Deliver(Reflector& reflector, Sink& sink) {
  std::vector<Event> events = reflector.TakeEvents();
  if (!events.empty()) {
    Discover(events);
    sink.Deliver(std::move(events));
  }
  ReportProgress(reflector, sink);
}

void KubernetesSource::Discover(const std::vector<Event>& events) {
  if (!discovers_servers_) return;
  bool changed = false;
  for (const Event& event : events) changed |= discovered_.Note(event);
  // A cluster may name no API server for a moment while all of them are being replaced.
  if (!changed || discovered_.urls().empty()) return;
  servers_.SetDiscovered(discovered_.urls());
  if (on_servers_discovered_) on_servers_discovered_(discovered_.urls());
}

void KubernetesSource::ReportProgress(const Reflector& reflector, Sink& sink) {
  std::string& told = progress_[Index(reflector.kind())];
  if (!reflector.current() || reflector.version() == told) return;
  told = reflector.version();
  sink.Progress(reflector.kind(), told, reflector.object_count());
}

void KubernetesSource::Conclude(SteadyTime now, Sink& sink) {
  const bool all_synced =
      std::all_of(reflectors_.begin(), reflectors_.end(), [](const auto& reflector) { return reflector->synced(); });
  if (all_synced && !std::exchange(synced_, all_synced)) sink.Synced();

  report::SourceStatus status;
  std::vector<SourceProblem> problems;
  const int64_t now_ms = NowMs();
  for (const auto& reflector : reflectors_) {
    status.reflectors.push_back(reflector->status(now, now_ms));
    for (SourceProblem& problem : reflector->problems()) problems.push_back(std::move(problem));
  }
  for (std::string& what : transport_->problems()) {
    problems.push_back({.where = "connection to the API server", .what = std::move(what)});
  }
  status.server = servers_.current().url;
  status.reachable = servers_.reachable();
  status.requests = servers_.requests();
  status.snapshot_time_ms = synced_ ? 0 : snapshot_time_ms_;
  {
    const std::lock_guard lock(status_mutex_);
    status_ = std::move(status);
  }
  if (problems == reported_) return;
  reported_ = problems;
  sink.Report(std::move(problems));
}

}  // namespace shunt::sources::kubernetes
