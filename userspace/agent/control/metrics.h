// SPDX-License-Identifier: Apache-2.0
// What the agent counts about itself while it works: written by the loop and by whoever else does something that
// /metrics and /healthz tell of, read by their threads.
#ifndef SHUNT_AGENT_CONTROL_METRICS_H_
#define SHUNT_AGENT_CONTROL_METRICS_H_

#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/types/span.h"
#include "userspace/report/agent_metrics.h"
#include "userspace/report/health_state.h"
#include "userspace/sources/source.h"

namespace shunt::agent {

// What happened in one step of the loop.
struct StepReport {
  report::Moment begin;
  report::Moment end;
  bool full = false;   // of everything
  size_t applied = 0;  // Services
  size_t failed = 0;   // Services
};

// Thread-safe; no call takes longer than a few assignments.
class Metrics {
 public:
  // `start_ms`: since 1970. A change of an endpoint that is older was not waited for by this agent and says nothing
  // about its latency.
  explicit Metrics(int64_t start_ms);

  // So many deliveries and changes that wait are known one by one. An agent that cannot sync, because it may not read
  // one resource, takes those of the others for ever.
  static constexpr size_t kPendingMax = 100'000;

  // ---- the loop ----
  // A source delivered these at `queued`, and the next step will apply them.
  void Taken(absl::Span<const sources::Event> events, const report::Moment& queued);
  // All that was taken is applied, or refused and put on the list of retries.
  void StepDone(const StepReport& step);
  // This node's object, null if no source has one. One that was there and is gone makes the node ineligible.
  void SetNode(const model::Node* node);

  // ---- others ----
  void AuditDone(uint64_t differences, uint64_t repairs, int64_t now_ms);
  void HealthPageAnswered(report::HealthPage page, int status);

  // ---- reading ----
  report::AgentMetrics Read() const;
  // `oldest_waiting`: when the oldest delivery was queued that the loop has not taken yet.
  report::HealthState Health(std::optional<std::chrono::steady_clock::time_point> oldest_waiting) const;

 private:
  // An EndpointSlice that waits for the end of the step that applies it.
  struct Change {
    model::AddressType family = model::AddressType::kIpv4;
    int64_t trigger_ms = 0;
  };

  void Count(const sources::Event& event) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const int64_t start_ms_;
  mutable std::mutex mutex_;
  report::AgentMetrics metrics_ ABSL_GUARDED_BY(mutex_);
  bool node_seen_ ABSL_GUARDED_BY(mutex_) = false;
  bool node_eligible_ ABSL_GUARDED_BY(mutex_) = true;
  // Of the deliveries that were taken and not applied, in the order of arrival, the first kPendingMax.
  std::vector<std::chrono::steady_clock::time_point> pending_ ABSL_GUARDED_BY(mutex_);
  std::vector<Change> pending_changes_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace shunt::agent

#endif  // SHUNT_AGENT_CONTROL_METRICS_H_
