// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/stager.h"

#include <algorithm>
#include <cstring>
#include <type_traits>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "userspace/datapath/pool_match.h"

namespace shunt::datapath {
namespace {

absl::Status Contradiction(const model::ServicePlan& plan, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("apply Service ", plan.service.ToString(), ": ", what));
}

absl::Status CheckPool(const model::ServicePlan& plan, const model::Pool& pool) {
  const bool is_empty = pool.slots.empty();
  if ((!is_empty && pool.slots.size() != pool.members.size()) || pool.members.size() > SHUNT_POOL_COUNT_MAX) {
    return Contradiction(plan, absl::StrCat("a pool has ", pool.slots.size(), " slots for ", pool.members.size(),
                                            " members; one each is right, and at most ", SHUNT_POOL_COUNT_MAX));
  }
  for (size_t i = 0; i < pool.slots.size(); ++i) {
    if (pool.slots[i].member != i || pool.slots[i].alias >= pool.members.size()) {
      return Contradiction(plan, absl::StrCat("slot ", i, " of a pool names members ", pool.slots[i].member, " and ",
                                              pool.slots[i].alias, " of ", pool.members.size()));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckPort(const model::ServicePlan& plan, const model::PortPlan& port) {
  const ServicePortIdentity identity = {plan.service, port.name, port.port, port.protocol, port.family};
  if (!EncodeServicePort(identity)) {
    return Contradiction(plan, absl::StrCat("a name is empty or longer than 63 characters (port \"", port.name, "\")"));
  }
  for (const model::Pool& pool : port.pools) {
    if (absl::Status status = CheckPool(plan, pool); !status.ok()) return status;
  }
  for (const model::Frontend& frontend : port.frontends) {
    if (frontend.internal_pool >= port.pools.size() || frontend.external_pool >= port.pools.size()) {
      return Contradiction(
          plan, absl::StrCat("frontend ", frontend.address.ToString(), " names pools ", frontend.internal_pool, " and ",
                             frontend.external_pool, " of ", port.pools.size()));
    }
    if (frontend.address.port == 0) {
      return Contradiction(plan, absl::StrCat("frontend ", frontend.address.ToString(), " has port 0"));
    }
  }
  return absl::OkStatus();
}

PortState* FindPort(ServiceState& state, uint32_t index) {
  for (PortState& port : state.ports) {
    if (port.index == index) return &port;
  }
  return nullptr;
}

shunt_frontend_row EncodeRow(const shunt_frontend_key& key, const PortChange& port, const model::Frontend& frontend) {
  shunt_frontend_row row = {};
  row.key = key;
  row.service_port = port.index;
  row.internal_pool = port.pool_ids[frontend.internal_pool];
  row.external_pool = port.pool_ids[frontend.external_pool];
  row.affinity_timeout_s = static_cast<uint32_t>(std::max(0, port.plan->affinity_timeout_s));
  if (!frontend.source_ranges.empty()) row.flags |= SHUNT_ROW_SOURCE_RANGES;
  if (!frontend.source_ranges.empty() && frontend.node_in_source_ranges) row.flags |= SHUNT_ROW_NODE_IN_RANGES;
  row.kind = static_cast<uint8_t>(frontend.kind);
  return row;
}

}  // namespace

absl::Status Stager::Stage(Change& change) {
  planned_.clear();
  WantedList wanted;
  if (change.plan != nullptr) {
    if (absl::Status status = CollectWanted(change, wanted); !status.ok()) {
      change.ports.clear();
      change.takes_from.clear();
      return status;
    }
  }
  Need need;
  for (size_t i = 0; i < change.ports.size(); ++i) StagePort(change, i, wanted, need);
  StageReleases(change);
  if (!need.exceeded) {
    for (const RowChange& row : change.rows) {
      if (row.old_row == kNoId) claimed_.emplace(row.content.key, change.state);
    }
    return absl::OkStatus();
  }
  std::vector<Retired> things;
  Abandon(inventory_, change, things);
  GiveBackAll(inventory_.allocator, things);
  return absl::ResourceExhaustedError(absl::StrCat("apply Service ", change.state->name.ToString(),
                                                   ": does not fit: ", inventory_.allocator.Shortage(need),
                                                   "; raise the limit of the map or remove Services"));
}

absl::Status Stager::CollectWanted(Change& change, WantedList& wanted) {
  for (const model::PortPlan& port : change.plan->ports) {
    if (absl::Status status = CollectPort(change, port, wanted); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Stager::CollectPort(Change& change, const model::PortPlan& plan, WantedList& wanted) {
  const bool programmed = std::any_of(plan.frontends.begin(), plan.frontends.end(),
                                      [&](const model::Frontend& frontend) { return IsProgrammed(plan, frontend); });
  if (!programmed) return absl::OkStatus();
  if (absl::Status status = CheckPort(*change.plan, plan); !status.ok()) return status;
  for (const PortChange& other : change.ports) {
    if (other.plan->port == plan.port && other.plan->protocol == plan.protocol && other.plan->family == plan.family &&
        other.plan->name == plan.name) {
      return Contradiction(*change.plan, absl::StrCat("port \"", plan.name, "\" stands twice in one family"));
    }
  }
  PortChange& port = change.ports.emplace_back();
  port.plan = &plan;
  for (const PortState& state : change.state->ports) {
    if (state.Is(plan)) {
      port.index = state.index;
      break;
    }
  }
  for (const model::Frontend& frontend : plan.frontends) {
    if (!IsProgrammed(plan, frontend)) continue;
    Wanted one;
    one.plan = &frontend;
    one.port = change.ports.size() - 1;
    one.key = EncodeFrontend(frontend.address);
    if (absl::Status status = LookUp(change, one); !status.ok()) return status;
    if (one.plan != nullptr) wanted.push_back(one);
  }
  return absl::OkStatus();
}

// Sets one.plan to null for an address that the plan names twice: the first one counts.
absl::Status Stager::LookUp(Change& change, Wanted& one) {
  if (!planned_.insert(one.key).second) {
    one.plan = nullptr;
    return absl::OkStatus();
  }
  const auto is_held = [&](const ServiceState& holder) {
    return absl::FailedPreconditionError(absl::StrCat("apply Service ", change.state->name.ToString(), ": Service ",
                                                      holder.name.ToString(), " holds its frontend ",
                                                      one.plan->address.ToString()));
  };
  const auto found = inventory_.published.frontends.find(one.key);
  if (found == inventory_.published.frontends.end()) {
    const auto claim = claimed_.find(one.key);
    return claim == claimed_.end() ? absl::OkStatus() : is_held(*claim->second);
  }
  const FrontendState& state = found->second;
  const ServiceState* const owner = inventory_.published.owners[state.service_port];
  if (owner != change.state) {
    const Transfers::Transfer* const transfer = transfers_.Find(one.key);
    if (transfer == nullptr || transfer->taker != change.state) return is_held(*owner);
    change.takes_from.push_back(owner);
  }
  one.in_index = true;
  one.old = state;
  one.old_row_valid = LoadRow(state.row, one.key, one.old_row);
  return absl::OkStatus();
}

bool Stager::LoadRow(uint32_t id, const shunt_frontend_key& key, shunt_frontend_row& row) const {
  return inventory_.tables.frontend_rows->Load(id, MutableBytesOf(row)).ok() && FrontendKeyEqual()(row.key, key);
}

void Stager::StagePort(Change& change, size_t port_index, const WantedList& wanted, Need& need) {
  PortChange& port = change.ports[port_index];
  static const PortState kNothing;
  const PortState* published = &kNothing;
  if (port.index != kNoId) {
    published = FindPort(*change.state, port.index);
  } else {
    port.fresh = true;
    port.index = inventory_.allocator.TakeServicePort(need);
    if (port.index != kNoId) inventory_.published.owners[port.index] = change.state;
  }

  PoolMatch match(inventory_.allocator, *published);
  std::vector<bool> used(port.plan->pools.size(), false);
  for (const Wanted& one : wanted) {
    if (one.port == port_index) used[one.plan->internal_pool] = used[one.plan->external_pool] = true;
    if (port.fresh || !one.in_index || !one.old_row_valid || one.old.service_port != port.index) continue;
    if (one.port == port_index) {
      match.AddStaying(one.old_row.internal_pool, one.plan->internal_pool);
      match.AddStaying(one.old_row.external_pool, one.plan->external_pool);
    } else {
      match.AddLeaving(one.old_row.internal_pool);
      match.AddLeaving(one.old_row.external_pool);
    }
  }
  if (!port.fresh && !transfers_.empty()) {
    for (const shunt_frontend_key& key : change.state->frontends) {
      const FrontendState& state = inventory_.published.frontends.at(key);
      shunt_frontend_row row = {};
      const Transfers::Transfer* const transfer = transfers_.Find(key);
      if (state.service_port != port.index || transfer == nullptr || transfer->giver != change.state) continue;
      if (!LoadRow(state.row, key, row)) continue;
      match.AddLeaving(row.internal_pool);
      match.AddLeaving(row.external_pool);
    }
  }

  port.pool_ids.assign(port.plan->pools.size(), kNoId);
  for (uint32_t i = 0; i < port.pool_ids.size(); ++i) {
    if (!used[i]) continue;
    const PoolMatch::Result result = match.Match(i, port.plan->pools[i]);
    port.pool_ids[i] = result.pool_id;
    if (!result.unchanged) StagePool(port, i, result.pool_id, need);
  }
  for (const Wanted& one : wanted) {
    if (one.port == port_index) StageRow(change, one, need);
  }
}

void Stager::StagePool(PortChange& port, uint32_t pool_index, uint32_t pool_id, Need& need) {
  PoolChange change;
  change.plan = &port.plan->pools[pool_index];
  change.fresh = pool_id == kNoId;
  change.next.id = change.fresh ? inventory_.allocator.TakePool(need) : pool_id;
  port.pool_ids[pool_index] = change.next.id;
  change.next.set = inventory_.allocator.TakeSet(*change.plan, need);
  change.next.word = shunt_pool_word(change.next.set.run.first, static_cast<uint32_t>(change.plan->members.size()),
                                     EncodeEmpty(*change.plan), inventory_.allocator.NextGeneration());
  port.pools.push_back(std::move(change));
}

void Stager::StageRow(Change& change, const Wanted& one, Need& need) {
  const PortChange& port = change.ports[one.port];
  RowChange row;
  row.content = EncodeRow(one.key, port, *one.plan);
  row.kind = one.plan->kind;
  if (one.in_index) {
    row.old_owner = inventory_.published.owners[one.old.service_port];
    if (row.old_owner == change.state && one.old_row_valid &&
        std::memcmp(&row.content, &one.old_row, sizeof(row.content)) == 0) {
      return;
    }
    row.old_row = one.old.row;
    row.old_kind = one.old.kind;
    row.index_slot = one.old.index_slot;
  } else {
    row.index_slot = inventory_.allocator.TakeIndexSlot(one.key, need);
  }
  row.row = inventory_.allocator.TakeFrontendRow(need);
  inventory_.addresses.AddFrontend(one.key, row.kind, need);
  if (row.old_owner == change.state) inventory_.addresses.RemoveFrontend(one.key, row.old_kind);
  change.rows.push_back(row);
}

void Stager::StageReleases(Change& change) {
  for (const shunt_frontend_key& key : change.state->frontends) {
    const FrontendState& state = inventory_.published.frontends.at(key);
    if (planned_.contains(key)) continue;
    change.released.push_back(key);
    inventory_.addresses.RemoveFrontend(key, state.kind);
  }
}

bool IsNothing(const Change& change) {
  if (!change.rows.empty() || !change.released.empty()) return false;
  if (change.ports.size() != change.state->ports.size()) return false;
  for (const PortChange& port : change.ports) {
    if (port.fresh || !port.pools.empty()) return false;
    const auto used =
        std::count_if(port.pool_ids.begin(), port.pool_ids.end(), [](uint32_t id) { return id != kNoId; });
    for (const PortState& state : change.state->ports) {
      if (state.index == port.index && state.pools.size() != static_cast<size_t>(used)) return false;
    }
  }
  return true;
}

void AbandonRow(Inventory& inventory, const ServiceState& state, const RowChange& row, std::vector<Retired>& things) {
  Need need;  // restores what was there, which has its room
  if (row.old_owner == &state) inventory.addresses.AddFrontend(row.content.key, row.old_kind, need);
  inventory.addresses.RemoveFrontend(row.content.key, row.kind);
  if (row.row != kNoId) things.emplace_back(FrontendRow{row.row});
  if (row.old_row != kNoId) return;
  inventory.allocator.GiveBack(IndexSlot{row.index_slot});
}

void Abandon(Inventory& inventory, Change& change, std::vector<Retired>& things) {
  Need need;
  for (const RowChange& row : change.rows) AbandonRow(inventory, *change.state, row, things);
  for (const shunt_frontend_key& key : change.released) {
    inventory.addresses.AddFrontend(key, inventory.published.frontends.at(key).kind, need);
  }
  for (PortChange& port : change.ports) {
    for (PoolChange& pool : port.pools) {
      if (pool.published) continue;
      if (pool.fresh && pool.next.id != kNoId) {
        things.emplace_back(PoolId{pool.next.id});
      }
      things.emplace_back(std::move(pool.next.set));
    }
    if (!port.fresh || port.index == kNoId) continue;
    inventory.published.owners[port.index] = nullptr;
    things.emplace_back(ServicePortIndex{port.index});
  }
  change.ports.clear();
  change.rows.clear();
  change.released.clear();
  change.takes_from.clear();
  change.abandoned = true;
}

void GiveBackAll(Allocator& allocator, std::vector<Retired>& things) {
  const auto give_back = [&](auto& resource) {
    // A stamp is renewed only for what was published.
    if constexpr (!std::is_same_v<decltype(resource), ValidityStamp&>) allocator.GiveBack(std::move(resource));
  };
  for (Retired& thing : things) std::visit(give_back, thing);
  things.clear();
}

}  // namespace shunt::datapath
