// SPDX-License-Identifier: Apache-2.0
// The agent's HTTP servers: one for health pages and healthCheckNodePorts, one for metrics. Each has its own thread, so
// that a metrics page over large maps delays no probe.
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

// Where the servers listen.
struct HttpAddresses {
  std::optional<model::SocketAddress> healthz;  // unset: no health pages; healthCheckNodePorts are still served
  std::optional<model::SocketAddress> metrics;  // unset: no metrics page
};

class HttpServers {
 public:
  // Starts the servers, which do not listen yet. `ledger` and `health` are asked from the first Follow or Listen until
  // Stop has returned. Returns an error if no file descriptors are left.
  static absl::StatusOr<std::unique_ptr<HttpServers>> Start(const HttpAddresses& addresses, const Ledger& ledger,
                                                            const report::HealthView& health);
  // Listens, and asks `metrics` until Stop has returned. An address that is in use becomes one of the Problems and is
  // tried again. Called once.
  void Listen(const report::MetricsView& metrics);
  // Ends every answer; ledger and views are not asked after it. Every other method may still be called.
  void Stop();

  // Makes the healthCheckNodePorts those of the ledger. Called after each step of the loop, in its thread.
  void Follow() { node_ports_.Follow(); }
  // In the loop's thread.
  void SetNodePortAddresses(std::vector<model::IpAddress> addresses) { node_ports_.SetAddresses(std::move(addresses)); }

  // The listeners that could not be opened. Thread-safe.
  std::vector<report::StatusProblem> Problems() const;
  // Thread-safe.
  admin::http::ListenerSet& health_listeners() { return health_server_->listeners(); }
  // Null if there is no metrics page.
  admin::http::ListenerSet* metrics_listeners() {
    return metrics_server_ == nullptr ? nullptr : &metrics_server_->listeners();
  }

 private:
  HttpServers(const HttpAddresses& addresses, const Ledger& ledger, const report::HealthView& health,
              std::unique_ptr<admin::http::Server> health_server, std::unique_ptr<admin::http::Server> metrics_server);

  const HttpAddresses addresses_;
  const report::HealthView& health_;
  const std::unique_ptr<admin::http::Server> health_server_;
  const std::unique_ptr<admin::http::Server> metrics_server_;  // null: there is no metrics page
  HealthCheckNodePorts node_ports_;
};

}  // namespace shunt::agent

#endif  // SHUNT_AGENT_SERVE_HTTP_SERVERS_H_
