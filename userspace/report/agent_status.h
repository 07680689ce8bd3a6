// SPDX-License-Identifier: Apache-2.0
// What the agent reports about itself, about each Service and about each backend. Values only: agent_view.h says how
// they are asked for.
#ifndef SHUNT_REPORT_AGENT_STATUS_H_
#define SHUNT_REPORT_AGENT_STATUS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "userspace/model/service_plan.h"
#include "userspace/report/audit_report.h"
#include "userspace/report/map_rows.h"
#include "userspace/report/reflector_status.h"
#include "userspace/report/service_warnings.h"
#include "userspace/report/socket_sweep.h"

namespace shunt::report {

struct StatusProblem {
  std::string where;  // file and line, a Service that is not in the kernel, map or program
  std::string what;
  bool advice = false;  // nothing fails by it: it is worth knowing
  // The Service whose object is refused because of it, which may be one that is known from before; nullopt if it is
  // about anything else.
  std::optional<model::ObjectName> refused_service = std::nullopt;
};

// The translation of packets at the node's devices.
struct PacketPathStatus {
  uint32_t devices_in_force = 0;
  uint32_t devices_missing = 0;  // to have the programs, and without them
  uint64_t flows = 0;            // rows in use
  uint64_t flows_limit = 0;      // rows
};

struct AgentStatus {
  std::string version;
  uint32_t abi_version = 0;
  int32_t pid = 0;
  std::string node_name;
  std::string source;  // "manifests /etc/shunt/manifests"
  std::string pin_directory;
  std::string cgroup;
  int64_t start_time_ms = 0;       // since 1970
  bool synced = false;             // every source has delivered what it began with
  int64_t last_apply_time_ms = 0;  // since 1970; 0: never
  uint64_t applies = 0;
  uint32_t services = 0;
  uint32_t frontends = 0;
  uint32_t backends = 0;
  uint32_t failed_services = 0;   // waiting for a retry
  bool programs_current = false;  // this build's programs are attached, not an older pinned set
  bool observing = false;         // the programs in force decide and count, and translate nothing
  SignOfLife sign_of_life;
  std::vector<ProgramStatus> programs;
  std::vector<MapFill> maps;
  std::vector<ReasonRow> reasons;
  SocketSweeps socket_sweeps;
  SourceStatus source_status;
  AuditReport last_audit;
  int64_t answer_time_ms = 0;           // since 1970: when this status was read
  std::vector<StatusProblem> problems;  // of this node: files refused, Services that do not fit, programs not loaded
  std::vector<ServiceWarning> service_warnings;  // by name; the last one may say how many more Services have some
  WarnedServices warned_services = {};
  std::optional<PacketPathStatus> packet_path;  // nullopt: packets are not translated
};

struct ServiceStatus {
  model::ServicePlan plan;
  absl::Status applied;  // OK: the kernel holds the plan
  // Why a later state of its object is refused, each with its place; empty unless the plan is of an earlier one.
  std::vector<std::string> refusals;
  // Per plan.ports entry; zeros if not in the kernel.
  struct PortCounters {
    uint64_t translated = 0;
    uint64_t no_endpoints = 0;
    uint64_t local_misses = 0;
  };
  std::vector<PortCounters> port_counters;
  // Read back from the maps without an agent: no slices, conditions, weights, pool scopes or reasons are known.
  bool from_maps = false;
  // With from_maps: the plan's frontends that only some clients may dial. Their ranges are not read back, so
  // Frontend::source_ranges is empty for these too.
  std::vector<model::FrontendAddress> restricted_frontends;
};

// One Backend in the kernel, and the Services that use it.
struct BackendStatus {
  uint32_t id = 0;
  model::SocketAddress address;
  uint64_t chosen = 0;
  std::vector<model::ObjectName> services;  // in name order
};

}  // namespace shunt::report

#endif  // SHUNT_REPORT_AGENT_STATUS_H_
