// SPDX-License-Identifier: Apache-2.0
// The families of the metrics page: our own names, kube-proxy's, and those of every process.
#ifndef SHUNT_ADMIN_HTTP_METRIC_FAMILIES_H_
#define SHUNT_ADMIN_HTTP_METRIC_FAMILIES_H_

#include "userspace/admin/http/exposition.h"
#include "userspace/report/agent_metrics.h"

namespace shunt::admin::http {

// shunt_*.
void AddShuntMetrics(const report::MetricsSnapshot& snapshot, Exposition& page);

// kubeproxy_* and rest_client_*: the metrics of kube-proxy (1.36) that mean the same here. One step applies both IP
// families, so its duration is reported under both. Two kinds are left out on purpose: kubernetes_build_info, because a
// widely used alert (KubeVersionMismatch) takes any version in it for the version of Kubernetes; and everything that
// counts rules of iptables or nftables, because we write no such rules.
void AddKubeProxyMetrics(const report::MetricsSnapshot& snapshot, Exposition& page);

// process_*, as Prometheus' client libraries name them.
void AddProcessMetrics(const report::ProcessUsage& process, Exposition& page);

}  // namespace shunt::admin::http

#endif  // SHUNT_ADMIN_HTTP_METRIC_FAMILIES_H_
