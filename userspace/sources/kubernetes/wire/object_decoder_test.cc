// SPDX-License-Identifier: Apache-2.0
// Which parts of an object are read, left out or refused. Protobuf's own encoder makes the messages.
#include "userspace/sources/kubernetes/wire/object_decoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "absl/strings/str_cat.h"
#include "kubernetes/core.pb.h"
#include "kubernetes/discovery.pb.h"
#include "userspace/sources/kubernetes/testing/api_bytes.h"
#include "userspace/sources/kubernetes/testing/sample_objects.h"
#include "userspace/sources/kubernetes/wire/endpoint_slice_decoder.h"
#include "userspace/sources/kubernetes/wire/node_decoder.h"
#include "userspace/sources/kubernetes/wire/object_encoder.h"
#include "userspace/sources/kubernetes/wire/service_decoder.h"
#include "userspace/sources/kubernetes/wire/wire_format.h"

namespace shunt::sources::kubernetes {
namespace {

namespace api = ::shunt::kubernetes;
using testing::HasSubstr;

api::Service ServiceMessage() {
  api::Service message;
  EncodeService(SampleService(), &message);
  return message;
}

api::EndpointSlice SliceMessage() {
  api::EndpointSlice message;
  EncodeEndpointSlice(SampleSlice(), &message);
  return message;
}

model::Service Decoded(const api::Service& message) {
  const absl::StatusOr<model::Service> service = DecodeService(message.SerializeAsString());
  EXPECT_EQ(service.status(), absl::OkStatus());
  return service.value_or(model::Service());
}

model::EndpointSlice Decoded(const api::EndpointSlice& message) {
  const absl::StatusOr<model::EndpointSlice> slice = DecodeEndpointSlice(message.SerializeAsString());
  EXPECT_EQ(slice.status(), absl::OkStatus());
  return slice.value_or(model::EndpointSlice());
}

TEST(ObjectDecoderTest, WhatWasEncodedIsReadAgain) {
  for (const Object& object : {Object(SampleService()), Object(SampleSlice()), Object(SampleNode())}) {
    const absl::StatusOr<Object> decoded = DecodeObject(KindOf(object), MessageOf(object));
    ASSERT_EQ(decoded.status(), absl::OkStatus());
    EXPECT_TRUE(*decoded == object) << KindName(KindOf(object));
  }
}

TEST(ObjectDecoderTest, WhatIsMissingHasTheApisDefaults) {
  api::Service service;
  service.mutable_metadata()->set_name("web");
  service.mutable_metadata()->set_namespace_("shop");
  model::Service expected;
  expected.name = {"shop", "web"};
  EXPECT_TRUE(Decoded(service) == expected);

  api::EndpointSlice slice;
  *slice.mutable_metadata() = service.metadata();
  slice.add_endpoints();
  slice.add_ports();
  model::EndpointSlice expected_slice;
  expected_slice.name = {"shop", "web"};
  expected_slice.address_type = model::AddressType::kFqdn;
  expected_slice.endpoints.resize(1);
  expected_slice.ports = {{"", model::Protocol::kTcp, std::nullopt}};
  EXPECT_TRUE(Decoded(slice) == expected_slice);
}

TEST(ObjectDecoderTest, LabelsAndAnnotationsThatNobodyReadsAreDropped) {
  api::Service message = ServiceMessage();
  (*message.mutable_metadata()->mutable_labels())["app"] = "web";
  (*message.mutable_metadata()->mutable_annotations())["kubectl.kubernetes.io/last-applied-configuration"] = "{...}";
  EXPECT_TRUE(Decoded(message) == SampleService());
}

TEST(ObjectDecoderTest, FieldsOfOtherVersionsOfTheApiArePassedOver) {
  // Fields 100 to 103: a number, eight bytes, text, four bytes.
  const std::string unknown("\xa0\x06\x01\xa9\x06xxxxxxxx\xb2\x06\x02hi\xbd\x06xxxx", 24);
  for (const Object& object : {Object(SampleService()), Object(SampleSlice()), Object(SampleNode())}) {
    const absl::StatusOr<Object> decoded =
        DecodeObject(KindOf(object), absl::StrCat(unknown, MessageOf(object), unknown));
    ASSERT_EQ(decoded.status(), absl::OkStatus());
    EXPECT_TRUE(*decoded == object);
  }
}

TEST(ObjectDecoderTest, WordsOfAServiceMeanWhatKubeProxyTakesThemFor) {
  struct Row {
    std::string sentence;
    std::function<void(api::Service&)> change;
    std::function<void(model::Service&)> expected;
  };
  const Row kRows[] = {
      {"another type is a ClusterIP", [](api::Service& s) { s.mutable_spec()->set_type("Rocket"); },
       [](model::Service& s) { s.type = model::ServiceType::kClusterIp; }},
      {"another policy is Cluster", [](api::Service& s) { s.mutable_spec()->set_internal_traffic_policy("Near"); },
       [](model::Service& s) { s.internal_traffic_policy = model::TrafficPolicy::kCluster; }},
      {"another affinity is none", [](api::Service& s) { s.mutable_spec()->set_session_affinity("Cookie"); },
       [](model::Service& s) { s.affinity_timeout_s = 0; }},
      {"an affinity without a timeout has the default",
       [](api::Service& s) { s.mutable_spec()->clear_session_affinity_config(); },
       [](model::Service& s) { s.affinity_timeout_s = 10'800; }},
      {"so has one with a timeout beyond a day",
       [](api::Service& s) {
         s.mutable_spec()->mutable_session_affinity_config()->mutable_client_ip()->set_timeout_seconds(86'401);
       },
       [](model::Service& s) { s.affinity_timeout_s = 10'800; }},
      {"an ingress keeps its mode, known or not",
       [](api::Service& s) { s.mutable_status()->mutable_load_balancer()->mutable_ingress(0)->set_ip_mode("New"); },
       [](model::Service& s) { s.load_balancer_ingress[0].ip_mode = "New"; }},
      {"clusterIP alone is enough",
       [](api::Service& s) {
         s.mutable_spec()->clear_cluster_ips();
         s.mutable_spec()->set_cluster_ip("None");
       },
       [](model::Service& s) { s.cluster_ips = {"None"}; }},
      {"clusterIPs outrank it", [](api::Service& s) { s.mutable_spec()->set_cluster_ip("10.96.0.99"); },
       [](model::Service&) {}},
      {"a time before 1970 is unknown",
       [](api::Service& s) { s.mutable_metadata()->mutable_creation_timestamp()->set_seconds(-1); },
       [](model::Service& s) { s.creation_time_s = 0; }},
      {"a health check port out of range is none",
       [](api::Service& s) { s.mutable_spec()->set_health_check_node_port(65'536); },
       [](model::Service& s) { s.health_check_node_port = 0; }},
  };
  for (const Row& row : kRows) {
    SCOPED_TRACE(row.sentence);
    api::Service message = ServiceMessage();
    model::Service expected = SampleService();
    row.change(message);
    row.expected(expected);
    EXPECT_TRUE(Decoded(message) == expected);
  }
}

TEST(ObjectDecoderTest, PortsThatNoServiceCanHaveAreLeftOut) {
  struct Row {
    std::string sentence;
    std::function<void(api::ServicePort&)> change;
    bool kept;
  };
  const Row kRows[] = {
      {"a port like any other", [](api::ServicePort&) {}, true},
      {"without a name", [](api::ServicePort& p) { p.clear_name(); }, true},
      {"without a protocol: TCP", [](api::ServicePort& p) { p.clear_protocol(); }, true},
      {"of another protocol", [](api::ServicePort& p) { p.set_protocol("QUIC"); }, false},
      {"without a number", [](api::ServicePort& p) { p.clear_port(); }, false},
      {"a number too large", [](api::ServicePort& p) { p.set_port(65'536); }, false},
      {"a negative number", [](api::ServicePort& p) { p.set_port(-1); }, false},
      {"a name that the kernel's record has no room for", [](api::ServicePort& p) { p.set_name(std::string(64, 'a')); },
       false},
      {"another port's name", [](api::ServicePort& p) { p.set_name("dns"); }, false},
      {"another port's number", [](api::ServicePort& p) { p.set_port(53); }, false},
  };
  for (const Row& row : kRows) {
    SCOPED_TRACE(row.sentence);
    api::Service message = ServiceMessage();
    api::ServicePort* const port = message.mutable_spec()->add_ports();
    port->set_name("extra");
    port->set_protocol("TCP");
    port->set_port(8443);
    row.change(*port);
    EXPECT_EQ(Decoded(message).ports.size(), row.kept ? 4 : 3);
  }
}

TEST(ObjectDecoderTest, NodePortsOutOfRangeAreNone) {
  api::Service message = ServiceMessage();
  message.mutable_spec()->mutable_ports(0)->set_node_port(65'536);
  EXPECT_EQ(Decoded(message).ports[0].node_port, 0);
}

TEST(ObjectDecoderTest, AnEndpointIsReadByItsFirstAddress) {
  api::EndpointSlice message = SliceMessage();
  message.mutable_endpoints(0)->add_addresses("fd00::2");
  EXPECT_TRUE(Decoded(message) == SampleSlice());
}

TEST(ObjectDecoderTest, OnlyAPodLendsItsName) {
  api::EndpointSlice message = SliceMessage();
  message.mutable_endpoints(0)->mutable_target_ref()->set_kind("Node");
  EXPECT_EQ(Decoded(message).endpoints[0].pod_name, "");
}

TEST(ObjectDecoderTest, APortOfASliceOutOfRangeIsAbsent) {
  for (const int number : {0, -1, 65'536}) {
    api::EndpointSlice message = SliceMessage();
    message.mutable_ports(0)->set_port(number);
    EXPECT_EQ(Decoded(message).ports[0].port, std::nullopt) << number;
  }
}

TEST(ObjectDecoderTest, APortOfASliceOfAnotherProtocolIsLeftOut) {
  api::EndpointSlice message = SliceMessage();
  message.mutable_ports(0)->set_protocol("QUIC");
  EXPECT_EQ(Decoded(message).ports.size(), 1);
}

TEST(ObjectDecoderTest, OnlyAddressesOfANodeAreReadAndItsInternalOnesComeFirst) {
  api::Node message;
  EncodeNode(SampleNode(), &message);
  api::NodeAddress* const name = message.mutable_status()->add_addresses();
  name->set_type("Hostname");
  name->set_address("node-a");
  message.mutable_status()->mutable_addresses(0)->set_type("ExternalIP");
  const absl::StatusOr<model::Node> node = DecodeNode(message.SerializeAsString());
  ASSERT_EQ(node.status(), absl::OkStatus());
  model::Node expected = SampleNode();
  std::swap(expected.addresses[0], expected.addresses[1]);
  EXPECT_TRUE(*node == expected);
}

TEST(ObjectDecoderTest, NamesThatNoApiServerWouldTakeAreRefused) {
  struct Row {
    std::string sentence;
    std::function<void(api::ObjectMeta&)> change;
    std::string error;
  };
  const Row kRows[] = {
      {"none", [](api::ObjectMeta& m) { m.clear_name(); }, "Service \"shop/\": metadata.name must be"},
      {"with a slash", [](api::ObjectMeta& m) { m.set_name("a/b"); }, "Service \"shop/a/b\": metadata.name must be"},
      {"with a zero", [](api::ObjectMeta& m) { m.set_name(std::string("a\0b", 3)); }, "Service \"shop/a\\000b\""},
      {"too long", [](api::ObjectMeta& m) { m.set_name(std::string(64, 'a')); }, "metadata.name is longer than 63"},
      {"no namespace", [](api::ObjectMeta& m) { m.clear_namespace_(); }, "Service \"web\": metadata.namespace must be"},
  };
  for (const Row& row : kRows) {
    SCOPED_TRACE(row.sentence);
    api::Service message = ServiceMessage();
    row.change(*message.mutable_metadata());
    const absl::Status status = DecodeService(message.SerializeAsString()).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr(row.error));
  }
}

TEST(ObjectDecoderTest, MoreThanTheCapsAllowIsRefused) {
  api::EndpointSlice endpoints = SliceMessage();
  while (endpoints.endpoints_size() < static_cast<int>(kEndpointsMax)) endpoints.add_endpoints();
  EXPECT_EQ(Decoded(endpoints).endpoints.size(), kEndpointsMax);
  endpoints.add_endpoints();
  EXPECT_THAT(std::string(DecodeEndpointSlice(endpoints.SerializeAsString()).status().message()),
              HasSubstr("EndpointSlice \"shop/web-1.a\": more than 10000 of field 2"));

  api::EndpointSlice hints = SliceMessage();
  for (size_t i = 0; i < kHintsMax; ++i) hints.mutable_endpoints(0)->mutable_hints()->add_for_zones();
  EXPECT_THAT(std::string(DecodeEndpointSlice(hints.SerializeAsString()).status().message()),
              HasSubstr("more than 64 of field 1"));
}

TEST(ObjectDecoderTest, OfWhatAnybodyMayWriteTheFirstCountAndTheObjectIsRead) {
  api::Service message = ServiceMessage();
  message.mutable_spec()->clear_external_ips();
  message.mutable_spec()->clear_load_balancer_source_ranges();
  message.mutable_spec()->clear_ports();
  for (size_t i = 0; i <= kRepeatedMax; ++i) {
    message.mutable_spec()->add_external_ips("192.0.2.1");
    message.mutable_spec()->add_load_balancer_source_ranges("192.0.2.0/24");
    message.mutable_spec()->add_ports()->set_port(static_cast<int>(i) + 1);
    message.mutable_status()->mutable_load_balancer()->add_ingress();
  }
  const model::Service service = Decoded(message);
  EXPECT_EQ(service.external_ips.size(), kRepeatedMax);
  EXPECT_EQ(service.load_balancer_source_ranges.size(), kRepeatedMax);
  EXPECT_EQ(service.ports.size(), kRepeatedMax);
  EXPECT_EQ(service.load_balancer_ingress.size(), kRepeatedMax);
}

TEST(ObjectDecoderTest, BrokenMessagesAreRefusedWherever) {
  struct Row {
    std::string sentence;
    std::string bytes;  // behind a good Service
    std::string error;
  };
  const Row kRows[] = {
      {"a tag without a value", "\x0a", "broken protobuf after field"},
      {"bytes that are not there", "\x0a\x05xx", "broken protobuf after field"},
      {"a length beyond all memory", "\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "broken protobuf after field"},
      {"a number that never ends", "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "broken protobuf after field"},
      {"field 0", std::string("\x00\x00", 2), "broken protobuf after field"},
      {"a group", "\x0b\x0c", "broken protobuf after field"},
      {"a number for a spec", "\x10\x01", "field 2 should be bytes and is a number"},
      {"text for a port's number", "\x12\x06\x0a\x04\x1a\x02hi", "field 3 should be a number and is not"},
  };
  for (const Row& row : kRows) {
    SCOPED_TRACE(row.sentence);
    const absl::Status status = DecodeService(absl::StrCat(MessageOf(SampleService()), row.bytes)).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr(row.error));
  }
}

}  // namespace
}  // namespace shunt::sources::kubernetes
