// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "userspace/model/endpoint_slice.h"
#include "userspace/sources/manifest/manifest.h"
#include "userspace/sources/manifest/testing/decoded.h"

namespace shunt::sources {
namespace {

using model::AddressType;
using model::EndpointSlice;
using model::Protocol;
using testing::IsEmpty;
using testing_words::ErrorsOf;
using testing_words::TheOnly;

// Lines 1 to 4; the rest begins on line 5.
constexpr char kHead[] =
    "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: web-1}\naddressType: IPv4\n";

Manifest DecodeRest(const std::string& rest) {
  return DecodeManifest(absl::StrCat(kHead, rest));
}

TEST(EndpointSliceDecoderTest, EveryFieldIsRead) {
  const EndpointSlice slice = TheOnly<EndpointSlice>(DecodeManifest(R"(
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: web.1
  namespace: shop
  uid: d014e6f5
  resourceVersion: "273"
  labels: {kubernetes.io/service-name: web}
  annotations: {shunt-lb.io/weight: "5"}
addressType: IPv6
endpoints:
- addresses: ["fd00::1", "fd00::2"]
  conditions: {ready: false, serving: true, terminating: true}
  nodeName: node-a
  zone: zone-1
  targetRef: {kind: Pod, namespace: shop, name: web-0, uid: "1"}
  hints:
    forZones: [{name: zone-1}, {name: zone-2}]
    forNodes: [{name: node-a}]
ports:
- {name: http, protocol: TCP, port: 8080, appProtocol: http}
- {name: dns, protocol: UDP, port: 53}
)"));
  EndpointSlice expected;
  expected.name = {"shop", "web.1"};
  expected.uid = "d014e6f5";
  expected.resource_version = "273";
  expected.labels = {{"kubernetes.io/service-name", "web"}};
  expected.annotations = {{"shunt-lb.io/weight", "5"}};
  expected.address_type = AddressType::kIpv6;
  model::Endpoint endpoint;
  endpoint.address = "fd00::1";
  endpoint.ready = false;
  endpoint.serving = true;
  endpoint.terminating = true;
  endpoint.node_name = "node-a";
  endpoint.zone = "zone-1";
  endpoint.pod_name = "web-0";
  endpoint.hint_zones = {"zone-1", "zone-2"};
  endpoint.hint_nodes = {"node-a"};
  expected.endpoints = {endpoint};
  expected.ports = {{"http", Protocol::kTcp, 8080}, {"dns", Protocol::kUdp, 53}};
  EXPECT_TRUE(slice == expected);
  EXPECT_EQ(slice.ServiceName(), (model::ObjectName{"shop", "web"}));
}

TEST(EndpointSliceDecoderTest, AbsentConditionsAreNotFalse) {
  const EndpointSlice slice = TheOnly<EndpointSlice>(DecodeRest(R"(
endpoints:
- addresses: [10.0.0.1]
- addresses: [10.0.0.2]
  conditions: {}
- addresses: [10.0.0.3]
  conditions: {ready: null, serving: false}
)"));
  ASSERT_EQ(slice.endpoints.size(), 3u);
  for (const model::Endpoint& endpoint : slice.endpoints) {
    EXPECT_EQ(endpoint.ready, std::nullopt);
    EXPECT_EQ(endpoint.terminating, std::nullopt);
  }
  EXPECT_EQ(slice.endpoints[1].serving, std::nullopt);
  EXPECT_EQ(slice.endpoints[2].serving, false);
}

TEST(EndpointSliceDecoderTest, PortsHaveTheApisDefaults) {
  const EndpointSlice slice = TheOnly<EndpointSlice>(
      DecodeRest("ports: [{port: 80}, {name: any, protocol: UDP}, {name: null, port: null}, {name: \"\", port: 0}]"));
  ASSERT_EQ(slice.ports.size(), 4u);
  EXPECT_EQ(slice.ports[0], (model::EndpointPort{"", Protocol::kTcp, 80})) << "no name is the name of an unnamed port";
  EXPECT_EQ(slice.ports[1], (model::EndpointPort{"any", Protocol::kUdp, std::nullopt})) << "no port stays no port";
  EXPECT_EQ(slice.ports[2], (model::EndpointPort{"", Protocol::kTcp, std::nullopt}));
  EXPECT_EQ(slice.ports[3], (model::EndpointPort{"", Protocol::kTcp, 0}));
}

TEST(EndpointSliceDecoderTest, OnlyAPodLendsItsName) {
  const EndpointSlice slice = TheOnly<EndpointSlice>(DecodeRest(
      "endpoints: [{addresses: [10.0.0.1], targetRef: {kind: Node, name: n}}, {addresses: [], targetRef: null}]"));
  EXPECT_EQ(slice.endpoints[0].pod_name, "");
  EXPECT_EQ(slice.endpoints[1].address, "");
}

TEST(EndpointSliceDecoderTest, EmptyAndNullListsAreEmpty) {
  for (const char* rest : {"", "endpoints: null\nports: null", "endpoints: []\nports: []"}) {
    const EndpointSlice slice = TheOnly<EndpointSlice>(DecodeRest(rest));
    EXPECT_THAT(slice.endpoints, IsEmpty());
    EXPECT_THAT(slice.ports, IsEmpty());
    EXPECT_EQ(slice.ServiceName().name, "") << "without the label it belongs to nobody";
  }
}

struct ErrorCase {
  const char* sentence;
  const char* rest;
  std::vector<std::string> errors;
};

TEST(EndpointSliceDecoderTest, ErrorsNameLineAndField) {
  const std::vector<ErrorCase> cases = {
      {"a condition that is a word",
       "endpoints:\n- addresses: [10.0.0.1]\n  conditions: {ready: Unknown}",
       {"7: endpoints[0].conditions.ready must be true or false, not \"Unknown\""}},
      {"a condition that is a number",
       "endpoints:\n- conditions: {serving: 1}",
       {"6: endpoints[0].conditions.serving must be true or false, not \"1\""}},
      {"addresses that are one address",
       "endpoints:\n- addresses: 10.0.0.1",
       {"6: endpoints[0].addresses must be a list, not a single value"}},
      {"endpoints that are an object", "endpoints: {addresses: []}", {"5: endpoints must be a list, not an object"}},
      {"a null endpoint", "endpoints:\n- ~\n", {"6: endpoints[0] must be an object, not null"}},
      {"hints of names only",
       "endpoints:\n- hints:\n    forZones: [zone-1]",
       {"7: endpoints[0].hints.forZones[0] must be an object, not a single value"}},
      {"a port beyond all ports",
       "ports:\n- {name: http, port: 65536}",
       {"6: ports[0].port must be a whole number from 0 to 65535, not \"65536\""}},
      {"a protocol that is none",
       "ports:\n- protocol: QUIC",
       {"6: ports[0].protocol is \"QUIC\"; it must be one of TCP, UDP, SCTP"}},
      {"a zone that YAML reads as a number",
       "endpoints:\n- zone: 1",
       {"6: endpoints[0].zone must be a string: write \"1\" in quotes"}},
  };
  for (const ErrorCase& c : cases) {
    SCOPED_TRACE(c.sentence);
    const Manifest manifest = DecodeRest(c.rest);
    EXPECT_EQ(ErrorsOf(manifest), c.errors);
    EXPECT_THAT(manifest.objects, IsEmpty());
  }
}

TEST(EndpointSliceDecoderTest, AddressTypeIsNeeded) {
  const std::string head = "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: web-1}\n";
  EXPECT_EQ(ErrorsOf(DecodeManifest(head)),
            (std::vector<std::string>{"1: addressType is missing; it must be one of IPv4, IPv6, FQDN"}));
  EXPECT_EQ(ErrorsOf(DecodeManifest(head + "addressType: \"\"")),
            (std::vector<std::string>{"4: addressType is missing; it must be one of IPv4, IPv6, FQDN"}));
  EXPECT_EQ(TheOnly<EndpointSlice>(DecodeManifest(head + "addressType: FQDN")).address_type, AddressType::kFqdn);
  EXPECT_EQ(ErrorsOf(DecodeManifest(head + "addressType: IPv5")),
            (std::vector<std::string>{"4: addressType is \"IPv5\"; it must be one of IPv4, IPv6, FQDN"}));
}

}  // namespace
}  // namespace shunt::sources
