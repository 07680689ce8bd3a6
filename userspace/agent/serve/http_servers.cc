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

absl::StatusOr<std::unique_ptr<HttpServers>> HttpServers::Start(HttpSources sources) {
  absl::StatusOr<std::unique_ptr<Server>> health = Server::Start({});
  if (!health.ok()) return health.status();
  std::unique_ptr<Server> metrics;
  if (sources.metrics.has_value()) {
    absl::StatusOr<std::unique_ptr<Server>> started = Server::Start({});
    if (!started.ok()) return started.status();
    metrics = *std::move(started);
  }
  return std::unique_ptr<HttpServers>(new HttpServers(std::move(sources), *std::move(health), std::move(metrics)));
}

HttpServers::HttpServers(HttpSources sources, std::unique_ptr<Server> health, std::unique_ptr<Server> metrics)
    : sources_(std::move(sources)),
      health_(std::move(health)),
      metrics_(std::move(metrics)),
      node_ports_(sources_.ledger, health_->listeners(),
                  [queries = sources_.health] { return report::IsHealthy(queries.state(), queries.now().steady); }) {}

void HttpServers::Listen() {
  if (sources_.healthz.has_value()) {
    health_->listeners().Replace(kOwner, {{.name = "--healthz-bind-address",
                                           .at = *sources_.healthz,
                                           .handler = admin::http::HealthHandler(sources_.health)}});
  }
  if (sources_.metrics.has_value()) {
    metrics_->listeners().Replace(kOwner, {{.name = "--metrics-bind-address",
                                            .at = *sources_.metrics,
                                            .handler = admin::http::MetricsHandler(sources_.metrics_query)}});
  }
}

void HttpServers::Stop() {
  health_->Stop();
  if (metrics_ != nullptr) metrics_->Stop();
}

std::vector<report::StatusProblem> HttpServers::Problems() const {
  std::vector<report::StatusProblem> problems;
  AddProblems(health_->listeners(), problems);
  if (metrics_ != nullptr) AddProblems(metrics_->listeners(), problems);
  return problems;
}

}  // namespace shunt::agent
