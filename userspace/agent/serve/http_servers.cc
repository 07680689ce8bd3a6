// SPDX-License-Identifier: Apache-2.0
#include "userspace/agent/serve/http_servers.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "userspace/admin/http/health_pages.h"
#include "userspace/admin/http/metrics_page.h"

namespace shunt::agent {
namespace {

using admin::http::Server;

constexpr char kOwner[] = "agent";

void AddProblems(const admin::http::ListenerSet& listeners, std::vector<report::StatusProblem>& problems) {
  for (const admin::http::ListenProblem& problem : listeners.Problems()) {
    problems.push_back({.where = problem.name, .what = problem.what, .advice = true});
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<HttpServers>> HttpServers::Start(const HttpAddresses& addresses, const Ledger& ledger,
                                                                const report::HealthView& health) {
  absl::StatusOr<std::unique_ptr<Server>> health_server = Server::Start({});
  if (!health_server.ok()) return health_server.status();
  std::unique_ptr<Server> metrics_server;
  if (addresses.metrics.has_value()) {
    absl::StatusOr<std::unique_ptr<Server>> started = Server::Start({});
    if (!started.ok()) return started.status();
    metrics_server = *std::move(started);
  }
  return std::unique_ptr<HttpServers>(
      new HttpServers(addresses, ledger, health, *std::move(health_server), std::move(metrics_server)));
}

HttpServers::HttpServers(const HttpAddresses& addresses, const Ledger& ledger, const report::HealthView& health,
                         std::unique_ptr<Server> health_server, std::unique_ptr<Server> metrics_server)
    : addresses_(addresses),
      health_(health),
      health_server_(std::move(health_server)),
      metrics_server_(std::move(metrics_server)),
      node_ports_(ledger, health_server_->listeners(),
                  [&health] { return report::IsHealthy(health.Health(), health.Now().steady); }) {}

void HttpServers::Listen(const report::MetricsView& metrics) {
  if (addresses_.healthz.has_value()) {
    health_server_->listeners().Replace(kOwner, {{.name = "--healthz-bind-address",
                                                  .at = *addresses_.healthz,
                                                  .handler = admin::http::HealthHandler(health_)}});
  }
  if (addresses_.metrics.has_value()) {
    metrics_server_->listeners().Replace(kOwner, {{.name = "--metrics-bind-address",
                                                   .at = *addresses_.metrics,
                                                   .handler = admin::http::MetricsHandler(metrics)}});
  }
}

void HttpServers::Stop() {
  health_server_->Stop();
  if (metrics_server_ != nullptr) metrics_server_->Stop();
}

std::vector<report::StatusProblem> HttpServers::Problems() const {
  std::vector<report::StatusProblem> problems;
  AddProblems(health_server_->listeners(), problems);
  if (metrics_server_ != nullptr) AddProblems(metrics_server_->listeners(), problems);
  return problems;
}

}  // namespace shunt::agent
