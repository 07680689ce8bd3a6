// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/kubernetes/client/server_url.h"

#include <gtest/gtest.h>

namespace shunt::sources::kubernetes {
namespace {

TEST(ServerUrl, IsReadIntoItsParts) {
  const struct {
    const char* text;
    ServerUrl url;
    const char* canonical;
  } kRows[] = {
      {"https://10.0.0.1:6443", {true, "10.0.0.1", 6443, ""}, "https://10.0.0.1:6443"},
      {"https://[fd00::1]", {true, "fd00::1", 443, ""}, "https://[fd00::1]:443"},
      {"HTTP://localhost/", {false, "localhost", 80, ""}, "http://localhost:80"},
      {"https://rancher.example/k8s/clusters/c-1/",
       {true, "rancher.example", 443, "/k8s/clusters/c-1"},
       "https://rancher.example:443/k8s/clusters/c-1"},
  };
  for (const auto& row : kRows) {
    const absl::StatusOr<ServerUrl> url = ParseServerUrl(row.text);
    ASSERT_TRUE(url.ok()) << url.status();
    EXPECT_EQ(*url, row.url) << row.text;
    EXPECT_EQ(url->ToString(), row.canonical);
  }
}

TEST(ServerUrl, RefusesWhatNoApiServerHas) {
  for (const char* text :
       {"", "10.0.0.1:6443", "ftp://a", "https://", "https://:6443", "https://a:0", "https://a:65536", "https://a:+1",
        "https://user@a", "https://a?x=y", "https://a#b", "https://a b", "https://a\r\nb", "https://fd00::1",
        "https://[fd00::1", "https://[10.0.0.1]", "https://[fd00::1]6443", "https://-a"}) {
    EXPECT_EQ(ParseServerUrl(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

}  // namespace
}  // namespace shunt::sources::kubernetes
