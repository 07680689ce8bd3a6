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
  for (const report::ServiceHealth& check : ledger_.HealthChecks()) {
    ports.emplace(std::pair(check.service, check.family), check.port);
  }
  const bool moved = std::exchange(addresses_changed_, false);
  if (ports == ports_ && !moved) return;
  std::vector<admin::http::Listener> listeners;
  for (const auto& [check, port] : ports) {
    const auto& [service, family] = check;
    for (const model::IpAddress& address : addresses_) {
      if (address.family() != family) continue;
      // Problems are reported under this name.
      listeners.push_back({.name = absl::StrCat("Service ", service.ToString(), " at ", address.ToString()),
                           .at = {address, port},
                           .one_family = true,
                           .any_method = true,
                           .handler = AnswerFor(service, family)});
    }
  }
  ports_ = std::move(ports);
  listeners_.Replace(kOwner, std::move(listeners));
}

admin::http::Handler HealthCheckNodePorts::AnswerFor(const model::ObjectName& service, model::IpFamily family) const {
  return [&ledger = ledger_, healthy = healthy_, service, family](const admin::http::Request&) {
    report::ServiceHealth health{.service = service, .family = family};
    if (const std::optional<Ledger::Entry> entry = ledger.Find(service); entry.has_value()) {
      health.local_endpoints = entry->plan->LocalReady(family).value_or(0);
    }
    return admin::http::ServiceHealthPage(health, healthy());
  };
}

}  // namespace shunt::agent
