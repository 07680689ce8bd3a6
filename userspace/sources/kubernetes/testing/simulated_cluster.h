// SPDX-License-Identifier: Apache-2.0
// A cluster's objects with their history, and API servers that each see it as far as their cache has come.
#ifndef SHUNT_SOURCES_KUBERNETES_TESTING_SIMULATED_CLUSTER_H_
#define SHUNT_SOURCES_KUBERNETES_TESTING_SIMULATED_CLUSTER_H_

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "userspace/sources/kubernetes/follow/replica.h"
#include "userspace/sources/source.h"

namespace shunt::sources::kubernetes {

class SimulatedCluster {
 public:
  using State = std::map<model::ObjectName, KnownObject>;
  struct Change {
    uint64_t revision;
    ObjectKind kind;
    const char* type;  // of the watch event
    KnownObject object;
  };
  struct Server {
    bool up = true;
    bool lags = false;      // its cache stands still
    uint64_t revision = 0;  // so far its cache has come
    uint64_t oldest = 0;    // changes up to here have left its cache's window
    std::array<State, 3> cache;
  };

  explicit SimulatedCluster(size_t server_count) : servers(server_count) {}

  // One object is made, changed, deleted, or deleted and made again.
  void Write(std::mt19937& random);
  // The caches that do not lag see all of it.
  void CatchUp();
  // Remembers this state; GoBack: etcd is restored from it, and the servers start again.
  void TakeBackup();
  void GoBack();

  // The newest state.
  const State& state(ObjectKind kind) const { return state_[static_cast<size_t>(kind)]; }
  uint64_t revision() const { return revision_; }
  // The first change of `kind` after one revision and up to the other; null: there is none.
  const Change* Next(ObjectKind kind, uint64_t after, uint64_t up_to) const;
  // Whether the object was in this state at any time after `revision`.
  bool ExistedAfter(ObjectKind kind, const KnownObject& object, uint64_t revision) const;

  std::vector<Server> servers;

 private:
  void Record(ObjectKind kind, const char* type, KnownObject object);
  static void Apply(const Change& change, std::array<State, 3>& state);

  uint64_t revision_ = 0;
  uint64_t uids_ = 0;
  std::array<State, 3> state_;
  std::deque<Change> log_;  // the last one has revision_
  // When a state of an object (by kind and version, which no two share) was over.
  std::map<std::pair<ObjectKind, std::string>, uint64_t> over_;

  uint64_t backup_revision_ = 0;
  std::array<State, 3> backup_;
};

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_TESTING_SIMULATED_CLUSTER_H_
