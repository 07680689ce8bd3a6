// SPDX-License-Identifier: Apache-2.0
// What a new agent does with the tables that it finds.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <functional>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "userspace/datapath/codec.h"
#include "userspace/datapath/map_reader.h"
#include "userspace/datapath/testing/table_fixture.h"
#include "userspace/datapath/testing/world.h"

namespace shunt::datapath {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

// The tables that the next agent finds.
struct Found {
  template <typename Row>
  void Spoil(Table& table, uint32_t index, const std::function<void(Row&)>& spoil) {
    Row row = {};
    ASSERT_TRUE(table.Load(index, MutableBytesOf(row)).ok());
    spoil(row);
    ASSERT_TRUE(table.Store(index, BytesOf(row)).ok());
  }

  const Tables& tables;
  MemoryMaps& maps;
};

class AdoptionTest : public TableFixture {
 protected:
  // Backends in use, by address: what is left after everything else is gone.
  std::multiset<std::string> BackendsInUse() const {
    std::multiset<std::string> backends;
    EXPECT_TRUE(MapReader(datapath_->tables())
                    .Dump("backends",
                          [&](const report::MapRow& row) {
                            const auto& address = std::get<report::BackendRow>(row).address;
                            backends.insert(address.address.ToStringWithPort(address.port));
                            return true;
                          })
                    .ok());
    return backends;
  }
  size_t Rows(absl::string_view map) const {
    size_t rows = 0;
    EXPECT_TRUE(MapReader(datapath_->tables()).Dump(map, [&](const report::MapRow&) { return ++rows, true; }).ok());
    return rows;
  }

  // Service port 0, pool 0, frontend row 0; the ClusterIP's address row is 1.
  const model::ServicePlan web_ = MakePlan("web", "10.96.0.10", 80, MakePool({"10.244.0.1", "10.244.0.2"}, 8080));
  const model::ServicePlan api_ = MakePlan("api", "10.96.0.11", 80, MakePool({"10.244.0.2", "10.244.0.3"}, 8080));
};

TEST_F(AdoptionTest, IdsAndRunsSurviveARestart) {
  MustApply({web_, api_});
  const uint64_t word = SimulatedReader(tables_).PoolWord(1);
  Restart();
  Record();
  MustApply({web_, api_}, ApplyScope::kAll);
  EXPECT_THAT(written_, IsEmpty());
  model::ServicePlan changed = web_;
  changed.ports[0].pools[0] = MakePool({"10.244.0.1"}, 8080);
  MustApply({changed, api_}, ApplyScope::kAll);
  EXPECT_THAT(written_, testing::ElementsAre("meta", "slots", "pools")) << "only the difference";
  EXPECT_EQ(SimulatedReader(tables_).PoolWord(1), word);
  EXPECT_GT(shunt_pool_generation(SimulatedReader(tables_).PoolWord(0)), shunt_pool_generation(word))
      << "generations go on above those found";
}

// Sockets and affinities outlive agents and remember pool words: the same word must not come again.
TEST_F(AdoptionTest, NoAgentGivesOutAGenerationThatAnotherHasGivenOut) {
  const auto word = [this] { return SimulatedReader(tables_).PoolWord(0); };
  Create(kLimits);
  MustApply({web_});
  const uint64_t before = word();
  MustApply({MakePlan("web", {})});
  PassGrace();
  Restart();
  MustApply({web_}, ApplyScope::kAll);
  EXPECT_EQ(shunt_pool_first(word()), shunt_pool_first(before)) << "the same run, or this shows nothing";
  EXPECT_NE(word(), before);
}

TEST_F(AdoptionTest, WhatIsNoLongerPlannedGoes) {
  MustApply({web_, api_});
  Restart();
  EXPECT_EQ(Backends("10.96.0.11", 80), "10.244.0.2 10.244.0.3") << "in force until the new agent knows better";
  MustApply({web_}, ApplyScope::kAll);
  EXPECT_EQ(Read("10.96.0.11", 80).outcome, Outcome::kNotAService);
  EXPECT_EQ(Backends("10.96.0.10", 80), "10.244.0.1 10.244.0.2");
  PassGrace();
  EXPECT_THAT(BackendsInUse(), testing::ElementsAre("10.244.0.1:8080", "10.244.0.2:8080"));
}

TEST_F(AdoptionTest, AnAgentThatFindsSomethingWaitsForAGracePeriodFirst) {
  const int waits = grace_.waits();
  Restart();
  EXPECT_EQ(grace_.waits(), waits) << "the maps are new, so no program can be reading";
  MustApply({web_});
  Restart();
  EXPECT_EQ(grace_.waits(), waits + 1);
  grace_.set_available(false);
  Restart();
  EXPECT_EQ(Backends("10.96.0.10", 80), "10.244.0.1 10.244.0.2") << "and it continues if there are none";
}

TEST_F(AdoptionTest, NodeAddressesStayUntilTheNewAgentKnowsThem) {
  model::PortPlan port = web_.ports[0];
  port.frontends.push_back(MakeFrontend(model::FrontendKind::kNodePort, "0.0.0.0", 30080));
  const model::ServicePlan web = MakePlan("web", {port});
  ASSERT_TRUE(datapath_->SetNodeAddresses({{Ip("203.0.113.5"), false}, {Ip("127.0.0.1"), true}}).ok());
  MustApply({web});
  Restart();
  Record();
  MustApply({web}, ApplyScope::kAll);
  EXPECT_THAT(written_, IsEmpty());
  EXPECT_EQ(Backends("203.0.113.5", 30080), "10.244.0.1 10.244.0.2");
  EXPECT_EQ(Read("127.0.0.1", 30080, /*on_host=*/false).outcome, Outcome::kHostOnly);
  ASSERT_TRUE(datapath_->SetNodeAddresses({{Ip("203.0.113.6"), false}}).ok());
  EXPECT_EQ(Read("203.0.113.5", 30080).outcome, Outcome::kNotAService);
}

// One Service with a ClusterIP and a NodePort goes, another of the same address comes, and the agent is killed on the
// way. What an agent does before it knows the Services leaves the facts about the addresses alone.
TEST_F(AdoptionTest, FactsAboutAddressesWaitForTheServices) {
  const auto service = [](const char* name, uint16_t port, uint16_t node_port) {
    model::PortPlan plan = MakePort("10.96.0.10", port, MakePool({"10.244.0.1"}, 8080));
    plan.frontends.push_back(MakeFrontend(model::FrontendKind::kNodePort, "0.0.0.0", node_port));
    return MakePlan(name, {plan});
  };
  const std::vector<NodeAddress> addresses = {{Ip("127.0.0.1"), true}};
  bool killed = true;
  for (int writes = 0; killed; ++writes) {
    SCOPED_TRACE(absl::StrCat("killed after ", writes, " writes"));
    Create(kLimits);
    MustApply({service("old", 80, 30080)});
    ASSERT_TRUE(datapath_->SetNodeAddresses(addresses).ok());
    killed = false;
    maps_->hooks().before = [&killed, left = writes](absl::string_view) mutable {
      if (left-- > 0) return absl::OkStatus();
      killed = true;
      return absl::UnavailableError("killed");
    };
    Apply({service("new", 443, 30443)}, ApplyScope::kAll);
    FailNoWrites();
    Restart();
    datapath_->Reclaim();
    ASSERT_TRUE(datapath_->SetNodeAddresses(addresses).ok());
    EXPECT_EQ(Read("10.96.0.10", 99).outcome, Outcome::kUnusedPort);
    EXPECT_EQ(Read("127.0.0.1", 99, false).outcome, Outcome::kHostOnly);
    MustApply({}, ApplyScope::kAll);
    EXPECT_EQ(Read("10.96.0.10", 99).outcome, Outcome::kNotAService);
    EXPECT_EQ(Read("127.0.0.1", 99, false).outcome, Outcome::kNotAService);
  }
}

TEST_F(AdoptionTest, TablesOfAnotherLayoutAreNotTouched) {
  struct Case {
    const char* what;
    void (*spoil)(MemoryMaps&);
    const char* message;
  };
  const Case cases[] = {
      {"another version of the memory",
       [](MemoryMaps& maps) {
         const shunt_meta meta = {.index_seed = 1, .memory_version = 99, .storage_in_use = 0};
         std::memcpy(maps.rows("meta")->array.data(), &meta, sizeof(meta));
       },
       "memory version 99"},
      {"rows of another size", [](MemoryMaps& maps) { maps.rows("frontend_rows")->value_size = 32; },
       "map frontend_rows: its rows have 32 bytes, not 64"},
      {"a filter of another size", [](MemoryMaps& maps) { maps.rows("prefix_filter")->capacity = 64; },
       "map prefix_filter: it has 64 words"},
      {"an index that cannot be masked", [](MemoryMaps& maps) { maps.rows("frontend_index")->capacity = 63; },
       "no power of two"},
  };
  for (const Case& c : cases) {
    MemoryMaps maps(kLimits);
    c.spoil(maps);
    const auto datapath = TableDatapath::Open(maps.Open(), grace_);
    EXPECT_EQ(datapath.status().code(), absl::StatusCode::kFailedPrecondition) << c.what;
    EXPECT_THAT(std::string(datapath.status().message()), HasSubstr(c.message)) << c.what;
  }
}

// One row at a time is spoilt under two Services; the first Apply of all must put everything right.
TEST_F(AdoptionTest, WhatMakesNoSenseIsRepaired) {
  struct Case {
    const char* what;
    std::function<void(Found&)> spoil;
  };
  const Case cases[] = {
      {"a frontend row has another key",
       [](Found& found) {
         found.Spoil<shunt_frontend_row>(*found.tables.frontend_rows, 0, [](auto& row) { row.key.port ^= 1; });
       }},
      {"a frontend row names a pool outside the map",
       [](Found& found) {
         found.Spoil<shunt_frontend_row>(*found.tables.frontend_rows, 0, [](auto& row) { row.internal_pool = 9999; });
       }},
      {"a frontend row names another Service's pool",
       [](Found& found) {
         found.Spoil<shunt_frontend_row>(*found.tables.frontend_rows, 0, [](auto& row) { row.internal_pool = 1; });
       }},
      {"a frontend row names another Service's port",
       [](Found& found) {
         found.Spoil<shunt_frontend_row>(*found.tables.frontend_rows, 0, [](auto& row) { row.service_port = 1; });
       }},
      {"a frontend row names a service port outside the map",
       [](Found& found) {
         found.Spoil<shunt_frontend_row>(*found.tables.frontend_rows, 0, [](auto& row) { row.service_port = ~0u; });
       }},
      {"a frontend row is of no kind",
       [](Found& found) {
         found.Spoil<shunt_frontend_row>(*found.tables.frontend_rows, 0, [](auto& row) { row.kind = 77; });
       }},
      {"padding is not zero",
       [](Found& found) {
         found.Spoil<shunt_frontend_row>(*found.tables.frontend_rows, 0, [](auto& row) { row.reserved[11] = 1; });
       }},
      {"an address row has other flags",
       [](Found& found) {
         found.Spoil<shunt_frontend_row>(*found.tables.frontend_rows, 1,
                                         [](auto& row) { row.flags = SHUNT_ADDRESS_NODE; });
       }},
      {"an address row has a byte too much",
       [](Found& found) {
         found.Spoil<shunt_frontend_row>(*found.tables.frontend_rows, 1, [](auto& row) { row.key.pad = 1; });
       }},
      {"an address row says nothing",
       [](Found& found) {
         found.Spoil<shunt_frontend_row>(*found.tables.frontend_rows, 1, [](auto& row) { row.flags = 0; });
       }},
      {"a pool word points outside the slots",
       [](Found& found) {
         ASSERT_TRUE(found.tables.pools->StoreWord(0, 0, shunt_pool_word(5000, 2, SHUNT_EMPTY_NOT, 7)).ok());
       }},
      {"a pool word reaches over the end of the slots",
       [](Found& found) {
         ASSERT_TRUE(
             found.tables.pools->StoreWord(0, 0, shunt_pool_word(kLimits.slots - 1, 2, SHUNT_EMPTY_NOT, 7)).ok());
       }},
      {"a pool word overlaps another pool's run",
       [](Found& found) {
         ASSERT_TRUE(found.tables.pools->StoreWord(0, 0, shunt_pool_word(1, 2, SHUNT_EMPTY_NOT, 7)).ok());
       }},
      {"a pool is empty for a reason that does not exist",
       [](Found& found) {
         ASSERT_TRUE(
             found.tables.pools->StoreWord(0, 0, shunt_pool_word(0, 0, static_cast<shunt_pool_empty>(3), 7)).ok());
       }},
      {"a slot names a backend outside the map",
       [](Found& found) {
         found.Spoil<shunt_slot>(*found.tables.slots, 0, [](auto& row) { row.backend = 1u << 30; });
       }},
      {"a slot names a backend that is not in use",
       [](Found& found) { found.Spoil<shunt_slot>(*found.tables.slots, 1, [](auto& row) { row.backend = 200; }); }},
      {"a slot's alias is not a backend in use",
       [](Found& found) { found.Spoil<shunt_slot>(*found.tables.slots, 1, [](auto& row) { row.alias = ~0u; }); }},
      {"a slot has another threshold",
       [](Found& found) { found.Spoil<shunt_slot>(*found.tables.slots, 1, [](auto& row) { row.threshold = 5; }); }},
      {"a backend has another address",
       [](Found& found) {
         found.Spoil<shunt_backend>(*found.tables.backends, 1, [](auto& row) { row.address.word[3] ^= 0x01000000; });
       }},
      {"two backends have one address",
       [](Found& found) {
         shunt_backend first = {};
         ASSERT_TRUE(found.tables.backends->Load(0, MutableBytesOf(first)).ok());
         ASSERT_TRUE(found.tables.backends->Store(1, BytesOf(first)).ok());
       }},
      {"a backend that no slot names is marked in use",
       [](Found& found) {
         ASSERT_TRUE(found.tables.backends->Store(99, BytesOf(EncodeBackend(Socket("10.9.9.9", 9)))).ok());
       }},
      {"a service port has no name",
       [](Found& found) {
         found.Spoil<shunt_service_port>(*found.tables.service_ports, 0,
                                         [](auto& row) { std::memset(&row, 0xff, sizeof(row)); });
       }},
      {"a service port is marked free",
       [](Found& found) {
         found.Spoil<shunt_service_port>(*found.tables.service_ports, 0, [](auto& row) { row.family = 0; });
       }},
      {"two service ports have one name",
       [](Found& found) {
         shunt_service_port first = {};
         ASSERT_TRUE(found.tables.service_ports->Load(0, MutableBytesOf(first)).ok());
         ASSERT_TRUE(found.tables.service_ports->Store(1, BytesOf(first)).ok());
       }},
      {"a service port that no row names",
       [](Found& found) {
         const auto row = EncodeServicePort({{"default", "ghost"}, "", 1, model::Protocol::kTcp, model::IpFamily::kV4});
         ASSERT_TRUE(found.tables.service_ports->Store(100, BytesOf(*row)).ok());
       }},
      {"a pool that no row names",
       [](Found& found) {
         ASSERT_TRUE(found.tables.pools->StoreWord(100, 0, shunt_pool_word(0, 4, SHUNT_EMPTY_NOT, 1)).ok());
       }},
      {"an entry of the index leads nowhere",
       [](Found& found) { ASSERT_TRUE(found.tables.frontend_index->StoreWord(0, 6, 0xdeadbeef12345678).ok()); }},
      {"the index is full of garbage",
       [](Found& found) {
         MemoryRows* const index = found.maps.rows("frontend_index");
         std::fill(index->array.begin(), index->array.end(), std::byte{0x5a});
       }},
      {"the index has counts of keys that are not there",
       [](Found& found) {
         for (uint32_t i = 0; i < found.tables.frontend_index->capacity(); ++i) {
           ASSERT_TRUE(found.tables.frontend_index->StoreWord(i, SHUNT_INDEX_ENTRIES, 3).ok());
         }
       }},
      {"the filter is empty",
       [](Found& found) {
         MemoryRows* const filter = found.maps.rows("prefix_filter");
         std::fill(filter->array.begin(), filter->array.end(), std::byte{0});
       }},
      {"the filter is full",
       [](Found& found) {
         MemoryRows* const filter = found.maps.rows("prefix_filter");
         std::fill(filter->array.begin(), filter->array.end(), std::byte{0xff});
       }},
  };
  // By the next agent at its start, and by the same one when it compares.
  for (size_t i = 0; i < 2 * std::size(cases); ++i) {
    const Case& c = cases[i / 2];
    const bool by_audit = i % 2 == 1;
    SCOPED_TRACE(absl::StrCat(c.what, by_audit ? ", found by an audit" : ", found at a start"));
    Create(kLimits);
    MustApply({web_, api_});
    Found found = {tables_, *maps_};
    c.spoil(found);
    if (by_audit) {
      const absl::StatusOr<Drift> drift = Audit({web_, api_});
      ASSERT_TRUE(drift.ok()) << drift.status();
      EXPECT_GT(drift->differences(), 0u);
      EXPECT_THAT(drift->failures, IsEmpty());
    } else {
      Restart();
      MustApply({web_, api_}, ApplyScope::kAll);
    }
    EXPECT_EQ(Backends("10.96.0.10", 80), "10.244.0.1 10.244.0.2");
    EXPECT_EQ(Backends("10.96.0.11", 80), "10.244.0.2 10.244.0.3");
    EXPECT_EQ(ServiceOf("10.96.0.10", 80), "default/web: 80/TCP IPv4");
    EXPECT_EQ(ServiceOf("10.96.0.11", 80), "default/api: 80/TCP IPv4");
    EXPECT_EQ(Read("10.96.0.10", 99).outcome, Outcome::kUnusedPort);
    EXPECT_EQ(Read("10.96.0.10", 80).internal.slots[1].threshold, 0xffffffffu);
    PassGrace();
    EXPECT_THAT(BackendsInUse(), testing::ElementsAre("10.244.0.1:8080", "10.244.0.2:8080", "10.244.0.3:8080"));
    EXPECT_EQ(Rows("frontend_index"), 4u);
    EXPECT_EQ(Rows("pools"), 2u);
    EXPECT_EQ(Rows("service_ports"), 2u);
    EXPECT_FALSE(SimulatedReader(tables_).PassesFilter(Ip("172.16.0.1")));
    Record();
    MustApply({web_, api_}, ApplyScope::kAll);
    EXPECT_THAT(written_, IsEmpty());
    if (HasFailure()) return;
  }
}

// Random bytes anywhere; SHUNT_SEED=n repeats one run.
TEST_F(AdoptionTest, RandomCorruptionIsSurvivedAndRepaired) {
  uint32_t given = 0;
  const char* const text = std::getenv("SHUNT_SEED");
  const bool one = text != nullptr && absl::SimpleAtoi(text, &given);
  for (uint32_t seed = one ? given : 1; seed <= (one ? given : 150); ++seed) {
    SCOPED_TRACE(absl::StrCat("SHUNT_SEED=", seed));
    Create(kLimits);
    RandomWorld random(seed);
    World world;
    random.StepNode(world);
    for (int i = 0; i < 4; ++i) random.Step(world);
    ASSERT_TRUE(datapath_->SetNodeAddresses(world.node_addresses).ok());
    ASSERT_THAT(datapath_->Apply(world.AllPlans(), ApplyScope::kAll), IsEmpty());
    datapath_.reset();
    for (uint32_t i = 1 + random.Draw(40); i > 0; --i) {
      static constexpr const char* kMaps[] = {"prefix_filter", "frontend_index", "frontend_rows", "pools",
                                              "slots",         "backends",       "service_ports"};
      std::vector<std::byte>& array = maps_->rows(kMaps[random.Draw(7)])->array;
      // Near the start, where the rows in use are.
      const uint32_t where = random.Draw(static_cast<uint32_t>(array.size()) / (1 + random.Draw(8) * 4));
      array[where] = static_cast<std::byte>(random.Draw(256));
    }
    auto& ranges = maps_->rows("source_ranges")->hash;
    for (uint32_t i = random.Draw(4); i > 0; --i) {
      std::set<std::string> keys;
      for (const auto& [range, value] : ranges) keys.insert(range);
      if (!keys.empty()) ranges.erase(*std::next(keys.begin(), random.Draw(static_cast<uint32_t>(keys.size()))));
      const shunt_source_key key = {.prefix_length = random.Draw(170), .list = random.Draw(6), .address = {}};
      maps_->PutRow("source_ranges", BytesOf(key), BytesOf(uint32_t{0}));
    }
    Restart();
    ASSERT_TRUE(datapath_->SetNodeAddresses(world.node_addresses).ok());
    for (const ServiceFailure& failure : datapath_->Apply(world.AllPlans(), ApplyScope::kAll)) {
      ADD_FAILURE() << failure.status;
    }
    for (const model::FrontendAddress& dialled : RandomWorld::Destinations()) {
      for (const bool on_host : {false, true}) {
        EXPECT_EQ(SimulatedReader(tables_).Read(dialled, on_host), world.Expect(dialled, on_host))
            << dialled.ToString() << "\n  " << SimulatedReader(tables_).Read(dialled, on_host).ToString() << "\n  "
            << world.Expect(dialled, on_host).ToString();
      }
    }
    PassGrace();
    EXPECT_EQ(BackendsInUse().size(), world.BackendCount());
    EXPECT_EQ(SimulatedReader(tables_).SourceCount(), world.SourceRangeCount());
    Record();
    ASSERT_THAT(datapath_->Apply(world.AllPlans(), ApplyScope::kAll), IsEmpty());
    EXPECT_THAT(written_, IsEmpty());
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace shunt::datapath
