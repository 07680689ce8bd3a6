// SPDX-License-Identifier: Apache-2.0
// An inspection finds every row that another hand has changed where programs can see it, and nothing else, also if
// changes are applied between its parts.
#include "userspace/datapath/inspection.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bpf/abi.h"
#include "userspace/datapath/codec.h"
#include "userspace/datapath/testing/table_fixture.h"

namespace shunt::datapath {
namespace {

using testing::IsEmpty;

class InspectionTest : public TableFixture {
 protected:
  void SetUp() override {
    ASSERT_TRUE(datapath_->SetNodeAddresses({{Ip("203.0.113.5"), false}, {Ip("127.0.0.1"), true}}).ok());
    model::PortPlan web = MakePort("10.96.0.10", 80, MakePool({"10.244.0.1", "10.244.0.2"}, 8080));
    web.frontends.push_back(MakeFrontend(model::FrontendKind::kNodePort, "0.0.0.0", 30080));
    Serve({MakePlan("web", {web}), MakePlan("api", "10.96.0.11", 80, MakePool({"10.244.0.2", "10.244.0.3"}, 8080))});
  }

  void Serve(const std::vector<model::ServicePlan>& plans) {
    for (const model::ServicePlan& plan : plans) plans_[plan.service.name] = plan;
    MustApply(plans);
  }

  std::optional<const model::ServicePlan*> PlanOf(const model::ObjectName& service) const {
    if (waiting_.contains(service.name)) return std::nullopt;
    const auto found = plans_.find(service.name);
    return found == plans_.end() ? nullptr : &found->second;
  }

  Inspected Step(size_t rows) {
    return datapath_->Inspect(rows, [this](const model::ObjectName& service) { return PlanOf(service); });
  }
  // A whole pass in parts of `rows`.
  Inspected Pass(size_t rows = 1'000'000) {
    for (int part = 0; part < 100'000; ++part) {
      if (const Inspected found = Step(rows); found != Inspected::kMore) return found;
    }
    ADD_FAILURE() << "a pass without an end";
    return Inspected::kMore;
  }

  template <typename Row>
  void Spoil(Table& table, uint32_t id, const std::function<void(Row&)>& change) {
    Row row = {};
    ASSERT_TRUE(table.Load(id, MutableBytesOf(row)).ok());
    change(row);
    ASSERT_TRUE(table.Store(id, BytesOf(row)).ok());
  }
  // Returns the row of the frontend, by searching.
  uint32_t RowOf(uint16_t port, uint8_t kind) {
    for (uint32_t id = 0; id < tables_.frontend_rows->capacity(); ++id) {
      shunt_frontend_row row = {};
      EXPECT_TRUE(tables_.frontend_rows->Load(id, MutableBytesOf(row)).ok());
      if (row.kind == kind && row.key.port == htons(port) && row.key.address.word[2] != 0) return id;
    }
    ADD_FAILURE() << "no row of port " << port;
    return 0;
  }
  uint32_t FirstBucket(bool in_use) {
    for (uint32_t at = 0; at < tables_.frontend_index->capacity(); ++at) {
      shunt_index_bucket bucket = {};
      EXPECT_TRUE(tables_.frontend_index->Load(at, MutableBytesOf(bucket)).ok());
      if ((bucket.entry[0] != 0) == in_use) return at;
    }
    return 0;
  }

  std::map<std::string, model::ServicePlan> plans_;
  std::map<std::string, bool> waiting_;
};

TEST_F(InspectionTest, AgreesInPartsOfAnySizeAndWritesNothing) {
  Record();
  for (const size_t rows : {1, 2, 3, 10, 1000}) EXPECT_EQ(Pass(rows), Inspected::kAgrees) << rows;
  EXPECT_THAT(written_, IsEmpty());
}

TEST_F(InspectionTest, APartReadsAboutAsManyRowsAsItMay) {
  int parts = 1;
  while (Step(1) == Inspected::kMore) ++parts;
  EXPECT_GT(parts, static_cast<int>(tables_.frontend_index->capacity()));
}

TEST_F(InspectionTest, FindsWhatAnotherHandHasChanged) {
  struct Case {
    const char* what;
    std::function<void()> spoil;
  };
  const Case cases[] = {
      {"a backend's port", [&] { Spoil<shunt_backend>(*tables_.backends, 2, [](auto& row) { row.port ^= 1; }); }},
      {"a slot's alias", [&] { Spoil<shunt_slot>(*tables_.slots, 0, [](auto& row) { row.threshold ^= 1; }); }},
      {"a pool's word", [&] { Spoil<uint64_t>(*tables_.pools, 1, [](auto& word) { word = 0; }); }},
      {"a service port's name",
       [&] { Spoil<shunt_service_port>(*tables_.service_ports, 0, [](auto& row) { row.service_name[0] ^= 1; }); }},
      {"a frontend's pool",
       [&] {
         Spoil<shunt_frontend_row>(*tables_.frontend_rows, RowOf(80, SHUNT_KIND_CLUSTER_IP),
                                   [](auto& row) { row.internal_pool ^= 1; });
       }},
      {"a NodePort's flags",
       [&] {
         Spoil<shunt_frontend_row>(*tables_.frontend_rows, RowOf(30080, SHUNT_KIND_NODE_PORT),
                                   [](auto& row) { row.flags ^= SHUNT_ROW_SOURCE_RANGES; });
       }},
      {"an address's flags",
       [&] {
         Spoil<shunt_frontend_row>(*tables_.frontend_rows, RowOf(0, SHUNT_KIND_ADDRESS),
                                   [](auto& row) { row.flags ^= SHUNT_ADDRESS_HOST_ONLY; });
       }},
      {"an entry that is gone",
       [&] {
         Spoil<shunt_index_bucket>(*tables_.frontend_index, FirstBucket(true), [](auto& row) { row.entry[0] = 0; });
       }},
      {"an entry that nobody put",
       [&] {
         Spoil<shunt_index_bucket>(*tables_.frontend_index, FirstBucket(false), [](auto& row) { row.entry[0] = 1; });
       }},
      {"a bucket's count",
       [&] { Spoil<shunt_index_bucket>(*tables_.frontend_index, 0, [](auto& row) { row.passed_over ^= 1; }); }},
      {"a word of the filter", [&] { Spoil<uint64_t>(*tables_.prefix_filter, 2047, [](auto& word) { word ^= 1; }); }},
  };
  for (const Case& c : cases) {
    Create(kLimits);
    SetUp();
    ASSERT_EQ(Pass(), Inspected::kAgrees) << c.what;
    c.spoil();
    EXPECT_EQ(Pass(), Inspected::kDiffers) << c.what;
    EXPECT_EQ(Pass(1), Inspected::kDiffers) << c.what;
  }
}

TEST_F(InspectionTest, ChangesBetweenItsPartsAreNoDifference) {
  int changes = 0;
  for (Inspected found = Inspected::kMore; found == Inspected::kMore; found = Step(1)) {
    const std::string name = ++changes % 2 == 0 ? "web" : "api";
    model::ServicePlan plan = plans_[name];
    plan.ports[0].pools[0] = changes % 3 == 0 ? MakePool({"10.244.0.7"}, 8080) : MakePool({"10.244.0.8"}, 8080);
    if (changes % 5 == 0) plan.ports.clear();
    plans_[name] = plan;
    MustApply({plan});
    PassGrace();
    if (plan.ports.empty()) SetUp();
  }
  EXPECT_GT(changes, 10);
  EXPECT_EQ(Pass(), Inspected::kAgrees);
}

TEST_F(InspectionTest, AServiceThatNoPlanNamesDiffersUnlessItsChangeWaits) {
  plans_.erase("api");
  EXPECT_EQ(Pass(), Inspected::kDiffers);
  waiting_["api"] = true;
  EXPECT_EQ(Pass(), Inspected::kAgrees);
}

TEST_F(InspectionTest, AnAuditRepairsWhatItHasFound) {
  Spoil<shunt_slot>(*tables_.slots, 0, [](auto& row) { row.backend ^= 1; });
  ASSERT_EQ(Pass(), Inspected::kDiffers);
  ASSERT_TRUE(Audit({plans_["web"], plans_["api"]}, {{Ip("203.0.113.5"), false}, {Ip("127.0.0.1"), true}}).ok());
  EXPECT_EQ(Pass(), Inspected::kAgrees);
}

}  // namespace
}  // namespace shunt::datapath
