// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/kubernetes/follow/discovered_servers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "absl/strings/str_cat.h"

namespace shunt::sources::kubernetes {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

// In the form that an API server writes.
model::EndpointSlice Kubernetes(const std::vector<std::string>& addresses) {
  model::EndpointSlice slice;
  slice.name = {"default", "kubernetes"};
  slice.labels = {{"kubernetes.io/service-name", "kubernetes"}};
  slice.ports = {{.name = "https", .port = 6443}};
  for (const std::string& address : addresses) slice.endpoints.push_back({.address = address, .ready = true});
  return slice;
}

TEST(DiscoveredServers, AreTheReadyEndpointsOfTheKubernetesSliceInOrder) {
  model::EndpointSlice slice = Kubernetes({"10.0.0.2", "10.0.0.1", "10.0.0.2", "10.0.0.3"});
  slice.endpoints.back().ready = false;
  DiscoveredServers discovered;
  EXPECT_TRUE(discovered.Note(Upsert{slice}));
  EXPECT_FALSE(discovered.Note(Upsert{slice})) << "the same again";
  EXPECT_THAT(discovered.urls(), ElementsAre("https://10.0.0.1:6443", "https://10.0.0.2:6443"));
  EXPECT_TRUE(discovered.Note(Upsert{Kubernetes({"fd00::1"})}));
  EXPECT_THAT(discovered.urls(), ElementsAre("https://[fd00::1]:6443"));
  EXPECT_TRUE(discovered.Note(Upsert{Kubernetes({"240.0.0.1"})}));
  EXPECT_THAT(discovered.urls(), ElementsAre("https://240.0.0.1:6443")) << "clouds use this range, too";
  EXPECT_TRUE(discovered.Note(Remove{ObjectKind::kEndpointSlice, slice.name}));
  EXPECT_THAT(discovered.urls(), IsEmpty());
}

TEST(DiscoveredServers, AreNotTakenFromWhatApiServersDoNotWrite) {
  const struct {
    const char* sentence;
    std::function<void(model::EndpointSlice&)> change;
  } kRows[] = {
      {"a slice of another name", [](auto& slice) { slice.name.name = "kubernetes-x7kd2"; }},
      {"a slice of another namespace", [](auto& slice) { slice.name.namespace_name = "shop"; }},
      {"a slice of another Service", [](auto& slice) { slice.labels["kubernetes.io/service-name"] = "web"; }},
      {"another port", [](auto& slice) { slice.ports.front().name = "http"; }},
      {"a port without a number", [](auto& slice) { slice.ports.front().port.reset(); }},
      {"a port of UDP", [](auto& slice) { slice.ports.front().protocol = model::Protocol::kUdp; }},
      {"the loopback address", [](auto& slice) { slice.endpoints.front().address = "127.0.0.1"; }},
      {"a link-local address", [](auto& slice) { slice.endpoints.front().address = "169.254.169.254"; }},
      {"a name", [](auto& slice) { slice.endpoints.front().address = "api.example"; }},
      {"no address", [](auto& slice) { slice.endpoints.front().address = ""; }},
  };
  for (const auto& row : kRows) {
    model::EndpointSlice slice = Kubernetes({"10.0.0.1"});
    row.change(slice);
    DiscoveredServers discovered;
    EXPECT_FALSE(discovered.Note(Upsert{slice})) << row.sentence;
    EXPECT_THAT(discovered.urls(), IsEmpty()) << row.sentence;
  }
}

TEST(DiscoveredServers, StayWhenSomethingElseOfThatNameComesAndGoes) {
  DiscoveredServers discovered;
  EXPECT_TRUE(discovered.Note(Upsert{Kubernetes({"10.0.0.1"})}));
  EXPECT_FALSE(discovered.Note(Upsert{model::Service{.name = {"default", "kubernetes"}}}));
  EXPECT_FALSE(discovered.Note(Remove{ObjectKind::kService, {"default", "kubernetes"}}));
  EXPECT_THAT(discovered.urls(), SizeIs(1));
}

TEST(DiscoveredServers, AreCapped) {
  std::vector<std::string> addresses;
  for (int i = 1; i < 100; ++i) addresses.push_back(absl::StrCat("10.0.0.", i));
  DiscoveredServers discovered;
  discovered.Note(Upsert{Kubernetes(addresses)});
  EXPECT_THAT(discovered.urls(), SizeIs(DiscoveredServers::kServersMax));
}

}  // namespace
}  // namespace shunt::sources::kubernetes
