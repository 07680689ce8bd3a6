// SPDX-License-Identifier: Apache-2.0
// A cluster's objects with their history, and API servers, each of which knows the history up to its cache's revision.
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
    bool lags = false;      // its cache does not change
    uint64_t revision = 0;  // up to which its cache knows the history
    uint64_t oldest = 0;    // changes up to here have left its cache's window
    std::array<State, 3> cache;
  };

  explicit SimulatedCluster(size_t server_count) : servers(server_count) {}

  // Returns whether servers send an object in this state with bytes that cannot be decoded, behind good metadata.
  static bool IsIllegible(const KnownObject& object);

  // Creates, changes, deletes, or deletes and creates one object.
  void Write(std::mt19937& random);
  // Updates the caches that do not lag to the newest revision.
  void CatchUp();
  // Remembers this state. GoBack restores etcd from it and restarts the servers.
  void TakeBackup();
  void GoBack();

  // Returns the newest state.
  const State& state(ObjectKind kind) const { return state_[static_cast<size_t>(kind)]; }
  uint64_t revision() const { return revision_; }
  // Returns the first change of `kind` after one revision and up to the other, or null without one.
  const Change* Next(ObjectKind kind, uint64_t after, uint64_t up_to) const;
  // Returns whether the object was in this state at any time after `revision`.
  bool ExistedAfter(ObjectKind kind, const KnownObject& object, uint64_t revision) const;

  std::vector<Server> servers;

 private:
  void Record(ObjectKind kind, const char* type, KnownObject object);
  static void Apply(const Change& change, std::array<State, 3>& state);

  uint64_t revision_ = 0;
  uint64_t uids_ = 0;
  std::array<State, 3> state_;
  std::deque<Change> log_;  // the last one has revision_
  // When each state of an object ended, by kind and version; no two states share both.
  std::map<std::pair<ObjectKind, std::string>, uint64_t> over_;

  uint64_t backup_revision_ = 0;
  std::array<State, 3> backup_;
};

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_TESTING_SIMULATED_CLUSTER_H_
