// SPDX-License-Identifier: Apache-2.0
// What /metrics shows, as values: the agent fills them, the page names them (docs/metrics.md). Counters are cumulative
// since the agent started; times are since 1970 by the wall clock, 0: never.
#ifndef SHUNT_REPORT_AGENT_METRICS_H_
#define SHUNT_REPORT_AGENT_METRICS_H_

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "userspace/report/agent_status.h"
#include "userspace/report/health_state.h"
#include "userspace/report/histogram.h"
#include "userspace/report/map_rows.h"
#include "userspace/report/reflector_status.h"
#include "userspace/report/traffic.h"

namespace shunt::report {

// The bounds of kube-proxy's kubeproxy_sync_*_duration_seconds: 1 ms to 16 s.
std::vector<double> SyncDurationBounds();
// The bounds of kube-proxy's kubeproxy_network_programming_duration_seconds: 0.25 s to 5 minutes.
std::vector<double> ProgrammingDurationBounds();
// 0.1 ms to 10 s, where our own latencies lie.
std::vector<double> ApplyLatencyBounds();

// What the loop did. Durations are in seconds.
struct LoopMetrics {
  uint64_t applies = 0;          // Services that the datapath applied
  uint64_t failed_applies = 0;   // Services that it failed to apply; each is tried again
  uint64_t service_changes = 0;  // Services delivered by the sources
  uint64_t slice_changes = 0;    // EndpointSlices delivered by the sources
  uint64_t service_changes_pending = 0;
  uint64_t slice_changes_pending = 0;
  int64_t last_sync_ms = 0;                       // the end of the last step
  int64_t last_queued_ms = 0;                     // the last delivery
  Histogram full_steps{SyncDurationBounds()};     // the first step, which applies everything
  Histogram partial_steps{SyncDurationBounds()};  // the later steps, which apply what changed
  // From the delivery by a source to the end of the step that applied it; one sample per delivery.
  Histogram apply_latency{ApplyLatencyBounds()};
  // From the change of an endpoint, by the clock of the cluster's controller, to the end of the step; one sample per
  // EndpointSlice that states the time. For IPv4 and IPv6.
  std::array<Histogram, 2> programming{Histogram(ProgrammingDurationBounds()), Histogram(ProgrammingDurationBounds())};
};

// Comparisons of the desired state with the kernel's maps.
struct AuditMetrics {
  uint64_t audits = 0;
  uint64_t last_differences = 0;  // found by the last one
  uint64_t differences = 0;       // found by all of them
  uint64_t repairs = 0;           // differences that were repaired
  int64_t last_audit_ms = 0;
};

struct AgentMetrics {
  LoopMetrics loop;
  AuditMetrics audit;
  std::map<std::pair<HealthPage, int>, uint64_t> health_page_answers;  // by page and status
};

// Number of ServicePorts with a Local traffic policy and endpoints only on other nodes. For IPv4 and IPv6.
struct LocalMisses {
  std::array<uint32_t, 2> internal = {};
  std::array<uint32_t, 2> external = {};
};

// Series of their own for each ServicePort and each backend cost a monitoring system more than they are worth once
// there are many: above a limit there are none of that kind, and `left_out` says how many it would have been.
struct Traffic {
  std::vector<PortTraffic> ports;
  uint64_t ports_left_out = 0;
  std::vector<BackendTraffic> backends;
  uint64_t backends_left_out = 0;
};

// What this process uses, by the kernel's count.
struct ProcessUsage {
  double cpu_seconds = 0;
  uint64_t resident_bytes = 0;
  uint64_t virtual_bytes = 0;
  uint64_t open_descriptors = 0;
  uint64_t descriptors_max = 0;
  double start_time_s = 0;  // since 1970
};

// What packets are translated by, where they are.
struct PacketMetrics {
  FlowLevelRow flows;            // as the collector has found them in its last round
  uint32_t snat_ports_used = 0;  // in the fullest set of source ports
  uint32_t snat_ports = 0;       // in a set
};

struct MetricsSnapshot {
  int64_t now_ms = 0;
  AgentStatus status;
  AgentMetrics agent;
  LocalMisses local_misses;
  SourceStatus source;  // without reflectors if the source has none
  Traffic traffic;
  ProcessUsage process;
  std::optional<PacketMetrics> packets;  // nullopt: packets are not translated, or the maps cannot be read
};

// What /metrics shows. Thread-safe; may take some milliseconds, because it reads the maps.
class MetricsView {
 public:
  virtual ~MetricsView() = default;

  virtual MetricsSnapshot Metrics() const = 0;
};

}  // namespace shunt::report

#endif  // SHUNT_REPORT_AGENT_METRICS_H_
