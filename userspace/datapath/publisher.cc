// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/publisher.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "userspace/datapath/codec.h"

namespace shunt::datapath {
namespace {

// Returns whether a socket may miss a member. If the set before was empty, a socket may remember an earlier one.
bool Loses(const std::vector<uint32_t>& before, const std::vector<uint32_t>& after) {
  if (before.empty()) return true;
  const absl::flat_hash_set<uint32_t> stay(after.begin(), after.end());
  return !std::all_of(before.begin(), before.end(), [&](uint32_t member) { return stay.contains(member); });
}

// Fails the changes of Services that plan or have a frontend at the address, so that they are applied again. One row
// stands for all Services that have a frontend at an address, and an address of the node for all NodePorts.
void FailForAddress(const AddressBook::Failure& failure, absl::Span<const std::unique_ptr<Change>> changes) {
  const shunt_address encoded = EncodeAddress(failure.address);
  const auto concerns = [&](const shunt_frontend_key& frontend) {
    return (failure.node && IsWildcard(frontend.address)) ||
           std::memcmp(&frontend.address, &encoded, sizeof(encoded)) == 0;
  };
  for (const std::unique_ptr<Change>& change : changes) {
    if (!change->ok()) continue;
    const bool plans_it =
        change->plan() != nullptr &&
        std::any_of(change->plan()->ports.begin(), change->plan()->ports.end(), [&](const auto& port) {
          return std::any_of(port.frontends.begin(), port.frontends.end(), [&](const model::Frontend& frontend) {
            return concerns(EncodeFrontend(frontend.address));
          });
        });
    const std::vector<shunt_frontend_key>& has = change->service().frontends;
    if (plans_it || std::any_of(has.begin(), has.end(), concerns)) change->Fail(failure.status);
  }
}

}  // namespace

// A program reads: prefix bit -> index entry -> row (and compares its key) -> pool word -> slot -> backend, and holds
// what it has read until it ends. So:
//
//  - What nothing names yet may be written in any order, in pieces, and may fail, because no program looks there.
//  - What is named is never written again, except three single words: an index entry (another row of the same key), a
//    pool word (another complete set), a word of a filter.
//  - A name appears after everything that it leads to: writing goes against the direction of reading.
//  - Names disappear in the direction of reading, and what they led to stays as it is for a grace period.
//
// If a write fails, its change fails; an address row that fails fails every change that it concerns (FailForAddress).
// What the tables hold of the Service then:
//
//  - after a failure in step 1: exactly what it had;
//  - in step 2: what it had, with the old sets, except the frontends that were removed before or after the failure;
//  - in step 3: as in step 2, without what the plan drops; the pools before the failed one have their new sets, the
//    failed one and those after it their old ones;
//  - in step 4: all new sets and every frontend that could be inserted; a frontend that could not has its old row, or
//    is missing if it is new;
//  - in step 5: the whole plan; and pools that it drops, unless their words could be withdrawn.
//
// In steps 1 to 3 the change is abandoned (Change::Fail): its rows, ids and sets are retired; its index slots and
// address counts are free at once, because nothing was written there. The record says what the tables hold, so staging
// the plan again yields a change that completes it.
//
// The other changes go on, with two exceptions. In steps 1 to 3 every change that takes a frontend from a Service whose
// change failed fails too, and then those that take one from it (FailTakers). In all steps a change that gives a
// frontend to a Service whose change failed publishes the rest, keeps that frontend with all that it leads to, and
// reports a failure (FailForTaker).
void Publisher::Publish(absl::Span<const std::unique_ptr<Change>> changes) {
  const auto is_ok = [](const Change& change) { return change.ok(); };
  const auto is_published = [](const Change& change) { return change.stage() == Change::Stage::kPublished; };
  const auto for_each = [&](const auto& takes_part, void (Publisher::*step)(Change&)) {
    for (const std::unique_ptr<Change>& change : changes) {
      if (takes_part(*change)) (this->*step)(*change);
    }
  };

  // 1. What nothing names: backends, slot runs, the words of new pools, service port names, lists of source ranges,
  //    rows. And filter bits, which only let a program look further. A change that fails here has changed nothing that
  //    a program sees. One that fails only because the generation could not be stored is abandoned like the others, not
  //    refused: another round of this Apply would try the same store.
  const absl::Status generation = inventory_.allocator.WriteGeneration();
  for (const std::unique_ptr<Change>& change : changes) {
    if (!change->ok()) continue;
    change->BeginWriting(retired_);
    absl::Status status = generation;
    if (status.ok()) status = WriteUnnamed(*change);
    if (!status.ok()) change->Fail(std::move(status));
  }
  FailTakers(changes);

  // 2. Frontends that go. Before any pool changes, so that a frontend that is to go is never seen with a set that it
  //    did not have. An address ceases to be a ClusterIP before its frontends go: otherwise a connect to one of them
  //    would be refused as a port that no service uses, although the address is no longer a service's.
  PublishAddresses(AddressBook::Turn::kBeforeRemovals, changes);
  for_each(is_ok, &Publisher::RemoveReleased);
  FailTakers(changes);

  // 3. Publish the sets: one store of 8 bytes each. PoolMatch has made sure that every frontend that still reads the
  //    pool is to have the new set; a pool that a frontend to be taken reads keeps its set. Before step 4, so that a
  //    frontend that comes is never seen with the old set of a pool.
  for_each(is_ok, &Publisher::PublishPools);
  FailTakers(changes);

  // 4. Frontends that come, or get another row: everything that they lead to is in place. Only then what is said about
  //    addresses: an address that becomes a ClusterIP refuses all its other ports. So it does not become one while a
  //    frontend is known to be missing there (SettleFrontends), or may be missing (Adopt).
  for_each(is_ok, &Publisher::InsertFrontends);
  for_each(is_published, &Publisher::SettleFrontends);
  if (absl::Status counted = inventory_.allocator.index().WriteCounts(); counted.ok()) {
    PublishAddresses(AddressBook::Turn::kAfterInsertions, changes);
  } else {
    // Programs may not find some of the new keys yet.
    for (const std::unique_ptr<Change>& change : changes) {
      if (change->ok() && !change->frontends().empty()) change->Fail(counted);
    }
    shared_status_ = std::move(counted);
  }

  // 5. What nothing names any longer: generation 0 in the pool words, for sockets that remember them, and a new one in
  //    those that only some frontends have left; clear the filter bits that no address needs; and after a grace period,
  //    asked for once for all of this, everything may be used again.
  for_each(is_published, &Publisher::SettlePorts);
  RenewStamps();
  if (absl::Status status = inventory_.filter.ClearUnneeded(); !status.ok()) shared_status_ = std::move(status);
  inventory_.allocator.quarantine().Add(retired_);
}

// ---- 1 ----

absl::Status Publisher::WriteUnnamed(Change& change) {
  for (const PortChange& port : change.ports()) {
    for (const PoolChange& pool : port.pools) {
      if (absl::Status status = WritePool(pool); !status.ok()) return status;
    }
    if (!port.is_new) continue;
    if (absl::Status status = WriteServicePort(change, port); !status.ok()) return status;
  }
  for (const FrontendChange& frontend : change.frontends()) {
    absl::Status status;
    if (frontend.list.held()) status = inventory_.allocator.source_lists().Write(frontend.list->id);
    if (status.ok()) {
      status = inventory_.tables.frontend_rows->Store(frontend.row->id, BytesOf(frontend.content));
    }
    if (status.ok()) status = inventory_.packet_filters.SetFrontend(frontend.content.key, frontend.kind);
    if (!status.ok()) return status;
    if (IsWildcard(frontend.content.key.address)) continue;
    status = inventory_.filter.SetFrontend(DecodeAddress(frontend.content.key.address), frontend.kind);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Publisher::WritePool(const PoolChange& pool) {
  const std::vector<uint32_t>& members = pool.set->members;
  for (uint32_t i = 0; i < members.size(); ++i) {
    const model::SocketAddress& backend = pool.plan->members[i].backend;
    absl::Status status = inventory_.filter.SetBackend(backend.address);
    if (status.ok()) status = inventory_.packet_filters.SetBackend(backend);
    if (!status.ok()) return status;
  }
  if (absl::Status status = inventory_.allocator.backends().Write(members); !status.ok()) return status;
  for (uint32_t i = 0; i < members.size(); ++i) {
    const shunt_slot slot = EncodeSlot(*pool.plan, i, members);
    absl::Status status = inventory_.tables.slots->Store(pool.set->run.first + i, BytesOf(slot));
    if (!status.ok()) return status;
  }
  return pool.is_new ? inventory_.tables.pools->StoreWord(pool.id, 0, pool.word) : absl::OkStatus();
}

absl::Status Publisher::WriteServicePort(const Change& change, const PortChange& port) {
  const IdPool& service_ports = inventory_.allocator.service_ports();
  if (service_ports.WasUsed(port.index)) {
    absl::Status status = ZeroCounters(*inventory_.tables.service_counters, service_ports.capacity(), {port.index});
    if (!status.ok()) return status;
  }
  const auto row = EncodeServicePort(
      {change.service().name, port.plan->name, port.plan->port, port.plan->protocol, port.plan->family});
  return inventory_.tables.service_ports->Store(port.index, BytesOf(*row));
}

// ---- 2 ----

void Publisher::PublishAddresses(AddressBook::Turn turn, absl::Span<const std::unique_ptr<Change>> changes) {
  for (const AddressBook::Failure& failure : inventory_.addresses.Publish(turn, retired_)) {
    shared_status_ = failure.status;
    FailForAddress(failure, changes);
  }
}

void Publisher::RemoveReleased(Change& change) {
  absl::Status failure;
  for (Reserved<AddressBook, FrontendCount>& released : change.released()) {
    const shunt_frontend_key& key = released->key;
    if (WaitsForTaker(key)) continue;
    if (!IsWildcard(key.address) && inventory_.addresses.ClaimsUnwantedClusterIp(DecodeAddress(key.address))) {
      failure = absl::UnavailableError(absl::StrCat("apply Service ", change.service().name.ToString(),
                                                    ": remove frontend ", DecodeFrontend(key).ToString(),
                                                    ": its address could not be given up first"));
      continue;
    }
    const auto found = published_.frontends.find(key);
    absl::Status status = inventory_.allocator.index().Remove(key, found->second.index_slot);
    if (!status.ok()) {
      failure = std::move(status);
      continue;
    }
    LeavePools(found->second.row, nullptr);
    RetireRow(found->second);
    published_.frontends.erase(found);
    released.Keep();
  }
  std::erase_if(change.released(), [](const auto& released) { return !released.held(); });
  std::erase_if(change.service().frontends,
                [&](const shunt_frontend_key& key) { return !published_.frontends.contains(key); });
  if (!failure.ok()) change.Fail(std::move(failure));
}

// Returns whether the key is to be taken: it stays where it is until its taker is applied. A taker that fails takes the
// key when it is applied again.
bool Publisher::WaitsForTaker(const shunt_frontend_key& key) const {
  const Transfers::Transfer* const transfer = transfers_.Find(key);
  return transfer != nullptr && !given_up_.contains(transfer->taker);
}

void Publisher::RetireRow(const FrontendState& frontend) {
  retired_.emplace_back(FrontendRow{frontend.row});
  if (frontend.list.id != 0) retired_.emplace_back(frontend.list);
}

void Publisher::LeavePools(uint32_t row_id, const shunt_frontend_row* next) {
  shunt_frontend_row row = {};
  if (!inventory_.tables.frontend_rows->Load(row_id, MutableBytesOf(row)).ok()) return;
  if (next == nullptr || next->internal_pool != row.internal_pool) left_pools_.insert(row.internal_pool);
  if (next == nullptr || next->external_pool != row.external_pool) left_pools_.insert(row.external_pool);
}

// ---- 3 ----

void Publisher::PublishPools(Change& change) {
  for (PortChange& port : change.ports()) {
    if (port.is_new) continue;
    for (PoolChange& pool : port.pools) {
      if (pool.is_new) continue;
      if (absl::Status status = inventory_.tables.pools->StoreWord(pool.id, 0, pool.word); !status.ok()) {
        change.Fail(std::move(status));
        return;
      }
      for (PortState& state : change.service().ports) {
        if (state.index != port.index) continue;
        for (PoolState& old : state.pools) {
          if (old.id != pool.id) continue;
          if (Loses(old.set.members, pool.set->members)) published_.removals.Note(port.plan->protocol);
          RetireSet(std::move(old.set));
          old = {.id = pool.id, .word = pool.word, .set = pool.set.Keep()};
          break;
        }
      }
    }
  }
}

// ---- 4 ----

void Publisher::InsertFrontends(Change& change) {
  change.BeginPublishing();
  for (PortChange& port : change.ports()) {
    if (port.is_new) published_.owners[port.new_index.Keep().index] = &change.service();
  }
  for (FrontendChange& frontend : change.frontends()) {
    const shunt_frontend_key& key = frontend.content.key;
    absl::Status status =
        inventory_.allocator.index().Put(key, frontend.index_slot, frontend.row->id, frontend.is_new());
    if (!status.ok()) {
      change.Fail(std::move(status));
      continue;
    }
    published_.removals.Note(static_cast<model::Protocol>(key.protocol));
    FrontendState& state = published_.frontends[key];
    if (!frontend.is_new()) {
      LeavePools(frontend.old_row, &frontend.content);
      RetireRow(state);
    }
    frontend.count.Keep();
    frontend.new_index_slot.Keep();
    state = {.row = frontend.row.Keep().id,
             .service_port = frontend.content.service_port,
             .index_slot = frontend.index_slot,
             .kind = frontend.kind,
             .list = frontend.list.Keep()};
  }
}

// Records which keys are now the Service's. Keeps the addresses from becoming ClusterIPs at which one is missing, until
// the Service is applied whole.
void Publisher::SettleFrontends(Change& change) {
  ServiceState& state = change.service();
  for (FrontendChange& frontend : change.frontends()) {
    if (frontend.row.held()) {  // its entry could not be stored
      if (frontend.is_new()) HoldAddress(state, frontend.content.key);
      frontend.Retire(retired_);
    } else {
      state.frontends.push_back(frontend.content.key);
    }
  }
  SettleReleased(change);
  std::sort(state.frontends.begin(), state.frontends.end(),
            [](const auto& a, const auto& b) { return std::memcmp(&a, &b, sizeof(a)) < 0; });
  state.frontends.erase(std::unique(state.frontends.begin(), state.frontends.end(), FrontendKeyEqual()),
                        state.frontends.end());
  std::erase_if(state.frontends, [&](const shunt_frontend_key& key) {
    const auto found = published_.frontends.find(key);
    return found == published_.frontends.end() || published_.OwnerOf(found->second) != &state;
  });
  if (change.ok()) {
    for (const model::IpAddress& address : std::exchange(state.held, {})) inventory_.addresses.Release(address);
  }
}

void Publisher::HoldAddress(ServiceState& service, const shunt_frontend_key& key) {
  const model::IpAddress address = DecodeAddress(key.address);
  if (IsWildcard(key.address) || std::find(service.held.begin(), service.held.end(), address) != service.held.end()) {
    return;
  }
  service.held.push_back(address);
  inventory_.addresses.Hold(address);
}

// A key that another Service was to take and did not take is still this Service's, and so is all that it leads to.
void Publisher::SettleReleased(Change& change) {
  const ServiceState& state = change.service();
  for (Reserved<AddressBook, FrontendCount>& released : change.released()) {
    const shunt_frontend_key key = released->key;
    if (published_.OwnerOf(published_.frontends.at(key)) != &state) {
      released.Keep();
      continue;
    }
    released.GiveBack();
    const ServiceState& taker = *transfers_.Find(key)->taker;
    change.FailForTaker(taker,
                        absl::UnavailableError(absl::StrCat("apply Service ", state.name.ToString(), ": frontend ",
                                                            DecodeFrontend(key).ToString(), " stays until Service ",
                                                            taker.name.ToString(), " can take it")));
  }
}

// ---- 5 ----

// Records the new pools and ports. Retires those that the plan does not have only if everything went well: otherwise
// some frontend may still lead there.
void Publisher::SettlePorts(Change& change) {
  ServiceState& state = change.service();
  for (PortChange& port : change.ports()) {
    if (port.is_new) {
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
      if (!pool.is_new) continue;
      settled->pools.push_back({.id = pool.new_id.Keep().id, .word = pool.word, .set = pool.set.Keep()});
    }
    if (!change.ok()) continue;
    const auto is_used = [&](const PoolState& pool) {
      return std::find(port.pool_ids.begin(), port.pool_ids.end(), pool.id) != port.pool_ids.end();
    };
    RetirePools(*settled, change, [&](const PoolState& pool) { return !is_used(pool); });
  }
  if (!change.ok()) return;
  for (PortState& port : state.ports) {
    const bool planned = std::any_of(change.ports().begin(), change.ports().end(),
                                     [&](const PortChange& planned_port) { return planned_port.index == port.index; });
    if (!planned) RetirePort(port, change);
  }
  std::erase_if(state.ports, [](const PortState& port) { return port.index == kNoId; });
}

// Leaves kNoId in the port. If one of its pools stays, so does the port, which is the record of the pool's owner.
void Publisher::RetirePort(PortState& port, Change& change) {
  RetirePools(port, change, [](const PoolState&) { return true; });
  if (!port.pools.empty()) return;
  published_.owners[port.index] = nullptr;
  retired_.emplace_back(ServicePortIndex{std::exchange(port.index, kNoId)});
}

// Retires those of the port's pools that go. A pool whose word could not be stored stays in the record as it is in the
// table, and staging the plan again yields a change that tries once more.
void Publisher::RetirePools(PortState& port, Change& change, absl::FunctionRef<bool(const PoolState&)> goes) {
  for (PoolState& pool : port.pools) {
    if (!goes(pool)) continue;
    // A late reader with a row in hand finds the last set, although its destination may be another Service's by now.
    // Generation 0 makes a socket that remembers the pool look its destination up again.
    const uint64_t word = pool.word & ~uint64_t{SHUNT_POOL_GENERATION_MASK};
    if (absl::Status status = inventory_.tables.pools->StoreWord(pool.id, 0, word); !status.ok()) {
      change.Fail(std::move(status));
      continue;
    }
    retired_.emplace_back(PoolId{std::exchange(pool.id, kNoId)});
    RetireSet(std::move(pool.set));
  }
  const auto gone =
      std::remove_if(port.pools.begin(), port.pools.end(), [](const PoolState& pool) { return pool.id == kNoId; });
  port.pools.erase(gone, port.pools.end());
}

void Publisher::RetireSet(BackendSet set) {
  if (!set.empty()) retired_.emplace_back(std::move(set));
}

// After SettlePorts, because the stamp of a retired pool is no longer valid anyway.
void Publisher::RenewStamps() {
  for (const uint32_t pool : left_pools_) {
    if (pool >= inventory_.allocator.pools().capacity()) continue;  // an adopted row may name any number
    inventory_.allocator.RenewStamp(pool).IgnoreError();            // the second time is tried until it succeeds
    retired_.emplace_back(ValidityStamp{pool});
  }
}

}  // namespace shunt::datapath
