// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/grace.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>

namespace shunt::datapath {
namespace {

// A wait that lasts until the test ends it.
class Gate {
 public:
  absl::Status Wait() {
    std::unique_lock<std::mutex> lock(mutex_);
    ++entered_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return open_ > 0; });
    --open_;
    return result_;
  }
  void AwaitEntered(int count) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [&] { return entered_ >= count; });
  }
  void Open(absl::Status result = absl::OkStatus()) {
    std::lock_guard<std::mutex> lock(mutex_);
    result_ = std::move(result);
    ++open_;
    changed_.notify_all();
  }
  int entered() {
    std::lock_guard<std::mutex> lock(mutex_);
    return entered_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  absl::Status result_;
  int entered_ = 0;
  int open_ = 0;
};

TEST(WorkerGracePeriodTest, ATicketPassesOnlyByAWaitThatBeganAfterIt) {
  Gate gate;
  WorkerGracePeriod grace([&] { return gate.Wait(); });
  const auto first = grace.Start();
  gate.AwaitEntered(1);
  const auto second = grace.Start();  // while the first wait is under way
  EXPECT_FALSE(grace.Passed(first));
  gate.Open();
  EXPECT_TRUE(grace.Wait(first).ok());
  gate.AwaitEntered(2);
  EXPECT_TRUE(grace.Passed(first));
  EXPECT_FALSE(grace.Passed(second)) << "what was unlinked before the second ticket may have been in use";
  gate.Open();
  EXPECT_TRUE(grace.Wait(second).ok());
  EXPECT_TRUE(grace.Passed(second));
}

TEST(WorkerGracePeriodTest, OneWaitServesAllTicketsAskedForMeanwhile) {
  Gate gate;
  WorkerGracePeriod grace([&] { return gate.Wait(); });
  grace.Start();
  gate.AwaitEntered(1);
  GracePeriod::Ticket last = 0;
  for (int i = 0; i < 100; ++i) last = grace.Start();
  gate.Open();
  gate.Open();
  EXPECT_TRUE(grace.Wait(last).ok());
  EXPECT_EQ(gate.entered(), 2);
}

TEST(WorkerGracePeriodTest, AFailedWaitPassesNothingAndTheNextStartTriesAgain) {
  Gate gate;
  WorkerGracePeriod grace([&] { return gate.Wait(); });
  const auto first = grace.Start();
  gate.Open(absl::InternalError("refused"));
  const absl::Status status = grace.Wait(first);
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_EQ(status.message(), "refused");
  EXPECT_FALSE(grace.Passed(first));
  EXPECT_TRUE(grace.Failed(first));
  const auto second = grace.Start();
  EXPECT_FALSE(grace.Failed(second)) << "it is under way";
  gate.Open();
  EXPECT_TRUE(grace.Wait(second).ok());
  EXPECT_FALSE(grace.Failed(first));
  EXPECT_TRUE(grace.Passed(first)) << "a later grace period is one for earlier tickets too";
}

TEST(WorkerGracePeriodTest, WithoutAWayToWaitNothingEverPasses) {
  WorkerGracePeriod grace(nullptr);
  const auto ticket = grace.Start();
  EXPECT_EQ(grace.Wait(ticket).code(), absl::StatusCode::kUnimplemented);
  EXPECT_FALSE(grace.Passed(ticket));
}

TEST(WorkerGracePeriodTest, EndsWhileTicketsAreOut) {
  std::atomic<int> waits = 0;
  {
    WorkerGracePeriod grace([&] {
      ++waits;
      return absl::OkStatus();
    });
    for (int i = 0; i < 1000; ++i) grace.Start();
  }
  EXPECT_LE(waits, 1000);
}

}  // namespace
}  // namespace shunt::datapath
