// SPDX-License-Identifier: Apache-2.0
// The pages that load balancers and the kubelet read. Their bodies and headers are kube-proxy's (1.36), because clouds
// and probes are written for those. Pages are pure functions of the state and the time.
#ifndef SHUNT_ADMIN_HTTP_HEALTH_PAGES_H_
#define SHUNT_ADMIN_HTTP_HEALTH_PAGES_H_

#include "userspace/admin/http/conversation.h"
#include "userspace/admin/http/response.h"
#include "userspace/report/health_state.h"

namespace shunt::admin::http {

// /livez: 200 while report::IsHealthy, else 503. For the kubelet's liveness probe.
Response LivezPage(const report::HealthState& state, const report::Moment& now);
// /healthz: 200 while report::IsHealthy and the node is eligible for traffic, else 503. For load balancers.
// "nodeProblem", which kube-proxy lacks, says what is wrong with the node's name.
Response HealthzPage(const report::HealthState& state, const report::Moment& now);
// /readyz, which kube-proxy lacks: 200 once everything that the sources began with is applied or refused, else 503.
Response ReadyzPage(const report::HealthState& state, const report::Moment& now);
// The healthCheckNodePort of a Service: 200 iff it has local endpoints and the proxy is healthy, else 503.
Response ServiceHealthPage(const report::ServiceHealth& service, bool proxy_healthy);

// Returns the handler of the three pages, which answers 404 for any other path. `view` must outlive it.
Handler HealthHandler(const report::HealthView& view);

}  // namespace shunt::admin::http

#endif  // SHUNT_ADMIN_HTTP_HEALTH_PAGES_H_
