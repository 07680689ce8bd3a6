// SPDX-License-Identifier: Apache-2.0
#include "userspace/agent/control/metrics.h"

#include <algorithm>
#include <string>
#include <utility>
#include <variant>

#include "absl/time/time.h"

namespace shunt::agent {
namespace {

using Seconds = std::chrono::duration<double>;

// The EndpointSlice controller sets it to the time of the pod's change that made it write the slice.
constexpr char kTriggerTime[] = "endpoints.kubernetes.io/last-change-trigger-time";

std::optional<int64_t> TriggerTimeMs(const model::EndpointSlice& slice) {
  const auto annotation = slice.annotations.find(kTriggerTime);
  absl::Time time;
  if (annotation == slice.annotations.end() ||
      !absl::ParseTime(absl::RFC3339_full, annotation->second, &time, nullptr)) {
    return std::nullopt;
  }
  return absl::ToUnixMillis(time);
}

}  // namespace

Metrics::Metrics(int64_t start_ms) : start_ms_(start_ms) {}

void Metrics::Count(const sources::Event& event, Pending& pending) {
  bool service = false;
  bool slice = false;
  if (const auto* upsert = std::get_if<sources::Upsert>(&event)) {
    service = std::holds_alternative<model::Service>(upsert->object);
    if (const auto* object = std::get_if<model::EndpointSlice>(&upsert->object)) {
      slice = true;
      const std::optional<int64_t> trigger_ms = TriggerTimeMs(*object);
      if (trigger_ms.has_value() && *trigger_ms > start_ms_ && object->address_type != model::AddressType::kFqdn &&
          pending_changes_ < kPendingMax) {
        ++pending_changes_;
        pending.changes.push_back({object->address_type, *trigger_ms});
      }
    }
  } else {
    const auto& remove = std::get<sources::Remove>(event);
    service = remove.kind == sources::ObjectKind::kService;
    slice = remove.kind == sources::ObjectKind::kEndpointSlice;
  }
  report::LoopMetrics& loop = metrics_.loop;
  loop.service_changes += service ? 1 : 0;
  loop.service_changes_pending += service ? 1 : 0;
  loop.slice_changes += slice ? 1 : 0;
  loop.slice_changes_pending += slice ? 1 : 0;
  pending.services += service ? 1 : 0;
  pending.slices += slice ? 1 : 0;
}

uint64_t Metrics::Taken(absl::Span<const sources::Event> events, const report::Moment& queued) {
  const std::lock_guard lock(mutex_);
  ++deliveries_;
  if (pending_.size() < kPendingMax) pending_.push_back({.number = deliveries_, .queued = queued.steady});
  metrics_.loop.last_queued_ms = queued.wall_ms;
  for (const sources::Event& event : events) Count(event, pending_.back());
  return deliveries_;
}

void Metrics::Applied(const Pending& delivery, const StepReport& step) {
  report::LoopMetrics& loop = metrics_.loop;
  // What is read at the start arrives at once and waits for the slowest source, which is not the latency of a change.
  if (!step.full) loop.apply_latency.Observe(Seconds(step.end.steady - delivery.queued).count());
  for (const Change& change : delivery.changes) {
    // The two clocks need not agree: a change that seems to be applied before it happened counts as 0 s.
    const double took_s = static_cast<double>(std::max<int64_t>(0, step.end.wall_ms - change.trigger_ms)) / 1000;
    loop.programming[change.family == model::AddressType::kIpv6 ? 1 : 0].Observe(took_s);
  }
  pending_changes_ -= delivery.changes.size();
  loop.service_changes_pending -= delivery.services;
  loop.slice_changes_pending -= delivery.slices;
}

void Metrics::StepDone(const StepReport& step) {
  const std::lock_guard lock(mutex_);
  report::LoopMetrics& loop = metrics_.loop;
  report::Histogram& steps = step.full ? loop.full_steps : loop.partial_steps;
  steps.Observe(Seconds(step.end.steady - step.begin.steady).count());
  std::vector<Pending> waiting;  // a new list: the first step's is far longer than all later ones
  for (Pending& delivery : pending_) {
    if (std::binary_search(step.waiting.begin(), step.waiting.end(), delivery.number)) {
      waiting.push_back(std::move(delivery));
    } else {
      Applied(delivery, step);
    }
  }
  pending_ = std::move(waiting);
  loop.applies += step.applied;
  loop.failed_applies += step.failed;
  loop.last_sync_ms = step.end.wall_ms;
}

void Metrics::SetNode(const model::Node* node) {
  const std::lock_guard lock(mutex_);
  node_seen_ = node_seen_ || node != nullptr;
  node_eligible_ = node != nullptr ? node->EligibleForTraffic() : !node_seen_;
}

void Metrics::SetNodeProblem(std::string problem) {
  const std::lock_guard lock(mutex_);
  node_problem_ = std::move(problem);
}

void Metrics::AuditDone(uint64_t differences, uint64_t repairs, int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  ++metrics_.audit.audits;
  metrics_.audit.last_differences = differences;
  metrics_.audit.differences += differences;
  metrics_.audit.repairs += repairs;
  metrics_.audit.last_audit_ms = now_ms;
}

void Metrics::HealthPageAnswered(report::HealthPage page, int status) {
  const std::lock_guard lock(mutex_);
  ++metrics_.health_page_answers[{page, status}];
}

report::AgentMetrics Metrics::Read() const {
  const std::lock_guard lock(mutex_);
  return metrics_;
}

report::HealthState Metrics::Health(std::optional<std::chrono::steady_clock::time_point> oldest_waiting) const {
  const std::lock_guard lock(mutex_);
  report::HealthState state{.oldest_pending = oldest_waiting,
                            .last_updated_ms = metrics_.loop.last_sync_ms,
                            .node_eligible = node_eligible_,
                            .node_problem = node_problem_};
  // What was taken arrived before what is still in the inbox.
  if (!pending_.empty()) state.oldest_pending = pending_.front().queued;
  return state;
}

}  // namespace shunt::agent
