// SPDX-License-Identifier: Apache-2.0
// No set is ever torn: sets, Services and all their ids change, and the programs pause on purpose between two loads,
// yet every connection reaches a backend of a set that its Service had meanwhile.
//
// The agent's side is real: planner, update protocol, grace periods, ids that are reused in small maps.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/kernel/dials.h"
#include "tests/kernel/guest.h"
#include "tests/kernel/history.h"
#include "tests/kernel/kernel_test.h"
#include "tests/sandbox/netlink.h"
#include "tests/seeds.h"
#include "userspace/datapath/kernel/kernel_datapath.h"

namespace shunt::kernel_test {
namespace {

using Clock = std::chrono::steady_clock;
using Verdict = History::Verdict;

// The test runs until it has at least this many of each, and at least this long; a slow machine takes longer.
const int64_t kConnects = InGuest() ? 20'000 : 1'200'000;
const int64_t kStreams = InGuest() ? 500 : 10'000;
const int64_t kDatagrams = InGuest() ? 500 : 10'000;
const int64_t kChanges = InGuest() ? 200 : 1'000;
const std::chrono::seconds kAtLeast{InGuest() ? 0 : 15};
constexpr int64_t kChangesMax = History::kFrontends * History::kSets / 2;  // an address can encode no more sets

// The results of a group of connections.
struct Tally {
  std::atomic<int64_t> verdicts[History::kVerdicts] = {};
  std::atomic<int64_t> errors = 0;  // failures while the Service existed all the time
  std::atomic<int64_t> absent = 0;  // failures while it may have been absent

  void Add(Verdict verdict) { ++verdicts[static_cast<int>(verdict)]; }
  int64_t Of(Verdict verdict) const { return verdicts[static_cast<int>(verdict)]; }
};

class TornSetTest : public KernelTest {
 protected:
  datapath::KernelOptions Options() const override {
    datapath::KernelOptions options = KernelTest::Options();
    options.reader_window = 1500;
    // Small, so that every id is reused as soon as its grace period ends.
    options.limits.frontends = 256;
    options.limits.service_ports = 128;
    options.limits.pools = 128;
    options.limits.slots = 4096;
    options.limits.backends = 2048;
    return options;
  }

  void SetUp() override {
    KernelTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    const sandbox::InNamespace inside(world().host());
    ASSERT_TRUE(sandbox::AddLocalPrefix(History::kPrefix).ok());
    for (int frontend = 0; frontend < History::kFrontends; ++frontend) Change(frontend, true, false);
  }

  // Returns the frontend's next Service. Its name tells which of three owners of the address it is.
  ServiceStory Next(int frontend, uint32_t set, int members) const {
    ServiceStory story(absl::StrCat("churn-", frontend, "-", owners_[frontend]));
    story.ClusterIp(History::ClusterIp(frontend)).Port(53, kUdp, 8081).Port(80, kTcp, 8080);
    if (frontend % 3 == 0) story.Affinity(10'800);
    for (int member = 0; member < members; ++member) {
      const std::string backend = History::Backend(frontend, set, member);
      story.Endpoint({.address = backend});
      if (frontend % 2 == 0) story.Weight(backend, static_cast<uint32_t>(member % 4 + 1));
    }
    return story;
  }

  // Publishes the frontend's next set: a new one, no set, or a new one of another Service.
  void Change(int frontend, bool present, bool new_owner) {
    const bool was_present = history_.present(frontend);
    const ServiceStory before = Next(frontend, 0, 0);
    if (new_owner) owners_[frontend] = (owners_[frontend] + 1) % 3;
    const uint32_t set = history_.Begin(frontend, present);
    std::vector<model::ServicePlan> plans;
    if (was_present && (new_owner || !present)) plans.push_back(before.Removed());
    const int members = 1 + static_cast<int>(random_() % 12);
    if (present) plans.push_back(Next(frontend, set, members).Plan());
    std::vector<const model::ServicePlan*> pointers;
    for (const model::ServicePlan& plan : plans) pointers.push_back(&plan);
    auto failures = datapath().Apply(pointers, datapath::ApplyScope::kChanged);
    // Ids that rest make the maps full now and then. The agent tries again too.
    const auto may_fit_soon = [](const datapath::ServiceFailure& failure) { return failure.may_fit_soon; };
    while (std::any_of(failures.begin(), failures.end(), may_fit_soon)) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      failures = datapath().Apply(pointers, datapath::ApplyScope::kChanged);
    }
    for (const auto& failure : failures) ADD_FAILURE() << failure.service.ToString() << ": " << failure.status;
    history_.Finish(frontend);
    ++changes_;
  }

  void ChangeSomething() {
    const int frontend = static_cast<int>(random_() % History::kFrontends);
    const uint32_t kind = random_() % 10;
    if (!history_.present(frontend)) {
      Change(frontend, true, kind < 5);
    } else if (kind < 7) {
      Change(frontend, true, false);
    } else if (kind < 9) {
      Change(frontend, true, true);  // another Service takes the address over
    } else {
      Change(frontend, false, false);
    }
  }

  // Dials frontends in a random order until the test ends. `dial` returns 0 or an errno and sets the address
  // that was reached.
  template <typename Dial>
  void KeepDialling(uint32_t seed, Tally& tally, Dial dial) {
    const sandbox::InNamespace inside(world().host());
    std::minstd_rand random(seed);
    while (!stop_) {
      const int frontend = static_cast<int>(random() % History::kFrontends);
      model::IpAddress reached;
      const uint32_t oldest = history_.oldest(frontend);
      const int error = dial(frontend, reached);
      const uint32_t latest = history_.latest(frontend);
      if (error == 0) {
        tally.Add(history_.Judge(frontend, oldest, latest, reached));
      } else if (history_.MayBeAbsent(frontend, oldest, latest)) {
        ++tally.absent;
      } else {
        ++tally.errors;
      }
    }
  }

  History history_;
  const uint32_t seed_ = seeds::Usually(20'251'122);
  std::mt19937 random_{seed_};
  int owners_[History::kFrontends] = {};
  int64_t changes_ = 0;
  std::atomic<bool> stop_ = false;
};

bool AnythingWrong(const Tally& tally) {
  return tally.Of(Verdict::kOtherService) + tally.Of(Verdict::kOtherSet) + tally.Of(Verdict::kUntranslated) +
             tally.Of(Verdict::kStray) + tally.errors >
         0;
}

void ExpectAllRight(const char* client, const Tally& tally) {
  std::printf("%s: %lld right, %lld failed while there was no Service\n", client,
              static_cast<long long>(tally.Of(Verdict::kRight)), static_cast<long long>(tally.absent));
  EXPECT_EQ(tally.Of(Verdict::kOtherService), 0) << client;
  EXPECT_EQ(tally.Of(Verdict::kOtherSet), 0) << client;
  EXPECT_EQ(tally.Of(Verdict::kUntranslated), 0) << client;
  EXPECT_EQ(tally.Of(Verdict::kStray), 0) << client;
  EXPECT_EQ(tally.errors, 0) << client;
}

TEST_F(TornSetTest, EveryConnectionReachesABackendOfASetThatItsServiceHadMeanwhile) {
  SCOPED_TRACE(seeds::Trace(seed_));
  Tally connected, streams, senders;
  std::vector<std::thread> threads;
  std::vector<SocketAddress> udp, tcp;
  for (int frontend = 0; frontend < History::kFrontends; ++frontend) {
    udp.push_back(At(History::ClusterIp(frontend) + ":53"));
    tcp.push_back(At(History::ClusterIp(frontend) + ":80"));
  }
  for (uint32_t thread = 0; thread < 3; ++thread) {
    threads.emplace_back([&, thread] {
      KeepDialling(seed_ + 1 + thread, connected,
                   [&](int frontend, auto& reached) { return ConnectOnce(udp[frontend], SOCK_DGRAM, reached); });
    });
  }
  threads.emplace_back([&] {
    KeepDialling(seed_ + 4, streams,
                 [&](int frontend, auto& reached) { return ConnectOnce(tcp[frontend], SOCK_STREAM, reached); });
  });
  // One socket sends to all Services for the whole time: it remembers a backend of each, and must forget it in time.
  threads.emplace_back([&] {
    const ClientSocket client(world().host(), AF_INET, SOCK_DGRAM);
    KeepDialling(seed_ + 5, senders, [&](int frontend, auto& reached) {
      if (const int error = client.SendTo(udp[frontend], "x"); error != 0) return error;
      const Received answer = client.Receive();
      if (answer.error != 0) return answer.error;
      if (answer.from != udp[frontend]) return EPROTO;  // the reply does not name what was dialled
      reached = At(answer.text.substr(0, answer.text.find(' '))).address;
      return 0;
    });
  });

  const auto start = Clock::now();
  while (connected.Of(Verdict::kRight) < kConnects || streams.Of(Verdict::kRight) < kStreams ||
         senders.Of(Verdict::kRight) < kDatagrams || changes_ < kChanges || Clock::now() - start < kAtLeast) {
    if (changes_ < kChangesMax) ChangeSomething();
    if (AnythingWrong(connected) || AnythingWrong(streams) || AnythingWrong(senders)) break;
  }
  stop_ = true;
  for (std::thread& thread : threads) thread.join();

  std::printf("%lld changes of sets and Services in %.1f s\n", static_cast<long long>(changes_),
              std::chrono::duration<double>(Clock::now() - start).count());
  ExpectAllRight("connected UDP sockets", connected);
  ExpectAllRight("TCP connections", streams);
  ExpectAllRight("datagrams of one unconnected socket", senders);
  EXPECT_EQ(Reason("dangling"), 0u);
}

}  // namespace
}  // namespace shunt::kernel_test
