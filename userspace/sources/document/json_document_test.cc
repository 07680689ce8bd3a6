// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/document/json_document.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
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
using testing::StartsWith;
using testing_words::ErrorsOf;
using testing_words::ObjectsOf;
using testing_words::TheOnly;

Manifest DecodeJson(const std::string& text) {
  return DecodeManifest(text, ManifestFormat::kJson);
}

// An answer of a Kubernetes 1.36 API server, shortened.
std::string ApiServerAnswer(const std::string& name) {
  std::ifstream stream(absl::StrCat(SHUNT_TESTDATA, "/", name));
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

template <typename T>
T Named(const Manifest& manifest, const std::string& name) {
  for (const DecodedObject& decoded : manifest.objects) {
    if (NameOf(decoded.object).name == name) return std::get<T>(decoded.object);
  }
  ADD_FAILURE() << "no " << name;
  return T();
}

TEST(JsonDocumentTest, LinesAreTheFiles) {
  const Manifest manifest = DecodeJson(
      "{\n \"apiVersion\": \"v1\",\n\t\"kind\": \"Service\",\n \"metadata\": {\"name\": \"a\"},\n"
      " \"spec\": {\n  \"ports\": [\n   {\"port\": 0\n},\n {\"port\":\n70000\n}, {\n\"name\":\"b\",\"port\": "
      "\"80\"}\n],\n"
      "  \"type\": true,\n  \"publishNotReadyAddresses\": \"x\"\n }\n}\n");
  EXPECT_THAT(
      ErrorsOf(manifest),
      ElementsAre("14: spec.type must be a string: write \"true\" in quotes", "7: spec.ports[0].name is missing",
                  "7: spec.ports[0].port must be a whole number from 1 to 65535, not \"0\"",
                  "9: spec.ports[1].name is missing",
                  "10: spec.ports[1].port must be a whole number from 1 to 65535, not \"70000\"",
                  "12: spec.ports[2].port must be a whole number from 1 to 65535: write 80 without quotes or a tag",
                  "15: spec.publishNotReadyAddresses must be true or false, not \"x\""));
}

TEST(JsonDocumentTest, StringsAreUnescaped) {
  const model::Service service =
      TheOnly<model::Service>(DecodeJson(R"({"apiVersion":"v1","kind":"Service","metadata":{"name":"a",)"
                                         R"("annotations":{"k\u0065y":"\ud83d\ude80 \/ \u003c \t \"1\""}}})"));
  EXPECT_EQ(service.annotations.at("key"), "\xf0\x9f\x9a\x80 / < \t \"1\"");
}

struct ErrorCase {
  const char* sentence;
  std::string text;
  const char* error;  // how it begins
};

TEST(JsonDocumentTest, WhatIsNoJson) {
  const std::string head = "{\"apiVersion\": \"v1\", \"kind\": \"Service\", \"metadata\": {\"name\": \"a\"}";
  const std::vector<ErrorCase> cases = {
      {"nothing", "", "1: not valid JSON: syntax error"},
      {"YAML", "apiVersion: v1\nkind: Service", "1: not valid JSON: syntax error"},
      {"cut off", head + ",\n\"spec\": {\n", "3: not valid JSON: syntax error"},
      {"a comma too many", head + ",\n}", "2: not valid JSON: syntax error"},
      {"a comment", "// hello\n" + head + "}", "1: not valid JSON: syntax error"},
      {"two values", head + "}\n" + head + "}", "2: not valid JSON: syntax error"},
      {"a field given twice", head + ",\n\"spec\": {},\n\"spec\": {}}", "3: field \"spec\" is given twice"},
      {"half a pair of UTF-16", head + ",\n\"x\": \"\\ud83d\"}", "2: not valid JSON: syntax error"},
      {"a line end in a string", head + ",\n\"x\": \"a\nb\"}", "3: not valid JSON: syntax error"},
      {"a number that no float can hold", head + ",\n\"x\": 1e999}", "2: not valid JSON: number overflow"},
      {"NUL", head + ",\n\"x\": \"" + std::string(1, '\0') + "\"}", "2: not text: a byte that is not UTF-8"},
      {"not UTF-8", head + ",\n\"x\": \"\xff\"}", "2: not text: a byte that is not UTF-8"},
  };
  for (const ErrorCase& c : cases) {
    SCOPED_TRACE(c.sentence);
    const Manifest manifest = DecodeJson(c.text);
    ASSERT_THAT(ErrorsOf(manifest), SizeIs(1));
    EXPECT_THAT(ErrorsOf(manifest)[0], StartsWith(c.error));
    EXPECT_THAT(manifest.objects, IsEmpty());
  }
}

TEST(JsonDocumentTest, AnswersOfAnApiServerAreManifests) {
  const Manifest services = DecodeJson(ApiServerAnswer("services.json"));
  EXPECT_THAT(ErrorsOf(services), IsEmpty());
  ASSERT_THAT(services.objects, SizeIs(10));
  const auto balanced = Named<model::Service>(services, "lb");
  EXPECT_EQ(balanced.name, (model::ObjectName{"shop", "lb"}));
  EXPECT_EQ(balanced.uid, "db65516f-0ab9-46d1-8cb7-8ed138534828");
  EXPECT_EQ(balanced.resource_version, "229");
  EXPECT_EQ(balanced.creation_time_s, 1795379389);
  EXPECT_EQ(balanced.type, model::ServiceType::kLoadBalancer);
  EXPECT_THAT(balanced.cluster_ips, ElementsAre("10.110.220.140"));
  EXPECT_THAT(balanced.ports, ElementsAre(model::ServicePort{"https", model::Protocol::kTcp, 443, 32723}));
  EXPECT_EQ(balanced.external_traffic_policy, model::TrafficPolicy::kLocal);
  EXPECT_EQ(balanced.health_check_node_port, 32553);
  EXPECT_THAT(balanced.load_balancer_source_ranges, ElementsAre("198.51.100.0/24"));
  EXPECT_EQ(Named<model::Service>(services, "sticky").affinity_timeout_s, 600);
  EXPECT_THAT(Named<model::Service>(services, "dual").cluster_ips, ElementsAre("10.105.54.235", "fd00:10:96::4163"));
  EXPECT_THAT(Named<model::Service>(services, "headless").cluster_ips, ElementsAre("None"));
  EXPECT_EQ(Named<model::Service>(services, "extname").type, model::ServiceType::kExternalName);
  EXPECT_TRUE(Named<model::Service>(services, "notready").publish_not_ready_addresses);
  EXPECT_EQ(Named<model::Service>(services, "web").annotations.at("note"), "utf-8 \u2713 \"quoted\" \\ back");

  const Manifest slices = DecodeJson(ApiServerAnswer("endpoint_slices.json"));
  EXPECT_THAT(ErrorsOf(slices), IsEmpty());
  ASSERT_THAT(slices.objects, SizeIs(9));
  const auto web = Named<model::EndpointSlice>(slices, "web-2");
  EXPECT_EQ(web.ServiceName(), (model::ObjectName{"shop", "web"}));
  ASSERT_THAT(web.endpoints, SizeIs(4));
  EXPECT_EQ(web.endpoints[2].ready, false);
  EXPECT_EQ(web.endpoints[2].terminating, true);
  EXPECT_EQ(web.endpoints[2].pod_name, "pod-10-244-2-12");
  EXPECT_EQ(web.endpoints[3].ready, std::nullopt);
  EXPECT_EQ(web.endpoints[3].node_name, "");
  EXPECT_THAT(Named<model::EndpointSlice>(slices, "nodal-1").endpoints[1].hint_nodes, ElementsAre("node-b"));
  EXPECT_EQ(Named<model::EndpointSlice>(slices, "dual-v6").address_type, model::AddressType::kIpv6);
  EXPECT_EQ(Named<model::EndpointSlice>(slices, "fqdn-1").address_type, model::AddressType::kFqdn);
  EXPECT_EQ(Named<model::EndpointSlice>(slices, "nullport-1").ports[0].port, std::nullopt);
  EXPECT_THAT(Named<model::EndpointSlice>(slices, "empty-1").ports, IsEmpty());
  EXPECT_EQ(Named<model::EndpointSlice>(slices, "orphan-1").ServiceName().name, "");

  const Manifest nodes = DecodeJson(ApiServerAnswer("nodes.json"));
  EXPECT_THAT(ErrorsOf(nodes), IsEmpty());
  EXPECT_THAT(Named<model::Node>(nodes, "node-a").addresses, ElementsAre("10.244.0.1", "fd00:244::1", "198.51.100.1"));
  EXPECT_EQ(Named<model::Node>(nodes, "node-b").Zone(), "zone-2");
}

TEST(JsonDocumentTest, AsYamlTheSameTextMeansTheSame) {
  for (const char* name : {"services.json", "endpoint_slices.json", "nodes.json"}) {
    const std::string text = ApiServerAnswer(name);
    const Manifest json = DecodeJson(text);
    const Manifest yaml = DecodeManifest(text);
    EXPECT_THAT(ErrorsOf(yaml), IsEmpty());
    EXPECT_EQ(ObjectsOf(json), ObjectsOf(yaml));
    ASSERT_EQ(json.objects.size(), yaml.objects.size());
    for (size_t i = 0; i < json.objects.size(); ++i) EXPECT_TRUE(json.objects[i].object == yaml.objects[i].object);
  }
}

}  // namespace
}  // namespace shunt::sources
