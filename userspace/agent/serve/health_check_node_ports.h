// SPDX-License-Identifier: Apache-2.0
// The listeners of the Services' healthCheckNodePorts: load balancers ask each node there whether it has endpoints of
// the Service, and send traffic only to nodes that have. As kube-proxy's, each IP family has listeners of its own,
// which answer for that family's endpoints.
#ifndef SHUNT_AGENT_SERVE_HEALTH_CHECK_NODE_PORTS_H_
#define SHUNT_AGENT_SERVE_HEALTH_CHECK_NODE_PORTS_H_

#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "userspace/admin/http/listener_set.h"
#include "userspace/agent/control/ledger.h"
#include "userspace/model/ip_address.h"
#include "userspace/model/names.h"

namespace shunt::agent {

class HealthCheckNodePorts {
 public:
  // The ledger and the set must outlive the listeners. `healthy` is called at each probe, in the server's thread.
  HealthCheckNodePorts(const Ledger& ledger, admin::http::ListenerSet& listeners, std::function<bool()> healthy);

  // Sets where they listen: at the node-port addresses. An unspecified address means all addresses of its family; the
  // default is that of both. Called in the thread of Follow.
  void SetAddresses(std::vector<model::IpAddress> addresses);
  // Opens and closes listeners so that they are those of the ledger. Called after each step of the loop, in its thread.
  // Cheap if no Service's port changed: endpoints are counted when a probe asks.
  void Follow();

 private:
  using Ports = std::map<std::pair<model::ObjectName, model::IpFamily>, uint16_t>;

  admin::http::Handler AnswerFor(const model::ObjectName& service, model::IpFamily family) const;

  const Ledger& ledger_;
  admin::http::ListenerSet& listeners_;
  const std::function<bool()> healthy_;
  std::vector<model::IpAddress> addresses_ = {model::IpAddress::Unspecified(model::IpFamily::kV4),
                                              model::IpAddress::Unspecified(model::IpFamily::kV6)};
  Ports ports_;
  bool addresses_changed_ = false;
};

}  // namespace shunt::agent

#endif  // SHUNT_AGENT_SERVE_HEALTH_CHECK_NODE_PORTS_H_
