// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/stager.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "userspace/datapath/limits.h"
#include "userspace/datapath/pool_match.h"

namespace shunt::datapath {
namespace {

static_assert(kPoolMembersMax == SHUNT_POOL_COUNT_MAX);

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

const PortState* FindPort(const ServiceState& state, uint32_t index) {
  for (const PortState& port : state.ports) {
    if (port.index == index) return &port;
  }
  return nullptr;
}

// Leaves the list of source ranges out.
shunt_frontend_row EncodeRow(const shunt_frontend_key& key, const PortChange& port, const model::Frontend& frontend) {
  shunt_frontend_row row = {};
  row.key = key;
  row.service_port = port.index;
  row.internal_pool = port.pool_ids[frontend.internal_pool];
  row.external_pool = port.pool_ids[frontend.external_pool];
  row.affinity_timeout_s = static_cast<uint32_t>(std::max(0, port.plan->affinity_timeout_s));
  row.udp_idle_s = port.plan->udp_idle_s;
  if (frontend.IsRestricted()) row.flags |= SHUNT_ROW_SOURCE_RANGES;
  if (frontend.IsRestricted() && frontend.node_in_source_ranges) row.flags |= SHUNT_ROW_NODE_IN_RANGES;
  if (frontend.masquerades_outside) row.flags |= SHUNT_ROW_SNAT;
  if (frontend.masquerades_inside) row.flags |= SHUNT_ROW_SNAT_INSIDE;
  row.kind = static_cast<uint8_t>(frontend.kind);
  return row;
}

}  // namespace

std::unique_ptr<Change> Stager::Stage(const Request& request) {
  auto change = std::make_unique<Change>(request);
  planned_.clear();
  WantedList wanted;
  if (change->plan() != nullptr) {
    if (absl::Status status = CollectWanted(*change, wanted); !status.ok()) {
      change->Fail(std::move(status));
      return change;
    }
  }
  Need need;
  for (size_t i = 0; i < change->ports().size(); ++i) StagePort(*change, i, wanted, need);
  StageReleases(*change);
  if (need.exceeded) {
    change->GiveBack();
    change->Fail(absl::ResourceExhaustedError(absl::StrCat("apply Service ", change->service().name.ToString(),
                                                           ": does not fit: ", allocator_.Shortage(need))));
    return change;
  }
  for (const FrontendChange& frontend : change->frontends()) {
    if (frontend.is_new()) claimed_.emplace(frontend.content.key, &change->service());
  }
  return change;
}

absl::Status Stager::CollectWanted(Change& change, WantedList& wanted) {
  for (const model::PortPlan& port : change.plan()->ports) {
    if (absl::Status status = CollectPort(change, port, wanted); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Stager::CollectPort(Change& change, const model::PortPlan& plan, WantedList& wanted) {
  const bool programmed = std::any_of(plan.frontends.begin(), plan.frontends.end(),
                                      [](const model::Frontend& frontend) { return frontend.IsProgrammed(); });
  if (!programmed) return absl::OkStatus();
  if (absl::Status status = CheckPort(*change.plan(), plan); !status.ok()) return status;
  for (const PortChange& other : change.ports()) {
    if (other.plan->port == plan.port && other.plan->protocol == plan.protocol && other.plan->family == plan.family &&
        other.plan->name == plan.name) {
      return Contradiction(*change.plan(), absl::StrCat("port \"", plan.name, "\" stands twice in one family"));
    }
  }
  PortChange& port = change.ports().emplace_back();
  port.plan = &plan;
  for (const PortState& state : change.service().ports) {
    if (state.Is(plan)) {
      port.index = state.index;
      break;
    }
  }
  for (const model::Frontend& frontend : plan.frontends) {
    if (!frontend.IsProgrammed()) continue;
    Wanted one;
    one.plan = &frontend;
    one.port = change.ports().size() - 1;
    one.key = EncodeFrontend(frontend.address);
    // If the plan names an address twice, the first one counts.
    if (!planned_.insert(one.key).second) continue;
    if (absl::Status status = LookUp(change, one); !status.ok()) return status;
    wanted.push_back(one);
  }
  return absl::OkStatus();
}

absl::Status Stager::LookUp(Change& change, Wanted& one) const {
  const auto is_held = [&](const ServiceState& holder) {
    return absl::FailedPreconditionError(absl::StrCat("apply Service ", change.service().name.ToString(), ": Service ",
                                                      holder.name.ToString(), " holds its frontend ",
                                                      one.plan->address.ToString()));
  };
  const auto found = published_.frontends.find(one.key);
  if (found == published_.frontends.end()) {
    const auto claim = claimed_.find(one.key);
    return claim == claimed_.end() ? absl::OkStatus() : is_held(*claim->second);
  }
  const ServiceState* const owner = published_.OwnerOf(found->second);
  if (owner != &change.service()) {
    const Transfers::Transfer* const transfer = transfers_.Find(one.key);
    if (transfer == nullptr || transfer->taker != &change.service()) return is_held(*owner);
    change.takes_from().push_back(owner);
  }
  one.in_index = true;
  one.old = found->second;
  one.old_row_valid = LoadRow(one.old.row, one.key, one.old_row);
  return absl::OkStatus();
}

bool Stager::LoadRow(uint32_t id, const shunt_frontend_key& key, shunt_frontend_row& row) const {
  return allocator_.tables().frontend_rows->Load(id, MutableBytesOf(row)).ok() && FrontendKeyEqual()(row.key, key);
}

void Stager::StagePort(Change& change, size_t port_index, const WantedList& wanted, Need& need) {
  PortChange& port = change.ports()[port_index];
  port.is_new = port.index == kNoId;
  if (port.is_new) {
    port.index = allocator_.TakeServicePort(need);
    port.new_index = {allocator_, ServicePortIndex{port.index}};
  }
  StagePools(change, port_index, port, wanted, need);
  for (const Wanted& one : wanted) {
    if (one.port == port_index) StageFrontend(change, one, need);
  }
}

void Stager::StagePools(const Change& change, size_t port_index, PortChange& port, const WantedList& wanted,
                        Need& need) {
  static const PortState kNothing;
  PoolMatch match(allocator_, port.is_new ? kNothing : *FindPort(change.service(), port.index));
  std::vector<bool> used(port.plan->pools.size(), false);
  for (const Wanted& one : wanted) {
    if (one.port == port_index) used[one.plan->internal_pool] = used[one.plan->external_pool] = true;
    if (port.is_new || !one.in_index || !one.old_row_valid || one.old.service_port != port.index) continue;
    if (one.port == port_index) {
      match.AddStaying(one.old_row.internal_pool, one.plan->internal_pool);
      match.AddStaying(one.old_row.external_pool, one.plan->external_pool);
    } else {
      match.AddLeaving(one.old_row.internal_pool);
      match.AddLeaving(one.old_row.external_pool);
    }
  }
  if (!port.is_new && !transfers_.empty()) {
    for (const shunt_frontend_key& key : change.service().frontends) {
      const FrontendState& state = published_.frontends.at(key);
      shunt_frontend_row row = {};
      const Transfers::Transfer* const transfer = transfers_.Find(key);
      if (state.service_port != port.index || transfer == nullptr || transfer->giver != &change.service()) continue;
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
}

void Stager::StagePool(PortChange& port, uint32_t pool_index, uint32_t pool_id, Need& need) {
  PoolChange& pool = port.pools.emplace_back();
  pool.plan = &port.plan->pools[pool_index];
  pool.is_new = pool_id == kNoId;
  pool.id = pool_id;
  if (pool.is_new) {
    pool.id = allocator_.TakePool(need);
    pool.new_id = {allocator_, PoolId{pool.id}};
  }
  port.pool_ids[pool_index] = pool.id;
  BackendSet set = allocator_.TakeSet(*pool.plan, need);
  pool.word = shunt_pool_word(set.run.first, static_cast<uint32_t>(pool.plan->members.size()), EncodeEmpty(*pool.plan),
                              allocator_.NextGeneration());
  if (!set.empty()) pool.set = {allocator_, std::move(set)};
}

void Stager::StageFrontend(Change& change, const Wanted& one, Need& need) {
  const PortChange& port = change.ports()[one.port];
  shunt_frontend_row content = EncodeRow(one.key, port, *one.plan);
  if (one.plan->IsRestricted() && KeepsList(one)) content.source_ranges = one.old.list.id;
  const bool is_ours = one.in_index && published_.OwnerOf(one.old) == &change.service();
  if (is_ours && one.old_row_valid && std::memcmp(&content, &one.old_row, sizeof(content)) == 0) return;
  FrontendChange& frontend = change.frontends().emplace_back();
  frontend.content = content;
  frontend.kind = one.plan->kind;
  if (one.in_index) {
    frontend.old_row = one.old.row;
    frontend.index_slot = one.old.index_slot;
  } else {
    frontend.index_slot = allocator_.TakeIndexSlot(one.key, need);
    frontend.new_index_slot = {allocator_, IndexSlot{frontend.index_slot}};
  }
  frontend.row = {allocator_, FrontendRow{allocator_.TakeFrontendRow(need)}};
  if (one.plan->IsRestricted()) {
    frontend.list = {allocator_, allocator_.TakeList(one.plan->source_ranges, need)};
    frontend.content.source_ranges = frontend.list->id;
  }
  FrontendCount count = {.key = one.key, .added = frontend.kind, .removed = std::nullopt};
  if (is_ours) count.removed = one.old.kind;
  addresses_.Count(count, need);
  frontend.count = {addresses_, count};
}

// Returns whether the list that the frontend's row names is the plan's, and whole.
bool Stager::KeepsList(const Wanted& one) const {
  return one.in_index && one.old_row_valid && one.old_row.source_ranges == one.old.list.id &&
         allocator_.source_lists().Is(one.old.list.id, one.plan->source_ranges);
}

void Stager::StageReleases(Change& change) {
  for (const shunt_frontend_key& key : change.service().frontends) {
    if (planned_.contains(key)) continue;
    const FrontendCount count = {.key = key, .added = std::nullopt, .removed = published_.frontends.at(key).kind};
    Need need;  // ignored: the publisher tries again
    addresses_.Count(count, need);
    change.released().emplace_back(addresses_, count);
  }
}

}  // namespace shunt::datapath
