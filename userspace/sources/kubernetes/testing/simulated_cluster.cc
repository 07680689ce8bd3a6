// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/kubernetes/testing/simulated_cluster.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace shunt::sources::kubernetes {
namespace {

constexpr size_t kLogMax = 2000;  // changes; a server that lags further behind has lost its window

}  // namespace

bool SimulatedCluster::IsIllegible(const KnownObject& object) {
  return absl::EndsWith(object.version, "7");
}

void SimulatedCluster::Write(std::mt19937& random) {
  const uint32_t dice = random() % 10;
  const ObjectKind kind =
      dice == 0 ? ObjectKind::kNode : (dice % 2 == 0 ? ObjectKind::kService : ObjectKind::kEndpointSlice);
  model::ObjectName name{"", "node-1"};
  if (kind != ObjectKind::kNode) name = {"ns", absl::StrCat("o", random() % 30)};
  const State& state = state_[static_cast<size_t>(kind)];
  const auto present = state.find(name);
  if (present == state.end()) return Record(kind, "ADDED", {name, absl::StrCat(++uids_), ""});
  const KnownObject object = present->second;
  const uint32_t what = random() % 20;
  if (what < 12) return Record(kind, "MODIFIED", object);
  Record(kind, "DELETED", object);
  if (what < 15) Record(kind, "ADDED", {name, absl::StrCat(++uids_), ""});
}

void SimulatedCluster::CatchUp() {
  for (Server& server : servers) {
    if (server.lags) continue;
    const uint64_t first = revision_ - log_.size() + 1;
    for (uint64_t next = std::max(server.revision + 1, first); next <= revision_; ++next) {
      Apply(log_[next - first], server.cache);
    }
    server.revision = revision_;
  }
}

void SimulatedCluster::TakeBackup() {
  backup_ = state_;
  backup_revision_ = revision_;
}

void SimulatedCluster::GoBack() {
  state_ = backup_;
  revision_ = backup_revision_;
  log_.clear();
  over_.clear();
  for (Server& server : servers) server = {.revision = revision_, .oldest = revision_, .cache = state_};
}

const SimulatedCluster::Change* SimulatedCluster::Next(ObjectKind kind, uint64_t after, uint64_t up_to) const {
  const uint64_t first = revision_ - log_.size() + 1;
  for (uint64_t next = std::max(after + 1, first); next <= up_to; ++next) {
    if (log_[next - first].kind == kind) return &log_[next - first];
  }
  return nullptr;
}

bool SimulatedCluster::ExistedAfter(ObjectKind kind, const KnownObject& object, uint64_t revision) const {
  const auto over = over_.find({kind, object.version});
  return over == over_.end() || over->second > revision;
}

void SimulatedCluster::Record(ObjectKind kind, const char* type, KnownObject object) {
  ++revision_;
  if (!object.version.empty()) over_[{kind, object.version}] = revision_;
  object.version = absl::StrCat(revision_);
  log_.push_back({revision_, kind, type, std::move(object)});
  Apply(log_.back(), state_);
  if (log_.size() <= kLogMax) return;
  log_.pop_front();
  const uint64_t lost = revision_ - log_.size();
  for (Server& server : servers) {
    server.oldest = std::max(server.oldest, lost);
    if (server.revision >= lost) continue;
    // It could not follow the changes; it lists again.
    server.cache = state_;
    server.revision = server.oldest = revision_;
  }
}

void SimulatedCluster::Apply(const Change& change, std::array<State, 3>& state) {
  State& objects = state[static_cast<size_t>(change.kind)];
  if (absl::string_view(change.type) == "DELETED") {
    objects.erase(change.object.name);
  } else {
    objects[change.object.name] = change.object;
  }
}

}  // namespace shunt::sources::kubernetes
