// SPDX-License-Identifier: Apache-2.0
// Which set answers which client: three Services, three kinds of frontend, three kinds of client. The flows are those
// of kube-proxy's TestInternalExternalMasquerade in its base configuration. A socket on this node (of a pod or of the
// host) uses a frontend's internal pool, a client from outside its external pool.
#include <gtest/gtest.h>

#include "userspace/planner/testing/test_objects.h"

namespace shunt::planner {
namespace {

enum class Source { kPod, kNode, kOutside };
enum class Set { kCluster, kLocal };

struct Flow {
  const char* sentence;
  const char* service;  // a name that PlanOf() knows
  Source source;
  model::FrontendKind frontend;
  Set expected;
};

// "cluster": both policies Cluster. "external-local", "internal-local": that policy is Local.
model::ServicePlan PlanOf(const std::string& name) {
  model::Service service = MakeService();
  service.type = model::ServiceType::kLoadBalancer;
  service.ports[0].node_port = 30080;
  service.load_balancer_ingress = {{"198.51.100.1", "VIP"}};
  service.external_ips = {"203.0.113.1"};
  if (name == "external-local") service.external_traffic_policy = model::TrafficPolicy::kLocal;
  if (name == "internal-local") service.internal_traffic_policy = model::TrafficPolicy::kLocal;
  return Plan(service, {MakeSlice("s", {Ready("10.0.0.1", "here"), Ready("10.0.0.2", "there")})});
}

Texts Reached(const Flow& flow) {
  const model::ServicePlan plan = PlanOf(flow.service);
  for (const model::Frontend& frontend : plan.ports[0].frontends) {
    if (frontend.kind != flow.frontend) continue;
    const uint32_t pool = flow.source == Source::kOutside ? frontend.external_pool : frontend.internal_pool;
    return Selected(plan.ports[0].pools[pool]);
  }
  ADD_FAILURE() << "no such frontend";
  return {};
}

constexpr auto kClusterIp = model::FrontendKind::kClusterIp;
constexpr auto kNodePort = model::FrontendKind::kNodePort;
constexpr auto kLoadBalancer = model::FrontendKind::kLoadBalancer;
constexpr auto kExternalIp = model::FrontendKind::kExternalIp;

constexpr Flow kFlows[] = {
    {"pod to ClusterIP", "cluster", Source::kPod, kClusterIp, Set::kCluster},
    {"pod to NodePort", "cluster", Source::kPod, kNodePort, Set::kCluster},
    {"pod to load balancer", "cluster", Source::kPod, kLoadBalancer, Set::kCluster},
    {"node to ClusterIP", "cluster", Source::kNode, kClusterIp, Set::kCluster},
    {"node to NodePort", "cluster", Source::kNode, kNodePort, Set::kCluster},
    {"node to load balancer", "cluster", Source::kNode, kLoadBalancer, Set::kCluster},
    {"outside to ClusterIP", "cluster", Source::kOutside, kClusterIp, Set::kCluster},
    {"outside to NodePort", "cluster", Source::kOutside, kNodePort, Set::kCluster},
    {"outside to load balancer", "cluster", Source::kOutside, kLoadBalancer, Set::kCluster},

    {"external Local, pod to ClusterIP", "external-local", Source::kPod, kClusterIp, Set::kCluster},
    {"external Local, pod to NodePort: short-circuit", "external-local", Source::kPod, kNodePort, Set::kCluster},
    {"external Local, pod to load balancer: short-circuit", "external-local", Source::kPod, kLoadBalancer,
     Set::kCluster},
    {"external Local, node to ClusterIP", "external-local", Source::kNode, kClusterIp, Set::kCluster},
    {"external Local, node to NodePort: short-circuit", "external-local", Source::kNode, kNodePort, Set::kCluster},
    {"external Local, node to load balancer: short-circuit", "external-local", Source::kNode, kLoadBalancer,
     Set::kCluster},
    {"external Local, outside to ClusterIP", "external-local", Source::kOutside, kClusterIp, Set::kCluster},
    {"external Local, outside to NodePort", "external-local", Source::kOutside, kNodePort, Set::kLocal},
    {"external Local, outside to load balancer", "external-local", Source::kOutside, kLoadBalancer, Set::kLocal},

    {"internal Local, pod to ClusterIP", "internal-local", Source::kPod, kClusterIp, Set::kLocal},
    {"internal Local, pod to NodePort", "internal-local", Source::kPod, kNodePort, Set::kCluster},
    {"internal Local, pod to load balancer", "internal-local", Source::kPod, kLoadBalancer, Set::kCluster},
    {"internal Local, node to ClusterIP", "internal-local", Source::kNode, kClusterIp, Set::kLocal},
    {"internal Local, node to NodePort", "internal-local", Source::kNode, kNodePort, Set::kCluster},
    {"internal Local, node to load balancer", "internal-local", Source::kNode, kLoadBalancer, Set::kCluster},
    {"internal Local, outside to ClusterIP", "internal-local", Source::kOutside, kClusterIp, Set::kLocal},
    {"internal Local, outside to NodePort", "internal-local", Source::kOutside, kNodePort, Set::kCluster},
    {"internal Local, outside to load balancer", "internal-local", Source::kOutside, kLoadBalancer, Set::kCluster},

    // Beyond kube-proxy's table: an external address behaves like a load balancer's.
    {"pod to external address", "cluster", Source::kPod, kExternalIp, Set::kCluster},
    {"external Local, node to external address: short-circuit", "external-local", Source::kNode, kExternalIp,
     Set::kCluster},
    {"external Local, outside to external address", "external-local", Source::kOutside, kExternalIp, Set::kLocal},
    {"internal Local, outside to external address", "internal-local", Source::kOutside, kExternalIp, Set::kCluster},
};

TEST(TrafficFlowTest, EachFlowReachesTheSetOfItsPolicy) {
  for (const Flow& flow : kFlows) {
    SCOPED_TRACE(flow.sentence);
    EXPECT_EQ(Reached(flow), flow.expected == Set::kCluster ? (Texts{"10.0.0.1", "10.0.0.2"}) : (Texts{"10.0.0.1"}));
  }
}

}  // namespace
}  // namespace shunt::planner
