// SPDX-License-Identifier: Apache-2.0
// A datapath on memory tables, for tests that apply plans and read what programs would find.
#ifndef SHUNT_DATAPATH_TESTING_TABLE_FIXTURE_H_
#define SHUNT_DATAPATH_TESTING_TABLE_FIXTURE_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "userspace/datapath/table_datapath.h"
#include "userspace/datapath/testing/manual_grace.h"
#include "userspace/datapath/testing/memory_table.h"
#include "userspace/datapath/testing/plans.h"
#include "userspace/datapath/testing/simulated_reader.h"

namespace shunt::datapath {

class TableFixture : public testing::Test {
 protected:
  // Large enough for every test in this directory.
  static constexpr Limits kLimits = {.frontends = 256,
                                     .service_ports = 128,
                                     .pools = 128,
                                     .slots = 1024,
                                     .backends = 256,
                                     .sockets = 64,
                                     .socket_peers = 8,
                                     .affinities = 8};

  TableFixture() : TableFixture(kLimits) {}
  explicit TableFixture(const Limits& limits) { Create(limits); }

  void Create(const Limits& limits) {
    datapath_.reset();
    tables_ = {};
    maps_ = std::make_unique<MemoryMaps>(limits);
    tables_ = maps_->Open();
    Restart();
  }
  void Restart() {
    datapath_.reset();
    auto datapath = TableDatapath::Open(maps_->Open(), grace_);
    ASSERT_TRUE(datapath.ok()) << datapath.status();
    datapath_ = *std::move(datapath);
  }

  std::vector<ServiceFailure> ApplyOnce(const std::vector<model::ServicePlan>& plans,
                                        ApplyScope scope = ApplyScope::kChanged) {
    std::vector<const model::ServicePlan*> pointers;
    for (const model::ServicePlan& plan : plans) pointers.push_back(&plan);
    return datapath_->Apply(pointers, scope);
  }
  // As the agent does: again after a grace period while something may fit soon.
  std::vector<ServiceFailure> Apply(const std::vector<model::ServicePlan>& plans,
                                    ApplyScope scope = ApplyScope::kChanged) {
    std::vector<ServiceFailure> failures = ApplyOnce(plans, scope);
    while (AnyMayFitSoon(failures)) {
      grace_.Pass();
      failures = ApplyOnce(plans);
    }
    return failures;
  }
  static bool AnyMayFitSoon(const std::vector<ServiceFailure>& failures) {
    return std::any_of(failures.begin(), failures.end(), [](const ServiceFailure& f) { return f.may_fit_soon; });
  }
  void MustApply(const std::vector<model::ServicePlan>& plans, ApplyScope scope = ApplyScope::kChanged) {
    for (const ServiceFailure& failure : Apply(plans, scope)) ADD_FAILURE() << failure.status;
  }
  absl::StatusOr<Drift> Audit(const std::vector<model::ServicePlan>& plans,
                              const std::vector<NodeAddress>& addresses = {}) {
    std::vector<const model::ServicePlan*> pointers;
    for (const model::ServicePlan& plan : plans) pointers.push_back(&plan);
    return datapath_->Audit(pointers, addresses);
  }
  void PassGrace() {
    grace_.Pass();
    datapath_->Reclaim();
  }

  Reading Read(const char* address, uint16_t port, bool on_host = true) const {
    return SimulatedReader(tables_).Read(Dial(address, port), on_host);
  }
  // "10.244.0.1 10.244.0.2" of the internal set, or what else a program meets.
  std::string Backends(const char* address, uint16_t port, bool on_host = true) const {
    const Reading reading = Read(address, port, on_host);
    if (reading.outcome != Outcome::kFound || reading.internal.slots.empty()) return reading.ToString();
    std::string text;
    for (const ReadSlot& slot : reading.internal.slots) {
      text += (text.empty() ? "" : " ") + slot.backend.address.ToString();
    }
    return text;
  }
  std::string ServiceOf(const char* address, uint16_t port) const { return Read(address, port).service_port; }

  // The tables written by what follows, one name per write.
  std::vector<std::string>& Record() {
    written_.clear();
    maps_->hooks().after = [this](absl::string_view table) { written_.emplace_back(table); };
    return written_;
  }
  void FailWritesTo(std::string table) {
    maps_->hooks().before = [table](absl::string_view written) {
      return written == table ? absl::UnavailableError("scripted") : absl::OkStatus();
    };
  }
  void FailNoWrites() { maps_->hooks().before = nullptr; }

  ManualGrace grace_;
  std::unique_ptr<MemoryMaps> maps_;
  Tables tables_;
  std::unique_ptr<TableDatapath> datapath_;
  std::vector<std::string> written_;
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_TESTING_TABLE_FIXTURE_H_
