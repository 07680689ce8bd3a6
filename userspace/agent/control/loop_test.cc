// SPDX-License-Identifier: Apache-2.0
// The loop with real threads and a real clock. reconciler_test is about what it decides; this one is about which thread
// wakes which, the pace, and that threads meet only where they may.
#include "userspace/agent/control/loop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <semaphore>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "userspace/agent/testing/recording_datapath.h"

namespace shunt::agent {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;

sources::Event ServiceEvent(const std::string& name, int port) {
  model::Service service;
  service.name = {"shop", name};
  service.cluster_ips = {"10.96.0.1"};
  service.ports = {{.name = "web", .port = static_cast<uint16_t>(port)}};
  return sources::Upsert{service};
}

// Delivers what the story says, in a thread of its own, as sources do.
class ScriptedSource final : public sources::Source {
 public:
  using Script = std::function<void(sources::Sink&, std::stop_token)>;
  explicit ScriptedSource(Script script) : script_(std::move(script)) {}
  absl::Status Run(sources::Sink& sink, std::stop_token stop) override {
    script_(sink, stop);
    return absl::OkStatus();
  }

 private:
  Script script_;
};

// Addresses that are another one at every read; the first read fails.
class ChangingAddresses final : public AddressFeed {
 public:
  ~ChangingAddresses() override { ::close(event_); }

  int fd() const override { return event_; }
  absl::StatusOr<std::vector<datapath::NodeAddress>> Read() override {
    uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = ::read(event_, &count, sizeof(count));
    if (++reads == 1) return absl::UnavailableError("changed while being read");
    return std::vector<datapath::NodeAddress>{{model::IpAddress::FromV4(0x0a000000 + reads), false}};
  }

  std::atomic<int> reads = 0;

 private:
  const int event_ = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
};

class LoopTest : public testing::Test, protected LoopListener {
 protected:
  void FirstApplied() override { first_apply_.release(); }
  void Stepped() override {
    if (stepped_ != nullptr) stepped_();
  }
  void Progressed(sources::ObjectKind kind, const report::SourceVersion& version) override {
    if (progressed_ != nullptr) progressed_(kind, version);
  }
  bool Changed(sources::ClusterView view) override {
    views_.push_back(view.services.size());
    return ++views_offered_ > views_refused_;
  }
  std::chrono::milliseconds ViewPace() const override { return view_pace_; }

  void Start(ScriptedSource::Script script) {
    loop_ = std::make_unique<Loop>(ReconcilerOptions{.node_name = "node-a"}, datapath_, ledger_, inbox_, addresses_);
    loop_thread_ = std::jthread([this](std::stop_token stop) { loop_->Run(stop, *this); });
    source_thread_ = std::jthread([this, script = std::move(script)](std::stop_token stop) {
      EXPECT_TRUE(ScriptedSource(script).Run(inbox_.PortOf(0), stop).ok());
    });
  }
  // What the loop's thread wrote may be read after this.
  void Stop() {
    source_thread_.request_stop();
    source_thread_.join();
    loop_thread_.request_stop();
    loop_thread_.join();
  }
  // Until `done` or 10 s: no test takes that long unless it fails.
  template <typename Condition>
  [[nodiscard]] bool Eventually(Condition done) {
    for (int i = 0; i < 10'000 && !done(); ++i) std::this_thread::sleep_for(milliseconds(1));
    return done();
  }

  ChangingAddresses addresses_;
  RecordingDatapath datapath_;
  Ledger ledger_;
  Inbox inbox_{1};
  std::binary_semaphore first_apply_{0};
  std::function<void()> stepped_;
  std::function<void(sources::ObjectKind, const report::SourceVersion&)> progressed_;
  std::vector<size_t> views_;  // how many Services each had that was shown
  std::atomic<int> views_offered_ = 0;
  int views_refused_ = 0;  // the first ones, up to this number
  std::chrono::milliseconds view_pace_ = std::chrono::minutes(1);
  std::unique_ptr<Loop> loop_;
  std::jthread loop_thread_;
  std::jthread source_thread_;
};

TEST_F(LoopTest, FromTheSourceToTheDatapath) {
  std::binary_semaphore go_on(0);
  Start([&](sources::Sink& sink, std::stop_token) {
    sink.Deliver({ServiceEvent("cart", 80), ServiceEvent("search", 81)});
    sink.Report({{"services.yaml:3", "no kind"}});
    go_on.acquire();
    sink.Synced();
  });
  EXPECT_TRUE(Eventually([&] { return !loop_->state().source_problems.empty(); }));
  EXPECT_FALSE(first_apply_.try_acquire()) << "nothing before the source is synced";
  EXPECT_FALSE(loop_->state().synced);
  go_on.release();
  EXPECT_TRUE(first_apply_.try_acquire_for(std::chrono::seconds(10)));
  const LoopState state = loop_->state();
  EXPECT_TRUE(state.synced);
  EXPECT_EQ(state.applies, 1u);
  EXPECT_GT(state.last_apply_time_ms, 1'700'000'000'000);
  EXPECT_THAT(state.source_problems, ElementsAre(sources::SourceProblem{"services.yaml:3", "no kind"}));
  EXPECT_TRUE(ledger_.Find({"shop", "cart"}).has_value());
  EXPECT_TRUE(Eventually([&] { return datapath_.address_calls > 0; }));
  Stop();
  EXPECT_THAT(datapath_.applies, ElementsAre("all: cart search"));
  EXPECT_THAT(datapath_.node_addresses.size(), 1u) << "read again after the first try failed";
}

TEST_F(LoopTest, WhatItDoesShowsInMetricsAndHealth) {
  std::binary_semaphore go_on(0);
  Start([&](sources::Sink& sink, std::stop_token) {
    const model::Node node{.name = "node-a", .taint_keys = {"ToBeDeletedByClusterAutoscaler"}};
    sink.Deliver({ServiceEvent("cart", 80), sources::Upsert{node}});
    go_on.acquire();
    sink.Synced();
  });
  EXPECT_TRUE(Eventually([&] { return !loop_->metrics().Health(inbox_.OldestWaiting()).node_eligible; }));
  EXPECT_EQ(loop_->metrics().Read().loop.service_changes_pending, 1u);
  const report::HealthState before = loop_->metrics().Health(inbox_.OldestWaiting());
  EXPECT_TRUE(before.oldest_pending.has_value());
  EXPECT_FALSE(before.StartedUp());
  go_on.release();
  EXPECT_TRUE(Eventually([&] { return loop_->metrics().Health(inbox_.OldestWaiting()).StartedUp(); }));
  Stop();
  EXPECT_FALSE(loop_->metrics().Health(inbox_.OldestWaiting()).oldest_pending.has_value());
  const report::LoopMetrics metrics = loop_->metrics().Read().loop;
  EXPECT_EQ(metrics.full_steps.count(), 1u);
  EXPECT_EQ(metrics.applies, 1u);
  EXPECT_EQ(metrics.service_changes_pending, 0u);
}

TEST_F(LoopTest, ItTellsTheProgramsThatItLivesBeforeAndAfterItsFirstStep) {
  std::binary_semaphore go_on(0);
  Start([&](sources::Sink& sink, std::stop_token) {
    sink.Deliver({ServiceEvent("cart", 80)});
    go_on.acquire();
    sink.Synced();
  });
  EXPECT_TRUE(Eventually([&] { return datapath_.signs_of_life >= 1; }));
  const auto at_start = datapath_.last_sign_of_life.load();
  EXPECT_TRUE(Eventually([&] { return datapath_.signs_of_life >= 2; })) << "each second, though nothing happens";
  EXPECT_GE(datapath_.last_sign_of_life.load() - at_start, Loop::kSignOfLife);
  const int before = datapath_.signs_of_life;
  go_on.release();
  EXPECT_TRUE(first_apply_.try_acquire_for(std::chrono::seconds(10)));
  EXPECT_GT(datapath_.signs_of_life, before) << "what is in force is this agent's from now on";
  Stop();
}

TEST_F(LoopTest, WhoWantsToIsCalledAfterEveryStep) {
  std::atomic<int> calls = 0;
  addresses_.reads = 1;  // none is read late, which would be a reason for another step
  stepped_ = [&] { calls += ledger_.Find({"shop", "cart"}).has_value() ? 1 : 0; };
  Start([](sources::Sink& sink, std::stop_token) {
    sink.Deliver({ServiceEvent("cart", 80)});
    sink.Synced();
  });
  EXPECT_TRUE(Eventually([&] { return calls == 1; }));
  inbox_.PortOf(0).Deliver({ServiceEvent("cart", 81)});
  EXPECT_TRUE(Eventually([&] { return calls == 2; }));
  Stop();
}

TEST_F(LoopTest, AStormBecomesFewBatchesAndTheLastWordCounts) {
  constexpr int kChanges = 300;
  Start([&](sources::Sink& sink, std::stop_token) {
    sink.Synced();
    for (int i = 1; i <= kChanges; ++i) {
      sink.Deliver({ServiceEvent("cart", i)});
      std::this_thread::sleep_for(milliseconds(1));
    }
  });
  const SteadyTime begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(Eventually([&] {
    const auto entry = ledger_.Find({"shop", "cart"});
    return entry.has_value() && entry->plan->ports.at(0).port == kChanges;
  }));
  const auto took = std::chrono::steady_clock::now() - begin;
  Stop();
  EXPECT_LE(datapath_.applies.size(), took / Loop::kPace + 2);
  EXPECT_EQ(loop_->state().applies, datapath_.applies.size());
}

TEST_F(LoopTest, NewAddressesOfTheNodeArePassedOn) {
  Start([](sources::Sink& sink, std::stop_token) { sink.Synced(); });
  EXPECT_TRUE(first_apply_.try_acquire_for(std::chrono::seconds(10)));
  EXPECT_TRUE(Eventually([&] { return datapath_.address_calls == 1; }));
  const uint64_t one = 1;
  ASSERT_EQ(::write(addresses_.fd(), &one, sizeof(one)), static_cast<ssize_t>(sizeof(one)));
  EXPECT_TRUE(Eventually([&] { return datapath_.address_calls == 2; }));
  Stop();
  ASSERT_EQ(datapath_.node_addresses.size(), 1u);
  EXPECT_EQ(datapath_.node_addresses[0].address, model::IpAddress::FromV4(0x0a000000 + addresses_.reads));
}

TEST_F(LoopTest, WhatTheDatapathIsToldIsFollowedAtOnceAndOnce) {
  datapath_.announced_fd = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  datapath_.on_follow = [this] {
    uint64_t count = 0;
    EXPECT_EQ(::read(datapath_.announced_fd, &count, sizeof(count)), static_cast<ssize_t>(sizeof(count)));
  };
  Start([](sources::Sink& sink, std::stop_token) { sink.Synced(); });
  EXPECT_TRUE(first_apply_.try_acquire_for(std::chrono::seconds(10)));
  EXPECT_EQ(datapath_.follows, 0);
  const uint64_t one = 1;
  for (int announcement = 1; announcement <= 3; ++announcement) {
    ASSERT_EQ(::write(datapath_.announced_fd, &one, sizeof(one)), static_cast<ssize_t>(sizeof(one)));
    EXPECT_TRUE(Eventually([&] { return datapath_.follows == announcement; }));
  }
  Stop();
  EXPECT_EQ(datapath_.follows, 3);
  ::close(datapath_.announced_fd);
}

TEST_F(LoopTest, AFailureIsTriedAgainByTheClock) {
  datapath_.failures["cart"] = absl::UnavailableError("busy");
  datapath_.failures_left = 1;
  addresses_.reads = 1;  // none is read late, which would be a reason to try again at once
  Start([](sources::Sink& sink, std::stop_token) {
    sink.Deliver({ServiceEvent("cart", 80)});
    sink.Synced();
  });
  EXPECT_TRUE(first_apply_.try_acquire_for(std::chrono::seconds(10)));
  EXPECT_EQ(ledger_.totals().failed, 1u);
  EXPECT_TRUE(Eventually([&] { return ledger_.totals().failed == 0; }));
  Stop();
  EXPECT_THAT(datapath_.applies, ElementsAre("all: cart", "changed: cart"));
}

TEST_F(LoopTest, WhatTheLastMinuteBroughtIsShownWhenItEnds) {
  std::binary_semaphore go_on(0);
  Start([&](sources::Sink& sink, std::stop_token) {
    sink.Deliver({ServiceEvent("cart", 80)});
    sink.Synced();
    go_on.acquire();
    sink.Deliver({ServiceEvent("search", 81)});
  });
  EXPECT_TRUE(first_apply_.try_acquire_for(std::chrono::seconds(10)));
  go_on.release();
  EXPECT_TRUE(Eventually([&] { return ledger_.totals().services == 2; }));
  Stop();
  EXPECT_THAT(views_, ElementsAre(testing::_, 2)) << "the first may have seen it coming";
}

TEST_F(LoopTest, AnAuditThatSomebodyAsksForTellsOfTheDrift) {
  datapath_.inspected = datapath::Inspected::kDiffers;
  datapath_.audit_drift = {.services = {{"shop", "cart"}}, .shared = 2};
  Start([](sources::Sink& sink, std::stop_token) {
    sink.Deliver({ServiceEvent("cart", 80)});
    sink.Synced();
  });
  EXPECT_TRUE(first_apply_.try_acquire_for(std::chrono::seconds(10)));
  const absl::StatusOr<report::AuditReport> report = loop_->Audit();
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->problem, "");
  EXPECT_THAT(report->services, ElementsAre(model::ObjectName{"shop", "cart"}));
  EXPECT_EQ(report->shared, 2u);
  EXPECT_EQ(report->unrepaired, 0u);
  EXPECT_GT(report->time_ms, 1'700'000'000'000);
  EXPECT_EQ(loop_->last_audit().time_ms, report->time_ms);
  Stop();
  const report::AgentMetrics metrics = loop_->metrics().Read();
  EXPECT_EQ(metrics.audit.audits, 1u);
  EXPECT_EQ(metrics.audit.differences, 3u);
  EXPECT_EQ(metrics.audit.repairs, 3u);
}

// An audit of half a million slots is a quarter of a second, for which no change may wait.
TEST_F(LoopTest, ChangesAreAppliedWhileAnAuditGoesOn) {
  datapath_.inspected = datapath::Inspected::kMore;
  std::binary_semaphore change{0};
  Start([&](sources::Sink& sink, std::stop_token) {
    sink.Deliver({ServiceEvent("cart", 80)});
    sink.Synced();
    change.acquire();
    sink.Deliver({ServiceEvent("pay", 81)});
  });
  EXPECT_TRUE(first_apply_.try_acquire_for(std::chrono::seconds(10)));
  std::thread asker([&] { EXPECT_TRUE(loop_->Audit().ok()); });
  EXPECT_TRUE(Eventually([&] { return datapath_.inspections > 3; }));
  change.release();
  EXPECT_TRUE(Eventually([&] { return ledger_.totals().services == 2; })) << "beside the audit";
  datapath_.inspected = datapath::Inspected::kAgrees;
  asker.join();
  Stop();
  EXPECT_EQ(loop_->metrics().Read().audit.audits, 1u);
  EXPECT_EQ(loop_->metrics().Read().audit.differences, 0u);
}

TEST_F(LoopTest, AnAuditBeforeTheFirstApplySaysWhyThereIsNone) {
  Start([](sources::Sink&, std::stop_token) {});
  const absl::StatusOr<report::AuditReport> report = loop_->Audit();
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_THAT(report->problem, testing::HasSubstr("nothing has been applied yet"));
  Stop();
  EXPECT_EQ(loop_->metrics().Read().audit.audits, 0u);
  EXPECT_TRUE(absl::IsUnavailable(loop_->Audit().status())) << "a loop that has ended answers nobody";
}

TEST_F(LoopTest, HowFarTheSourceIsIsSaidWithItsLastWord) {
  std::atomic<int> calls = 0;
  report::SourceVersion last;
  progressed_ = [&](sources::ObjectKind kind, const report::SourceVersion& version) {
    EXPECT_EQ(kind, sources::ObjectKind::kService);
    last = version;
    ++calls;
  };
  Start([](sources::Sink& sink, std::stop_token) {
    sink.Progress(sources::ObjectKind::kService, "7", 1);
    sink.Progress(sources::ObjectKind::kService, "8", 2);
    sink.Synced();
  });
  EXPECT_TRUE(first_apply_.try_acquire_for(std::chrono::seconds(10)));
  Stop();
  EXPECT_THAT(calls.load(), testing::AnyOf(1, 2));
  EXPECT_EQ(last.version, "8");
  EXPECT_EQ(last.objects, 2u);
}

TEST_F(LoopTest, AViewThatIsOfNoUseIsShownAgain) {
  views_refused_ = 1;
  Start([](sources::Sink& sink, std::stop_token) {
    sink.Deliver({ServiceEvent("cart", 80)});
    sink.Synced();
  });
  EXPECT_TRUE(Eventually([&] { return views_offered_ == 1; }));
  Stop();
  EXPECT_THAT(views_, ElementsAre(1u, 1u));
}

TEST_F(LoopTest, AViewIsShownAgainAtTheListenersPace) {
  views_refused_ = 3;
  view_pace_ = std::chrono::milliseconds(1);
  Start([](sources::Sink& sink, std::stop_token) {
    sink.Deliver({ServiceEvent("cart", 80)});
    sink.Synced();
  });
  EXPECT_TRUE(Eventually([&] { return views_offered_ == 4; }));
  Stop();
  EXPECT_EQ(views_offered_, 4) << "what was taken is not shown again";
}

TEST_F(LoopTest, NoViewIsShownOfWhatIsNotWhole) {
  Start([](sources::Sink& sink, std::stop_token) { sink.Deliver({ServiceEvent("cart", 80)}); });
  EXPECT_TRUE(Eventually([&] { return loop_->metrics().Read().loop.service_changes_pending == 1; }));
  Stop();
  EXPECT_THAT(views_, testing::IsEmpty());
}

TEST_F(LoopTest, ARequestToStopWakesAnIdleLoop) {
  Start([](sources::Sink& sink, std::stop_token) { sink.Synced(); });
  EXPECT_TRUE(first_apply_.try_acquire_for(std::chrono::seconds(10)));
  Stop();
  // Whatever woke it: the bell was rung, and only the wait that it ended heard it.
  pollfd bell = {.fd = inbox_.fd(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(::poll(&bell, 1, 0), 1);
}

}  // namespace
}  // namespace shunt::agent
