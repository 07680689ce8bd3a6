// SPDX-License-Identifier: Apache-2.0
// A Service and its endpoints as a test describes them, planned by the real planner.
#ifndef SHUNT_SANDBOX_SERVICE_STORY_H_
#define SHUNT_SANDBOX_SERVICE_STORY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "userspace/model/endpoint_slice.h"
#include "userspace/model/service.h"
#include "userspace/planner/planner.h"

namespace shunt::sandbox {

// The node that the stories play on: "here", with the sandbox's addresses 10.0.0.1 and fd00::1.
planner::NodeContext ThisNode();

// One endpoint. One story may have both families: each address goes into the slice of its family.
struct EndpointStory {
  std::string address;
  bool ready = true;
  bool serving = true;
  bool terminating = false;
  std::string node = "here";
};

// Setters return *this. Namespace "default".
class ServiceStory {
 public:
  explicit ServiceStory(std::string name);

  ServiceStory& ClusterIp(std::string address);
  // A ServicePort; its endpoints listen on `target` (0: on `port`).
  ServiceStory& Port(uint16_t port, model::Protocol protocol, uint16_t target = 0, uint16_t node_port = 0);
  ServiceStory& Endpoint(EndpointStory endpoint);
  ServiceStory& Endpoints(std::vector<std::string> addresses);  // ready ones, on this node
  ServiceStory& NoEndpoints();                                  // removes those added so far
  ServiceStory& Weight(absl::string_view address, uint32_t weight);
  ServiceStory& Affinity(int32_t timeout_s);
  ServiceStory& UdpIdle(uint32_t udp_idle_s);  // a setting of the agent; 0: without a limit
  ServiceStory& ExternalIp(std::string address);
  ServiceStory& LoadBalancerIp(std::string address);
  ServiceStory& SourceRange(std::string prefix);
  ServiceStory& InternalLocal();  // internalTrafficPolicy: Local
  ServiceStory& ExternalLocal();  // externalTrafficPolicy: Local

  model::ServicePlan Plan(const planner::NodeContext& node = ThisNode()) const;
  // Returns the plan of the same Service after it was deleted.
  model::ServicePlan Removed() const;

 private:
  model::EndpointSlice Slice(model::AddressType type) const;

  model::Service service_;
  std::vector<uint16_t> targets_;  // parallel to service_.ports
  std::vector<EndpointStory> endpoints_;
  planner::PlannerOptions options_;
  std::string weights_;  // JSON members, comma-separated
};

}  // namespace shunt::sandbox

#endif  // SHUNT_SANDBOX_SERVICE_STORY_H_
