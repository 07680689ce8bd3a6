// SPDX-License-Identifier: Apache-2.0
#include "userspace/admin/http/health_pages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace shunt::admin::http {
namespace {

using std::chrono::steady_clock;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;
using ::testing::StartsWith;

const steady_clock::time_point kQueued{std::chrono::hours(7)};
constexpr int64_t kNowMs = 1'785'020'653'250;     // 2026-07-25T23:04:13.25Z
constexpr int64_t kBeforeMs = 1'785'020'500'000;  // 2026-07-25T23:01:40Z

const report::Moment kSoon{kQueued + std::chrono::seconds(1), kNowMs};
const report::Moment kTooLate{kQueued + report::kHealthTimeout, kNowMs};

TEST(HealthPagesTest, AHealthyProxyWasUpdatedJustNow) {
  const Response page = LivezPage({.oldest_pending = kQueued, .last_updated_ms = kBeforeMs}, kSoon);
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.content_type, "application/json");
  EXPECT_EQ(page.body,
            R"({"lastUpdated":"2026-07-25T23:04:13.25Z","currentTime":"2026-07-25T23:04:13.25Z","healthy":true,)"
            R"("status":{"IPv4":{"lastUpdated":"2026-07-25T23:01:40Z","healthy":true},)"
            R"("IPv6":{"lastUpdated":"2026-07-25T23:01:40Z","healthy":true}}})");
}

TEST(HealthPagesTest, AProxyThatAppliesNothingSaysSinceWhen) {
  const report::HealthState state{.oldest_pending = kQueued, .last_updated_ms = kBeforeMs};
  const Response page = HealthzPage(state, kTooLate);
  EXPECT_EQ(page.status, 503);
  EXPECT_EQ(page.body,
            R"({"lastUpdated":"2026-07-25T23:01:40Z","currentTime":"2026-07-25T23:04:13.25Z","nodeEligible":true,)"
            R"("healthy":false,"status":{"IPv4":{"lastUpdated":"2026-07-25T23:01:40Z","healthy":false},)"
            R"("IPv6":{"lastUpdated":"2026-07-25T23:01:40Z","healthy":false}}})");
  EXPECT_EQ(LivezPage(state, kTooLate).status, 503);
}

TEST(HealthPagesTest, LoadBalancersLeaveANodeThatGoesButTheKubeletKillsNothing) {
  const report::HealthState state{.last_updated_ms = kBeforeMs, .node_eligible = false};
  const Response page = HealthzPage(state, kSoon);
  EXPECT_EQ(page.status, 503);
  EXPECT_THAT(page.body, StartsWith(R"({"lastUpdated":"2026-07-25T23:01:40Z","currentTime":"2026-07-25T23:04:13.25Z",)"
                                    R"("nodeEligible":false,"healthy":true,)"));
  EXPECT_EQ(LivezPage(state, kSoon).status, 200);
}

TEST(HealthPagesTest, StartingUpItIsAliveAndHealthyButNotReady) {
  const report::HealthState state{.oldest_pending = kQueued};
  const Response page = HealthzPage(state, kTooLate);
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.body, R"({"lastUpdated":"2026-07-25T23:04:13.25Z","currentTime":"2026-07-25T23:04:13.25Z",)"
                       R"("nodeEligible":true,"healthy":true})");
  EXPECT_EQ(ReadyzPage(state, kTooLate).status, 503);
  EXPECT_EQ(ReadyzPage(state, kTooLate).body, R"({"currentTime":"2026-07-25T23:04:13.25Z","ready":false})");
  EXPECT_EQ(ReadyzPage({.last_updated_ms = kBeforeMs}, kSoon).status, 200);
}

TEST(HealthPagesTest, AWrongNodeNameIsToldAndFailsNothing) {
  const report::HealthState state{.last_updated_ms = kBeforeMs, .node_problem = "no Node named \"x\" is known"};
  const Response page = HealthzPage(state, kSoon);
  EXPECT_EQ(page.status, 200);
  EXPECT_THAT(page.body, HasSubstr(R"("healthy":true,"nodeProblem":"no Node named \"x\" is known","status":)"));
  EXPECT_THAT(LivezPage(state, kSoon).body, Not(HasSubstr("nodeProblem"))) << "a new process would fare no better";
}

TEST(HealthPagesTest, AServicesPageIsTabIndentedAndWeighted) {
  const Response page = ServiceHealthPage({.service = {"shop", "front"}, .port = 32000, .local_endpoints = 2}, true);
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.content_type, "application/json");
  EXPECT_THAT(page.headers, ElementsAre(Pair("X-Load-Balancing-Endpoint-Weight", "2")));
  EXPECT_EQ(page.body,
            "{\n\t\"service\": {\n\t\t\"namespace\": \"shop\",\n\t\t\"name\": \"front\"\n\t},\n"
            "\t\"localEndpoints\": 2,\n\t\"serviceProxyHealthy\": true\n}");
}

TEST(HealthPagesTest, AServiceWithoutLocalEndpointsOrWithoutAProxyGetsNoTraffic) {
  EXPECT_EQ(ServiceHealthPage({.service = {"shop", "front"}}, true).status, 503);
  EXPECT_EQ(ServiceHealthPage({.service = {"shop", "front"}, .local_endpoints = 1}, false).status, 503);
  EXPECT_EQ(ServiceHealthPage({.service = {"sh\xff", "\x01\""}, .local_endpoints = 1}, true).status, 200);
}

class NodeThatGoes final : public report::HealthView {
 public:
  report::HealthState Health() const override { return {.last_updated_ms = kBeforeMs, .node_eligible = false}; }
  report::Moment Now() const override { return kSoon; }
  void CountAnswer(report::HealthPage page, int status) const override { answered.emplace_back(page, status); }

  mutable std::vector<std::pair<report::HealthPage, int>> answered;
};

TEST(HealthPagesTest, PagesAreFoundByTheirPathAndTheirAnswersAreCounted) {
  const NodeThatGoes node;
  const Handler handler = HealthHandler(node);
  EXPECT_EQ(handler({.method = "GET", .path = "/healthz"}).status, 503);
  EXPECT_EQ(handler({.method = "GET", .path = "/livez"}).status, 200);
  EXPECT_EQ(handler({.method = "GET", .path = "/readyz"}).status, 200);
  EXPECT_EQ(handler({.method = "GET", .path = "/"}).status, 404);
  EXPECT_EQ(handler({.method = "GET", .path = "/healthz/"}).status, 404);
  EXPECT_THAT(node.answered,
              ElementsAre(Pair(report::HealthPage::kHealthz, 503), Pair(report::HealthPage::kLivez, 200)));
}

}  // namespace
}  // namespace shunt::admin::http
