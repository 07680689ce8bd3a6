// SPDX-License-Identifier: Apache-2.0
// The servers of the Services' healthCheckNodePorts: load balancers ask each node there whether it has endpoints of
// the Service, and send traffic only where it has.
#ifndef SHUNT_AGENT_SERVE_HEALTH_CHECK_NODE_PORTS_H_
#define SHUNT_AGENT_SERVE_HEALTH_CHECK_NODE_PORTS_H_

#include <functional>
#include <map>
#include <vector>

#include "userspace/admin/http/listener_set.h"
#include "userspace/agent/control/ledger.h"
#include "userspace/model/ip_address.h"
#include "userspace/model/names.h"

namespace shunt::agent {

class HealthCheckNodePorts {
 public:
  // All must outlive the listeners. `healthy` is asked at each probe, in the server's thread.
  HealthCheckNodePorts(const Ledger& ledger, admin::http::ListenerSet& listeners, std::function<bool()> healthy);

  // Where they listen: the node-port addresses; unspecified (the default): everywhere. In the thread of Follow.
  void SetAddresses(std::vector<model::IpAddress> addresses);
  // Makes the listeners be those of the ledger: after each step of the loop, in its thread. Cheap when no Service's
  // port changed; counts of endpoints are looked up when somebody asks.
  void Follow();

 private:
  using Ports = std::map<model::ObjectName, uint16_t>;

  admin::http::Handler AnswerFor(const model::ObjectName& service) const;

  const Ledger& ledger_;
  admin::http::ListenerSet& listeners_;
  const std::function<bool()> healthy_;
  std::vector<model::IpAddress> addresses_ = {model::IpAddress::Unspecified(model::IpFamily::kV4)};
  Ports ports_;
  bool addresses_changed_ = false;
};

}  // namespace shunt::agent

#endif  // SHUNT_AGENT_SERVE_HEALTH_CHECK_NODE_PORTS_H_
