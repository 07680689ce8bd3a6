// SPDX-License-Identifier: Apache-2.0
// The metrics of our own names.
#ifndef SHUNT_ADMIN_HTTP_SHUNT_METRICS_H_
#define SHUNT_ADMIN_HTTP_SHUNT_METRICS_H_

#include "userspace/admin/http/exposition.h"
#include "userspace/report/agent_metrics.h"

namespace shunt::admin::http {

void AddShuntMetrics(const report::MetricsSnapshot& snapshot, Exposition& page);

}  // namespace shunt::admin::http

#endif  // SHUNT_ADMIN_HTTP_SHUNT_METRICS_H_
