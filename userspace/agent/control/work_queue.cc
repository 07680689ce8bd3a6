// SPDX-License-Identifier: Apache-2.0
#include "userspace/agent/control/work_queue.h"

#include <algorithm>

namespace shunt::agent {

void WorkQueue::Add(Item item, uint64_t cost) {
  const auto [place, is_new] = items_.try_emplace(item.service);
  Waiting& waiting = place->second;
  if (!is_new) {
    waiting.item.changed |= item.changed;
    std::vector<uint64_t>& deliveries = waiting.item.deliveries;
    for (const uint64_t delivery : item.deliveries) {
      const auto at = std::lower_bound(deliveries.begin(), deliveries.end(), delivery);
      if (at != deliveries.end() && *at == delivery) continue;
      deliveries.insert(at, delivery);
      ++deliveries_[delivery];
    }
    return;
  }
  for (const uint64_t delivery : item.deliveries) ++deliveries_[delivery];
  const std::string name = item.service.namespace_name;
  const auto [found, begins] = namespaces_.try_emplace(name);
  Namespace& one = found->second;
  Remove(name, one);
  if (begins) one.had = Least();
  waiting.cost = cost;
  waiting.limit = one.work + cost;
  waiting.arrival = arrivals_++;
  one.services.insert({waiting.limit, waiting.arrival, item.service});
  waiting.item = std::move(item);
  Insert(name, one);
}

void WorkQueue::Insert(const std::string& name, Namespace& one) {
  if (one.services.empty()) {
    one.work = 0;
    resting_.insert({one.had, name});
    return;
  }
  one.next = one.had + items_.at(std::get<model::ObjectName>(*one.services.begin())).cost;
  turns_.insert({one.next, name});
  waiting_.insert({one.had, name});
}

void WorkQueue::Remove(const std::string& name, const Namespace& one) {
  turns_.erase({one.next, name});
  waiting_.erase({one.had, name});
  resting_.erase({one.had, name});
}

const model::ObjectName& WorkQueue::Next() const {
  return std::get<model::ObjectName>(*namespaces_.at(turns_.begin()->second).services.begin());
}

WorkQueue::Item WorkQueue::Take(const model::ObjectName& service, uint64_t cost) {
  const auto place = items_.find(service);
  if (place == items_.end()) return {.service = service};
  Namespace& one = namespaces_.at(service.namespace_name);
  Remove(service.namespace_name, one);
  one.had += cost;
  one.work += cost;
  one.services.erase({place->second.limit, place->second.arrival, service});
  Item item = std::move(place->second.item);
  items_.erase(place);
  for (const uint64_t delivery : item.deliveries) {
    const auto waiting = deliveries_.find(delivery);
    if (--waiting->second == 0) deliveries_.erase(waiting);
  }
  Insert(service.namespace_name, one);
  // What a namespace has had is forgotten when the others have had as much, or when none waits.
  while (!resting_.empty() && (waiting_.empty() || resting_.begin()->first <= Least())) {
    namespaces_.erase(resting_.begin()->second);
    resting_.erase(resting_.begin());
  }
  return item;
}

std::vector<uint64_t> WorkQueue::Deliveries() const {
  std::vector<uint64_t> numbers;
  numbers.reserve(deliveries_.size());
  for (const auto& [delivery, services] : deliveries_) numbers.push_back(delivery);
  return numbers;
}

}  // namespace shunt::agent
