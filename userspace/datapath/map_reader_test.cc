// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/map_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <utility>
#include <variant>
#include <vector>

#include "bpf/packet_abi.h"
#include "userspace/datapath/codec.h"
#include "userspace/datapath/table_datapath.h"
#include "userspace/datapath/testing/manual_grace.h"
#include "userspace/datapath/testing/memory_table.h"
#include "userspace/datapath/testing/plans.h"

namespace shunt::datapath {
namespace {

using testing::HasSubstr;

class MapReaderTest : public testing::Test {
 protected:
  void SetUp() override {
    auto datapath = TableDatapath::Open(maps_.Open(), grace_);
    ASSERT_TRUE(datapath.ok()) << datapath.status();
    datapath_ = *std::move(datapath);
    ASSERT_TRUE(datapath_->SetNodeAddresses({{Ip("127.0.0.1"), true}}).ok());
    model::PortPlan http = MakePort("10.96.0.10", 80, MakePool({"10.244.0.1", "10.244.0.2"}, 8080));
    http.name = "http";
    http.affinity_timeout_s = 30;
    http.frontends.push_back(MakeFrontend(model::FrontendKind::kNodePort, "0.0.0.0", 30080));
    http.frontends.back().external_pool = 1;
    http.frontends.back().source_ranges.push_back(*model::IpPrefix::Parse("10.0.0.0/8"));
    http.frontends.back().masquerades_inside = http.frontends.back().masquerades_outside = true;
    http.pools.push_back(MakeEmptyPool(model::EmptyPool::kLocalMiss));
    const model::ServicePlan plan = MakePlan("web", {http});
    const model::ServicePlan* const plans[] = {&plan};
    ASSERT_TRUE(datapath_->Apply(plans, ApplyScope::kAll).empty());
  }

  template <typename Row>
  std::vector<Row> Dump(absl::string_view map) const {
    std::vector<Row> rows;
    const absl::Status status = reader_.Dump(map, [&](const report::MapRow& row) {
      rows.push_back(std::get<Row>(row));
      return true;
    });
    EXPECT_TRUE(status.ok()) << status;
    return rows;
  }

  MemoryMaps maps_{{.frontends = 8,
                    .service_ports = 4,
                    .pools = 4,
                    .slots = 8,
                    .backends = 4,
                    .sockets = 64,
                    .socket_peers = 4,
                    .affinities = 4}};
  ManualGrace grace_;
  std::unique_ptr<TableDatapath> datapath_;
  Tables tables_ = maps_.Open();
  MapReader reader_{tables_, [] { return uint64_t{5'000'000'000}; }};
};

TEST_F(MapReaderTest, FrontendRowsSayWhatTheyLeadTo) {
  const auto rows = Dump<report::FrontendRow>("frontend_rows");
  ASSERT_EQ(rows.size(), 4u);
  std::map<std::string, report::FrontendRow> by_address;
  for (const report::FrontendRow& row : rows) {
    by_address[row.about_address ? row.address.address.ToString() : row.address.ToString()] = row;
  }
  const report::FrontendRow& cluster_ip = by_address.at("10.96.0.10:80/TCP");
  EXPECT_EQ(cluster_ip.kind, model::FrontendKind::kClusterIp);
  EXPECT_EQ(cluster_ip.affinity_timeout_s, 30u);
  EXPECT_EQ(cluster_ip.internal_pool, cluster_ip.external_pool);
  EXPECT_EQ(cluster_ip.flags, report::FrontendFlags());
  const report::FrontendRow& node_port = by_address.at("0.0.0.0:30080/TCP");
  EXPECT_EQ(node_port.kind, model::FrontendKind::kNodePort);
  EXPECT_EQ(node_port.internal_pool, cluster_ip.internal_pool);
  EXPECT_NE(node_port.external_pool, cluster_ip.internal_pool);
  EXPECT_EQ(node_port.flags, (report::FrontendFlags{.source_ranges = true, .snat = true, .snat_inside = true}));
  EXPECT_EQ(node_port.source_list, uint32_t{SHUNT_LIST_FIRST});
  EXPECT_EQ(cluster_ip.source_list, 0u);
  EXPECT_EQ(by_address.at("10.96.0.10").flags, report::FrontendFlags{.cluster_ip = true});
  EXPECT_EQ(by_address.at("127.0.0.1").flags, (report::FrontendFlags{.node_address = true, .host_only = true}));
  EXPECT_EQ(Dump<report::FrontendRow>("frontend_index").size(), 4u);
}

TEST_F(MapReaderTest, ADatagramFlowsPatienceIsShown) {
  model::PortPlan dns = MakePort("10.96.0.11", 53, MakePool({"10.244.0.1"}, 53));
  dns.protocol = model::Protocol::kUdp;
  dns.udp_idle_s = 120;
  const model::ServicePlan plan = MakePlan("dns", {dns});
  const model::ServicePlan* const plans[] = {&plan};
  ASSERT_TRUE(datapath_->Apply(plans, ApplyScope::kAll).empty());
  uint32_t idle_s = 0;
  for (const report::FrontendRow& row : Dump<report::FrontendRow>("frontend_rows")) idle_s += row.udp_idle_s;
  EXPECT_EQ(idle_s, 120u);
}

TEST_F(MapReaderTest, MetaIsShownWithoutItsSeeds) {
  shunt_meta meta = {};
  ASSERT_TRUE(tables_.meta->Load(0, MutableBytesOf(meta)).ok());
  meta.generation = 17;
  meta.features = SHUNT_FEATURE_SOCKETS | SHUNT_FEATURE_OBSERVE | SHUNT_FEATURE_PACKETS;
  meta.storage_in_use = 1;
  meta.applied_ms = 4'000;
  meta.stale_after_ms = 60'000;
  ASSERT_TRUE(tables_.meta->Store(0, BytesOf(meta)).ok());
  const auto rows = Dump<report::MetaRow>("meta");
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].memory_version, uint32_t{SHUNT_MEMORY_VERSION});
  EXPECT_EQ(rows[0].generation, 17u);
  EXPECT_TRUE(rows[0].storage_in_use);
  EXPECT_EQ(rows[0].features, (report::Features{.sockets = true, .observe = true, .packets = true}));
  EXPECT_EQ(rows[0].sign_of_life, (report::SignOfLife{.stale_after_ms = 60'000, .age_ms = 1'000}));
}

TEST_F(MapReaderTest, SourceVersionsThatAreKnownAndCountsThatAreNotZero) {
  EXPECT_EQ(Dump<report::SourceVersionRow>("source_versions").size(), 0u);
  shunt_source_version slices = {.version = "1041", .objects = 120}, invalid = {};
  std::memset(invalid.version, 'x', sizeof(invalid.version));
  ASSERT_TRUE(tables_.source_versions->Store(SHUNT_RESOURCE_ENDPOINT_SLICES, BytesOf(slices)).ok());
  ASSERT_TRUE(tables_.source_versions->Store(SHUNT_RESOURCE_NODES, BytesOf(invalid)).ok());
  const auto versions = Dump<report::SourceVersionRow>("source_versions");
  ASSERT_EQ(versions.size(), 1u);
  EXPECT_EQ(versions[0].resource, "endpointslices");
  EXPECT_EQ(versions[0].version, "1041");
  EXPECT_EQ(versions[0].objects, 120u);
  ASSERT_TRUE(tables_.socket_peer_counts->Store(4711, BytesOf(uint32_t{3})).ok());
  const auto counts = Dump<report::PeerCountRow>("socket_peer_counts");
  ASSERT_EQ(counts.size(), 1u);
  EXPECT_EQ(counts[0].row, 4711u);
  EXPECT_EQ(counts[0].destinations, 3u);
}

TEST_F(MapReaderTest, PoolsSlotsAndBackends) {
  const auto pools = Dump<report::PoolRow>("pools");
  ASSERT_EQ(pools.size(), 2u);
  EXPECT_EQ(pools[0].slot_count, 2u);
  EXPECT_EQ(pools[0].empty, std::nullopt);
  EXPECT_EQ(pools[1].slot_count, 0u);
  EXPECT_EQ(pools[1].empty, model::EmptyPool::kLocalMiss);
  EXPECT_NE(pools[0].generation, pools[1].generation);
  const auto slots = Dump<report::SlotRow>("slots");
  ASSERT_EQ(slots.size(), 2u);
  EXPECT_EQ(slots[0].backend, slots[0].alias);
  EXPECT_EQ(slots[0].threshold, 0xffffffffu);
  const auto backends = Dump<report::BackendRow>("backends");
  ASSERT_EQ(backends.size(), 2u);
  EXPECT_EQ(backends[slots[1].backend].address, Socket("10.244.0.2", 8080));
}

TEST_F(MapReaderTest, ServicePortsByName) {
  const auto rows = Dump<report::ServicePortRow>("service_ports");
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].service.ToString(), "default/web");
  EXPECT_EQ(rows[0].port_name, "http");
  EXPECT_EQ(rows[0].port, 80);
  EXPECT_EQ(rows[0].protocol, model::Protocol::kTcp);
  EXPECT_EQ(rows[0].family, model::IpFamily::kV4);
}

TEST_F(MapReaderTest, CountersAreSummedOverTheCpus) {
  const shunt_service_counters counted = {.translated = 5, .no_endpoints = 2, .local_misses = 1};
  ASSERT_TRUE(tables_.service_counters->Store(0, BytesOf(counted)).ok());
  ASSERT_TRUE(tables_.service_counters->Store(4, BytesOf(counted)).ok());  // the second CPU's
  const auto services = Dump<report::ServiceCountersRow>("service_counters");
  ASSERT_EQ(services.size(), 1u);
  EXPECT_EQ(services[0].translated, 10u);
  EXPECT_EQ(services[0].no_endpoints, 4u);
  EXPECT_EQ(services[0].local_misses, 2u);
  ASSERT_TRUE(tables_.backend_counters->Store(1 + 4, BytesOf(shunt_backend_counters{.chosen = 9})).ok());
  const auto backends = Dump<report::BackendCountersRow>("backend_counters");
  ASSERT_EQ(backends.size(), 2u);
  EXPECT_EQ(backends[1].chosen, 9u);
  ASSERT_TRUE(tables_.reasons->Store(SHUNT_REASON_PORT_ZERO, BytesOf(uint64_t{3})).ok());
  ASSERT_TRUE(tables_.reasons->Store(SHUNT_REASON_STRIDE + SHUNT_REASON_PORT_ZERO, BytesOf(uint64_t{4})).ok());
  const auto reasons = Dump<report::ReasonRow>("reasons");
  ASSERT_EQ(reasons.size(), size_t{SHUNT_REASON_COUNT});
  EXPECT_EQ(reasons[SHUNT_REASON_PORT_ZERO].name, "port_zero");
  EXPECT_EQ(reasons[SHUNT_REASON_PORT_ZERO].count, 7u);
}

TEST_F(MapReaderTest, OnlySocketsWhoseRowIsTakenCount) {
  const shunt_socket_state state = {.cookie = 66,
                                    .first = {.dialled = EncodeAddress(Ip("10.96.0.10")),
                                              .backend_address = EncodeAddress(Ip("10.244.0.1")),
                                              .dialled_port = EncodeBackend(Socket("10.0.0.1", 80)).port,
                                              .backend_port = EncodeBackend(Socket("10.0.0.1", 8080)).port,
                                              .flags = shunt_flags_at(SHUNT_STATE_TRANSLATED, 77)}};
  ASSERT_TRUE(tables_.socket_state->Store(2, BytesOf(state)).ok());
  ASSERT_TRUE(tables_.socket_state->Store(3, BytesOf(state)).ok());
  ASSERT_TRUE(tables_.socket_taken->StoreWord(0, 0, 1u << 2).ok());
  const auto rows = Dump<report::SocketStateRow>("socket_state");
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].cookie, 66u);
  EXPECT_EQ(rows[0].dialled, Socket("10.96.0.10", 80));
  EXPECT_EQ(rows[0].backend_address, Socket("10.244.0.1", 8080));
  EXPECT_EQ(rows[0].flags, report::SocketFlags{.translated = true});
}

// Sockets that have lived since before the number of rows was changed are rows of the same dump.
TEST_F(MapReaderTest, RowsOfAnotherSizeAreShownAfterTheOthers) {
  for (const report::MapFill& fill : reader_.FillLevels()) EXPECT_NE(fill.name, "previous_state") << "there are none";
  MemoryRows& states = *maps_.rows("previous_state");
  states.array.resize(128 * sizeof(shunt_socket_state));
  states.capacity = 128;
  maps_.rows("previous_taken")->array.resize(2 * sizeof(uint64_t));
  maps_.rows("previous_taken")->capacity = 2;
  ASSERT_TRUE(tables_.socket_state->Store(5, BytesOf(shunt_socket_state{.cookie = 5, .first = {}})).ok());
  ASSERT_TRUE(tables_.socket_taken->StoreWord(0, 0, 1u << 5).ok());
  ASSERT_TRUE(tables_.previous_state->Store(66, BytesOf(shunt_socket_state{.cookie = 66, .first = {}})).ok());
  ASSERT_TRUE(tables_.previous_taken->StoreWord(1, 0, 1u << 2).ok());
  const auto rows = Dump<report::SocketStateRow>("socket_state");
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].cookie, 5u);
  EXPECT_EQ(rows[1].cookie, 66u);
  int visited = 0;
  ASSERT_TRUE(reader_.Dump("socket_state", [&](const report::MapRow&) { return ++visited, false; }).ok());
  EXPECT_EQ(visited, 1) << "a visitor that has enough is not called again";
  std::map<std::string, report::MapFill> fills;
  for (const report::MapFill& fill : reader_.FillLevels()) fills[fill.name] = fill;
  EXPECT_EQ(fills["previous_state"].capacity, 128u);
  EXPECT_EQ(fills["previous_state"].used, 1u);
  EXPECT_EQ(fills["socket_state"].used, 1u);
}

TEST_F(MapReaderTest, TheAgentsOwnSocketIsShownAsExempt) {
  const shunt_socket_state state = {.cookie = 5, .first = {.flags = SHUNT_STATE_EXEMPT | SHUNT_STATE_PEERS}};
  ASSERT_TRUE(tables_.socket_state->Store(5, BytesOf(state)).ok());
  ASSERT_TRUE(tables_.socket_taken->StoreWord(0, 0, 1u << 5).ok());
  const auto rows = Dump<report::SocketStateRow>("socket_state");
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].flags, (report::SocketFlags{.peers = true, .exempt = true}));
}

TEST_F(MapReaderTest, AffinitiesAndPeers) {
  shunt_affinity_key netns = {.service_port = 3, .client_kind = SHUNT_CLIENT_NETNS};
  const uint64_t cookie = 4026532008;
  std::memcpy(&netns.client, &cookie, sizeof(cookie));
  maps_.PutRow("affinities", BytesOf(netns),
               BytesOf(shunt_affinity{.last_use_ns = 4'750'000'000, .choice = shunt_affinity_choice(1, 0)}));
  const shunt_affinity_key address = {
      .client = EncodeAddress(Ip("10.0.0.9")), .service_port = 4, .client_kind = SHUNT_CLIENT_ADDRESS};
  maps_.PutRow("affinities", BytesOf(address), BytesOf(shunt_affinity{.last_use_ns = 6'000'000'000}));
  const auto affinities = Dump<report::AffinityRow>("affinities");
  ASSERT_EQ(affinities.size(), 2u);
  EXPECT_EQ(affinities[0].client, "netns 4026532008");
  EXPECT_EQ(affinities[0].idle_ms, 250u);
  EXPECT_EQ(affinities[1].client, "10.0.0.9");
  EXPECT_EQ(affinities[1].idle_ms, 0u) << "used after the clock was read";

  const shunt_peer_key peer = {.cookie = 7,
                               .address = EncodeAddress(Ip("10.96.0.10")),
                               .port = EncodeBackend(Socket("10.0.0.1", 53)).port,
                               .direction = SHUNT_PEER_FORWARD};
  const shunt_peer to = {.translation = {.dialled = peer.address,
                                         .backend_address = EncodeAddress(Ip("10.244.0.1")),
                                         .dialled_port = peer.port,
                                         .backend_port = EncodeBackend(Socket("10.0.0.1", 5353)).port}};
  const shunt_peer_key back = {.cookie = 7,
                               .address = to.translation.backend_address,
                               .port = to.translation.backend_port,
                               .direction = SHUNT_PEER_REVERSE};
  maps_.PutRow("socket_peers", BytesOf(peer), BytesOf(to));
  maps_.PutRow("socket_peers", BytesOf(back), BytesOf(to));
  const auto peers = Dump<report::SocketPeerRow>("socket_peers");
  ASSERT_EQ(peers.size(), 2u);
  EXPECT_EQ(peers[1].direction, report::PeerDirection::kReverse);
  EXPECT_EQ(peers[1].from, Socket("10.244.0.1", 5353));
  EXPECT_EQ(peers[1].to, Socket("10.96.0.10", 53));
  EXPECT_EQ(peers[0].direction, report::PeerDirection::kForward);
  EXPECT_EQ(peers[0].from, Socket("10.96.0.10", 53));
  EXPECT_EQ(peers[0].to, Socket("10.244.0.1", 5353));
}

TEST_F(MapReaderTest, AVisitMayEndEarlyAndAnUnknownMapIsNamed) {
  int rows = 0;
  EXPECT_TRUE(reader_.Dump("backends", [&](const report::MapRow&) { return ++rows < 1; }).ok());
  EXPECT_EQ(rows, 1);
  const absl::Status status = reader_.Dump("nonsense", [](const report::MapRow&) { return true; });
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("there are meta, source_versions, prefix_filter"));
}

TEST_F(MapReaderTest, FillLevelsCountWhatIsInUse) {
  std::map<std::string, report::MapFill> fills;
  for (const report::MapFill& fill : reader_.FillLevels()) fills[fill.name] = fill;
  EXPECT_EQ(fills.size(), MapReader::MapNames().size());
  EXPECT_EQ(fills["frontend_rows"].used, 4u);
  EXPECT_EQ(fills["frontend_rows"].capacity, 8u);
  EXPECT_EQ(fills["frontend_index"].capacity, 4u * SHUNT_INDEX_ENTRIES);
  EXPECT_EQ(fills["pools"].used, 2u);
  EXPECT_EQ(fills["slots"].used, 2u);
  EXPECT_EQ(fills["backends"].used, 2u);
  EXPECT_EQ(fills["service_ports"].used, 1u);
  EXPECT_EQ(fills["affinities"].type, "lru_hash");
  EXPECT_EQ(fills["prefix_filter"].capacity, SHUNT_PREFIX_WORDS * 64u);
  EXPECT_EQ(fills["socket_taken"].capacity, 64u);
  EXPECT_EQ(fills["meta"].used, 1u);
  EXPECT_EQ(fills["meta"].capacity, 0u) << "full from the start, which is no cause for an alert";
  EXPECT_EQ(fills["source_versions"].capacity, 0u);
  EXPECT_EQ(fills["reasons"].capacity, 0u) << "each reason has its row from the start";
}

// A scrape asks for every level, and a node may have half a million slots.
TEST_F(MapReaderTest, FillLevelsReadNoSlot) {
  const uint32_t size = std::exchange(maps_.rows("slots")->value_size, 1);
  for (const report::MapFill& fill : reader_.FillLevels()) {
    if (fill.name == "slots") {
      EXPECT_EQ(fill.used, 2u);
    }
  }
  EXPECT_FALSE(reader_.Dump("slots", [](const report::MapRow&) { return true; }).ok());
  maps_.rows("slots")->value_size = size;
}

TEST_F(MapReaderTest, WhatIsRetiredIsShownUntilItIsTakenBack) {
  const auto before = Dump<report::PoolRow>("pools");
  ASSERT_TRUE(datapath_->Apply({}, ApplyScope::kAll).empty());
  EXPECT_EQ(Dump<report::FrontendRow>("frontend_rows").size(), 0u);
  const auto retired = Dump<report::PoolRow>("pools");
  ASSERT_EQ(retired.size(), 2u);
  EXPECT_EQ(retired[0].slot_count, before[0].slot_count) << "for those who have a row in hand";
  EXPECT_EQ(retired[0].generation, 0u) << "for those who remember the word";
  grace_.Pass();
  datapath_->Reclaim();
  EXPECT_EQ(Dump<report::PoolRow>("pools").size(), 0u);
  EXPECT_EQ(Dump<report::BackendRow>("backends").size(), 0u);
  EXPECT_EQ(Dump<report::ServicePortRow>("service_ports").size(), 0u);
}

}  // namespace
}  // namespace shunt::datapath
