// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/publisher.h"

#include <netinet/in.h>

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "userspace/datapath/stager.h"

namespace shunt::datapath {
namespace {

// Whether somebody may miss a member. A set that was empty says nothing of the one before it.
bool Loses(const std::vector<uint32_t>& before, const std::vector<uint32_t>& after) {
  if (before.empty()) return true;
  const absl::flat_hash_set<uint32_t> stay(after.begin(), after.end());
  return !std::all_of(before.begin(), before.end(), [&](uint32_t member) { return stay.contains(member); });
}

}  // namespace

// A program reads: prefix bit -> index entry -> row (and compares its key) -> pool word -> slot -> backend, and
// holds what it has read until it ends. So:
//
//  - What is not yet named may be written in any order, in pieces, and may fail: nobody looks.
//  - What is named is never written again but for three single words: an index entry (another row of the same
//    key), a pool word (another complete set), a word of the filter.
//  - A name appears after everything that it leads to: writing goes against the direction of reading.
//  - Names disappear in the direction of reading, and what they led to stays as it is for a grace period.
void Publisher::Publish(absl::Span<Change* const> changes) {
  // 1. What nothing names: backends, slot runs, the words of new pools, service port names, rows. And filter
  //    bits, which only let a program look further. A change that fails here has changed nothing.
  const absl::Status generation = inventory_.allocator.WriteGeneration();
  for (Change* change : changes) {
    if (!change->status.ok()) continue;
    absl::Status status = generation;
    if (status.ok()) status = WriteUnnamed(*change);
    if (!status.ok()) Fail(*change, std::move(status));
  }
  FailTakers(changes);

  // 2. Frontends that go. Before any pool changes, so that a frontend that is to go is not seen with a set that
  //    it never had. An address ceases to be a ClusterIP before its frontends go: the other way round a connect
  //    to one of them would be refused as a port that no service uses, where it is now nobody's address.
  PublishAddresses(AddressBook::Turn::kBeforeRemovals, changes);
  for (Change* change : changes) {
    if (change->status.ok()) RemoveReleased(*change);
    if (!change->status.ok() && !change->abandoned) Abandon(inventory_, *change, things_);
  }
  FailTakers(changes);

  // 3. Publish the sets: one store of 8 bytes each. PoolMatch has made sure that every frontend that still reads
  //    the pool is to have the new set. Before the frontends that come, for the reason of 2.
  for (Change* change : changes) {
    if (change->status.ok()) PublishPools(*change);
  }
  FailTakers(changes);

  // 4. Frontends that come, or get another row: everything that they lead to is in place. Only then the facts
  //    about addresses: an address that becomes a ClusterIP refuses all its other ports.
  for (Change* change : changes) {
    if (change->status.ok()) InsertFrontends(*change);
  }
  for (Change* change : changes) {
    if (!change->abandoned) SettleFrontends(*change);
  }
  absl::Status counted = inventory_.allocator.index().WriteCounts();
  if (counted.ok()) {
    PublishAddresses(AddressBook::Turn::kAfterInsertions, changes);
  } else {
    // Some of the new keys may not be found yet.
    for (Change* change : changes) {
      if (change->status.ok() && !change->rows.empty()) change->status = counted;
    }
    shared_status_ = std::move(counted);
  }

  // 5. What nothing names any more: generation 0 in the pool words, for sockets that remember them, and a new one in
  //    those that only some frontends have left; clear the filter bits that no address needs; and after a grace period,
  //    asked for once for all of this, everything may be used again.
  for (Change* change : changes) {
    if (!change->abandoned) SettlePorts(*change);
  }
  RenewProofs();
  if (absl::Status status = inventory_.filter.ClearUnneeded(); !status.ok()) shared_status_ = std::move(status);
  inventory_.allocator.quarantine().Add(things_);
}

absl::Status Publisher::WriteUnnamed(Change& change) {
  for (const PortChange& port : change.ports) {
    for (const PoolChange& pool : port.pools) {
      if (absl::Status status = WritePool(pool); !status.ok()) return status;
    }
    if (!port.fresh) continue;
    if (absl::Status status = WriteServicePort(change, port); !status.ok()) return status;
  }
  for (const RowChange& row : change.rows) {
    absl::Status status = inventory_.tables.frontend_rows->Store(row.row, BytesOf(row.content));
    if (!status.ok()) return status;
    if (IsWildcard(row.content.key.address)) continue;
    status = inventory_.filter.Set(DecodeAddress(row.content.key.address));
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Publisher::WritePool(const PoolChange& pool) {
  const std::vector<uint32_t>& members = pool.next.set.members;
  for (uint32_t i = 0; i < members.size(); ++i) {
    absl::Status status = inventory_.filter.SetBackend(pool.plan->members[i].backend.address);
    if (status.ok()) status = inventory_.allocator.backends().Write(members[i]);
    if (!status.ok()) return status;
  }
  for (uint32_t i = 0; i < members.size(); ++i) {
    const shunt_slot slot = EncodeSlot(*pool.plan, i, members);
    absl::Status status = inventory_.tables.slots->Store(pool.next.set.run.first + i, BytesOf(slot));
    if (!status.ok()) return status;
  }
  return pool.fresh ? inventory_.tables.pools->StoreWord(pool.next.id, 0, pool.next.word) : absl::OkStatus();
}

absl::Status Publisher::WriteServicePort(const Change& change, const PortChange& port) {
  if (inventory_.allocator.service_ports().WasUsed(port.index)) {
    absl::Status status =
        ZeroCounters(*inventory_.tables.service_counters, inventory_.allocator.service_ports().capacity(), port.index);
    if (!status.ok()) return status;
  }
  const auto row =
      EncodeServicePort({change.state->name, port.plan->name, port.plan->port, port.plan->protocol, port.plan->family});
  return inventory_.tables.service_ports->Store(port.index, BytesOf(*row));
}

void Publisher::Fail(Change& change, absl::Status status) {
  change.status = std::move(status);
  Abandon(inventory_, change, things_);
}

// A Service that keeps what it has keeps the frontends that another was to take.
void Publisher::FailTakers(absl::Span<Change* const> changes) {
  if (transfers_.empty()) return;
  for (bool again = true; again;) {
    again = false;
    for (Change* change : changes) {
      if (!change->status.ok()) continue;
      for (const ServiceState* giver : change->takes_from) {
        if (giver->change != nullptr && giver->change->status.ok()) continue;
        Fail(*change, absl::FailedPreconditionError(absl::StrCat(
                          "apply Service ", change->state->name.ToString(), ": takes a frontend of Service ",
                          giver->name.ToString(), ", which could not be applied")));
        again = true;
        break;
      }
    }
  }
}

void Publisher::PublishAddresses(AddressBook::Turn turn, absl::Span<Change* const> changes) {
  for (const AddressBook::Failure& failure : inventory_.addresses.Publish(turn, things_)) {
    shared_status_ = failure.status;
    BlameForAddress(failure.address, failure.status, changes);
  }
}

void Publisher::RemoveReleased(Change& change) {
  ServiceState& state = *change.state;
  for (const shunt_frontend_key& key : change.released) {
    if (IsTaken(key)) continue;
    if (!IsWildcard(key.address) && inventory_.addresses.ClaimsUnwantedClusterIp(DecodeAddress(key.address))) {
      change.status = absl::UnavailableError(absl::StrCat("apply Service ", state.name.ToString(), ": remove frontend ",
                                                          DecodeFrontend(key).ToString(),
                                                          ": its address could not be given up first"));
      continue;
    }
    const auto found = inventory_.published.frontends.find(key);
    absl::Status status = inventory_.allocator.index().Remove(key, found->second.index_slot);
    if (!status.ok()) {
      change.status = std::move(status);
      continue;
    }
    LeavePools(found->second.row, nullptr);
    RetireRow(found->second.row);
    inventory_.published.frontends.erase(found);
  }
  const auto is_gone = [&](const shunt_frontend_key& key) { return !inventory_.published.frontends.contains(key); };
  std::erase_if(change.released, is_gone);
  std::erase_if(state.frontends, is_gone);
}

// A taker that fails takes the key when it is applied again; until then the key stays where it is.
bool Publisher::IsTaken(const shunt_frontend_key& key) const {
  const Transfers::Transfer* const transfer = transfers_.Find(key);
  return transfer != nullptr && !given_up_.contains(transfer->taker);
}

void Publisher::PublishPools(Change& change) {
  for (PortChange& port : change.ports) {
    if (port.fresh) continue;
    for (PoolChange& pool : port.pools) {
      if (pool.fresh) continue;
      if (absl::Status status = inventory_.tables.pools->StoreWord(pool.next.id, 0, pool.next.word); !status.ok()) {
        Fail(change, std::move(status));
        return;
      }
      pool.published = true;
      for (PortState& state : change.state->ports) {
        if (state.index != port.index) continue;
        for (PoolState& old : state.pools) {
          if (old.id != pool.next.id) continue;
          if (Loses(old.set.members, pool.next.set.members)) inventory_.published.removals.Note(port.plan->protocol);
          RetireSet(std::move(old.set));
          old = std::move(pool.next);
          break;
        }
      }
    }
  }
}

void Publisher::InsertFrontends(Change& change) {
  for (RowChange& row : change.rows) {
    const bool is_new = row.old_row == kNoId;
    absl::Status status = inventory_.allocator.index().Put(row.content.key, row.index_slot, row.row, is_new);
    if (!status.ok()) {
      change.status = std::move(status);
      continue;
    }
    row.put = true;
    inventory_.published.removals.Note(row.content.key.protocol == IPPROTO_TCP ? model::Protocol::kTcp
                                                                               : model::Protocol::kUdp);
    if (!is_new) {
      LeavePools(row.old_row, &row.content);
      RetireRow(row.old_row);
    }
    inventory_.published.frontends[row.content.key] = {
        .row = row.row, .service_port = row.content.service_port, .index_slot = row.index_slot, .kind = row.kind};
  }
}

// Records which keys are now the Service's.
void Publisher::SettleFrontends(Change& change) {
  ServiceState& state = *change.state;
  for (const RowChange& row : change.rows) {
    if (row.put) {
      state.frontends.push_back(row.content.key);
    } else {
      AbandonRow(inventory_, state, row, things_);
    }
  }
  // What another Service was to take and did not is still this one's, and so is all that it leads to.
  Need need;
  for (const shunt_frontend_key& key : change.released) {
    const FrontendState& frontend = inventory_.published.frontends.at(key);
    if (inventory_.published.owners[frontend.service_port] != &state) continue;
    inventory_.addresses.AddFrontend(key, frontend.kind, need);
    change.waits_for = transfers_.Find(key)->taker;
    change.status = absl::UnavailableError(absl::StrCat("apply Service ", state.name.ToString(), ": frontend ",
                                                        DecodeFrontend(key).ToString(), " stays until Service ",
                                                        change.waits_for->name.ToString(), " can take it"));
  }
  std::sort(state.frontends.begin(), state.frontends.end(),
            [](const auto& a, const auto& b) { return std::memcmp(&a, &b, sizeof(a)) < 0; });
  state.frontends.erase(std::unique(state.frontends.begin(), state.frontends.end(), FrontendKeyEqual()),
                        state.frontends.end());
  std::erase_if(state.frontends, [&](const shunt_frontend_key& key) {
    const auto found = inventory_.published.frontends.find(key);
    return found == inventory_.published.frontends.end() ||
           inventory_.published.owners[found->second.service_port] != &state;
  });
}

// Records the new pools and ports. Retires those that the plan does not have only if everything went well:
// otherwise some frontend may still lead there.
void Publisher::SettlePorts(Change& change) {
  ServiceState& state = *change.state;
  for (PortChange& port : change.ports) {
    if (port.fresh) {
      state.ports.push_back({.name = port.plan->name,
                             .port = port.plan->port,
                             .protocol = port.plan->protocol,
                             .family = port.plan->family,
                             .index = port.index,
                             .pools = {}});
    }
    const auto settled =
        std::find_if(state.ports.begin(), state.ports.end(), [&](const PortState& s) { return s.index == port.index; });
    for (PoolChange& pool : port.pools) {
      if (pool.fresh) settled->pools.push_back(std::move(pool.next));
    }
    if (!change.status.ok()) continue;
    const auto is_used = [&](const PoolState& pool) {
      return std::find(port.pool_ids.begin(), port.pool_ids.end(), pool.id) != port.pool_ids.end();
    };
    for (PoolState& pool : settled->pools) {
      if (!is_used(pool)) RetirePool(pool, change);
    }
    settled->pools.erase(std::remove_if(settled->pools.begin(), settled->pools.end(),
                                        [&](const PoolState& pool) { return !is_used(pool); }),
                         settled->pools.end());
  }
  if (!change.status.ok()) return;
  std::erase_if(state.ports, [&](PortState& port) {
    const bool planned = std::any_of(change.ports.begin(), change.ports.end(),
                                     [&](const PortChange& planned_port) { return planned_port.index == port.index; });
    if (!planned) RetirePort(port, change);
    return !planned;
  });
}

void Publisher::RetirePort(PortState& port, Change& change) {
  for (PoolState& pool : port.pools) RetirePool(pool, change);
  inventory_.published.owners[port.index] = nullptr;
  things_.emplace_back(ServicePortIndex{port.index});
}

void Publisher::RetirePool(PoolState& pool, Change& change) {
  // A late reader with a row in hand finds the last set: its destination may be another Service's by now, and has
  // had one all the time. Generation 0: a socket that remembers the pool looks its destination up anew.
  const uint64_t word = pool.word & ~uint64_t{SHUNT_POOL_GENERATION_MASK};
  if (absl::Status status = inventory_.tables.pools->StoreWord(pool.id, 0, word); !status.ok()) {
    change.status = std::move(status);
  }
  things_.emplace_back(PoolId{pool.id});
  RetireSet(std::move(pool.set));
}

void Publisher::LeavePools(uint32_t row_id, const shunt_frontend_row* next) {
  shunt_frontend_row row = {};
  if (!inventory_.tables.frontend_rows->Load(row_id, MutableBytesOf(row)).ok()) return;
  if (next == nullptr || next->internal_pool != row.internal_pool) left_pools_.insert(row.internal_pool);
  if (next == nullptr || next->external_pool != row.external_pool) left_pools_.insert(row.external_pool);
}

// After SettlePorts: a pool that has been withdrawn proves nothing any more.
void Publisher::RenewProofs() {
  for (const uint32_t pool : left_pools_) {
    if (pool >= inventory_.allocator.pools().capacity()) continue;  // an adopted row may say anything
    inventory_.allocator.RenewStamp(pool).IgnoreError();            // the second time is tried until it succeeds
    things_.emplace_back(ValidityStamp{pool});
  }
}

void Publisher::RetireRow(uint32_t row) {
  things_.emplace_back(FrontendRow{row});
}

void Publisher::RetireSet(BackendSet set) {
  if (!set.empty()) things_.emplace_back(std::move(set));
}

// An address row stands for all Services that have a frontend there, or for all NodePorts: those in hand learn
// of the failure, so that they are applied again.
void Publisher::BlameForAddress(const model::IpAddress& address, const absl::Status& status,
                                absl::Span<Change* const> changes) {
  const shunt_address encoded = EncodeAddress(address);
  const auto concerns = [&](const shunt_frontend_key& frontend) {
    return IsWildcard(frontend.address) || std::memcmp(&frontend.address, &encoded, sizeof(encoded)) == 0;
  };
  for (Change* change : changes) {
    if (!change->status.ok()) continue;
    const bool plans_it =
        change->plan != nullptr &&
        std::any_of(change->plan->ports.begin(), change->plan->ports.end(), [&](const auto& port) {
          return std::any_of(port.frontends.begin(), port.frontends.end(), [&](const model::Frontend& frontend) {
            return concerns(EncodeFrontend(frontend.address));
          });
        });
    const bool had_it = std::any_of(change->state->frontends.begin(), change->state->frontends.end(), concerns);
    if (plans_it || had_it) change->status = status;
  }
}

}  // namespace shunt::datapath
