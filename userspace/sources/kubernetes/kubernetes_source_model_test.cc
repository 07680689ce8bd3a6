// SPDX-License-Identifier: Apache-2.0
// A KubernetesSource against simulated API servers with every kind of failure, for a million turns: whenever the
// servers come to rest, the consumer has exactly the cluster's state, except for objects that cannot be decoded: of
// these it has an earlier state or nothing. Until then it never goes back in time, removes nothing because of a list
// that is empty by mistake, and does not flood the servers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/seeds.h"
#include "userspace/sources/kubernetes/follow/resource_path.h"
#include "userspace/sources/kubernetes/kubernetes_source.h"
#include "userspace/sources/kubernetes/testing/simulated_transport.h"

namespace shunt::sources::kubernetes {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using State = SimulatedCluster::State;

constexpr std::array<ObjectKind, 3> kKinds = {ObjectKind::kService, ObjectKind::kEndpointSlice, ObjectKind::kNode};

size_t Index(ObjectKind kind) {
  return static_cast<size_t>(kind);
}

// The model has no uid for a Node.
State Expected(const SimulatedWorld& world, ObjectKind kind) {
  State state = world.cluster.state(kind);
  if (kind != ObjectKind::kNode) return state;
  for (auto& [name, object] : state) object.uid.clear();
  return state;
}

bool Same(const State& consumers, const State& clusters) {
  const auto is_there = [&](const auto& entry) { return clusters.contains(entry.first); };
  if (!std::all_of(consumers.begin(), consumers.end(), is_there)) return false;
  return std::all_of(clusters.begin(), clusters.end(), [&](const auto& entry) {
    const KnownObject& object = entry.second;
    const bool illegible = SimulatedCluster::IsIllegible(object);
    const auto known = consumers.find(entry.first);
    if (known == consumers.end()) return illegible;
    return known->second.uid == object.uid && (illegible || known->second.version == object.version);
  });
}

// The consumer; it checks every event as it comes.
class JudgingSink final : public Sink {
 public:
  struct Progressed {
    std::string version;
    size_t count = 0;
  };

  explicit JudgingSink(SimulatedWorld& world) : world_(world) {}

  void Deliver(std::vector<Event> events) override {
    EXPECT_FALSE(events.empty());
    for (const Event& event : events) {
      if (const auto* const remove = std::get_if<Remove>(&event)) {
        Judge(*remove);
        state[Index(remove->kind)].erase(remove->name);
      } else {
        const Object& object = std::get<Upsert>(event).object;
        const KnownObject known = Identify(object);
        Judge(KindOf(object), known);
        state[Index(KindOf(object))][known.name] = known;
      }
    }
  }
  void Synced() override {
    EXPECT_FALSE(synced) << "once";
    synced = true;
  }
  void Progress(ObjectKind kind, std::string version, size_t count) override {
    Progressed& before = progress[Index(kind)];
    EXPECT_FALSE(!restored && IsOlder(version, before.version)) << version << " after " << before.version;
    EXPECT_EQ(count, state[Index(kind)].size());
    before = {std::move(version), count};
  }
  void Report(std::vector<SourceProblem> problems) override { problem_count = problems.size(); }

  std::array<State, 3> state;
  std::array<Progressed, 3> progress;
  bool synced = false;
  bool restored = false;  // etcd was restored from a backup: older state is right for once
  size_t problem_count = 0;

 private:
  void Judge(ObjectKind kind, const KnownObject& object) {
    const auto present = state[Index(kind)].find(object.name);
    if (present != state[Index(kind)].end()) {
      EXPECT_FALSE(present->second.version == object.version && present->second.uid == object.uid)
          << object.name.ToString() << " " << object.version << " is delivered again";
    }
    if (restored) return;
    const std::string& seen = progress[Index(kind)].version;
    EXPECT_TRUE(world_.cluster.ExistedAfter(kind, object, std::strtoull(seen.c_str(), nullptr, 10)))
        << object.name.ToString() << " " << object.version << " was over at " << seen << ", which had been reached";
  }

  void Judge(const Remove& remove) {
    const auto present = state[Index(remove.kind)].find(remove.name);
    ASSERT_NE(present, state[Index(remove.kind)].end()) << remove.name.ToString() << " is not known";
    if (restored) return;
    const State expected = Expected(world_, remove.kind);
    const auto lives = expected.find(remove.name);
    if (lives == expected.end()) return;
    EXPECT_FALSE(lives->second.version == present->second.version && lives->second.uid == present->second.uid)
        << remove.name.ToString() << " " << present->second.version << " is removed, but there";
  }

  SimulatedWorld& world_;
};

class Play {
 public:
  Play(uint32_t seed, uint64_t turns) : turns_(turns), sink_(std::make_unique<JudgingSink>(world_)) {
    world_.random.seed(seed);
    for (int i = 0; i < 100; ++i) world_.cluster.Write(world_.random);
    world_.cluster.CatchUp();
    world_.cluster.TakeBackup();
    world_.on_turn = [this] { Turn(); };
  }

  // Runs one agent after the other, until the turns are used up or a check fails. Returns the number of agents.
  int Run() {
    while (!Done()) RunAgent();
    SCOPED_TRACE(absl::StrCat(world_.turns, " turns"));
    EXPECT_GT(settled_count_, 0);
    // With delays there are at most 18 in the worst minute; without them there would be one per turn.
    for (const auto& requests : world_.requests) EXPECT_LE(MostIn(requests, seconds(60)), 30);
    return agents_;
  }

 private:
  bool Done() const { return world_.turns >= turns_ || ::testing::Test::HasFailure(); }

  void RunAgent() {
    ++agents_;
    KubernetesSourceOptions options{.node_name = "node-1", .servers = {{"https://0"}, {"https://1"}, {"https://2"}}};
    options.seed = world_.random();
    PrepareRestart(options);
    auto transport = std::make_unique<SimulatedTransport>(world_);
    transport_ = transport.get();
    stop_ = {};
    BeginFaults();
    may_be_mistaken_ = true;
    KubernetesSource source(std::move(options), std::move(transport));
    EXPECT_EQ(source.Run(*sink_, stop_.get_token()), absl::OkStatus());
  }

  // What the next agent finds from the previous one: nothing, its versions, or an older snapshot too.
  void PrepareRestart(KubernetesSourceOptions& options) {
    auto sink = std::make_unique<JudgingSink>(world_);
    const uint32_t what = world_.random() % 3;
    if (what > 0) sink->progress = sink_->progress;
    if (what > 1) sink->state = snapshot_;
    const std::array<Remembered*, 3> remembered = {&options.services, &options.endpoint_slices, &options.node};
    for (const ObjectKind kind : kKinds) {
      Remembered& of_kind = *remembered[Index(kind)];
      of_kind.version = sink->progress[Index(kind)].version;
      of_kind.count = sink->progress[Index(kind)].count;
      for (const auto& [name, object] : sink->state[Index(kind)]) of_kind.delivered.push_back(object);
      remembers_[Index(kind)] = of_kind.count > 0;
    }
    sink_ = std::move(sink);
  }

  void Turn() {
    for (const ObjectKind kind : kKinds) {
      // The agent cannot miss an object that it never knew.
      world_.agent_knows[Index(kind)] =
          kind != ObjectKind::kNode && (remembers_[Index(kind)] || !sink_->state[Index(kind)].empty());
    }
    if (::testing::Test::HasFailure() || world_.turns > 2 * turns_) return Stop();
    if (world_.faulty) return FaultyTurn();
    world_.cluster.CatchUp();
    CalmTurn();
  }

  void FaultyTurn() {
    if (world_.Chance(8)) world_.cluster.Write(world_.random);
    for (SimulatedCluster::Server& server : world_.cluster.servers) {
      if (world_.Chance(500)) server.up = !server.up;
      if (world_.Chance(200)) server.lags = !server.lags;
    }
    world_.cluster.CatchUp();
    if (world_.Chance(1000)) {
      SimulatedCluster::Server& server = world_.cluster.servers[world_.random() % world_.cluster.servers.size()];
      server.oldest = server.revision;  // its cache begins again
    }
    if (may_be_mistaken_ && world_.Chance(500)) {
      may_be_mistaken_ = false;
      world_.mistaken_until = world_.now + ShrinkGuard::kConfirmAfter - seconds(1);
    }
    if (world_.Chance(1000)) snapshot_ = sink_->state;
    if (world_.turns >= faulty_until_) BeginCalm();
  }

  void BeginFaults() {
    world_.faulty = true;
    faulty_until_ = world_.turns + 1000 + world_.random() % 4000;
  }

  void BeginCalm() {
    world_.faulty = false;
    world_.mistaken_until = {};
    for (SimulatedCluster::Server& server : world_.cluster.servers) server.up = !(server.lags = false);
    world_.cluster.CatchUp();
    if (world_.Chance(8)) {
      world_.cluster.GoBack();
      sink_->restored = true;
      transport_->BreakAll();
    }
    calm_since_ = world_.now;
    rest_since_.reset();
  }

  void CalmTurn() {
    const bool same = sink_->synced && std::all_of(kKinds.begin(), kKinds.end(), [&](ObjectKind kind) {
                        return Same(sink_->state[Index(kind)], Expected(world_, kind));
                      });
    if (!same) {
      // The state may have been the same by chance, before the server caught up with a history that led back to it.
      rest_since_.reset();
      EXPECT_LT(world_.now - calm_since_, minutes(15)) << "does not come to rest";
      return;
    }
    if (!rest_since_) rest_since_ = world_.now;
    if (world_.now - *rest_since_ < minutes(1)) return;
    ++settled_count_;
    sink_->restored = false;
    world_.cluster.TakeBackup();
    snapshot_ = sink_->state;
    if (Done() || world_.Chance(2)) return Stop();
    BeginFaults();
  }

  void Stop() { stop_.request_stop(); }

  static size_t MostIn(const std::vector<SteadyTime>& times, seconds window) {
    size_t most = 0;
    for (size_t first = 0, last = 0; last < times.size(); ++last) {
      while (times[last] - times[first] > window) ++first;
      most = std::max(most, last - first + 1);
    }
    return most;
  }

  const uint64_t turns_;
  SimulatedWorld world_;
  std::unique_ptr<JudgingSink> sink_;
  SimulatedTransport* transport_ = nullptr;
  std::stop_source stop_;
  std::array<State, 3> snapshot_;  // of some earlier moment
  std::array<bool, 3> remembers_{};
  bool may_be_mistaken_ = true;
  uint64_t faulty_until_ = 0;
  SteadyTime calm_since_;
  std::optional<SteadyTime> rest_since_;
  int settled_count_ = 0;
  int agents_ = 0;
};

TEST(KubernetesSourceModelTest, ComesToTheClustersStateWhateverTheServersDo) {
  const std::vector<uint32_t> chosen = seeds::UpTo(20);
  size_t agents = 0;
  for (const uint32_t seed : chosen) {
    SCOPED_TRACE(seeds::Trace(seed));
    agents += static_cast<size_t>(Play(seed, SHUNT_MODEL_TURNS).Run());
    if (HasFailure()) return;
  }
  EXPECT_GT(agents, chosen.size()) << "no agent was restarted";
}

}  // namespace
}  // namespace shunt::sources::kubernetes
