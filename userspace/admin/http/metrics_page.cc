// SPDX-License-Identifier: Apache-2.0
#include "userspace/admin/http/metrics_page.h"

#include "userspace/admin/http/exposition.h"
#include "userspace/admin/http/metric_families.h"

namespace shunt::admin::http {

std::string MetricsText(const report::MetricsSnapshot& snapshot) {
  Exposition page;
  AddShuntMetrics(snapshot, page);
  AddKubeProxyMetrics(snapshot, page);
  AddProcessMetrics(snapshot.process, page);
  return page.Take();
}

Handler MetricsHandler(const report::MetricsView& view) {
  return [&view](const Request& request) {
    if (request.path != "/metrics") return StatusResponse(404);
    return Response{.content_type = "text/plain; version=0.0.4; charset=utf-8", .body = MetricsText(view.Metrics())};
  };
}

}  // namespace shunt::admin::http
