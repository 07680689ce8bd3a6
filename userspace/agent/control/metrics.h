// SPDX-License-Identifier: Apache-2.0
// Counts what the agent does, for /metrics and /healthz: written by the loop and by the other threads that do what
// these pages show, read by the threads that serve them.
#ifndef SHUNT_AGENT_CONTROL_METRICS_H_
#define SHUNT_AGENT_CONTROL_METRICS_H_

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
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
  bool full = false;   // the step applied everything
  size_t applied = 0;  // Services
  size_t failed = 0;   // Services
  // The deliveries of which something is not applied yet, as Taken numbers them, in order.
  std::vector<uint64_t> waiting;
};

// Thread-safe; no call takes longer than a few assignments.
class Metrics {
 public:
  // `start_ms` counts from 1970. Older changes of endpoints do not count for the latency, because they had to wait for
  // this agent to start.
  explicit Metrics(int64_t start_ms);

  // Remembers at most this many waiting deliveries, and as many changes, one by one: an agent that cannot sync, because
  // it may not read one resource, keeps taking deliveries of the others.
  static constexpr size_t kPendingMax = 100'000;

  // ---- called by the loop ----
  // Counts events that a source delivered at `queued` and that the next steps will apply. Returns the delivery's
  // number, higher than those before.
  uint64_t Taken(absl::Span<const sources::Event> events, const report::Moment& queued);
  // Counts a step. All that was taken and does not wait is applied, or refused and put on the list of retries.
  void StepDone(const StepReport& step);
  // `node` is this node's object, null if no source has one. The node is ineligible if it had one that is gone.
  void SetNode(const model::Node* node);
  // `problem` is what is wrong with this node's name; empty if nothing is.
  void SetNodeProblem(std::string problem);

  // ---- called by other threads ----
  void AuditDone(uint64_t differences, uint64_t repairs, int64_t now_ms);
  void HealthPageAnswered(report::HealthPage page, int status);

  // ---- reading ----
  report::AgentMetrics Read() const;
  // `oldest_waiting` is when the oldest delivery that the loop has not taken was queued.
  report::HealthState Health(std::optional<std::chrono::steady_clock::time_point> oldest_waiting) const;

 private:
  // An EndpointSlice that waits for the end of the step that applies it.
  struct Change {
    model::AddressType family = model::AddressType::kIpv4;
    int64_t trigger_ms = 0;
  };
  // A delivery that was taken and is not applied.
  struct Pending {
    uint64_t number = 0;
    std::chrono::steady_clock::time_point queued;
    uint32_t services = 0;
    uint32_t slices = 0;
    std::vector<Change> changes;
  };

  void Count(const sources::Event& event, Pending& pending) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Applied(const Pending& delivery, const StepReport& step) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const int64_t start_ms_;
  mutable std::mutex mutex_;
  report::AgentMetrics metrics_ ABSL_GUARDED_BY(mutex_);
  bool node_seen_ ABSL_GUARDED_BY(mutex_) = false;
  bool node_eligible_ ABSL_GUARDED_BY(mutex_) = true;
  std::string node_problem_ ABSL_GUARDED_BY(mutex_);
  uint64_t deliveries_ ABSL_GUARDED_BY(mutex_) = 0;
  // The first kPendingMax of the deliveries that were taken and are not applied, in the order of arrival. What is
  // beyond counts with the last of them.
  std::vector<Pending> pending_ ABSL_GUARDED_BY(mutex_);
  size_t pending_changes_ ABSL_GUARDED_BY(mutex_) = 0;  // in all of them
};

}  // namespace shunt::agent

#endif  // SHUNT_AGENT_CONTROL_METRICS_H_
