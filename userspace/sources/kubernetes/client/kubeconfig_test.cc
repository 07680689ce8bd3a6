// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/kubernetes/client/kubeconfig.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace shunt::sources::kubernetes {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr char kFile[] = "/etc/kubernetes/admin.conf";

// A kubeconfig with one context; `cluster` and `user` are the fields of its mappings in flow style.
std::string Kubeconfig(const std::string& cluster, const std::string& user) {
  return absl::StrCat("apiVersion: v1\nkind: Config\ncurrent-context: main\n",
                      "contexts: [{name: main, context: {cluster: prod, user: node}}]\n",
                      "clusters: [{name: prod, cluster: {", cluster, "}}]\n",  //
                      "users: [{name: node, user: {", user, "}}]\n");
}

std::string ErrorOf(const std::string& text) {
  const absl::StatusOr<ClientConfig> config = DecodeKubeconfig(text, kFile);
  EXPECT_EQ(config.status().code(), absl::StatusCode::kInvalidArgument) << text;
  EXPECT_THAT(std::string(config.status().message()), StartsWith(absl::StrCat(kFile, ":")));
  return std::string(config.status().message());
}

TEST(Kubeconfig, ThatKubeadmWritesForKubeProxyIsRead) {
  const absl::StatusOr<ClientConfig> config = DecodeKubeconfig(R"(apiVersion: v1
kind: Config
clusters:
- cluster:
    certificate-authority: /var/run/secrets/kubernetes.io/serviceaccount/ca.crt
    server: https://control-plane.example:6443
  name: default
contexts:
- context:
    cluster: default
    namespace: default
    user: default
  name: default
current-context: default
users:
- name: default
  user:
    tokenFile: /var/run/secrets/kubernetes.io/serviceaccount/token
)",
                                                               "/var/lib/kube-proxy/kubeconfig.conf");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->origin, ClientConfig::Origin::kKubeconfig);
  EXPECT_THAT(config->servers, testing::ElementsAre(ApiServer{"https://control-plane.example:6443", ""}));
  EXPECT_EQ(config->credentials.certificate_authority.file, "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt");
  EXPECT_EQ(config->credentials.token.file, "/var/run/secrets/kubernetes.io/serviceaccount/token");
  EXPECT_FALSE(config->skip_tls_verification);
}

TEST(Kubeconfig, InJsonIsReadToo) {
  const absl::StatusOr<ClientConfig> config = DecodeKubeconfig(
      R"({"current-context": "a", "contexts": [{"name": "a", "context": {"cluster": "c"}}],
          "clusters": [{"name": "c", "cluster": {"server": "https://10.0.0.1"}}]})",
      kFile);
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->servers.front().url, "https://10.0.0.1:443");
  EXPECT_EQ(config->credentials, Credentials{}) << "a context without a user is anonymous";
}

TEST(Kubeconfig, PathsAreRelativeToItsDirectory) {
  const absl::StatusOr<ClientConfig> config =
      DecodeKubeconfig(Kubeconfig("server: 'https://a', certificate-authority: ../pki/ca.crt",
                                  "client-certificate: node.crt, client-key: /keys/node.key"),
                       kFile);
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->credentials.certificate_authority.file, "/etc/pki/ca.crt");
  EXPECT_EQ(config->credentials.client_certificate.file, "/etc/kubernetes/node.crt");
  EXPECT_EQ(config->credentials.client_key.file, "/keys/node.key");
}

TEST(Kubeconfig, DataBeatsAFileAndATokenFileBeatsAToken) {
  const std::string pem = "-----BEGIN CERTIFICATE-----\n";
  const std::string encoded = absl::Base64Escape(pem);
  const absl::StatusOr<ClientConfig> config = DecodeKubeconfig(
      Kubeconfig(
          absl::StrCat("server: 'https://a', certificate-authority: ca.crt, certificate-authority-data: ", encoded),
          "token: secret, tokenFile: /token"),
      kFile);
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->credentials.certificate_authority, (Material{.text = pem}));
  EXPECT_EQ(config->credentials.token, (Material{.file = "/token"}));
}

TEST(Kubeconfig, SaysNameProxyAndThatNothingIsVerified) {
  const absl::StatusOr<ClientConfig> config =
      DecodeKubeconfig(Kubeconfig("server: 'https://[fd00::1]:6443/', tls-server-name: kubernetes.default.svc, "
                                  "insecure-skip-tls-verify: true, proxy-url: 'http://proxy:3128'",
                                  "token: secret"),
                       kFile);
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_THAT(config->servers, testing::ElementsAre(ApiServer{"https://[fd00::1]:6443", "kubernetes.default.svc"}));
  EXPECT_TRUE(config->skip_tls_verification);
  EXPECT_EQ(config->proxy_url, "http://proxy:3128");
  EXPECT_EQ(config->credentials.token.text, "secret");
}

TEST(Kubeconfig, ContextsThatAreNotCurrentAreNotLookedAt) {
  const absl::StatusOr<ClientConfig> config = DecodeKubeconfig(R"(current-context: b
contexts: [{name: a, context: {cluster: gone}}, {name: b, context: {cluster: c}}]
clusters: [{name: bad, cluster: {server: 7}}, {name: c, cluster: {server: 'https://a'}}]
users: [{name: plugin, user: {exec: {command: aws}}}])",
                                                               kFile);
  EXPECT_TRUE(config.ok()) << config.status();
}

TEST(Kubeconfig, ErrorsNameTheLineAndWhatToDo) {
  const struct {
    const char* sentence;
    std::string text;
    const char* error;
  } kRows[] = {
      {"nothing at all", "", "must be an object, not null"},
      {"no current context", "contexts: []", "current-context is missing: `kubectl config use-context NAME` sets it"},
      {"no YAML", "a: [", "not valid YAML"},
      {"no text", std::string("a: \0", 4), "not text"},
      {"a context that is not there", "current-context: a\ncontexts: []\n", "contexts has none with the name \"a\""},
      {"two of one name",
       "current-context: a\ncontexts:\n- {name: a, context: {cluster: c}}\n- {name: a, context: {cluster: d}}\n",
       "4: contexts[1].name is \"a\" for the second time"},
      {"no cluster of that name", "current-context: a\ncontexts: [{name: a, context: {cluster: c}}]\n",
       "clusters has none with the name \"c\""},
      {"no server", Kubeconfig("", ""), "clusters[0].cluster.server"},
      {"a server without a scheme", Kubeconfig("server: 'a:6443'", ""), "expected https://HOST[:PORT]"},
      {"a server name that is none", Kubeconfig("server: 'https://a', tls-server-name: 'a b'", ""),
       "tls-server-name is neither a DNS name nor an address"},
      {"a CA and no verification",
       Kubeconfig("server: 'https://a', certificate-authority: ca.crt, insecure-skip-tls-verify: true", ""),
       "insecure-skip-tls-verify is true, and there is a certificate authority"},
      {"data that is no base64", Kubeconfig("server: 'https://a', certificate-authority-data: '%%'", ""),
       "certificate-authority-data is not PEM in base64"},
      {"data that is no PEM", Kubeconfig("server: 'https://a', certificate-authority-data: aGVsbG8=", ""),
       "certificate-authority-data is not PEM in base64"},
      {"a SOCKS proxy", Kubeconfig("server: 'https://a', proxy-url: 'socks5://p'", ""),
       "a proxy of the kind \"socks5\" is not supported"},
      {"a certificate without its key", Kubeconfig("server: 'https://a'", "client-certificate: a.crt"),
       "client-key is missing"},
      {"a command", Kubeconfig("server: 'https://a'", "exec: {command: aws}"), "the agent runs no commands"},
      {"a plugin", Kubeconfig("server: 'https://a'", "auth-provider: {name: gcp}"), "the agent runs no commands"},
      {"a password", Kubeconfig("server: 'https://a'", "username: a, password: b"), "removed passwords"},
      {"another identity", Kubeconfig("server: 'https://a'", "token: t, as: root"),
       "does not impersonate another user"},
      {"an alias", "current-context: &a x\n", "anchors are not accepted"},
  };
  for (const auto& row : kRows) EXPECT_THAT(ErrorOf(row.text), HasSubstr(row.error)) << row.sentence;
}

TEST(Kubeconfig, IsCappedInSizeAndDepth) {
  EXPECT_THAT(ErrorOf(std::string(kTextFileBytesMax + 1, ' ')), HasSubstr("larger than 1 MiB"));
  EXPECT_THAT(ErrorOf("a: " + std::string(100, '[') + std::string(100, ']')), HasSubstr("nested"));
}

TEST(Kubeconfig, ThatIsMissingIsNamed) {
  const absl::StatusOr<ClientConfig> config = ReadKubeconfig("/nonexistent/kubeconfig");
  EXPECT_EQ(config.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(config.status().message()), HasSubstr("kubeconfig: read /nonexistent/kubeconfig"));
}

}  // namespace
}  // namespace shunt::sources::kubernetes
