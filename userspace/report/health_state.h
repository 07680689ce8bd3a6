// SPDX-License-Identifier: Apache-2.0
// Whether this node's proxy works, for load balancers and the kubelet, with kube-proxy's meaning of /healthz and /livez
// (KEP-3836). It does not depend on the API server: a node that has lost it still serves.
#ifndef SHUNT_REPORT_HEALTH_STATE_H_
#define SHUNT_REPORT_HEALTH_STATE_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "userspace/model/ip_address.h"
#include "userspace/model/names.h"

namespace shunt::report {

// A moment by both clocks: ages are measured by the steady one, people are told the wall clock's.
struct Moment {
  std::chrono::steady_clock::time_point steady;
  int64_t wall_ms = 0;  // since 1970
};

// One state for both IP families, because one loop applies them together.
struct HealthState {
  // When the oldest object that is not yet applied was delivered; unset if everything is applied.
  std::optional<std::chrono::steady_clock::time_point> oldest_pending;
  // The end of the last step that applied what had been delivered; since 1970, 0 before the first.
  int64_t last_updated_ms = 0;
  // model::Node::EligibleForTraffic() of the node's object as last seen; true until it is seen.
  bool node_eligible = true;
  // What is wrong with this node's name, for people; empty if nothing is. No page fails by it.
  std::string node_problem;

  bool StartedUp() const { return last_updated_ms != 0; }
};

// Twice kube-proxy's default sync period. If an update waits for longer, the agent has stopped applying.
inline constexpr std::chrono::seconds kHealthTimeout{60};

// Returns false iff something was delivered kHealthTimeout ago or earlier and is still not applied. True while starting
// up, so that an agent is not killed while it waits for its API server. A Service that the datapath refuses counts as
// applied: it was tried, and a new process would fare no better.
bool IsHealthy(const HealthState& state, std::chrono::steady_clock::time_point now);

// What the health check on a Service's healthCheckNodePort reports to load balancers of one IP family: each family has
// a server of its own, with its own local endpoints.
struct ServiceHealth {
  model::ObjectName service;
  uint16_t port = 0;  // the healthCheckNodePort
  model::IpFamily family = model::IpFamily::kV4;
  uint32_t local_endpoints = 0;

  friend bool operator==(const ServiceHealth&, const ServiceHealth&) = default;
};

enum class HealthPage : uint8_t { kHealthz, kLivez };

// What the health pages ask. Thread-safe; every method returns at once.
class HealthView {
 public:
  virtual ~HealthView() = default;

  virtual HealthState Health() const = 0;
  virtual Moment Now() const = 0;
  // Counts one answer of `page` with this HTTP status.
  virtual void CountAnswer(HealthPage page, int status) const = 0;
};

}  // namespace shunt::report

#endif  // SHUNT_REPORT_HEALTH_STATE_H_
