// SPDX-License-Identifier: Apache-2.0
// The parts of a datapath on memory tables, for tests that stage and publish by hand.
#ifndef SHUNT_DATAPATH_TESTING_INVENTORY_FIXTURE_H_
#define SHUNT_DATAPATH_TESTING_INVENTORY_FIXTURE_H_

#include <gtest/gtest.h>

#include <initializer_list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "userspace/datapath/adoption.h"
#include "userspace/datapath/change.h"
#include "userspace/datapath/inventory.h"
#include "userspace/datapath/publisher.h"
#include "userspace/datapath/stager.h"
#include "userspace/datapath/testing/manual_grace.h"
#include "userspace/datapath/testing/memory_table.h"
#include "userspace/datapath/testing/plans.h"
#include "userspace/datapath/testing/simulated_reader.h"
#include "userspace/datapath/transfers.h"

namespace shunt::datapath {

class InventoryFixture : public testing::Test {
 protected:
  static constexpr Limits kLimits = {.frontends = 64,
                                     .service_ports = 16,
                                     .pools = 16,
                                     .slots = 64,
                                     .backends = 32,
                                     .sockets = 64,
                                     .socket_peers = 8,
                                     .affinities = 8};

  explicit InventoryFixture(const Limits& limits = kLimits) { Create(limits); }

  void Create(const Limits& limits) {
    inventory_.reset();
    tables_ = {};
    maps_ = std::make_unique<MemoryMaps>(limits);
    tables_ = maps_->Open();
    auto inventory = Adopt(std::make_shared<Tables>(maps_->Open()), grace_);
    ASSERT_TRUE(inventory.ok()) << inventory.status();
    inventory_ = *std::move(inventory);
  }

  Published& published() { return inventory_->published; }
  Allocator& allocator() { return inventory_->allocator; }
  AddressBook& addresses() { return inventory_->addresses; }
  Stager MakeStager(const Transfers& transfers) { return {published(), allocator(), addresses(), transfers}; }

  // `plan` must outlive the request. A plan without ports removes its Service.
  Request RequestFor(const model::ServicePlan& plan) {
    return {.plan = plan.ports.empty() ? nullptr : &plan, .state = &published().StateOf(plan.service)};
  }
  // Stages the plans as one Apply would, in their order.
  Changes Stage(const std::vector<model::ServicePlan>& plans) {
    plans_.push_back(plans);
    std::vector<Request> requests;
    for (const model::ServicePlan& plan : plans_.back()) requests.push_back(RequestFor(plan));
    transfers_ = Transfers(requests);
    Stager stager = MakeStager(transfers_);
    Changes changes;
    for (const Request& request : requests) changes.push_back(stager.Stage(request));
    return changes;
  }
  // Publishes what Stage has returned last.
  void Publish(const Changes& changes) { Publisher(*inventory_, transfers_, given_up_).Publish(changes); }
  void MustPublish(const std::vector<model::ServicePlan>& plans) {
    const Changes changes = Stage(plans);
    Publish(changes);
    for (const std::unique_ptr<Change>& change : changes) ASSERT_TRUE(change->ok()) << change->status();
  }
  void PassGrace() {
    grace_.Pass();
    allocator().Reclaim(1000);
  }

  // "10.244.0.1 10.244.0.2" of the internal set, or what else a program meets at this destination.
  std::string Backends(const char* address, uint16_t port) const {
    const Reading reading = SimulatedReader(tables_).Read(Dial(address, port), /*on_host=*/true);
    if (reading.outcome != Outcome::kFound || reading.internal.slots.empty()) return reading.ToString();
    std::string text;
    for (const ReadSlot& slot : reading.internal.slots) {
      text += (text.empty() ? "" : " ") + slot.backend.address.ToString();
    }
    return text;
  }
  // The tables written by what follows, one name per write.
  std::vector<std::string>& Record() {
    written_.clear();
    maps_->hooks().after = [this](absl::string_view table) { written_.emplace_back(table); };
    return written_;
  }
  // Lets one write to this table fail: the first one, or a later one.
  void FailWrite(const std::string& table, int number = 1) {
    maps_->hooks().before = [table, number](absl::string_view written) mutable {
      return written == table && --number == 0 ? absl::UnavailableError("scripted") : absl::OkStatus();
    };
  }
  // How many rows, pools, service ports, slots, backends and source ranges are taken: published, reserved or retired.
  std::vector<uint32_t> Taken() {
    return {allocator().frontend_rows().taken(),  allocator().pools().taken(),
            allocator().service_ports().taken(),  allocator().slots().taken(),
            allocator().backends().ids().taken(), allocator().source_lists().taken()};
  }

  ManualGrace grace_;
  std::unique_ptr<MemoryMaps> maps_;
  Tables tables_;  // the reader's own handles
  std::unique_ptr<Inventory> inventory_;
  ServiceSet given_up_;
  std::vector<std::string> written_;

 private:
  std::vector<std::vector<model::ServicePlan>> plans_;  // changes refer to them
  Transfers transfers_;
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_TESTING_INVENTORY_FIXTURE_H_
