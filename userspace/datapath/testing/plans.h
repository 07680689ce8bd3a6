// SPDX-License-Identifier: Apache-2.0
// Makes ServicePlans for tests in a few words, as the planner would make them.
#ifndef SHUNT_DATAPATH_TESTING_PLANS_H_
#define SHUNT_DATAPATH_TESTING_PLANS_H_

#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "userspace/model/service_plan.h"

namespace shunt::datapath {

// REQUIRES: the text is an address.
model::IpAddress Ip(absl::string_view text);
model::SocketAddress Socket(absl::string_view address, uint16_t port);
model::FrontendAddress Dial(absl::string_view address, uint16_t port, model::Protocol protocol = model::Protocol::kTcp);

// Has an exact alias table, and members in the order of their backends, as plans have.
model::Pool MakePool(std::vector<model::PoolMember> members);
// Backends of weight 1: MakePool({"10.0.0.1", "10.0.0.2"}, 8080).
model::Pool MakePool(std::initializer_list<absl::string_view> addresses, uint16_t port);
model::Pool MakeEmptyPool(model::EmptyPool reason);

model::Frontend MakeFrontend(model::FrontendKind kind, absl::string_view address, uint16_t port,
                             model::Protocol protocol = model::Protocol::kTcp);

// default/web, port 80/TCP, one ClusterIP frontend, one pool.
model::PortPlan MakePort(absl::string_view cluster_ip, uint16_t port, model::Pool pool);
model::ServicePlan MakePlan(absl::string_view name, std::vector<model::PortPlan> ports);
model::ServicePlan MakePlan(absl::string_view name, absl::string_view cluster_ip, uint16_t port, model::Pool pool);

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_TESTING_PLANS_H_
