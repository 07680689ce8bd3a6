// SPDX-License-Identifier: Apache-2.0
// The metrics of kube-proxy's names (1.36) that mean the same here, and those that every process of a cluster has. Two
// are left out on purpose: kubernetes_build_info, because an alert in wide use (KubeVersionMismatch) takes any version
// in it for Kubernetes'; and all that counts rules of iptables or nftables, of which we have none.
#ifndef SHUNT_ADMIN_HTTP_KUBEPROXY_METRICS_H_
#define SHUNT_ADMIN_HTTP_KUBEPROXY_METRICS_H_

#include "userspace/admin/http/exposition.h"
#include "userspace/report/agent_metrics.h"

namespace shunt::admin::http {

// kubeproxy_* and rest_client_*. Both IP families are applied by one step, so its duration stands under both.
void AddKubeProxyMetrics(const report::MetricsSnapshot& snapshot, Exposition& page);
// process_*, as Prometheus' client libraries name them.
void AddProcessMetrics(const report::ProcessUsage& process, Exposition& page);

}  // namespace shunt::admin::http

#endif  // SHUNT_ADMIN_HTTP_KUBEPROXY_METRICS_H_
