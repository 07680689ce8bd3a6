// SPDX-License-Identifier: Apache-2.0
// /metrics: the agent's own metrics (shunt_*), and those of kube-proxy for which dashboards and alerts are written.
// docs/metrics.md lists all of them, and a test compares.
#ifndef SHUNT_ADMIN_HTTP_METRICS_PAGE_H_
#define SHUNT_ADMIN_HTTP_METRICS_PAGE_H_

#include <string>

#include "userspace/admin/http/conversation.h"
#include "userspace/report/agent_metrics.h"

namespace shunt::admin::http {

// Returns the page in Prometheus' text format. A pure function of the snapshot.
std::string MetricsText(const report::MetricsSnapshot& snapshot);

// Returns the handler of /metrics, which answers 404 for any other path. `view` must outlive it.
Handler MetricsHandler(const report::MetricsView& view);

}  // namespace shunt::admin::http

#endif  // SHUNT_ADMIN_HTTP_METRICS_PAGE_H_
