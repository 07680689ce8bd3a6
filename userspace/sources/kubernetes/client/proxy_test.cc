// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/kubernetes/client/proxy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shunt::sources::kubernetes {
namespace {

std::string Chosen(const std::string& server, const ProxyEnvironment& environment, const std::string& configured = "") {
  const absl::StatusOr<std::string> proxy = ChooseProxy(*ParseServerUrl(server), configured, environment);
  return proxy.ok() ? *proxy : std::string(proxy.status().message());
}

TEST(Proxy, OfTheEnvironmentIsTakenForItsScheme) {
  const ProxyEnvironment environment{.https_proxy = "http://a:1", .http_proxy = "b:2"};
  EXPECT_EQ(Chosen("https://10.0.0.1", environment), "http://a:1");
  EXPECT_EQ(Chosen("http://10.0.0.1", environment), "b:2");
  EXPECT_EQ(Chosen("https://10.0.0.1", {}), "");
}

TEST(Proxy, OfTheKubeconfigIsTakenWhateverTheEnvironmentSays) {
  EXPECT_EQ(Chosen("https://10.0.0.1", {.https_proxy = "a", .no_proxy = "*"}, "https://c"), "https://c");
}

TEST(Proxy, OfAnotherKindIsRefused) {
  EXPECT_THAT(Chosen("https://10.0.0.1", {.https_proxy = "socks5://a"}),
              testing::HasSubstr("\"socks5\" is not supported"));
}

TEST(Proxy, LeavesOutWhatNoProxyNames) {
  const struct {
    const char* server;
    const char* no_proxy;
    bool direct;
  } kRows[] = {
      {"https://10.0.0.1:6443", "10.0.0.0/8", true},
      {"https://11.0.0.1:6443", "10.0.0.0/8", false},
      {"https://10.0.0.1:6443", " 10.0.0.2 , 10.0.0.1", true},
      {"https://10.0.0.1:6443", "10.0.0.1:443", false},
      {"https://10.0.0.1:6443", "10.0.0.1:6443", true},
      {"https://[fd00::1]:6443", "fd00::1", true},
      {"https://[fd00::1]:6443", "[fd00::1]:6443", true},
      {"https://[fd00::1]:6443", "fd00::/16", true},
      {"https://api.example", "example", true},
      {"https://api.example", "EXAMPLE:443", true},
      {"https://api.example", ".example", true},
      {"https://example", ".example", false},
      {"https://example", "*.example", false},
      {"https://notexample", "example", false},
      {"https://api.example", "*", true},
      {"https://api.example", "", false},
      {"https://localhost:6443", "", true},
      {"https://127.0.0.2:6443", "", true},
      {"https://[::1]:6443", "", true},
  };
  for (const auto& row : kRows) {
    const std::string proxy = Chosen(row.server, {.https_proxy = "p:1", .no_proxy = row.no_proxy});
    EXPECT_EQ(proxy.empty(), row.direct) << row.server << " with NO_PROXY=" << row.no_proxy;
  }
}

}  // namespace
}  // namespace shunt::sources::kubernetes
