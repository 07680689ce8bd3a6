// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "userspace/model/service.h"
#include "userspace/sources/manifest/manifest.h"
#include "userspace/sources/manifest/testing/decoded.h"

namespace shunt::sources {
namespace {

using model::Protocol;
using model::Service;
using model::ServicePort;
using model::ServiceType;
using model::TrafficPolicy;
using testing::ElementsAre;
using testing::IsEmpty;
using testing_words::ErrorsOf;
using testing_words::TheOnly;

// Lines 1 to 3; the rest begins on line 4.
constexpr char kHead[] = "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\n";

Manifest DecodeRest(const std::string& rest) {
  return DecodeManifest(absl::StrCat(kHead, rest));
}

TEST(ServiceDecoderTest, EveryFieldIsRead) {
  const Service service = TheOnly<Service>(DecodeManifest(R"(
apiVersion: v1
kind: Service
metadata:
  name: web
  namespace: shop
  uid: dff9f577-d192
  resourceVersion: "219"
  creationTimestamp: "2026-01-31T12:00:00Z"
  labels: {app: web}
  annotations: {shunt-lb.io/endpoint-weights: '{"10.0.0.1": 3}'}
spec:
  type: LoadBalancer
  clusterIP: 10.96.0.10
  clusterIPs: [10.96.0.10, "fd00:96::a"]
  externalIPs: [198.51.100.7]
  ports:
  - {name: dns, protocol: UDP, port: 53, targetPort: 5353, nodePort: 30053}
  - {name: dns-tcp, protocol: TCP, port: 53, appProtocol: dns}
  - {name: sig, protocol: SCTP, port: 65535}
  internalTrafficPolicy: Local
  externalTrafficPolicy: Local
  sessionAffinity: ClientIP
  sessionAffinityConfig: {clientIP: {timeoutSeconds: 600}}
  loadBalancerSourceRanges: [10.0.0.0/8, "2001:db8::/32"]
  healthCheckNodePort: 32000
  publishNotReadyAddresses: true
status:
  loadBalancer:
    ingress:
    - {ip: 203.0.113.10, ipMode: VIP}
    - {ip: 203.0.113.11, ipMode: Proxy}
    - {hostname: lb.example.test}
)"));
  Service expected;
  expected.name = {"shop", "web"};
  expected.uid = "dff9f577-d192";
  expected.resource_version = "219";
  expected.creation_time_s = 1769860800;
  expected.labels = {{"app", "web"}};
  expected.annotations = {{"shunt-lb.io/endpoint-weights", "{\"10.0.0.1\": 3}"}};
  expected.type = ServiceType::kLoadBalancer;
  expected.cluster_ips = {"10.96.0.10", "fd00:96::a"};
  expected.external_ips = {"198.51.100.7"};
  expected.ports = {
      {"dns", Protocol::kUdp, 53, 30053}, {"dns-tcp", Protocol::kTcp, 53, 0}, {"sig", Protocol::kSctp, 65535, 0}};
  expected.internal_traffic_policy = TrafficPolicy::kLocal;
  expected.external_traffic_policy = TrafficPolicy::kLocal;
  expected.affinity_timeout_s = 600;
  expected.load_balancer_source_ranges = {"10.0.0.0/8", "2001:db8::/32"};
  expected.load_balancer_ingress = {{"203.0.113.10", "VIP"}, {"203.0.113.11", "Proxy"}, {"", ""}};
  expected.health_check_node_port = 32000;
  expected.publish_not_ready_addresses = true;
  EXPECT_TRUE(service == expected);
}

TEST(ServiceDecoderTest, WhatIsMissingHasTheApisDefaults) {
  const Service service = TheOnly<Service>(
      DecodeManifest("apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [{port: 80}]}"));
  Service expected;
  expected.name = {"default", "web"};
  expected.ports = {{"", Protocol::kTcp, 80, 0}};
  EXPECT_TRUE(service == expected);
  EXPECT_EQ(service.type, ServiceType::kClusterIp);
  EXPECT_EQ(service.internal_traffic_policy, TrafficPolicy::kCluster);
  EXPECT_EQ(service.external_traffic_policy, TrafficPolicy::kCluster);
  EXPECT_EQ(service.affinity_timeout_s, 0);
  EXPECT_FALSE(service.publish_not_ready_addresses);
}

struct FieldCase {
  const char* sentence;
  const char* rest;
  std::function<bool(const Service&)> holds;
};

TEST(ServiceDecoderTest, FieldsOneByOne) {
  const std::vector<FieldCase> cases = {
      {"clusterIP alone is the only one", "spec: {clusterIP: 10.0.0.1}",
       [](const Service& s) { return s.cluster_ips == std::vector<std::string>{"10.0.0.1"}; }},
      {"clusterIPs alone will do", "spec: {clusterIPs: [10.0.0.1, 10.0.0.2]}",
       [](const Service& s) { return s.cluster_ips.size() == 2; }},
      {"None is no address and stays None", "spec: {clusterIP: None}",
       [](const Service& s) { return s.cluster_ips == std::vector<std::string>{"None"}; }},
      {"no clusterIP, no address", "spec: {clusterIP: \"\"}", [](const Service& s) { return s.cluster_ips.empty(); }},
      {"affinity without a timeout lasts three hours", "spec: {sessionAffinity: ClientIP}",
       [](const Service& s) { return s.affinity_timeout_s == 10800; }},
      {"affinity of a second",
       "spec: {sessionAffinity: ClientIP, sessionAffinityConfig: {clientIP: {timeoutSeconds: 1}}}",
       [](const Service& s) { return s.affinity_timeout_s == 1; }},
      {"affinity of a day",
       "spec: {sessionAffinity: ClientIP, sessionAffinityConfig: {clientIP: {timeoutSeconds: 86400}}}",
       [](const Service& s) { return s.affinity_timeout_s == 86400; }},
      {"a timeout without affinity means nothing",
       "spec: {sessionAffinity: None, sessionAffinityConfig: {clientIP: {timeoutSeconds: 60}}}",
       [](const Service& s) { return s.affinity_timeout_s == 0; }},
      {"sessionAffinityConfig may be null", "spec: {sessionAffinity: ClientIP, sessionAffinityConfig: null}",
       [](const Service& s) { return s.affinity_timeout_s == 10800; }},
      {"ExternalName", "spec: {type: ExternalName, externalName: db.example.test}",
       [](const Service& s) { return s.type == ServiceType::kExternalName; }},
      {"NodePort", "spec: {type: NodePort, ports: [{port: 80, nodePort: 30080}]}",
       [](const Service& s) { return s.type == ServiceType::kNodePort && s.ports[0].node_port == 30080; }},
      {"an empty choice is a missing one", "spec: {type: \"\", externalTrafficPolicy: \"\"}",
       [](const Service& s) { return s.type == ServiceType::kClusterIp; }},
      {"YAML 1.1's yes, which kubectl takes for true", "spec: {publishNotReadyAddresses: yes}",
       [](const Service& s) { return s.publish_not_ready_addresses; }},
      {"null fields are missing fields", "spec: {ports: null, externalIPs: ~, type: }",
       [](const Service& s) { return s.ports.empty() && s.external_ips.empty(); }},
      {"no spec at all", "status: {}", [](const Service& s) { return s.ports.empty(); }},
      {"unknown fields are not looked at", "spec: {ports: [{port: 80, color: {deep: [1, 2]}}], shape: round}",
       [](const Service& s) { return s.ports.size() == 1; }},
  };
  for (const FieldCase& c : cases) {
    SCOPED_TRACE(c.sentence);
    EXPECT_TRUE(c.holds(TheOnly<Service>(DecodeRest(c.rest))));
  }
}

TEST(ServiceDecoderTest, CreationTimes) {
  const auto created = [](const std::string& text) {
    return TheOnly<Service>(DecodeManifest(absl::StrCat("apiVersion: v1\nkind: Service\nmetadata: {name: web, "
                                                        "creationTimestamp: ",
                                                        text, "}")))
        .creation_time_s;
  };
  EXPECT_EQ(created("null"), 0) << "what `kubectl create --dry-run` prints";
  EXPECT_EQ(created("\"1970-01-01T00:00:00Z\""), 0);
  EXPECT_EQ(created("\"2026-11-22T20:29:50Z\""), 1795379390);
  EXPECT_EQ(created("2026-11-22T20:29:50Z"), 1795379390) << "without quotes";
  EXPECT_EQ(created("\"2026-11-22T21:29:50+01:00\""), 1795379390) << "another zone, the same second";
  EXPECT_EQ(created("\"2026-11-22T20:29:50.999Z\""), 1795379390) << "fractions are dropped";
}

struct ErrorCase {
  const char* sentence;
  const char* rest;
  std::vector<std::string> errors;
};

TEST(ServiceDecoderTest, ErrorsNameLineAndField) {
  const std::vector<ErrorCase> cases = {
      {"a port needs a number", "spec:\n  ports:\n  - name: http\n", {"6: spec.ports[0].port is missing"}},
      {"port 0",
       "spec: {ports: [{port: 0}]}",
       {"4: spec.ports[0].port must be a whole number from 1 to 65535, not \"0\""}},
      {"port 65536",
       "spec:\n  ports:\n  - port: 65536",
       {"6: spec.ports[0].port must be a whole number from 1 to 65535, not \"65536\""}},
      {"a number beyond 64 bits",
       "spec:\n  ports:\n  - port: 99999999999999999999999",
       {"6: spec.ports[0].port must be a whole number from 1 to 65535, not \"99999999999999999999999\""}},
      {"a quoted number is a string",
       "spec:\n  ports:\n  - port: \"80\"",
       {"6: spec.ports[0].port must be a whole number from 1 to 65535: write 80 without quotes or a tag"}},
      {"a name where a number belongs",
       "spec:\n  ports:\n  - port: http",
       {"6: spec.ports[0].port must be a whole number from 1 to 65535, not \"http\""}},
      {"half a port",
       "spec:\n  ports:\n  - port: 80.5",
       {"6: spec.ports[0].port must be a whole number from 1 to 65535, not \"80.5\""}},
      {"a node port below none",
       "spec:\n  ports:\n  - port: 80\n    nodePort: -1",
       {"7: spec.ports[0].nodePort must be a whole number from 0 to 65535, not \"-1\""}},
      {"a protocol in lower case",
       "spec:\n  ports:\n  - port: 80\n    protocol: tcp",
       {"7: spec.ports[0].protocol is \"tcp\"; it must be one of TCP, UDP, SCTP"}},
      {"several ports need names",
       "spec:\n  ports:\n  - {name: a, port: 80}\n  - {port: 81}",
       {"7: spec.ports[1].name is missing"}},
      {"a name for one port only",
       "spec:\n  ports:\n  - {name: a, port: 80}\n  - {name: a, port: 81}",
       {"7: spec.ports[1].name is another port's name too"}},
      {"a number for one port of a protocol only",
       "spec:\n  ports:\n  - {name: a, port: 80}\n  - {name: b, port: 80}\n  - {name: c, port: 80, protocol: UDP}",
       {"7: spec.ports[1].port is another port's number too"}},
      {"a port name in capitals",
       "spec:\n  ports:\n  - {name: HTTP, port: 80}",
       {"6: spec.ports[0].name must be lower-case letters, digits and '-', no '-' at either end"}},
      {"a type that is none",
       "spec:\n  type: Ingress",
       {"5: spec.type is \"Ingress\"; it must be one of ClusterIP, NodePort, LoadBalancer, ExternalName"}},
      {"a policy that is none",
       "spec:\n  internalTrafficPolicy: Zone",
       {"5: spec.internalTrafficPolicy is \"Zone\"; it must be one of Cluster, Local"}},
      {"no affinity to headers",
       "spec:\n  sessionAffinity: Header",
       {"5: spec.sessionAffinity is \"Header\"; it must be one of None, ClientIP"}},
      {"affinity for no time",
       "spec:\n  sessionAffinityConfig:\n    clientIP:\n      timeoutSeconds: 0",
       {"7: spec.sessionAffinityConfig.clientIP.timeoutSeconds must be a whole number from 1 to 86400, not \"0\""}},
      {"affinity beyond a day",
       "spec:\n  sessionAffinityConfig:\n    clientIP:\n      timeoutSeconds: 86401",
       {"7: spec.sessionAffinityConfig.clientIP.timeoutSeconds must be a whole number from 1 to 86400, not \"86401\""}},
      {"ipMode",
       "status:\n  loadBalancer:\n    ingress:\n    - {ip: 203.0.113.1, ipMode: Direct}",
       {"7: status.loadBalancer.ingress[0].ipMode is \"Direct\"; it must be one of VIP, Proxy"}},
      {"clusterIP contradicts clusterIPs",
       "spec:\n  clusterIP: 10.0.0.1\n  clusterIPs: [10.0.0.2]",
       {"5: spec.clusterIP is 10.0.0.1, but the first of clusterIPs is 10.0.0.2"}},
      {"an object where a list belongs", "spec:\n  ports: {port: 80}", {"5: spec.ports must be a list, not an object"}},
      {"a value where an object belongs", "spec: none", {"4: spec must be an object, not a single value"}},
      {"a value in a list of objects",
       "spec:\n  ports:\n  - 80",
       {"6: spec.ports[0] must be an object, not a single value"}},
      {"a list where a string belongs",
       "spec:\n  clusterIP: [10.0.0.1]",
       {"5: spec.clusterIP must be a string, not a list"}},
      {"an object in a list of strings",
       "spec:\n  externalIPs:\n  - {ip: 10.0.0.1}",
       {"6: spec.externalIPs must be a string, not an object"}},
      {"a number that is a string",
       "spec: {externalIPs: [10.5]}",
       {"4: spec.externalIPs must be a string: write \"10.5\" in quotes"}},
      {"a boolean that is a word",
       "spec: {publishNotReadyAddresses: maybe}",
       {"4: spec.publishNotReadyAddresses must be true or false, not \"maybe\""}},
      {"a boolean in quotes",
       "spec: {publishNotReadyAddresses: \"true\"}",
       {"4: spec.publishNotReadyAddresses must be true or false: write true without quotes or a tag"}},
      {"all that is wrong, at once",
       "spec:\n  type: X\n  healthCheckNodePort: 70000\n",
       {"5: spec.type is \"X\"; it must be one of ClusterIP, NodePort, LoadBalancer, ExternalName",
        "6: spec.healthCheckNodePort must be a whole number from 0 to 65535, not \"70000\""}},
  };
  for (const ErrorCase& c : cases) {
    SCOPED_TRACE(c.sentence);
    const Manifest manifest = DecodeRest(c.rest);
    EXPECT_EQ(ErrorsOf(manifest), c.errors);
    EXPECT_THAT(manifest.objects, IsEmpty());
  }
}

TEST(ServiceDecoderTest, ErrorsInMetadata) {
  const std::vector<ErrorCase> cases = {
      {"no metadata", "spec: {}", {"1: metadata.name is missing"}},
      {"no name", "metadata:\n  namespace: shop", {"4: metadata.name is missing"}},
      {"an empty name", "metadata:\n  name: \"\"", {"4: metadata.name is missing"}},
      {"metadata of another shape, said once", "metadata: [web]", {"3: metadata must be an object, not a list"}},
      {"a name that YAML reads as a number, said once",
       "metadata: {name: 12}",
       {"3: metadata.name must be a string: write \"12\" in quotes"}},
      {"a label that YAML reads as a boolean",
       "metadata:\n  name: web\n  labels:\n    canary: true",
       {"6: metadata.labels.canary must be a string: write \"true\" in quotes"}},
      {"an annotation that YAML reads as a number",
       "metadata:\n  name: web\n  annotations:\n    shunt-lb.io/weight: 5",
       {"6: metadata.annotations.shunt-lb.io/weight must be a string: write \"5\" in quotes"}},
      {"a time in words",
       "metadata:\n  name: web\n  creationTimestamp: yesterday",
       {"5: metadata.creationTimestamp must be a time like 2026-01-31T12:00:00Z"}},
      {"a time that never comes",
       "metadata:\n  name: web\n  creationTimestamp: infinite-future",
       {"5: metadata.creationTimestamp must be a time like 2026-01-31T12:00:00Z"}},
      {"a time before all times",
       "metadata:\n  name: web\n  creationTimestamp: \"1969-12-31T23:59:59Z\"",
       {"5: metadata.creationTimestamp must be a time like 2026-01-31T12:00:00Z"}},
  };
  for (const ErrorCase& c : cases) {
    SCOPED_TRACE(c.sentence);
    const Manifest manifest = DecodeManifest(absl::StrCat("apiVersion: v1\nkind: Service\n", c.rest));
    EXPECT_EQ(ErrorsOf(manifest), c.errors);
    EXPECT_THAT(manifest.objects, IsEmpty());
  }
}

}  // namespace
}  // namespace shunt::sources
