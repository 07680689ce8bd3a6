// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/testing/watched_world.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "absl/strings/str_cat.h"
#include "userspace/datapath/codec.h"

namespace shunt::datapath {
namespace {

constexpr size_t kLateReadersMax = 4;

}  // namespace

WatchedWorld::WatchedWorld(const Limits& limits, uint32_t seed)
    : WatchedWorld(std::make_unique<MemoryMaps>(limits), {World()}, seed) {}

WatchedWorld::WatchedWorld(std::unique_ptr<MemoryMaps> maps, const std::vector<World>& worlds, uint32_t seed)
    : maps_(std::move(maps)), tables_(maps_->Open()), reader_(tables_), random_(seed) {
  for (const model::FrontendAddress& destination : RandomWorld::Destinations()) {
    for (const bool on_host : {false, true}) destinations_.emplace_back(destination, on_host);
  }
  allowed_.resize(destinations_.size());
  for (const auto& [destination, on_host] : destinations_) {
    model::FrontendAddress unused = destination;
    unused.port = RandomWorld::kUnusedPort;
    const auto found = std::find(destinations_.begin(), destinations_.end(), std::pair(unused, on_host));
    unused_ports_.push_back(static_cast<size_t>(found - destinations_.begin()));
  }
  for (const World& world : worlds) Expect(world);
  Watch();
  Restart();
}

WatchedWorld::~WatchedWorld() {
  maps_->hooks() = {};
}

void WatchedWorld::Watch() {
  maps_->hooks().after = [this](absl::string_view table) {
    ++writes_;
    Look(table);
  };
}

void WatchedWorld::Restart() {
  datapath_.reset();
  auto datapath = TableDatapath::Open(maps_->Open(), grace_);
  ASSERT_TRUE(datapath.ok()) << datapath.status();
  datapath_ = *std::move(datapath);
}

void WatchedWorld::Expect(const World& world) {
  world_ = world;
  Allow(world);
  // Services and node addresses are asked for apart, so any of the earlier ones may meet any of the new ones.
  for (const World& earlier : asked_) {
    Allow({.plans = earlier.plans, .node_addresses = world.node_addresses});
    Allow({.plans = world.plans, .node_addresses = earlier.node_addresses});
  }
  asked_.push_back(world);
}

void WatchedWorld::Allow(const World& world) {
  allowed_sets_.merge(world.Sets());
  for (size_t i = 0; i < destinations_.size(); ++i) {
    Reading expected = world.Expect(destinations_[i].first, destinations_[i].second);
    if (std::find(allowed_[i].begin(), allowed_[i].end(), expected) == allowed_[i].end()) {
      allowed_[i].push_back(std::move(expected));
    }
  }
}

void WatchedWorld::Settle() {
  CheckHolds();
  for (std::vector<Reading>& readings : allowed_) readings.clear();
  allowed_sets_.clear();
  asked_.clear();
  Expect(World(world_));
}

void WatchedWorld::CheckHolds() {
  for (const auto& [destination, on_host] : destinations_) {
    const Reading reading = reader_.Read(destination, on_host);
    const Reading expected = world_.Expect(destination, on_host);
    if (reading != expected) {
      Fail(absl::StrCat(destination.ToString(), on_host ? " on the host" : "", " reads ", reading.ToString(),
                        ", should be ", expected.ToString()));
    }
  }
  // Nothing else in the tables: count what programs can reach, by kind.
  std::set<model::FrontendAddress> frontends;
  std::set<model::IpAddress> addresses;
  bool node_ports = false;
  for (const auto& [name, plan] : world_.plans) {
    for (const model::PortPlan& port : plan.ports) {
      for (const model::Frontend& frontend : port.frontends) {
        if (!frontend.IsProgrammed()) continue;
        frontends.insert(frontend.address);
        node_ports |= frontend.kind == model::FrontendKind::kNodePort;
        if (frontend.kind == model::FrontendKind::kClusterIp) addresses.insert(frontend.address.address);
      }
    }
  }
  if (node_ports) {
    for (const NodeAddress& node : world_.node_addresses) addresses.insert(node.address);
  }
  const size_t entries = reader_.AllRows().size();
  if (entries != frontends.size() + addresses.size()) {
    Fail(absl::StrCat("the index has ", entries, " entries for ", frontends.size(), " frontends and ", addresses.size(),
                      " address rows"));
  }
}

void WatchedWorld::CheckLeavesNothing() {
  grace_.Pass();
  datapath_->Reclaim();
  const size_t rows = reader_.SourceCount(), expected = world_.SourceRangeCount();
  if (rows != expected) Fail(absl::StrCat("source_ranges has ", rows, " rows, should have ", expected));
}

bool WatchedWorld::IsAllowed(const Reading& reading, size_t destination) const {
  const std::vector<Reading>& allowed = allowed_[destination];
  const auto allows = [&](const std::vector<Reading>& readings) {
    return std::any_of(readings.begin(), readings.end(),
                       [&](const Reading& other) { return other.outcome == reading.outcome; });
  };
  if (reading.outcome != Outcome::kFound) {
    if (allows(allowed)) return true;
    const bool may_lead_nowhere = std::any_of(allowed.begin(), allowed.end(),
                                              [](const Reading& other) { return other.outcome != Outcome::kFound; });
    // An address that ceases to be a ClusterIP and is to be dialled for another reason belongs to no Service in
    // between.
    const bool changes_hands = reading.outcome == Outcome::kNotAService && allows(allowed_[unused_ports_[destination]]);
    return reading.outcome != Outcome::kDangling && may_lead_nowhere && (changes_hands || writes_fail_);
  }
  // A row and the sets it leads to may be of two worlds, but only if they are of one service port.
  bool row = false, internal = false, external = false;
  for (const Reading& other : allowed) {
    if (other.outcome != Outcome::kFound || other.service_port != reading.service_port) continue;
    row |= other.kind == reading.kind && other.flags == reading.flags && other.source_ranges == reading.source_ranges &&
           other.affinity_timeout_s == reading.affinity_timeout_s && other.udp_idle_s == reading.udp_idle_s;
    internal |= other.internal == reading.internal;
    external |= other.external == reading.external;
  }
  return row && internal && external;
}

void WatchedWorld::Look(absl::string_view table) {
  if (failed_) return;
  LookAtDestinations(table);
  LookAsLateReaders(table);
  if (random_.Draw(8) == 0) BeginLateReader();
}

void WatchedWorld::LookAtDestinations(absl::string_view table) {
  for (size_t i = 0; i < destinations_.size(); ++i) {
    const auto& [destination, on_host] = destinations_[i];
    const Reading reading = reader_.Read(destination, on_host);
    if (IsAllowed(reading, i)) continue;
    std::string allowed;
    for (const Reading& other : allowed_[i]) absl::StrAppend(&allowed, "\n    ", other.ToString());
    Fail(absl::StrCat("after a write to ", table, " ", destination.ToString(), on_host ? " on the host" : "",
                      " reads\n    ", reading.ToString(), "\n  allowed:", allowed));
    return;
  }
}

void WatchedWorld::BeginLateReader() {
  if (late_readers_.size() == kLateReadersMax)
    late_readers_.erase(late_readers_.begin() + random_.Draw(kLateReadersMax));
  LateReader late = {.asked = grace_.asked(), .rows = {}, .sources = {}, .sets = {}, .pools = {}};
  for (const uint32_t id : reader_.AllRows()) {
    const shunt_frontend_row row = reader_.Row(id);
    late.rows.emplace_back(id, row);
    if (row.kind == SHUNT_KIND_ADDRESS) continue;
    if (row.source_ranges != 0) late.sources.emplace_back(row.source_ranges, reader_.Sources(row.source_ranges));
    for (const uint32_t pool : {row.internal_pool, row.external_pool}) {
      const uint64_t word = reader_.PoolWord(pool);
      late.sets.emplace_back(word, reader_.Set(word));
      late.pools.push_back({pool, reader_.ServicePort(row.service_port).value_or(""), late.sets.back().second});
    }
  }
  late_readers_.push_back(std::move(late));
}

void WatchedWorld::LookAsLateReaders(absl::string_view table) {
  std::erase_if(late_readers_, [&](const LateReader& late) { return grace_.passed() > late.asked; });
  for (LateReader& late : late_readers_) {
    LookAtPoolsAhead(table, late);
    for (const auto& [id, row] : late.rows) {
      const shunt_frontend_row now = reader_.Row(id);
      if (std::memcmp(&now, &row, sizeof(row)) == 0) continue;
      Fail(absl::StrCat("a write to ", table, " changed row ", id, " under a late reader"));
      return;
    }
    for (const auto& [list, sources] : late.sources) {
      if (reader_.Sources(list) == sources) continue;
      Fail(absl::StrCat("a write to ", table, " changed list ", list, " of source ranges under a late reader"));
      return;
    }
    for (const auto& [word, set] : late.sets) {
      if (reader_.Set(word) == set) continue;
      Fail(absl::StrCat("a write to ", table, " changed the set of pool word ", word, " under a late reader"));
      return;
    }
  }
}

// A set published meanwhile will do, and so will the last one of a Service that has gone; no set at all will not.
void WatchedWorld::LookAtPoolsAhead(absl::string_view table, LateReader& late) {
  for (PoolAhead& ahead : late.pools) {
    ReadSet now = reader_.Set(reader_.PoolWord(ahead.pool));
    if (now == ahead.set) continue;
    if (!IsAllowedSet(ahead.service_port, now)) {
      Fail(absl::StrCat("a write to ", table, " left pool ", ahead.pool, " of ", ahead.service_port, " with ",
                        SetText(now), " under a late reader"));
      return;
    }
    ahead.set = std::move(now);
  }
}

bool WatchedWorld::IsAllowedSet(const std::string& service_port, const ReadSet& set) const {
  const auto [begin, end] = allowed_sets_.equal_range(service_port);
  return std::any_of(begin, end, [&](const auto& allowed) { return allowed.second == set; });
}

void WatchedWorld::Fail(const std::string& what) {
  if (!failed_) ADD_FAILURE() << step_ << ": " << what;
  failed_ = true;
}

}  // namespace shunt::datapath
