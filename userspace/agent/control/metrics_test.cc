// SPDX-License-Identifier: Apache-2.0
#include "userspace/agent/control/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace shunt::agent {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::Pair;

constexpr int64_t kStartMs = 1'785'020'653'000;  // 2026-07-25T23:04:13Z

// The moment that long after the start, by both clocks.
report::Moment After(int64_t ms) {
  return {std::chrono::steady_clock::time_point(std::chrono::hours(1) + milliseconds(ms)), kStartMs + ms};
}

sources::Event SliceEvent(const std::string& trigger_time, model::AddressType type = model::AddressType::kIpv4) {
  model::EndpointSlice slice{.name = {"shop", "cart-1"}, .address_type = type};
  if (!trigger_time.empty()) slice.annotations["endpoints.kubernetes.io/last-change-trigger-time"] = trigger_time;
  return sources::Upsert{slice};
}

sources::Event ServiceEvent() {
  return sources::Upsert{model::Service{.name = {"shop", "cart"}}};
}

StepReport Step(int64_t begin_ms, int64_t end_ms, bool full = false) {
  return {.begin = After(begin_ms), .end = After(end_ms), .full = full};
}

class MetricsTest : public testing::Test {
 protected:
  void Take(const std::vector<sources::Event>& events, int64_t queued_ms) { metrics_.Taken(events, After(queued_ms)); }
  Metrics metrics_{kStartMs};
};

TEST_F(MetricsTest, ChangesArePendingUntilTheStepThatAppliesThem) {
  Take({ServiceEvent(), SliceEvent(""), SliceEvent(""), sources::Upsert{model::Node{.name = "n"}}}, 10);
  Take({sources::Remove{sources::ObjectKind::kService, {"shop", "cart"}},
        sources::Remove{sources::ObjectKind::kEndpointSlice, {"shop", "cart-1"}}},
       20);
  const report::LoopMetrics before = metrics_.Read().loop;
  EXPECT_EQ(before.service_changes_pending, 2u);
  EXPECT_EQ(before.slice_changes_pending, 3u);
  EXPECT_EQ(before.last_queued_ms, kStartMs + 20);
  EXPECT_EQ(before.last_sync_ms, 0);

  metrics_.StepDone({.begin = After(30), .end = After(40), .applied = 7, .failed = 2});
  const report::LoopMetrics after = metrics_.Read().loop;
  EXPECT_EQ(after.service_changes_pending, 0u);
  EXPECT_EQ(after.slice_changes_pending, 0u);
  EXPECT_EQ(after.service_changes, 2u);
  EXPECT_EQ(after.slice_changes, 3u);
  EXPECT_EQ(after.applies, 7u);
  EXPECT_EQ(after.failed_applies, 2u);
  EXPECT_EQ(after.last_sync_ms, kStartMs + 40);
}

TEST_F(MetricsTest, TheFirstStepIsFullAndSaysNothingAboutTheLatencyOfAChange) {
  Take({ServiceEvent()}, 0);
  metrics_.StepDone(Step(5000, 6500, true));
  Take({ServiceEvent()}, 7000);
  Take({ServiceEvent()}, 7002);
  metrics_.StepDone(Step(7003, 7005));
  const report::LoopMetrics loop = metrics_.Read().loop;
  EXPECT_EQ(loop.full_steps.count(), 1u);
  EXPECT_DOUBLE_EQ(loop.full_steps.sum(), 1.5);
  EXPECT_EQ(loop.partial_steps.count(), 1u);
  EXPECT_DOUBLE_EQ(loop.partial_steps.sum(), 0.002);
  EXPECT_EQ(loop.apply_latency.count(), 2u);
  EXPECT_DOUBLE_EQ(loop.apply_latency.sum(), 0.005 + 0.003);
}

TEST_F(MetricsTest, ProgrammingTakesFromTheTriggerTimeToTheEndOfTheStep) {
  Take({SliceEvent("2026-07-25T23:04:14Z"), SliceEvent("2026-07-25T23:04:14.5Z", model::AddressType::kIpv6)}, 1600);
  EXPECT_EQ(metrics_.Read().loop.programming[0].count(), 0u) << "not yet";
  metrics_.StepDone(Step(1700, 2000));
  metrics_.StepDone(Step(2100, 2200));
  const report::LoopMetrics loop = metrics_.Read().loop;
  EXPECT_EQ(loop.programming[0].count(), 1u);
  EXPECT_DOUBLE_EQ(loop.programming[0].sum(), 1.0);
  EXPECT_EQ(loop.programming[1].count(), 1u);
  EXPECT_DOUBLE_EQ(loop.programming[1].sum(), 0.5);
}

struct TriggerCase {
  const char* sentence;
  const char* trigger_time;
  uint64_t samples;
  double sum;
};

TEST_F(MetricsTest, OnlyChangesThatThisAgentWaitedForAreSamples) {
  const TriggerCase cases[] = {
      {"none is given", "", 0, 0},
      {"no time", "yesterday", 0, 0},
      {"before the agent started", "2026-07-25T23:04:12Z", 0, 0},
      {"another zone's time", "2026-07-26T01:04:14+02:00", 1, 1.0},
      {"a clock that is ahead", "2026-07-25T23:05:00Z", 1, 0},
  };
  for (const TriggerCase& c : cases) {
    Metrics metrics(kStartMs);
    metrics.Taken(std::vector{SliceEvent(c.trigger_time)}, After(1500));
    metrics.StepDone(Step(1600, 2000));
    EXPECT_EQ(metrics.Read().loop.programming[0].count(), c.samples) << c.sentence;
    EXPECT_DOUBLE_EQ(metrics.Read().loop.programming[0].sum(), c.sum) << c.sentence;
  }
}

TEST_F(MetricsTest, AnAgentThatCannotSyncDoesNotKeepEveryChangeOneByOne) {
  const std::vector<sources::Event> change = {SliceEvent("2026-07-25T23:04:14Z")};
  for (size_t i = 0; i < Metrics::kPendingMax + 10; ++i) Take(change, 10 + static_cast<int64_t>(i));
  EXPECT_EQ(metrics_.Read().loop.slice_changes_pending, Metrics::kPendingMax + 10) << "counted they are";
  EXPECT_EQ(metrics_.Health(std::nullopt).oldest_pending, After(10).steady);
  metrics_.StepDone(Step(30, 40));
  EXPECT_EQ(metrics_.Read().loop.apply_latency.count(), Metrics::kPendingMax);
  EXPECT_EQ(metrics_.Read().loop.programming[0].count(), Metrics::kPendingMax);
}

TEST_F(MetricsTest, WhatWasTakenIsPendingBeforeWhatStillWaits) {
  EXPECT_FALSE(metrics_.Health(std::nullopt).StartedUp());
  EXPECT_EQ(metrics_.Health(After(30).steady).oldest_pending, After(30).steady);
  Take({ServiceEvent()}, 10);
  Take({ServiceEvent()}, 20);
  EXPECT_EQ(metrics_.Health(After(30).steady).oldest_pending, After(10).steady);
  metrics_.StepDone(Step(31, 32));
  EXPECT_EQ(metrics_.Health(std::nullopt).oldest_pending, std::nullopt);
  EXPECT_EQ(metrics_.Health(std::nullopt).last_updated_ms, kStartMs + 32);
}

TEST_F(MetricsTest, TheNodeIsEligibleUntilItsObjectSaysOtherwiseOrGoes) {
  metrics_.SetNode(nullptr);
  EXPECT_TRUE(metrics_.Health(std::nullopt).node_eligible) << "no source knows nodes";
  EXPECT_EQ(metrics_.Health(std::nullopt).node_problem, "");
  metrics_.SetNodeProblem("no such Node");
  EXPECT_EQ(metrics_.Health(std::nullopt).node_problem, "no such Node");
  const model::Node good{.name = "n"};
  const model::Node marked{.name = "n", .taint_keys = {"ToBeDeletedByClusterAutoscaler"}};
  metrics_.SetNode(&marked);
  EXPECT_FALSE(metrics_.Health(std::nullopt).node_eligible);
  metrics_.SetNode(&good);
  EXPECT_TRUE(metrics_.Health(std::nullopt).node_eligible);
  metrics_.SetNode(nullptr);
  EXPECT_FALSE(metrics_.Health(std::nullopt).node_eligible) << "it was there and is gone";
}

TEST_F(MetricsTest, AuditsAndAnswersAreCounted) {
  metrics_.AuditDone(3, 2, kStartMs);
  metrics_.AuditDone(1, 1, kStartMs + 1);
  metrics_.HealthPageAnswered(report::HealthPage::kLivez, 200);
  metrics_.HealthPageAnswered(report::HealthPage::kLivez, 200);
  const report::AgentMetrics metrics = metrics_.Read();
  EXPECT_EQ(metrics.audit.audits, 2u);
  EXPECT_EQ(metrics.audit.last_differences, 1u);
  EXPECT_EQ(metrics.audit.differences, 4u);
  EXPECT_EQ(metrics.audit.repairs, 3u);
  EXPECT_EQ(metrics.audit.last_audit_ms, kStartMs + 1);
  EXPECT_THAT(metrics.health_page_answers, ElementsAre(Pair(Pair(report::HealthPage::kLivez, 200), 2)));
}

}  // namespace
}  // namespace shunt::agent
