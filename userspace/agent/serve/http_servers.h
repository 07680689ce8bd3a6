// SPDX-License-Identifier: Apache-2.0
// The agent's HTTP servers: health, with the healthCheckNodePorts, and metrics. Two threads, so that a page of metrics
// over large maps keeps no probe waiting.
#ifndef SHUNT_AGENT_SERVE_HTTP_SERVERS_H_
#define SHUNT_AGENT_SERVE_HTTP_SERVERS_H_

#include <memory>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "userspace/admin/http/server.h"
#include "userspace/agent/control/ledger.h"
#include "userspace/agent/serve/health_check_node_ports.h"
#include "userspace/report/agent_metrics.h"
#include "userspace/report/agent_status.h"
#include "userspace/report/health_state.h"

namespace shunt::agent {

// All must outlive the servers.
struct HttpSources {
  std::optional<model::SocketAddress> healthz;  // unset: no such pages; healthCheckNodePorts there are all the same
  std::optional<model::SocketAddress> metrics;  // unset: none
  const Ledger& ledger;
  report::HealthQueries health;
  report::MetricsQuery metrics_query;
};

class HttpServers {
 public:
  // Listens nowhere yet. Errors: no descriptors are left.
  static absl::StatusOr<std::unique_ptr<HttpServers>> Start(HttpSources sources);
  // From now on the sources are asked. An address that cannot be had now is a problem that is told and tried again, no
  // error. Called once.
  void Listen();
  // Nobody is answered any more, and the sources may go. Everything else may still be called.
  void Stop();

  // After each step of the loop, in its thread.
  void Follow() { node_ports_.Follow(); }
  // In the loop's thread.
  void SetNodePortAddresses(std::vector<model::IpAddress> addresses) { node_ports_.SetAddresses(std::move(addresses)); }

  // Where nobody listens who should. Thread-safe.
  std::vector<report::StatusProblem> Problems() const;
  // Thread-safe.
  admin::http::ListenerSet& health_listeners() { return health_->listeners(); }
  admin::http::ListenerSet* metrics_listeners() { return metrics_ == nullptr ? nullptr : &metrics_->listeners(); }

 private:
  HttpServers(HttpSources sources, std::unique_ptr<admin::http::Server> health,
              std::unique_ptr<admin::http::Server> metrics);

  HttpSources sources_;
  std::unique_ptr<admin::http::Server> health_;
  std::unique_ptr<admin::http::Server> metrics_;  // null: none is asked for
  HealthCheckNodePorts node_ports_;
};

}  // namespace shunt::agent

#endif  // SHUNT_AGENT_SERVE_HTTP_SERVERS_H_
