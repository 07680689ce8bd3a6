// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/kubernetes/follow/api_servers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shunt::sources::kubernetes {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;

const SteadyTime kNow{std::chrono::hours(1)};

TEST(ApiServersTest, TheFirstServerIsAskedWhileItWorks) {
  ApiServers servers(std::vector<ApiServer>{{"https://a"}, {"https://b"}});
  servers.NoteAnswer("https://a", 200, kNow);
  EXPECT_EQ(servers.current().url, "https://a");
  EXPECT_TRUE(servers.reachable());
}

TEST(ApiServersTest, ThreeReflectorsThatFailTogetherMoveOnByOneServer) {
  ApiServers servers(std::vector<ApiServer>{{"https://a"}, {"https://b"}, {"https://c"}});
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(servers.Avoid("https://a", kNow));
  EXPECT_EQ(servers.current().url, "https://b");
}

TEST(ApiServersTest, WhenAllHaveFailedTheOneLeftTheLongestAgoIsNextAndNotAtOnce) {
  ApiServers servers(std::vector<ApiServer>{{"https://a"}, {"https://b"}});
  EXPECT_TRUE(servers.Avoid("https://a", kNow));
  EXPECT_FALSE(servers.Avoid("https://b", kNow + seconds(1)));
  EXPECT_EQ(servers.current().url, "https://a");
  EXPECT_TRUE(servers.Avoid("https://a", kNow + seconds(1) + ApiServers::kAvoidedFor));
}

TEST(ApiServersTest, TheOnlyServerStays) {
  ApiServers servers(std::vector<ApiServer>{{"https://a"}});
  EXPECT_FALSE(servers.Avoid("https://a", kNow));
  EXPECT_EQ(servers.current().url, "https://a");
}

TEST(ApiServersTest, DiscoveredServersComeAfterTheConfiguredOnesAndAreReplaced) {
  ApiServers servers(std::vector<ApiServer>{{"https://a", "kubernetes.example"}});
  servers.SetDiscovered({"https://b", "https://a", "https://c"});
  servers.Avoid("https://a", kNow);
  EXPECT_EQ(servers.current().url, "https://b");
  EXPECT_EQ(servers.current().tls_server_name, "kubernetes.example");
  servers.SetDiscovered({"https://c"});
  EXPECT_EQ(servers.current().url, "https://c") << "b is no longer there";
  servers.SetDiscovered({});
  EXPECT_EQ(servers.current().url, "https://a");
}

TEST(ApiServersTest, CountsAnswersByHostAndSilenceAsAnError) {
  ApiServers servers(std::vector<ApiServer>{{"https://[fd00::1]:6443"}, {"https://b/prefix"}});
  servers.NoteAnswer("https://[fd00::1]:6443", 200, kNow);
  servers.NoteAnswer("https://[fd00::1]:6443", 200, kNow);
  servers.NoteNoAnswer("https://b/prefix", kNow);
  EXPECT_THAT(servers.requests(),
              ElementsAre(report::RequestCount{.code = "200", .method = "GET", .host = "[fd00::1]:6443", .count = 2},
                          report::RequestCount{.code = "<error>", .method = "GET", .host = "b", .count = 1}));
}

TEST(ApiServersTest, AServerThatWentSilentIsNotReachableUntilItAnswers) {
  ApiServers servers(std::vector<ApiServer>{{"https://a"}});
  EXPECT_FALSE(servers.reachable());
  servers.NoteAnswer("https://a", 500, kNow);
  EXPECT_TRUE(servers.reachable());
  servers.NoteSilence("https://a", kNow);
  EXPECT_FALSE(servers.reachable());
}

TEST(ApiServersTest, DiscoveredServersBearTheNameThatAllApiServersBearIfNoneIsConfigured) {
  ApiServers servers(std::vector<ApiServer>{{"https://10.96.0.1:443", ""}});
  servers.SetDiscovered({"https://10.0.0.1:6443"});
  servers.Avoid("https://10.96.0.1:443", kNow);
  EXPECT_EQ(servers.current(), (ApiServer{"https://10.0.0.1:6443", "kubernetes.default.svc"}));
}

TEST(ApiServersTest, NothingIsDiscoveredWhereTheConfiguredServerIsReachedInTheClear) {
  ApiServers servers(std::vector<ApiServer>{{"http://127.0.0.1:8001", ""}});
  servers.SetDiscovered({"https://10.0.0.1:6443"});
  servers.Avoid("http://127.0.0.1:8001", kNow);
  EXPECT_EQ(servers.current().url, "http://127.0.0.1:8001");
}

TEST(ApiServersTest, AServerIsComingBackForAMomentAfterItWasAway) {
  ApiServers servers({{"https://a"}, {"https://b"}});
  servers.NoteAnswer("https://a", 200, kNow);
  EXPECT_FALSE(servers.IsComingBack("https://a", kNow));
  servers.NoteNoAnswer("https://a", kNow);
  servers.NoteAnswer("https://a", 403, kNow + seconds(1));
  EXPECT_TRUE(servers.IsComingBack("https://a", kNow + ApiServers::kComingBack - seconds(1)));
  EXPECT_FALSE(servers.IsComingBack("https://a", kNow + ApiServers::kComingBack));
  servers.NoteAnswer("https://a", 503, kNow + seconds(40));
  EXPECT_TRUE(servers.IsComingBack("https://a", kNow + seconds(41)));
  servers.NoteBreak("https://a", kNow + seconds(80));
  EXPECT_TRUE(servers.IsComingBack("https://a", kNow + seconds(81)));
  EXPECT_FALSE(servers.IsComingBack("https://b", kNow));
  EXPECT_FALSE(servers.IsComingBack("https://unknown", kNow));
}

}  // namespace
}  // namespace shunt::sources::kubernetes
