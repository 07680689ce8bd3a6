// SPDX-License-Identifier: Apache-2.0
// Whether this node's proxy does its work, as load balancers and the kubelet ask: kube-proxy's meaning of /healthz and
// /livez (KEP-3836). Nothing here depends on the API server: a node that has lost it still serves.
#ifndef SHUNT_REPORT_HEALTH_STATE_H_
#define SHUNT_REPORT_HEALTH_STATE_H_

#include <chrono>
#include <cstdint>
#include <optional>

#include "userspace/model/names.h"

namespace shunt::report {

// A moment by both clocks: ages are measured by the one that never jumps, people are told the other.
struct Moment {
  std::chrono::steady_clock::time_point steady;
  int64_t wall_ms = 0;  // since 1970
};

// One loop applies both IP families together, so what is true of one is true of the other.
struct HealthState {
  // When the oldest object was delivered that is not yet applied; unset: everything is.
  std::optional<std::chrono::steady_clock::time_point> oldest_pending;
  // The end of the last step that applied what had been delivered; since 1970, 0: there was none yet.
  int64_t last_updated_ms = 0;
  // The node's object as last seen (model::Node::EligibleForTraffic); true until one was.
  bool node_eligible = true;

  bool StartedUp() const { return last_updated_ms != 0; }
};

// Twice kube-proxy's default sync period. An update that waits for longer means that nothing is applied any more.
inline constexpr std::chrono::seconds kHealthTimeout{60};

// False iff something was delivered kHealthTimeout ago or earlier and is still not applied. True while starting up: an
// agent that waits for its API server is not to be killed for it. A Service that the datapath refuses does not count:
// it was tried, and trying it in a new process would change nothing.
bool IsHealthy(const HealthState& state, std::chrono::steady_clock::time_point now);

// What a healthCheckNodePort answers for.
struct ServiceHealth {
  model::ObjectName service;
  uint16_t port = 0;  // the healthCheckNodePort
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
