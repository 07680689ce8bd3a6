// SPDX-License-Identifier: Apache-2.0
#include "userspace/admin/http/health_pages.h"

#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "absl/time/time.h"

namespace shunt::admin::http {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kOk = 200;
constexpr int kUnavailable = 503;

// Returns a time as Go writes it in JSON: RFC 3339 with as many decimals as it has. 0 becomes the year 1, Go's zero.
std::string TimeText(int64_t wall_ms) {
  if (wall_ms == 0) return "0001-01-01T00:00:00Z";
  return absl::FormatTime("%E4Y-%m-%dT%H:%M:%E*SZ", absl::FromUnixMillis(wall_ms), absl::UTCTimeZone());
}

Response JsonResponse(int status, std::string body) {
  return {.status = status, .content_type = "application/json", .body = std::move(body)};
}

// Returns the body of both pages; the order of its fields is that of Go's struct.
Json Health(const report::HealthState& state, const report::Moment& now, bool answers_ok, const bool* node_eligible) {
  const bool healthy = report::IsHealthy(state, now.steady);
  // Probes check that "lastUpdated" is recent, because it once was the time of the last periodic sync. So a healthy
  // proxy reports the present time.
  Json body = {{"lastUpdated", TimeText(answers_ok ? now.wall_ms : state.last_updated_ms)},
               {"currentTime", TimeText(now.wall_ms)}};
  if (node_eligible != nullptr) body["nodeEligible"] = *node_eligible;
  body["healthy"] = healthy;
  if (node_eligible != nullptr && !state.node_problem.empty()) body["nodeProblem"] = state.node_problem;
  if (state.StartedUp()) {
    const Json family = {{"lastUpdated", TimeText(state.last_updated_ms)}, {"healthy", healthy}};
    body["status"] = {{"IPv4", family}, {"IPv6", family}};
  }
  return body;
}

}  // namespace

Response LivezPage(const report::HealthState& state, const report::Moment& now) {
  const bool ok = report::IsHealthy(state, now.steady);
  return JsonResponse(ok ? kOk : kUnavailable, Health(state, now, ok, nullptr).dump());
}

Response HealthzPage(const report::HealthState& state, const report::Moment& now) {
  const bool ok = report::IsHealthy(state, now.steady) && state.node_eligible;
  return JsonResponse(
      ok ? kOk : kUnavailable,
      Health(state, now, ok, &state.node_eligible).dump(-1, ' ', false, Json::error_handler_t::replace));
}

Response ReadyzPage(const report::HealthState& state, const report::Moment& now) {
  const Json body = {{"currentTime", TimeText(now.wall_ms)}, {"ready", state.StartedUp()}};
  return JsonResponse(state.StartedUp() ? kOk : kUnavailable, body.dump());
}

Response ServiceHealthPage(const report::ServiceHealth& service, bool proxy_healthy) {
  const Json body = {
      {"service", {{"namespace", service.service.namespace_name}, {"name", service.service.name}}},
      {"localEndpoints", service.local_endpoints},
      {"serviceProxyHealthy", proxy_healthy},
  };
  const bool ok = service.local_endpoints > 0 && proxy_healthy;
  // No API server sends a name that is not UTF-8; if one comes nevertheless, it must not make dump() throw.
  Response response = JsonResponse(ok ? kOk : kUnavailable, body.dump(1, '\t', false, Json::error_handler_t::replace));
  response.headers.emplace_back("X-Load-Balancing-Endpoint-Weight", std::to_string(service.local_endpoints));
  return response;
}

Handler HealthHandler(const report::HealthView& view) {
  return [&view](const Request& request) {
    if (request.path == "/healthz") {
      Response page = HealthzPage(view.Health(), view.Now());
      view.CountAnswer(report::HealthPage::kHealthz, page.status);
      return page;
    }
    if (request.path == "/livez") {
      Response page = LivezPage(view.Health(), view.Now());
      view.CountAnswer(report::HealthPage::kLivez, page.status);
      return page;
    }
    if (request.path == "/readyz") return ReadyzPage(view.Health(), view.Now());
    return StatusResponse(404);
  };
}

}  // namespace shunt::admin::http
