// SPDX-License-Identifier: Apache-2.0
// A v1 Endpoints as the EndpointSlice mirroring controller of a cluster would read it.
#include "userspace/sources/manifest/endpoints_decoder.h"

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
using testing::SizeIs;
using testing_words::ErrorsOf;

constexpr char kHead[] = "apiVersion: v1\nkind: Endpoints\nmetadata: {name: db, namespace: ns}\n";

DecodedEndpoints Decoded(const std::string& text) {
  const Manifest manifest = DecodeManifest(text);
  EXPECT_THAT(ErrorsOf(manifest), IsEmpty());
  EXPECT_THAT(manifest.objects, IsEmpty());
  if (manifest.endpoints.size() != 1) {
    ADD_FAILURE() << "not one Endpoints in " << text;
    return {};
  }
  return manifest.endpoints[0];
}

TEST(EndpointsDecoderTest, EveryFieldIsCarriedOver) {
  const DecodedEndpoints decoded = Decoded(R"(apiVersion: v1
kind: Endpoints
metadata:
  name: db
  namespace: ns
  uid: u
  resourceVersion: "7"
  labels: {app: db}
  annotations:
    mine: x
    endpoints.kubernetes.io/last-change-trigger-time: "2026-01-31T12:00:00Z"
    kubectl.kubernetes.io/last-applied-configuration: "{}"
subsets:
- addresses:
  - {ip: 198.51.100.7, nodeName: n1, hostname: h, targetRef: {kind: Pod, name: p, namespace: ns}}
  notReadyAddresses:
  - {ip: 198.51.100.8, targetRef: {kind: Node, name: n}}
  ports: [{name: sql, port: 5432}, {name: dns, port: 53, protocol: UDP, appProtocol: dns}]
)");
  EXPECT_EQ(decoded.name, (model::ObjectName{"ns", "db"}));
  EXPECT_EQ(decoded.line, 1);
  ASSERT_THAT(decoded.slices, SizeIs(1));
  model::EndpointSlice expected;
  expected.name = {"ns", "endpoints/db/0"};
  expected.uid = "u";
  expected.resource_version = "7";
  expected.labels = {{"app", "db"}, {"kubernetes.io/service-name", "db"}};
  expected.annotations = {{"mine", "x"}};
  expected.address_type = model::AddressType::kIpv4;
  expected.endpoints.resize(2);
  expected.endpoints[0].address = std::string("198.51.100.7");
  expected.endpoints[0].ready = true;
  expected.endpoints[0].node_name = std::string("n1");
  expected.endpoints[0].pod_name = std::string("p");
  expected.endpoints[1].address = std::string("198.51.100.8");
  expected.endpoints[1].ready = false;
  expected.ports = {{"sql", model::Protocol::kTcp, 5432}, {"dns", model::Protocol::kUdp, 53}};
  EXPECT_TRUE(decoded.slices[0] == expected);
  EXPECT_EQ(decoded.slices[0].ServiceName(), (model::ObjectName{"ns", "db"}));
}

TEST(EndpointsDecoderTest, EachSubsetAndEachFamilyIsASlice) {
  const DecodedEndpoints decoded = Decoded(absl::StrCat(
      kHead,
      "subsets:\n- {addresses: [{ip: 192.0.2.1}, {ip: \"fd00::1\"}, {ip: 192.0.2.2}], ports: [{port: 1}]}\n"
      "- {addresses: [], ports: [{port: 2}]}\n- {notReadyAddresses: [{ip: \"fd00::2\"}]}\n"));
  ASSERT_THAT(decoded.slices, SizeIs(3));
  EXPECT_EQ(decoded.slices[0].address_type, model::AddressType::kIpv4);
  EXPECT_THAT(decoded.slices[0].endpoints, SizeIs(2));
  EXPECT_EQ(decoded.slices[1].address_type, model::AddressType::kIpv6);
  EXPECT_THAT(decoded.slices[1].endpoints, SizeIs(1));
  EXPECT_EQ(decoded.slices[1].ports[0].port, 1);
  EXPECT_EQ(decoded.slices[2].name.name, "endpoints/db/2");
  EXPECT_THAT(decoded.slices[2].ports, IsEmpty());
}

TEST(EndpointsDecoderTest, WhatTheControllerPassesOverGivesNoSlice) {
  const std::string subsets = "subsets: [{addresses: [{ip: 192.0.2.1}], ports: [{port: 1}]}]\n";
  const auto with = [&](const char* metadata) {
    return Decoded(absl::StrCat("apiVersion: v1\nkind: Endpoints\nmetadata: {name: db, ", metadata, "}\n", subsets));
  };
  EXPECT_THAT(with("labels: {endpointslice.kubernetes.io/skip-mirror: \"true\"}").slices, IsEmpty());
  EXPECT_THAT(with("annotations: {control-plane.alpha.kubernetes.io/leader: \"\"}").slices, IsEmpty());
  EXPECT_THAT(with("labels: {endpointslice.kubernetes.io/skip-mirror: \"false\"}").slices, SizeIs(1));
}

TEST(EndpointsDecoderTest, TheFirstThousandAddressesOfASubsetAreUsedTheReadyOnesFirst) {
  std::string subset = "subsets:\n- notReadyAddresses:\n";
  for (int i = 0; i < 600; ++i) absl::StrAppend(&subset, "  - ip: 10.0.", i / 250, ".", i % 250 + 1, "\n");
  subset += "  addresses:\n";
  for (int i = 0; i < 600; ++i) absl::StrAppend(&subset, "  - ip: 10.1.", i / 250, ".", i % 250 + 1, "\n");
  const Manifest manifest = DecodeManifest(absl::StrCat(kHead, subset));
  EXPECT_THAT(ErrorsOf(manifest), IsEmpty());
  ASSERT_THAT(manifest.endpoints, SizeIs(1));
  ASSERT_THAT(manifest.endpoints[0].slices, SizeIs(1));
  const std::vector<model::Endpoint>& endpoints = manifest.endpoints[0].slices[0].endpoints;
  ASSERT_THAT(endpoints, SizeIs(kMirroredAddressesMax));
  EXPECT_EQ(endpoints[599].ready, true);
  EXPECT_EQ(endpoints[600].ready, false);
  EXPECT_THAT(manifest.warnings,
              ElementsAre(ParseError{1,
                                     "Endpoints ns/db: subsets[0] has 1200 addresses: the first 1000 are used, as in "
                                     "a cluster"}));
}

TEST(EndpointsDecoderTest, WhatTheApiServerWouldRefuseIsAnError) {
  struct Row {
    const char* sentence;
    const char* text;
    const char* error;
  };
  const Row rows[] = {
      {"no address", "subsets: [{addresses: [{}]}]", "4: subsets[0].addresses[0].ip must be an IP address, not \"\""},
      {"a name for an address", "subsets: [{notReadyAddresses: [{ip: db.example}]}]",
       "4: subsets[0].notReadyAddresses[0].ip must be an IP address, not \"db.example\""},
      {"no port", "subsets: [{ports: [{name: a}]}]", "4: subsets[0].ports[0].port is missing"},
      {"port 0", "subsets: [{ports: [{port: 0}]}]",
       "4: subsets[0].ports[0].port must be a whole number from 1 to 65535, not \"0\""},
      {"subsets that are none", "subsets: {}", "4: subsets must be a list, not an object"},
  };
  for (const Row& row : rows) {
    const Manifest manifest = DecodeManifest(absl::StrCat(kHead, row.text));
    EXPECT_THAT(ErrorsOf(manifest), ElementsAre(row.error)) << row.sentence;
    EXPECT_THAT(manifest.endpoints, IsEmpty());
  }
}

}  // namespace
}  // namespace shunt::sources
