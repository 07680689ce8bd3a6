// SPDX-License-Identifier: Apache-2.0
// Which set answers which client, and whether its packets are masqueraded: three Services, three kinds of frontend,
// three kinds of client. The flows and the four configurations are those of kube-proxy's
// TestInternalExternalMasquerade. A client of the cluster uses a frontend's internal pool, a client from outside its
// external pool. What the host itself sends is always translated at its sockets, where the kernel then chooses a source
// that the backend can answer; so its flows have a set and no word on masquerading.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "userspace/planner/testing/test_objects.h"

namespace shunt::planner {
namespace {

enum class Source { kPod, kNode, kOutside };
enum class Set { kCluster, kLocal };
enum class Masquerade { kNo, kYes, kHost };

struct Flow {
  const char* sentence;
  const char* service;  // a name that PlanOf() knows
  Source source;
  model::FrontendKind frontend;
  Set expected;
  Masquerade masqueraded;
};

// "cluster": both policies Cluster. "external-local", "internal-local": that policy is Local.
model::ServicePlan PlanOf(const std::string& name, const PlannerOptions& options = {}) {
  model::Service service = MakeService();
  service.type = model::ServiceType::kLoadBalancer;
  service.ports[0].node_port = 30080;
  service.load_balancer_ingress = {{"198.51.100.1", "VIP"}};
  service.external_ips = {"203.0.113.1"};
  if (name == "external-local") service.external_traffic_policy = model::TrafficPolicy::kLocal;
  if (name == "internal-local") service.internal_traffic_policy = model::TrafficPolicy::kLocal;
  return Plan(service, {MakeSlice("s", {Ready("10.0.0.1", "here"), Ready("10.0.0.2", "there")})}, Here(), options);
}

const model::Frontend& FrontendOf(const model::ServicePlan& plan, model::FrontendKind kind) {
  const std::vector<model::Frontend>& frontends = plan.ports.at(0).frontends;
  return *std::find_if(frontends.begin(), frontends.end(), [kind](const auto& f) { return f.kind == kind; });
}

Texts Reached(const Flow& flow) {
  const model::ServicePlan plan = PlanOf(flow.service);
  const model::Frontend& frontend = FrontendOf(plan, flow.frontend);
  return Selected(
      plan.ports[0].pools[flow.source == Source::kOutside ? frontend.external_pool : frontend.internal_pool]);
}

// Without a way to tell clients of the cluster from others, a pod is a client from outside.
bool IsMasqueraded(const Flow& flow, const PlannerOptions& options) {
  const model::ServicePlan plan = PlanOf(flow.service, options);
  const model::Frontend& frontend = FrontendOf(plan, flow.frontend);
  const bool inside = options.tells_inside && flow.source == Source::kPod;
  return inside ? frontend.masquerades_inside : frontend.masquerades_outside;
}

constexpr auto kClusterIp = model::FrontendKind::kClusterIp;
constexpr auto kNodePort = model::FrontendKind::kNodePort;
constexpr auto kLoadBalancer = model::FrontendKind::kLoadBalancer;
constexpr auto kExternalIp = model::FrontendKind::kExternalIp;

constexpr Flow kFlows[] = {
    {"pod to ClusterIP", "cluster", Source::kPod, kClusterIp, Set::kCluster, Masquerade::kNo},
    {"pod to NodePort", "cluster", Source::kPod, kNodePort, Set::kCluster, Masquerade::kYes},
    {"pod to load balancer", "cluster", Source::kPod, kLoadBalancer, Set::kCluster, Masquerade::kYes},
    {"node to ClusterIP", "cluster", Source::kNode, kClusterIp, Set::kCluster, Masquerade::kHost},
    {"node to NodePort", "cluster", Source::kNode, kNodePort, Set::kCluster, Masquerade::kHost},
    {"node to load balancer", "cluster", Source::kNode, kLoadBalancer, Set::kCluster, Masquerade::kHost},
    {"outside to ClusterIP", "cluster", Source::kOutside, kClusterIp, Set::kCluster, Masquerade::kYes},
    {"outside to NodePort", "cluster", Source::kOutside, kNodePort, Set::kCluster, Masquerade::kYes},
    {"outside to load balancer", "cluster", Source::kOutside, kLoadBalancer, Set::kCluster, Masquerade::kYes},

    {"external Local, pod to ClusterIP", "external-local", Source::kPod, kClusterIp, Set::kCluster, Masquerade::kNo},
    {"external Local, pod to NodePort: short-circuit", "external-local", Source::kPod, kNodePort, Set::kCluster,
     Masquerade::kNo},
    {"external Local, pod to load balancer: short-circuit", "external-local", Source::kPod, kLoadBalancer,
     Set::kCluster, Masquerade::kNo},
    {"external Local, node to ClusterIP", "external-local", Source::kNode, kClusterIp, Set::kCluster,
     Masquerade::kHost},
    {"external Local, node to NodePort: short-circuit", "external-local", Source::kNode, kNodePort, Set::kCluster,
     Masquerade::kHost},
    {"external Local, node to load balancer: short-circuit", "external-local", Source::kNode, kLoadBalancer,
     Set::kCluster, Masquerade::kHost},
    {"external Local, outside to ClusterIP", "external-local", Source::kOutside, kClusterIp, Set::kCluster,
     Masquerade::kYes},
    {"external Local, outside to NodePort", "external-local", Source::kOutside, kNodePort, Set::kLocal,
     Masquerade::kNo},
    {"external Local, outside to load balancer", "external-local", Source::kOutside, kLoadBalancer, Set::kLocal,
     Masquerade::kNo},

    {"internal Local, pod to ClusterIP", "internal-local", Source::kPod, kClusterIp, Set::kLocal, Masquerade::kNo},
    {"internal Local, pod to NodePort", "internal-local", Source::kPod, kNodePort, Set::kCluster, Masquerade::kYes},
    {"internal Local, pod to load balancer", "internal-local", Source::kPod, kLoadBalancer, Set::kCluster,
     Masquerade::kYes},
    {"internal Local, node to ClusterIP", "internal-local", Source::kNode, kClusterIp, Set::kLocal, Masquerade::kHost},
    {"internal Local, node to NodePort", "internal-local", Source::kNode, kNodePort, Set::kCluster, Masquerade::kHost},
    {"internal Local, node to load balancer", "internal-local", Source::kNode, kLoadBalancer, Set::kCluster,
     Masquerade::kHost},
    {"internal Local, outside to ClusterIP", "internal-local", Source::kOutside, kClusterIp, Set::kLocal,
     Masquerade::kYes},
    {"internal Local, outside to NodePort", "internal-local", Source::kOutside, kNodePort, Set::kCluster,
     Masquerade::kYes},
    {"internal Local, outside to load balancer", "internal-local", Source::kOutside, kLoadBalancer, Set::kCluster,
     Masquerade::kYes},

    // Beyond kube-proxy's table: an external address behaves like a load balancer's.
    {"pod to external address", "cluster", Source::kPod, kExternalIp, Set::kCluster, Masquerade::kYes},
    {"external Local, node to external address: short-circuit", "external-local", Source::kNode, kExternalIp,
     Set::kCluster, Masquerade::kHost},
    {"external Local, outside to external address", "external-local", Source::kOutside, kExternalIp, Set::kLocal,
     Masquerade::kNo},
    {"internal Local, outside to external address", "internal-local", Source::kOutside, kExternalIp, Set::kCluster,
     Masquerade::kYes},
};

TEST(TrafficFlowTest, EachFlowReachesTheSetOfItsPolicy) {
  for (const Flow& flow : kFlows) {
    SCOPED_TRACE(flow.sentence);
    EXPECT_EQ(Reached(flow), flow.expected == Set::kCluster ? (Texts{"10.0.0.1", "10.0.0.2"}) : (Texts{"10.0.0.1"}));
  }
}

TEST(TrafficFlowTest, EachFlowIsMasqueradedAsByKubeProxy) {
  const struct {
    const char* sentence;
    bool all;
    bool tells_inside;
    bool (*expected)(const Flow&);
  } kConfigurations[] = {
      {"base", false, true, [](const Flow& f) { return f.masqueraded == Masquerade::kYes; }},
      {"nothing tells a client of the cluster from others", false, false,
       [](const Flow& f) { return f.masqueraded == Masquerade::kYes && f.frontend != kClusterIp; }},
      {"everything to a ClusterIP", true, true,
       [](const Flow& f) { return f.masqueraded == Masquerade::kYes || f.frontend == kClusterIp; }},
      {"both", true, false,
       [](const Flow& f) { return f.masqueraded == Masquerade::kYes || f.frontend == kClusterIp; }},
  };
  for (const auto& configuration : kConfigurations) {
    SCOPED_TRACE(configuration.sentence);
    const PlannerOptions options = {.masquerades_all = configuration.all, .tells_inside = configuration.tells_inside};
    for (const Flow& flow : kFlows) {
      if (flow.masqueraded == Masquerade::kHost) continue;
      EXPECT_EQ(IsMasqueraded(flow, options), configuration.expected(flow)) << flow.sentence;
    }
  }
}

}  // namespace
}  // namespace shunt::planner
