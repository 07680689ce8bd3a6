// SPDX-License-Identifier: Apache-2.0
// Measures what the worst objects of a tenant cost the agent's loop, and how long a change of another Service waits
// meanwhile. The whole loop runs, over the real planner and the real kernel.
//
//   tenants BPFFS CGROUP [KIND...]
//
// For each kind it prints: kind, milliseconds of CPU that the tenant's own change costs (median), milliseconds of CPU
// of the loop's longest round while the tenant changes its objects without a pause, and the milliseconds that another
// Service's endpoint change waits meanwhile (median, longest). Only the latter depend on what else the machine does.
#include "bench/tenants.h"

#include <time.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "userspace/agent/control/loop.h"
#include "userspace/agent/process/log.h"
#include "userspace/datapath/kernel/kernel_datapath.h"

namespace shunt::bench {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr uint32_t kOthers = 1'000;  // ordinary Services beside the tenant's
constexpr int kOwnChanges = 10;
constexpr int kVictimChanges = 60;

double MillisecondsSince(Clock::time_point since) {
  return std::chrono::duration<double, std::milli>(Clock::now() - since).count();
}

// Of this process, in which nothing but the loop has work when this is used, or of this thread.
double CpuMilliseconds(clockid_t clock = CLOCK_PROCESS_CPUTIME_ID) {
  timespec used = {};
  clock_gettime(clock, &used);
  return static_cast<double>(used.tv_sec) * 1e3 + static_cast<double>(used.tv_nsec) / 1e6;
}

double Quantile(std::vector<double> values, double q) {
  std::sort(values.begin(), values.end());
  return values[static_cast<size_t>(q * static_cast<double>(values.size() - 1))];
}

class FixedAddresses final : public agent::AddressFeed {
 public:
  int fd() const override { return -1; }
  absl::StatusOr<std::vector<datapath::NodeAddress>> Read() override {
    return std::vector<datapath::NodeAddress>{{model::IpAddress::FromV4(0x0a000001), false}};
  }
};

// Keeps the CPU time of the loop's longest round: from the end of a step to the end of the next one.
class Rounds final : public agent::LoopListener {
 public:
  double TakeLongest() { return longest_.exchange(0); }

  void FirstApplied() override {}
  void Stepped() override {
    const double now = CpuMilliseconds(CLOCK_THREAD_CPUTIME_ID);
    longest_ = std::max(longest_.load(), now - std::exchange(last_, now));
  }
  void Progressed(sources::ObjectKind, const report::SourceVersion&) override {}
  bool Changed(sources::ClusterView) override { return true; }
  milliseconds ViewPace() const override { return std::chrono::minutes(1); }

 private:
  std::atomic<double> longest_ = 0;
  double last_ = 0;
};

// Counts how often the victim's plan reached the kernel. Everything else goes straight through.
class Watched final : public datapath::Datapath {
 public:
  Watched(datapath::Datapath& real, model::ObjectName victim) : real_(real), victim_(std::move(victim)) {}

  std::vector<datapath::ServiceFailure> Apply(absl::Span<const model::ServicePlan* const> plans,
                                              datapath::ApplyScope scope) override {
    std::vector<datapath::ServiceFailure> failures = real_.Apply(plans, scope);
    bool failed = false;
    for (const datapath::ServiceFailure& failure : failures) {
      failed |= failure.service == victim_;
      if (!failure.may_fit_soon) fprintf(stderr, "tenants: %s\n", failure.status.ToString().c_str());
    }
    for (const model::ServicePlan* plan : plans) {
      if (plan->service == victim_ && !failed) ++applied;
    }
    return failures;
  }
  datapath::Inspected Inspect(size_t rows, datapath::PlanOf plan_of) override { return real_.Inspect(rows, plan_of); }
  absl::StatusOr<datapath::Drift> Audit(absl::Span<const model::ServicePlan* const> plans,
                                        absl::Span<const datapath::NodeAddress> addresses) override {
    return real_.Audit(plans, addresses);
  }
  absl::Status GiveSignOfLife(milliseconds boot_time) override { return real_.GiveSignOfLife(boot_time); }
  absl::Status SetNodeAddresses(absl::Span<const datapath::NodeAddress> addresses) override {
    return real_.SetNodeAddresses(addresses);
  }
  void Reclaim() override { real_.Reclaim(); }

  std::atomic<uint64_t> applied = 0;

 private:
  datapath::Datapath& real_;
  const model::ObjectName victim_;
};

// An agent's loop with ordinary Services, one of which is the victim.
class World {
 public:
  explicit World(datapath::Datapath& real) : watched_(real, {"shop", "service-0"}) {
    loop_thread_ = std::jthread([this](std::stop_token stop) { loop_.Run(stop, rounds_); });
    Events events;
    for (uint32_t i = 0; i < kOthers; ++i) {
      const model::Service service = MakeService("shop", absl::StrCat("service-", i), i);
      events.push_back(sources::Upsert{MakeSlice(service, 0, 1'000'000 + 10 * i, 10)});
      events.push_back(sources::Upsert{service});
    }
    victim_slice_ = MakeSlice(MakeService("shop", "service-0", 0), 0, 1'000'000, 10);
    Deliver(std::move(events));
    inbox_.PortOf(0).Synced();
    Settle();
  }

  void Deliver(Events events) { inbox_.PortOf(0).Deliver(std::move(events)); }
  bool Settled() {
    const report::HealthState state = loop_.metrics().Health(inbox_.OldestWaiting());
    return state.StartedUp() && !state.oldest_pending.has_value();
  }
  void Settle() {
    while (!Settled()) std::this_thread::sleep_for(microseconds(50));
  }
  double TakeLongestRound() { return rounds_.TakeLongest(); }
  // Changes an endpoint of the victim; returns the milliseconds until the kernel has it.
  double ChangeVictim() {
    ++changes_;
    victim_slice_.endpoints[0].address = model::IpAddress::FromV4(0x0ad00000 + changes_).ToString();
    const uint64_t before = watched_.applied;
    const auto start = Clock::now();
    Deliver({sources::Upsert{victim_slice_}});
    while (watched_.applied == before) std::this_thread::sleep_for(microseconds(50));
    return MillisecondsSince(start);
  }

 private:
  Watched watched_;
  agent::Ledger ledger_;
  agent::Inbox inbox_{1};
  FixedAddresses addresses_;
  Rounds rounds_;
  agent::Loop loop_{agent::ReconcilerOptions{.node_name = "node-1"}, watched_, ledger_, inbox_, addresses_};
  model::EndpointSlice victim_slice_;
  uint32_t changes_ = 0;
  std::jthread loop_thread_;
};

std::vector<double> OwnChanges(World& world, const Tenant& tenant, uint32_t& i) {
  std::vector<double> own;
  for (int change = 0; change < kOwnChanges; ++change) {
    Events events = tenant.change(i++);
    std::this_thread::sleep_for(milliseconds(20));  // the loop has rested from the change before
    const double start = CpuMilliseconds();
    world.Deliver(std::move(events));
    world.Settle();
    own.push_back(CpuMilliseconds() - start);
  }
  return own;
}

// The victim's delays while the tenant changes its objects as soon as the change before is in the kernel, and every
// 20 ms in any case; 10,000 objects a second if there are many, which is more than API servers deliver.
std::vector<double> Delays(World& world, const Tenant& tenant, uint32_t& i) {
  std::jthread storm([&](std::stop_token stop) {
    while (!stop.stop_requested()) {
      const auto start = Clock::now();
      Events events = tenant.change(i++);
      const double pause = std::max(20.0, 0.1 * static_cast<double>(events.size()));
      world.Deliver(std::move(events));
      while (!world.Settled() && MillisecondsSince(start) < pause) std::this_thread::sleep_for(microseconds(200));
    }
  });
  std::vector<double> delays;
  for (int change = 0; change < kVictimChanges; ++change) {
    // At any moment of the storm.
    std::this_thread::sleep_for(microseconds(3'000 + 1'700 * (change % 13)));
    delays.push_back(world.ChangeVictim());
  }
  storm.request_stop();
  storm.join();
  world.Settle();
  return delays;
}

void Measure(datapath::Datapath& datapath, const Tenant& tenant) {
  World world(datapath);
  world.Deliver(tenant.create);
  world.Settle();
  uint32_t i = 0;
  const std::vector<double> own = OwnChanges(world, tenant, i);
  world.TakeLongestRound();
  const std::vector<double> delays = Delays(world, tenant, i);
  printf("%s %.2f %.2f %.2f %.2f\n", tenant.name.c_str(), Quantile(own, 0.5), world.TakeLongestRound(),
         Quantile(delays, 0.5), Quantile(delays, 1));
  fflush(stdout);
}

int Run(const std::string& bpffs, const std::string& cgroup, const std::set<std::string>& only) {
  datapath::Limits limits;
  limits.frontends = 4 * limits.frontends;
  limits.pools = 2 * limits.pools;
  limits.backends = 2 * limits.backends;
  auto opened = datapath::KernelDatapath::Open({.bpffs = bpffs, .cgroup = cgroup, .limits = limits});
  if (!opened.ok()) {
    fprintf(stderr, "tenants: %s\n", opened.status().ToString().c_str());
    return 1;
  }
  for (const Tenant& tenant : Tenants()) {
    if (only.empty() || only.contains(tenant.name)) Measure(**opened, tenant);
  }
  return 0;
}

}  // namespace
}  // namespace shunt::bench

int main(int argc, char** argv) {
  shunt::agent::OpenLog(shunt::agent::LogFormat::kText, /*verbosity=*/-1);
  if (argc < 3) {
    fprintf(stderr, "usage: tenants BPFFS CGROUP [KIND...]\n");
    return 2;
  }
  return shunt::bench::Run(argv[1], argv[2], {argv + 3, argv + argc});
}
