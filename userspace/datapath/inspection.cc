// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/inspection.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>

#include "bpf/abi.h"
#include "userspace/datapath/change.h"
#include "userspace/datapath/codec.h"
#include "userspace/datapath/stager.h"
#include "userspace/datapath/table.h"
#include "userspace/datapath/transfers.h"

namespace shunt::datapath {

Inspected Inspection::Next(size_t rows, PlanOf plan_of) {
  const size_t ports = inventory_.published.owners.size();
  const size_t end = ports + inventory_.tables.frontend_index->capacity();
  for (read_ = 0; read_ < rows && next_ < end; ++next_) {
    const bool agrees = next_ < ports ? PortAgrees(static_cast<uint32_t>(next_), plan_of)
                                      : BucketAgrees(static_cast<uint32_t>(next_ - ports));
    if (!agrees) return Inspected::kDiffers;
  }
  if (next_ < end) return Inspected::kMore;
  const bool shared_agrees = inventory_.filter.Agrees() && inventory_.packet_filters.Agrees() &&
                             inventory_.allocator.source_lists().Agrees() && inventory_.addresses.NodeAddressesAgree();
  return shared_agrees ? Inspected::kAgrees : Inspected::kDiffers;
}

// The first port of a Service stands for the whole Service.
bool Inspection::PortAgrees(uint32_t service_port, PlanOf plan_of) {
  const ServiceState* const owner = inventory_.published.owners[service_port];
  if (owner == nullptr || owner->ports.empty() || owner->ports.front().index != service_port) {
    ++read_;
    return true;
  }
  const std::optional<const model::ServicePlan*> plan = plan_of(owner->name);
  if (!plan.has_value()) return true;
  return *plan != nullptr && ServiceAgrees(*owner, **plan);
}

bool Inspection::ServiceAgrees(const ServiceState& service, const model::ServicePlan& plan) {
  Published& published = inventory_.published;
  const Transfers no_transfers;
  Stager stager(published, inventory_.allocator, inventory_.addresses, no_transfers);
  const std::unique_ptr<Change> change = stager.Stage({.plan = &plan, .state = &published.StateOf(service.name)});
  // A plan that is refused leaves the Service what it had, and the reconciler knows of it.
  if (change->ok() && !change->IsEmpty()) return false;
  for (const shunt_frontend_key& key : service.frontends) {
    const FrontendState& frontend = published.frontends.at(key);
    read_ += 2;
    if (!inventory_.allocator.index().Holds(key, frontend.index_slot, frontend.row)) return false;
    if (!IsWildcard(key.address) && !inventory_.addresses.Agrees(DecodeAddress(key.address))) return false;
  }
  return std::all_of(service.ports.begin(), service.ports.end(), [&](const PortState& port) {
    const std::optional<shunt_service_port> expected =
        EncodeServicePort({service.name, port.name, port.port, port.protocol, port.family});
    shunt_service_port row = {};
    ++read_;
    return expected && inventory_.tables.service_ports->Load(port.index, MutableBytesOf(row)).ok() &&
           std::memcmp(&row, &*expected, sizeof(row)) == 0 && PoolsAgree(port);
  });
}

// The stager has compared words and slots with the plan; here are the rows that the slots lead to.
bool Inspection::PoolsAgree(const PortState& port) {
  for (const PoolState& pool : port.pools) {
    read_ += 2 * pool.set.members.size();
    for (const uint32_t member : pool.set.members) {
      if (!inventory_.allocator.backends().Agrees(member)) return false;
    }
  }
  return true;
}

bool Inspection::BucketAgrees(uint32_t bucket) {
  ++read_;
  return inventory_.allocator.index().BucketAgrees(bucket, [&](uint32_t index_slot, uint32_t row_id) {
    shunt_frontend_row row = {};
    ++read_;
    if (row_id >= inventory_.tables.frontend_rows->capacity() ||
        !inventory_.tables.frontend_rows->Load(row_id, MutableBytesOf(row)).ok()) {
      return false;
    }
    if (IsAddressKey(row.key)) return inventory_.addresses.Has(DecodeAddress(row.key.address), index_slot, row_id);
    const auto found = inventory_.published.frontends.find(row.key);
    return found != inventory_.published.frontends.end() && found->second.index_slot == index_slot &&
           found->second.row == row_id;
  });
}

}  // namespace shunt::datapath
