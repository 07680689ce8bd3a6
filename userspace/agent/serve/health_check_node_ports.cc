// SPDX-License-Identifier: Apache-2.0
#include "userspace/agent/serve/health_check_node_ports.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "userspace/admin/http/health_pages.h"

namespace shunt::agent {
namespace {

constexpr char kOwner[] = "healthCheckNodePort";

}  // namespace

HealthCheckNodePorts::HealthCheckNodePorts(const Ledger& ledger, admin::http::ListenerSet& listeners,
                                           std::function<bool()> healthy)
    : ledger_(ledger), listeners_(listeners), healthy_(std::move(healthy)) {}

void HealthCheckNodePorts::SetAddresses(std::vector<model::IpAddress> addresses) {
  addresses_changed_ = addresses_changed_ || addresses != addresses_;
  addresses_ = std::move(addresses);
}

void HealthCheckNodePorts::Follow() {
  Ports ports;
  for (const report::ServiceHealth& check : ledger_.HealthChecks()) ports.emplace(check.service, check.port);
  const bool moved = std::exchange(addresses_changed_, false);
  if (ports == ports_ && !moved) return;
  std::vector<admin::http::Listener> listeners;
  for (const auto& [service, port] : ports) {
    for (const model::IpAddress& address : addresses_) {
      // Problems are reported under this name.
      std::string name = absl::StrCat("Service ", service.ToString());
      if (addresses_.size() > 1) absl::StrAppend(&name, " at ", address.ToString());
      listeners.push_back(
          {.name = std::move(name), .at = {address, port}, .any_method = true, .handler = AnswerFor(service)});
    }
  }
  ports_ = std::move(ports);
  listeners_.Replace(kOwner, std::move(listeners));
}

admin::http::Handler HealthCheckNodePorts::AnswerFor(const model::ObjectName& service) const {
  return [&ledger = ledger_, healthy = healthy_, service](const admin::http::Request&) {
    report::ServiceHealth health{.service = service};
    if (const std::optional<Ledger::Entry> entry = ledger.Find(service); entry.has_value()) {
      health.local_endpoints = entry->plan->local_ready_endpoints;
    }
    return admin::http::ServiceHealthPage(health, healthy());
  };
}

}  // namespace shunt::agent
