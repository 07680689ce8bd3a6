// SPDX-License-Identifier: Apache-2.0
// The Services that wait to be planned and applied, and in which order. Namespaces take turns by what they have cost,
// so that a storm in one of them delays the others by one turn at most. Within a namespace what is cheap goes before
// what is expensive, but never before more of others' work than the expensive one costs itself: nothing starves.
#ifndef SHUNT_AGENT_CONTROL_WORK_QUEUE_H_
#define SHUNT_AGENT_CONTROL_WORK_QUEUE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "userspace/model/names.h"

namespace shunt::agent {

// Costs are in any unit. Not thread-safe.
class WorkQueue {
 public:
  struct Item {
    model::ObjectName service;
    bool changed = false;  // its objects have changed; false if it is only tried again
    // The numbers of the deliveries that changed it, in order.
    std::vector<uint64_t> deliveries;
  };

  bool empty() const { return turns_.empty(); }
  size_t size() const { return items_.size(); }
  bool Contains(const model::ObjectName& service) const { return items_.contains(service); }

  // Adds the item. If its Service waits already, that one keeps its place and becomes both.
  void Add(Item item, uint64_t cost);
  // Returns the Service whose turn it is. REQUIRES: !empty().
  const model::ObjectName& Next() const;
  // Removes the Service and returns its item, and counts what it costs now. An item of a Service that does not wait
  // says that nothing has changed.
  Item Take(const model::ObjectName& service, uint64_t cost);
  // Returns the numbers of all deliveries for which a Service waits, in order, each once. Costs what it returns.
  std::vector<uint64_t> Deliveries() const;

 private:
  using Place = std::tuple<uint64_t, uint64_t, model::ObjectName>;  // what may go before it, then the order of arrival
  struct Waiting {
    Item item;
    uint64_t cost = 0;
    uint64_t limit = 0;  // the namespace's work beyond which it goes first
    uint64_t arrival = 0;
  };
  // A namespace with Services that wait, or one that has had more than the others.
  struct Namespace {
    uint64_t had = 0;   // work; a namespace that begins to wait starts where the one that has had least is
    uint64_t next = 0;  // what it will have had with its first Service
    uint64_t work = 0;  // taken since its first Service began to wait
    absl::btree_set<Place> services;
  };
  using Order = absl::btree_set<std::pair<uint64_t, std::string>>;

  // Returns what the namespace has had that has had least of those that wait; 0 without one.
  uint64_t Least() const { return waiting_.empty() ? 0 : waiting_.begin()->first; }
  void Insert(const std::string& name, Namespace& one);
  void Remove(const std::string& name, const Namespace& one);

  absl::flat_hash_map<model::ObjectName, Waiting> items_;
  absl::flat_hash_map<std::string, Namespace> namespaces_;
  // Of the namespaces with Services that wait, by Namespace::next and ::had; and the others, by ::had.
  Order turns_;
  Order waiting_;
  Order resting_;
  absl::btree_map<uint64_t, uint32_t> deliveries_;  // how many Services wait for each
  uint64_t arrivals_ = 0;
};

}  // namespace shunt::agent

#endif  // SHUNT_AGENT_CONTROL_WORK_QUEUE_H_
