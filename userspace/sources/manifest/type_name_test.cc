// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/manifest/type_name.h"

#include <gtest/gtest.h>

#include <string>

namespace shunt::sources {
namespace {

TEST(TypeNameTest, AMisspeltTypeOfOursIsRecognized) {
  struct Row {
    const char* version;
    const char* kind;
    const char* meant;
  };
  const Row rows[] = {
      {"v1", "service", "v1, Service"},
      {"v1", "Services", "v1, Service"},
      {"v1", "SERVICE", "v1, Service"},
      {"v1", " Service ", "v1, Service"},
      {"v1", "Servce", "v1, Service"},
      {"v1", "Serivce", "v1, Service"},
      {"v1", "Endpoint", "v1, Endpoints"},
      {"v1", "endpoints", "v1, Endpoints"},
      {"v1", "Nodes", "v1, Node"},
      {"v1", "list", "v1, List"},
      {"v1", "Servicelist", "v1, ServiceList"},
      {"v1", "EndpointSlice", "discovery.k8s.io/v1, EndpointSlice"},
      {"V1", "Service", "v1, Service"},
      {"v2", "Service", "v1, Service"},
      {"core/v1", "Service", "v1, Service"},
      {"discovery.k8s.io/v1", "EndpointSlices", "discovery.k8s.io/v1, EndpointSlice"},
      {"discovery.k8s.io/v1", "Endpointslice", "discovery.k8s.io/v1, EndpointSlice"},
      {"discovery/v1", "EndpointSlice", "discovery.k8s.io/v1, EndpointSlice"},
      {"discovery.k8.io/v1", "EndpointSlice", "discovery.k8s.io/v1, EndpointSlice"},
  };
  for (const Row& row : rows) {
    const std::string wrong = WrongWithType({row.version, row.kind});
    EXPECT_EQ(wrong, std::string("apiVersion ") + row.version + ", kind " + row.kind + " is not known: is " +
                         row.meant + " meant?");
  }
  EXPECT_EQ(WrongWithType({"discovery.k8s.io/v1beta1", "EndpointSlice"}),
            "EndpointSlice of discovery.k8s.io/v1beta1: only discovery.k8s.io/v1 is read");
}

TEST(TypeNameTest, ForeignTypesAreNotOurs) {
  for (const TypeName& type : {
           TypeName{"v1", "ServiceAccount"},
           TypeName{"v1", "ServiceAccountList"},
           TypeName{"v1", "Pod"},
           TypeName{"v1", "PodList"},
           TypeName{"v1", "Secret"},
           TypeName{"v1", "Event"},
           TypeName{"v1", "ConfigMap"},
           TypeName{"v1", "Mystery"},
           TypeName{"serving.knative.dev/v1", "Service"},
           TypeName{"apps/v1", "Deployment"},
           TypeName{"discovery.k8s.io/v1", "Mystery"},
           TypeName{"cilium.io/v2", "CiliumEndpoint"},
           TypeName{"metrics.k8s.io/v1beta1", "NodeList"},
           TypeName{"v1", std::string(100'000, 'S')},
       }) {
    EXPECT_FALSE(IsRead(type)) << type.kind;
    EXPECT_EQ(WrongWithType(type), "") << type.version << " " << type.kind;
  }
  EXPECT_TRUE(IsRead({"v1", "Endpoints"}));
  EXPECT_EQ(WrongWithType({"v1", "Endpoints"}), "");
}

TEST(TypeNameTest, TheLinesOfADocumentTellItsType) {
  const TypeName deployment{"apps/v1", "Deployment"};
  EXPECT_EQ(TypeByLines("apiVersion: apps/v1\nkind: Deployment\nspec: ["), deployment);
  EXPECT_EQ(TypeByLines("# a comment\r\nkind: \"Deployment\"  # why\r\napiVersion: 'apps/v1'\r\n"), deployment);
  EXPECT_EQ(TypeByLines("kind: Deployment\n"), std::nullopt);
  EXPECT_EQ(TypeByLines("kind: Deployment\napiVersion:\n"), std::nullopt);
  EXPECT_EQ(TypeByLines("kind: Deployment\nkind: Service\napiVersion: v1\n"), std::nullopt);
  EXPECT_EQ(TypeByLines("  kind: Deployment\napiVersion: v1\n"), std::nullopt) << "an indented one is another field";
}

}  // namespace
}  // namespace shunt::sources
