// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/manifest/object_decoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "userspace/sources/manifest/manifest.h"
#include "userspace/sources/manifest/testing/decoded.h"

namespace shunt::sources {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing_words::ErrorsOf;
using testing_words::ObjectsOf;
using testing_words::TheOnly;

TEST(ObjectDecoderTest, ListsAreOpenedHoweverNested) {
  const Manifest manifest = DecodeManifest(R"(apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Service, metadata: {name: a}}
- apiVersion: v1
  kind: List
  items:
  - {apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, addressType: IPv4, metadata: {name: a-1}}
  - {apiVersion: v1, kind: List, items: []}
  - {apiVersion: v1, kind: List}
- {apiVersion: v1, kind: Node, metadata: {name: n}}
)");
  EXPECT_THAT(ErrorsOf(manifest), IsEmpty());
  EXPECT_THAT(ObjectsOf(manifest), ElementsAre("4: Service default/a", "8: EndpointSlice default/a-1", "11: Node /n"));
}

TEST(ObjectDecoderTest, ItemsOfTypedListsNeedNoTypeOfTheirOwn) {
  const Manifest services = DecodeManifest(
      "apiVersion: v1\nkind: ServiceList\nitems:\n- metadata: {name: a}\n"
      "- {apiVersion: v1, kind: Service, metadata: {name: b}}\n- {apiVersion: v1, kind: Node, metadata: {name: n}}\n");
  EXPECT_THAT(ErrorsOf(services), IsEmpty());
  EXPECT_THAT(ObjectsOf(services), ElementsAre("4: Service default/a", "5: Service default/b", "6: Node /n"));
  const Manifest slices = DecodeManifest(
      "apiVersion: discovery.k8s.io/v1\nkind: EndpointSliceList\nitems: [{metadata: {name: s}, addressType: IPv6}]");
  EXPECT_THAT(ObjectsOf(slices), ElementsAre("3: EndpointSlice default/s"));
  const Manifest nodes = DecodeManifest("apiVersion: v1\nkind: NodeList\nitems: [{metadata: {name: n}}]");
  EXPECT_THAT(ObjectsOf(nodes), ElementsAre("3: Node /n"));
  const Manifest untyped = DecodeManifest("apiVersion: v1\nkind: List\nitems:\n- metadata: {name: a}\n");
  EXPECT_THAT(ErrorsOf(untyped), ElementsAre("4: not a Kubernetes object: apiVersion or kind is missing"));
}

TEST(ObjectDecoderTest, ABadItemCostsNoOther) {
  const Manifest manifest = DecodeManifest(
      "apiVersion: v1\nkind: ServiceList\nitems:\n- metadata: {name: a}\n- metadata: {name: B}\n- 5\n"
      "- null\n- metadata: {name: c}\n");
  EXPECT_THAT(ErrorsOf(manifest),
              ElementsAre("5: metadata.name must be lower-case letters, digits and '-', no '-' at either end",
                          "6: must be an object, not a single value"));
  EXPECT_THAT(ObjectsOf(manifest), ElementsAre("4: Service default/a", "8: Service default/c"));
}

TEST(ObjectDecoderTest, AnErrorNamesItsObject) {
  const Manifest manifest = DecodeManifest(R"(# The first document.
{apiVersion: v1, kind: Service, metadata: {namespace: shop}}
---
{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, addressType: IPv4}
---
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Endpoints}
- {apiVersion: v1, kind: Service, metadata: {name: cart, namespace: shop}, spec: {type: Cluster, ports: 80}}
- {apiVersion: v1, kind: Node}
)");
  std::vector<std::string> errors;
  for (const ManifestError& error : manifest.errors) {
    errors.push_back(absl::StrCat(error.line, ": ", error.object, ": ", error.what));
    EXPECT_EQ(error.service.has_value(), error.object == "Service shop/cart") << error.object;
  }
  EXPECT_THAT(errors, ElementsAre("2: Service in document 1: metadata.name is missing",
                                  "4: EndpointSlice in document 2: metadata.name is missing",
                                  "9: Endpoints in document 3: metadata.name is missing",
                                  "10: Service shop/cart: spec.type is \"Cluster\"; it must be one of ClusterIP, "
                                  "NodePort, LoadBalancer, ExternalName",
                                  "10: Service shop/cart: spec.ports must be a list, not a single value",
                                  "11: Node in document 3: metadata.name is missing"));
}

TEST(ObjectDecoderTest, OtherKindsAreNoneOfOurs) {
  for (const char* type :
       {"{apiVersion: apps/v1, kind: Deployment", "{apiVersion: v1, kind: ConfigMap",
        "{apiVersion: serving.knative.dev/v1, kind: Service", "{apiVersion: v1, kind: PodList",
        "{apiVersion: discovery.k8s.io/v1, kind: Mystery", "{apiVersion: v1, kind: ServiceAccount"}) {
    const Manifest manifest = DecodeManifest(absl::StrCat(type, ", spec: [nonsense], items: 5}"));
    EXPECT_THAT(ErrorsOf(manifest), IsEmpty()) << type;
    EXPECT_THAT(ObjectsOf(manifest), IsEmpty()) << type;
  }
}

TEST(ObjectDecoderTest, AKindThatIsProbablyOursIsAnErrorAlsoInAList) {
  EXPECT_THAT(ErrorsOf(DecodeManifest("apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Services}\n")),
              ElementsAre("4: apiVersion v1, kind Services is not known: is v1, Service meant?"));
}

struct ErrorCase {
  const char* sentence;
  const char* text;
  const char* error;
};

TEST(ObjectDecoderTest, WhatIsNoObject) {
  const ErrorCase cases[] = {
      {"a list", "- a\n- b", "1: must be an object, not a list"},
      {"a word", "\n\nhello", "3: must be an object, not a single value"},
      {"no type", "metadata: {name: a}", "1: not a Kubernetes object: apiVersion or kind is missing"},
      {"no version", "kind: Service", "1: not a Kubernetes object: apiVersion or kind is missing"},
      {"a version of another shape", "apiVersion: 1\nkind: Service",
       "1: apiVersion must be a string: write \"1\" in quotes"},
      {"a kind of another shape", "apiVersion: v1\nkind: [Service]", "2: kind must be a string, not a list"},
      {"items that are no list", "apiVersion: v1\nkind: List\nitems: {a: b}", "3: items must be a list"},
      {"slices of a version that is gone", "apiVersion: discovery.k8s.io/v1beta1\nkind: EndpointSlice",
       "1: EndpointSlice of discovery.k8s.io/v1beta1: only discovery.k8s.io/v1 is read"},
  };
  for (const ErrorCase& c : cases) {
    EXPECT_THAT(ErrorsOf(DecodeManifest(c.text)), ElementsAre(c.error)) << c.sentence;
  }
}

TEST(ObjectDecoderTest, NodesAreReadByWhatDecidesTopology) {
  const model::Node node = TheOnly<model::Node>(DecodeManifest(R"(
apiVersion: v1
kind: Node
metadata:
  name: node-a.example
  resourceVersion: "213"
  labels: {topology.kubernetes.io/zone: zone-1}
status:
  addresses:
  - {type: Hostname, address: node-a}
  - {type: ExternalIP, address: 198.51.100.1}
  - {type: InternalIP, address: 10.0.0.1}
  - {type: InternalDNS, address: node-a.example}
  - {type: InternalIP, address: "fd00::1"}
)"));
  EXPECT_EQ(node.name, "node-a.example");
  EXPECT_EQ(node.resource_version, "213");
  EXPECT_EQ(node.Zone(), "zone-1");
  EXPECT_THAT(node.addresses, ElementsAre("10.0.0.1", "fd00::1", "198.51.100.1"));
  EXPECT_FALSE(node.deleting);
  EXPECT_THAT(node.taint_keys, IsEmpty());
}

TEST(ObjectDecoderTest, NodesThatGoAreReadWithWhatSaysSo) {
  const model::Node node = TheOnly<model::Node>(DecodeManifest(R"(
apiVersion: v1
kind: Node
metadata: {name: n, deletionTimestamp: "2026-11-26T10:00:00Z"}
spec:
  taints:
  - {key: node.kubernetes.io/unschedulable, effect: NoSchedule}
  - {key: ToBeDeletedByClusterAutoscaler, value: "1764151200", effect: NoSchedule}
)"));
  EXPECT_TRUE(node.deleting);
  EXPECT_THAT(node.taint_keys, ElementsAre("node.kubernetes.io/unschedulable", "ToBeDeletedByClusterAutoscaler"));
}

struct NameCase {
  std::string name;
  bool label;      // of a Service, a namespace, a port
  bool subdomain;  // of an EndpointSlice, a Node
};

TEST(ObjectDecoderTest, NamesAreWhatKubernetesAccepts) {
  const std::string label63(63, 'a');
  const std::vector<NameCase> cases = {
      {"a", true, true},
      {"0", true, true},
      {"a-b--c9", true, true},
      {label63, true, true},
      {label63 + "a", false, true},
      {"a.b", false, true},
      {label63 + "." + label63 + "." + label63 + "." + std::string(61, 'a'), false, true},
      {label63 + "." + label63 + "." + label63 + "." + std::string(62, 'a'), false, false},
      {"A", false, false},
      {"-a", false, false},
      {"a-", false, false},
      {"a..b", false, false},
      {".a", false, false},
      {"a.", false, false},
      {"a.-b", false, false},
      {"a_b", false, false},
      {"a b", false, false},
      {"a/b", false, false},
      {"ü", false, false},
  };
  for (const NameCase& c : cases) {
    SCOPED_TRACE(c.name);
    const auto decodes = [](const std::string& text) { return DecodeManifest(text).objects.size() == 1; };
    const std::string quoted = absl::StrCat("\"", c.name, "\"");
    EXPECT_EQ(decodes(absl::StrCat("{apiVersion: v1, kind: Service, metadata: {name: ", quoted, "}}")), c.label);
    EXPECT_EQ(decodes(absl::StrCat("{apiVersion: v1, kind: Service, metadata: {name: a, namespace: ", quoted, "}}")),
              c.label);
    EXPECT_EQ(decodes(absl::StrCat("{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {ports: [{name: ",
                                   quoted, ", port: 1}]}}")),
              c.label);
    EXPECT_EQ(decodes(absl::StrCat("{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, addressType: IPv4, "
                                   "metadata: {name: ",
                                   quoted, "}}")),
              c.subdomain);
    EXPECT_EQ(decodes(absl::StrCat("{apiVersion: v1, kind: Node, metadata: {name: ", quoted, "}}")), c.subdomain);
  }
}

}  // namespace
}  // namespace shunt::sources
