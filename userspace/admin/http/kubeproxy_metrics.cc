// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "absl/strings/str_cat.h"
#include "userspace/admin/http/metric_families.h"

namespace shunt::admin::http {
namespace {

constexpr std::array<absl::string_view, 2> kFamilies = {"IPv4", "IPv6"};

void AddOfBoth(const report::Histogram& histogram, Exposition& page) {
  for (const absl::string_view family : kFamilies) page.Add(histogram, {{"ip_family", family}});
}

void AddOfBoth(int64_t time_ms, Exposition& page) {
  for (const absl::string_view family : kFamilies)
    page.Add(static_cast<double>(time_ms) / 1000, {{"ip_family", family}});
}

void AddSteps(const report::LoopMetrics& loop, Exposition& page) {
  report::Histogram all = loop.full_steps;
  all.Merge(loop.partial_steps);
  page.Histogram("kubeproxy_sync_proxy_rules_duration_seconds", "Duration of a step of the loop");
  AddOfBoth(all, page);
  page.Histogram("kubeproxy_sync_full_proxy_rules_duration_seconds", "Duration of a step that applies everything");
  AddOfBoth(loop.full_steps, page);
  page.Histogram("kubeproxy_sync_partial_proxy_rules_duration_seconds", "Duration of a step that applies what changed");
  AddOfBoth(loop.partial_steps, page);
  page.Histogram("kubeproxy_network_programming_duration_seconds",
                 "From the change of an endpoint, by the controller's clock, until it is in the kernel");
  for (size_t i = 0; i < kFamilies.size(); ++i) page.Add(loop.programming[i], {{"ip_family", kFamilies[i]}});
  page.Gauge("kubeproxy_sync_proxy_rules_last_timestamp_seconds", "The end of the last step");
  AddOfBoth(loop.last_sync_ms, page);
  page.Gauge("kubeproxy_sync_proxy_rules_last_queued_timestamp_seconds", "The last delivery of changes to the loop");
  AddOfBoth(loop.last_queued_ms, page);
}

void AddChanges(const report::LoopMetrics& loop, Exposition& page) {
  page.Gauge("kubeproxy_sync_proxy_rules_endpoint_changes_pending", "Changes of EndpointSlices that wait for a step");
  page.Add(static_cast<double>(loop.slice_changes_pending));
  page.Counter("kubeproxy_sync_proxy_rules_endpoint_changes_total", "Changes of EndpointSlices");
  page.Add(static_cast<double>(loop.slice_changes));
  page.Gauge("kubeproxy_sync_proxy_rules_service_changes_pending", "Changes of Services that wait for a step");
  page.Add(static_cast<double>(loop.service_changes_pending));
  page.Counter("kubeproxy_sync_proxy_rules_service_changes_total", "Changes of Services");
  page.Add(static_cast<double>(loop.service_changes));
}

// kube-proxy's name ends in _total although it is a gauge; dashboards use that name.
void AddLocalMisses(const report::LocalMisses& misses, Exposition& page) {
  page.Gauge("kubeproxy_sync_proxy_rules_no_local_endpoints_total",
             "Ports of Services whose Local policy leaves them no endpoint on this node, though there are others");
  for (size_t i = 0; i < kFamilies.size(); ++i) {
    page.Add(misses.internal[i], {{"ip_family", kFamilies[i]}, {"traffic_policy", "internal"}});
    page.Add(misses.external[i], {{"ip_family", kFamilies[i]}, {"traffic_policy", "external"}});
  }
}

void AddHealthPage(const report::AgentMetrics& agent, report::HealthPage which, Exposition& page) {
  for (const int status : {200, 503}) {
    const auto count = agent.health_page_answers.find({which, status});
    page.Add(count == agent.health_page_answers.end() ? 0 : static_cast<double>(count->second),
             {{"code", absl::StrCat(status)}});
  }
}

}  // namespace

void AddKubeProxyMetrics(const report::MetricsSnapshot& snapshot, Exposition& page) {
  AddSteps(snapshot.agent.loop, page);
  AddChanges(snapshot.agent.loop, page);
  AddLocalMisses(snapshot.local_misses, page);
  page.Counter("kubeproxy_proxy_healthz_total", "Answers of /healthz");
  AddHealthPage(snapshot.agent, report::HealthPage::kHealthz, page);
  page.Counter("kubeproxy_proxy_livez_total", "Answers of /livez");
  AddHealthPage(snapshot.agent, report::HealthPage::kLivez, page);
  page.Counter("rest_client_requests_total", "Requests to API servers");
  for (const report::RequestCount& request : snapshot.source.requests) {
    page.Add(static_cast<double>(request.count),
             {{"code", request.code}, {"method", request.method}, {"host", request.host}});
  }
}

void AddProcessMetrics(const report::ProcessUsage& process, Exposition& page) {
  page.Counter("process_cpu_seconds_total", "CPU time of this process, user and system");
  page.Add(process.cpu_seconds);
  page.Gauge("process_resident_memory_bytes", "Resident memory");
  page.Add(static_cast<double>(process.resident_bytes));
  page.Gauge("process_virtual_memory_bytes", "Virtual memory");
  page.Add(static_cast<double>(process.virtual_bytes));
  page.Gauge("process_open_fds", "Open file descriptors");
  page.Add(static_cast<double>(process.open_descriptors));
  page.Gauge("process_max_fds", "How many file descriptors may be open");
  page.Add(static_cast<double>(process.descriptors_max));
  page.Gauge("process_start_time_seconds", "When this process started, since 1970");
  page.Add(process.start_time_s);
}

}  // namespace shunt::admin::http
