// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/kubernetes/client/client_choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "userspace/sources/kubernetes/testing/scratch_directory.h"

namespace shunt::sources::kubernetes {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kKubeconfig[] =
    "current-context: a\n"
    "contexts: [{name: a, context: {cluster: c, user: u}}]\n"
    "clusters: [{name: c, cluster: {server: 'https://configured', tls-server-name: api, certificate-authority: ca}}]\n"
    "users: [{name: u, user: {token: of-the-kubeconfig}}]\n";

class ClientChoiceTest : public testing::Test {
 protected:
  InClusterPlace Pod(const std::string& host = "10.96.0.1") {
    directory_.Write("token", "of-the-pod");
    directory_.Write("ca.crt", "pem");
    return {host, "443", directory_.path()};
  }

  ScratchDirectory directory_;
};

TEST_F(ClientChoiceTest, APodTakesItsOwnServerTokenAndCa) {
  const absl::StatusOr<ClientConfig> config = ChooseClientConfig({.pod = Pod()});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->origin, ClientConfig::Origin::kInCluster);
  EXPECT_THAT(config->servers, ElementsAre(ApiServer{"https://10.96.0.1:443", ""}));
  EXPECT_EQ(config->credentials.token.file, directory_.path() + "/token");
  EXPECT_EQ(config->credentials.certificate_authority.file, directory_.path() + "/ca.crt");
}

TEST_F(ClientChoiceTest, APodsServerMayBeAnIpv6AddressOrAName) {
  EXPECT_EQ(ChooseClientConfig({.pod = Pod("fd00::1")})->servers.front().url, "https://[fd00::1]:443");
  EXPECT_EQ(ChooseClientConfig({.pod = Pod("api.example")})->servers.front().url, "https://api.example:443");
}

TEST_F(ClientChoiceTest, AKubeconfigBeatsThePod) {
  const absl::StatusOr<ClientConfig> config =
      ChooseClientConfig({.kubeconfig = directory_.Write("config", kKubeconfig), .pod = Pod()});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->origin, ClientConfig::Origin::kKubeconfig);
  EXPECT_THAT(config->servers, ElementsAre(ApiServer{"https://configured:443", "api"}));
}

TEST_F(ClientChoiceTest, ApiServersAreFurtherAddressesOfTheKubeconfigsCluster) {
  const absl::StatusOr<ClientConfig> config =
      ChooseClientConfig({.kubeconfig = directory_.Write("config", kKubeconfig),
                          .api_servers = {"https://10.0.0.1:6443", "https://10.0.0.2:6443/"},
                          .pod = Pod()});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->origin, ClientConfig::Origin::kFlag);
  EXPECT_THAT(config->servers,
              ElementsAre(ApiServer{"https://10.0.0.1:6443", "api"}, ApiServer{"https://10.0.0.2:6443", "api"}));
  EXPECT_EQ(config->credentials.token.text, "of-the-kubeconfig");
}

TEST_F(ClientChoiceTest, ApiServersTakeThePodsTokenAndCa) {
  const absl::StatusOr<ClientConfig> config =
      ChooseClientConfig({.api_servers = {"https://10.0.0.1:6443"}, .pod = Pod()});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->credentials.token.file, directory_.path() + "/token");
}

TEST_F(ClientChoiceTest, ApiServersWorkWithoutCredentials) {
  const absl::StatusOr<ClientConfig> config = ChooseClientConfig({.api_servers = {"http://127.0.0.1:8001"}});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->credentials, Credentials{});
}

TEST_F(ClientChoiceTest, NothingAtAllSaysWhatToGive) {
  const absl::Status status = ChooseClientConfig({}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("--kubeconfig, --api-server, or --manifests"));
}

TEST_F(ClientChoiceTest, APodWithoutAServiceAccountSaysSo) {
  const absl::Status status = ChooseClientConfig({.pod = {"10.96.0.1", "443", directory_.path()}}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("automountServiceAccountToken"));
}

TEST_F(ClientChoiceTest, AServerThatIsNoUrlIsNamedWithItsFlag) {
  const absl::Status status = ChooseClientConfig({.api_servers = {"10.0.0.1"}}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("--api-server (in the configuration file apiServers): \"10.0.0.1\""));
}

}  // namespace
}  // namespace shunt::sources::kubernetes
