// SPDX-License-Identifier: Apache-2.0
#include "userspace/agent/control/audit_desk.h"

#include <gtest/gtest.h>

#include <latch>
#include <thread>
#include <vector>

namespace shunt::agent {
namespace {

constexpr int kAskers = 4;

report::AuditReport ReportOf(int64_t time_ms) {
  report::AuditReport report;
  report.time_ms = time_ms;
  return report;
}

// Asks in threads of their own; each writes down when the report it got was made, or -1.
class AuditDeskTest : public testing::Test {
 protected:
  void Ask(int askers) {
    for (int i = 0; i < askers; ++i) {
      threads_.emplace_back([this, &got = got_.at(i)] {
        const absl::StatusOr<report::AuditReport> report = desk_.Ask([this] { rung_.count_down(); });
        got = report.ok() ? report->time_ms : -1;
        EXPECT_TRUE(report.ok() || absl::IsUnavailable(report.status())) << report.status();
      });
    }
  }
  void Join() { threads_.clear(); }

  AuditDesk desk_;
  std::latch rung_{kAskers};
  std::vector<int64_t> got_ = std::vector<int64_t>(kAskers, 0);
  std::vector<std::jthread> threads_;
};

TEST_F(AuditDeskTest, AllWhoAskedGetTheNextReport) {
  EXPECT_FALSE(desk_.TakeQuestions());
  Ask(kAskers);
  rung_.wait();
  EXPECT_TRUE(desk_.TakeQuestions());
  EXPECT_TRUE(desk_.TakeQuestions()) << "they wait until they are answered";
  desk_.Answer(ReportOf(7));
  Join();
  EXPECT_EQ(got_, std::vector<int64_t>(kAskers, 7));
  EXPECT_EQ(desk_.last().time_ms, 7);
  EXPECT_FALSE(desk_.TakeQuestions());
}

TEST_F(AuditDeskTest, WhoAsksWhileAnAuditRunsWaitsForTheNextOne) {
  EXPECT_FALSE(desk_.TakeQuestions()) << "an audit by the clock begins";
  Ask(kAskers);
  rung_.wait();
  desk_.Answer(ReportOf(7));
  EXPECT_TRUE(desk_.TakeQuestions()) << "what that one saw may be older than the question";
  desk_.Answer(ReportOf(8));
  Join();
  EXPECT_EQ(got_, std::vector<int64_t>(kAskers, 8));
}

TEST_F(AuditDeskTest, WhenTheLoopEndsNobodyWaits) {
  Ask(kAskers);
  rung_.wait();
  desk_.Close();
  Join();
  EXPECT_EQ(got_, std::vector<int64_t>(kAskers, -1));
  EXPECT_TRUE(absl::IsUnavailable(desk_.Ask([] {}).status())) << "a later question gets no answer either";
}

}  // namespace
}  // namespace shunt::agent
