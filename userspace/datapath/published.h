// SPDX-License-Identifier: Apache-2.0
// The agent's own record of everything that it has published in the tables, and to which Service each part belongs.
#ifndef SHUNT_DATAPATH_PUBLISHED_H_
#define SHUNT_DATAPATH_PUBLISHED_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "bpf/abi.h"
#include "userspace/datapath/codec.h"
#include "userspace/datapath/datapath.h"
#include "userspace/datapath/resource.h"
#include "userspace/model/service_plan.h"

namespace shunt::datapath {

// A published pool. The generation in `word` may be older than the table's: see Allocator::RenewStamp. `set` is empty
// for a pool without members, and for one whose set an earlier agent left in an invalid state.
struct PoolState {
  uint32_t id = kNoId;
  uint64_t word = 0;
  BackendSet set;
};

// One ServicePort in one family, as published.
struct PortState {
  std::string name;
  uint16_t port = 0;
  model::Protocol protocol = model::Protocol::kTcp;
  model::IpFamily family = model::IpFamily::kV4;
  uint32_t index = kNoId;  // in service_ports
  absl::InlinedVector<PoolState, 1> pools;

  bool Is(const model::PortPlan& plan) const {
    return port == plan.port && protocol == plan.protocol && family == plan.family && name == plan.name;
  }
};

struct ServiceState {
  model::ObjectName name;  // empty for Published::unnamed
  std::vector<PortState> ports;
  std::vector<shunt_frontend_key> frontends;  // the keys in the index whose rows name one of these ports
  std::vector<model::IpAddress> held;         // see AddressBook::Hold; until the Service is applied whole
};

// A key in the index.
struct FrontendState {
  uint32_t row = kNoId;
  uint32_t service_port = kNoId;
  uint32_t index_slot = FrontendIndex::kNoIndexSlot;
  model::FrontendKind kind = model::FrontendKind::kClusterIp;
  SourceList list;
};

using FrontendMap = absl::flat_hash_map<shunt_frontend_key, FrontendState, FrontendKeyHash, FrontendKeyEqual>;

// Adoption fills it; from then on only the publisher changes what it says of a Service, each time after the write that
// it records. So the record is true whichever write fails. TableDatapath adds an empty ServiceState for a Service that
// is new, and removes one that is empty again.
struct Published {
  explicit Published(uint32_t service_ports_max) : owners(service_ports_max, nullptr) {}

  // Returns the record of the Service, which is an empty one if the Service is new.
  ServiceState& StateOf(const model::ObjectName& service) {
    std::unique_ptr<ServiceState>& state = services[service];
    if (state == nullptr) {
      state = std::make_unique<ServiceState>();
      state->name = service;
    }
    return *state;
  }
  // Returns the Service that has the frontend.
  const ServiceState* OwnerOf(const FrontendState& frontend) const { return owners[frontend.service_port]; }

  FrontendMap frontends;
  absl::flat_hash_map<model::ObjectName, std::unique_ptr<ServiceState>> services;
  std::vector<ServiceState*> owners;  // by service port index; null if the index is free or retired
  ServiceState* unnamed = nullptr;    // in `services`: valid rows that name no Service. The next Apply removes them
  Removals removals;                  // noted, and not yet told to TableDatapath's caller
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_PUBLISHED_H_
