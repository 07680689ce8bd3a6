// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/packet_reader.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "bpf/packet_abi.h"
#include "userspace/datapath/codec.h"
#include "userspace/datapath/map_reader.h"
#include "userspace/datapath/testing/memory_table.h"
#include "userspace/datapath/testing/plans.h"

namespace shunt::datapath {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr uint64_t kJiffyNs = 4'000'000;

shunt_flow WebFlow() {
  shunt_flow flow = {};
  flow.client = EncodeAddress(Ip("192.0.2.9"));
  flow.client_port = htons(40000);
  flow.frontend = EncodeAddress(Ip("203.0.113.5"));
  flow.frontend_port = htons(30080);
  flow.backend_address = EncodeAddress(Ip("10.244.1.5"));
  flow.backend_port = htons(8080);
  flow.source = EncodeAddress(Ip("10.0.0.1"));
  flow.source_port = htons(50000);
  flow.protocol = IPPROTO_TCP;
  flow.mode = SHUNT_FLOW_REDIRECT;
  flow.flags = SHUNT_FLOW_SNAT;
  flow.state = SHUNT_FLOW_SETTLED | SHUNT_FLOW_REPLIED | SHUNT_FLOW_CONFIRMED | SHUNT_FLOW_FIN_FORWARD;
  flow.service_port = 1;
  flow.pool = 2;
  flow.backend = 5;
  flow.forward_device = 3;
  flow.reverse_device = 4;
  flow.forward_hop = uint64_t{0x020000000001} << SHUNT_HOP_SHIFT | 77;
  return flow;
}

class PacketReaderTest : public testing::Test {
 protected:
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
  // How often a visitor is called that has enough at once.
  int Visits(absl::string_view map) const {
    int visits = 0;
    EXPECT_TRUE(reader_.Dump(map, [&](const report::MapRow&) { return ++visits, false; }).ok());
    return visits;
  }
  std::map<std::string, report::MapFill> Fills() const {
    std::map<std::string, report::MapFill> fills;
    for (const report::MapFill& fill : reader_.FillLevels()) fills[fill.name] = fill;
    return fills;
  }

  MemoryMaps maps_{{.frontends = 8,
                    .service_ports = 4,
                    .pools = 4,
                    .slots = 8,
                    .backends = 4,
                    .sockets = 64,
                    .socket_peers = 4,
                    .affinities = 4,
                    .flows = 1024}};
  Tables tables_ = maps_.Open();
  MapReader reader_{tables_, [] { return uint64_t{0}; }, kJiffyNs};
};

TEST_F(PacketReaderTest, OnlyFlowsWhoseRowIsTakenAreShown) {
  for (const uint32_t row : {7u, 70u, 71u}) ASSERT_TRUE(tables_.flow_rows->Store(row, BytesOf(WebFlow())).ok());
  ASSERT_TRUE(tables_.flow_taken->StoreWord(0, 0, 1u << 7 | 1u << 8).ok());  // row 8 is being written
  ASSERT_TRUE(tables_.flow_taken->StoreWord(1, 0, 1u << 6).ok());
  const auto rows = Dump<report::FlowRow>("flow_rows");
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].row, 7u);
  EXPECT_EQ(rows[1].row, 70u);
  EXPECT_EQ(Visits("flow_rows"), 1);
  EXPECT_EQ(Dump<report::FilterRow>("flow_taken")[0].bits_set, 3u);
}

TEST_F(PacketReaderTest, AFlowSaysFromWhereToWhereAndHow) {
  const std::optional<report::FlowRow> row = DecodeFlow(7, WebFlow());
  ASSERT_TRUE(row.has_value());
  EXPECT_EQ(row->protocol, model::Protocol::kTcp);
  EXPECT_EQ(row->client, Socket("192.0.2.9", 40000));
  EXPECT_EQ(row->frontend, Socket("203.0.113.5", 30080));
  EXPECT_EQ(row->backend_address, Socket("10.244.1.5", 8080));
  EXPECT_EQ(row->source, Socket("10.0.0.1", 50000));
  EXPECT_EQ(row->mode, report::FlowMode::kRedirect);
  EXPECT_EQ(row->flags, report::FlowFlags{.snat = true});
  EXPECT_EQ(row->state, (report::FlowState{.settled = true, .replied = true, .confirmed = true, .fin_forward = true}));
  EXPECT_EQ(row->service_port, 1u);
  EXPECT_EQ(row->pool, 2u);
  EXPECT_EQ(row->backend, 5u);
  EXPECT_EQ(row->forward_device, 3u);
  EXPECT_EQ(row->reverse_device, 4u);
  EXPECT_EQ(row->kind, report::FlowKind::kHalfClosed);
  EXPECT_EQ(report::HopText(row->forward_hop), "02:00:00:00:00:01");
  EXPECT_EQ(row->reverse_hop, 0u);
  shunt_flow host = WebFlow();
  host.mode = SHUNT_FLOW_STACK;
  host.flags = SHUNT_FLOW_HOST;
  host.protocol = IPPROTO_SCTP;
  host.state = SHUNT_FLOW_FIN_REVERSE | SHUNT_FLOW_RESET | SHUNT_FLOW_RETIRED | SHUNT_FLOW_WITHDRAWN;
  EXPECT_EQ(DecodeFlow(1, host)->mode, report::FlowMode::kStack);
  EXPECT_EQ(DecodeFlow(1, host)->flags, report::FlowFlags{.host = true});
  EXPECT_EQ(DecodeFlow(1, host)->protocol, model::Protocol::kSctp);
  EXPECT_EQ(DecodeFlow(1, host)->state,
            (report::FlowState{.fin_reverse = true, .reset = true, .retired = true, .withdrawn = true}));
}

TEST_F(PacketReaderTest, AFlowIsOfTheKindByWhichItAges) {
  using Kind = report::FlowKind;
  struct Row {
    uint8_t protocol;
    uint32_t state;
    Kind kind;
  };
  constexpr uint32_t kOpen = SHUNT_FLOW_SETTLED | SHUNT_FLOW_REPLIED | SHUNT_FLOW_CONFIRMED;
  const Row rows[] = {
      {IPPROTO_TCP, 0, Kind::kOpening},
      {IPPROTO_TCP, kOpen, Kind::kOpen},
      {IPPROTO_TCP, kOpen | SHUNT_FLOW_FIN_REVERSE, Kind::kHalfClosed},
      {IPPROTO_TCP, kOpen | SHUNT_FLOW_RESET, Kind::kClosed},
      {IPPROTO_UDP, SHUNT_FLOW_SETTLED, Kind::kDatagrams},
      {IPPROTO_UDP, SHUNT_FLOW_SETTLED | SHUNT_FLOW_REPLIED, Kind::kAnswered},
      {IPPROTO_UDP, SHUNT_FLOW_SETTLED | SHUNT_FLOW_RETIRED, Kind::kRetired},
  };
  shunt_flow flow = WebFlow();
  for (const Row& row : rows) {
    flow.protocol = row.protocol;
    flow.state = row.state;
    EXPECT_EQ(DecodeFlow(1, flow)->kind, row.kind) << row.state;
  }
}

TEST_F(PacketReaderTest, AFlowKnowsTheSetOfItsSourcePort) {
  const shunt_meta meta = {.flow_seed = 0x123456789abcdef0};
  ASSERT_TRUE(tables_.meta->Store(0, BytesOf(meta)).ok());
  shunt_flow web = WebFlow(), other_port = WebFlow(), direct = WebFlow();
  other_port.source_port = htons(50001);
  direct.flags = 0;
  const shunt_flow flows[] = {web, other_port, direct};
  for (uint32_t i = 0; i < 3; ++i) ASSERT_TRUE(tables_.flow_rows->Store(i, BytesOf(flows[i])).ok());
  ASSERT_TRUE(tables_.flow_taken->StoreWord(0, 0, 7).ok());
  const auto rows = Dump<report::FlowRow>("flow_rows");
  ASSERT_EQ(rows.size(), 3u);
  ASSERT_EQ(rows[0].snat_set, shunt_snat_set(meta.flow_seed, &web, 4));
  EXPECT_EQ(rows[1].snat_set, rows[0].snat_set) << "the ports of a set are those towards one backend";
  EXPECT_EQ(rows[2].snat_set, std::nullopt);
}

TEST_F(PacketReaderTest, ARowThatNoProgramWritesIsNoFlow) {
  shunt_flow flow = WebFlow();
  flow.protocol = IPPROTO_ICMP;
  EXPECT_EQ(DecodeFlow(1, flow).has_value(), false);
  flow = WebFlow();
  flow.mode = 0;
  EXPECT_EQ(DecodeFlow(1, flow).has_value(), false);
  flow.mode = 3;
  EXPECT_EQ(DecodeFlow(1, flow).has_value(), false);
}

TEST_F(PacketReaderTest, AFlowsIdleTimeIsCountedInJiffiesToTheCollectorsLastStep) {
  shunt_flow flow = WebFlow();
  flow.last_use = 0xffffff00;
  ASSERT_TRUE(tables_.flow_rows->Store(0, BytesOf(flow)).ok());
  ASSERT_TRUE(tables_.flow_taken->StoreWord(0, 0, 1).ok());
  EXPECT_EQ(Dump<report::FlowRow>("flow_rows")[0].idle_ms, std::nullopt) << "it has never run";
  struct Row {
    uint32_t tick;
    uint64_t idle_ms;
  };
  for (const Row& row : {Row{0xffffff00 + 250, 1000}, Row{250, (256 + 250) * 4}, Row{0xffffff00 - 3, 0}}) {
    ASSERT_TRUE(tables_.flow_level->Store(0, BytesOf(shunt_flow_level{.tick = row.tick})).ok());
    EXPECT_EQ(Dump<report::FlowRow>("flow_rows")[0].idle_ms, row.idle_ms) << row.tick;
  }
  EXPECT_GT(MapReader::ReadJiffy(), 500'000u) << "the kernel has at most 1,000 jiffies a second";
  EXPECT_LE(MapReader::ReadJiffy(), 10'000'000u) << "and at least 100";
}

TEST_F(PacketReaderTest, EntriesOfTheIndexLeadToRowsInBothDirections) {
  shunt_flow_bucket bucket = {};
  bucket.entry[0] = shunt_flow_entry(0x1234567800000000, 0, 0);
  bucket.entry[6] = shunt_flow_entry(0x1234567800000000, 9, 1);
  ASSERT_TRUE(tables_.flow_index->Store(1023, BytesOf(bucket)).ok());
  const auto entries = Dump<report::FlowEntryRow>("flow_index");
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[0].bucket, 1023u);
  EXPECT_EQ(entries[0].row, 0u);
  EXPECT_FALSE(entries[0].reverse);
  EXPECT_EQ(entries[1].row, 9u);
  EXPECT_TRUE(entries[1].reverse);
  EXPECT_EQ(Visits("flow_index"), 1);
}

TEST_F(PacketReaderTest, SetsOfPortsInUse) {
  ASSERT_TRUE(tables_.snat_ports->StoreWord(1 * SHUNT_SNAT_WORDS, 0, 7).ok());
  ASSERT_TRUE(tables_.snat_ports->StoreWord(2 * SHUNT_SNAT_WORDS - 1, 0, 1).ok());
  ASSERT_TRUE(tables_.snat_ports->StoreWord(3 * SHUNT_SNAT_WORDS + 9, 0, ~uint64_t{0}).ok());
  const auto sets = Dump<report::SnatSetRow>("snat_ports");
  ASSERT_EQ(sets.size(), 2u);
  EXPECT_EQ(sets[0].set, 1u);
  EXPECT_EQ(sets[0].ports_taken, 4u);
  EXPECT_EQ(sets[0].ports, 16'384u);
  EXPECT_EQ(sets[1].set, 3u);
  EXPECT_EQ(sets[1].ports_taken, 64u);
  EXPECT_EQ(Visits("snat_ports"), 1);
}

TEST_F(PacketReaderTest, WhatTheCollectorHasFound) {
  shunt_flow_level level = {.pressure = 2, .rows_taken = 900, .next_row = 512, .tick = 5, .rounds = 3};
  level.kinds[SHUNT_FLOW_KIND_HALF_CLOSED] = 8;
  level.ends[SHUNT_FLOW_KIND_ANSWERED] = 9;
  ASSERT_TRUE(tables_.flow_level->Store(0, BytesOf(level)).ok());
  const auto rows = Dump<report::FlowLevelRow>("flow_level");
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].pressure, 2u);
  EXPECT_EQ(rows[0].rows_taken, 900u);
  EXPECT_EQ(rows[0].next_row, 512u);
  EXPECT_EQ(rows[0].rounds, 3u);
  std::vector<std::string> kinds;
  for (const report::FlowKindCount& kind : rows[0].kinds) {
    kinds.push_back(absl::StrCat(report::FlowKindName(kind.kind), " ", kind.rows, " ", kind.ends));
  }
  EXPECT_THAT(kinds, ElementsAre("opening 0 0", "open 0 0", "half_closed 8 0", "closed 0 0", "datagrams 0 0",
                                 "answered 0 9", "retired 0 0"));
}

TEST_F(PacketReaderTest, NodePortsAreRangesOfEachProtocol) {
  EXPECT_THAT(Dump<report::PortRangeRow>("node_ports"), IsEmpty());
  std::map<uint32_t, uint64_t> words;
  const auto set = [&words](uint8_t protocol, uint16_t port) {
    const uint32_t bit = shunt_node_port_bit(protocol, port);
    words[bit / 64] |= uint64_t{1} << bit % 64;
  };
  set(IPPROTO_TCP, 30080);
  for (uint32_t port = 49152; port <= 65535; ++port) set(IPPROTO_TCP, static_cast<uint16_t>(port));
  set(IPPROTO_UDP, 0);  // follows TCP's last in the bitmap
  set(IPPROTO_UDP, 1);
  set(IPPROTO_SCTP, 65535);
  for (const auto& [word, value] : words) ASSERT_TRUE(tables_.node_ports->StoreWord(word, 0, value).ok());
  std::vector<std::string> ranges;
  for (const report::PortRangeRow& row : Dump<report::PortRangeRow>("node_ports")) {
    ranges.push_back(absl::StrCat(model::ProtocolName(row.protocol), " ", row.first, "-", row.last));
  }
  EXPECT_THAT(ranges, ElementsAre("TCP 30080-30080", "TCP 49152-65535", "UDP 0-1", "SCTP 65535-65535"));
  EXPECT_EQ(Visits("node_ports"), 1);
}

TEST_F(PacketReaderTest, RangesOfSourcesAreShownByList) {
  const auto put = [this](uint32_t list, const char* address, uint32_t length) {
    const shunt_source_key key = {.prefix_length = 32 + length, .list = list, .address = EncodeAddress(Ip(address))};
    ASSERT_TRUE(tables_.source_ranges->Put(BytesOf(key), BytesOf(uint32_t{0})).ok());
  };
  put(3, "fd00::", 8);
  put(3, "10.0.0.0", 96 + 8);
  put(3, "::", 0);
  put(2, "192.0.2.7", 96 + 32);
  put(3, "0.0.0.0", 96);
  put(4, "10.0.0.0", 129);  // no prefix
  std::vector<std::string> ranges;
  for (const report::SourceRangeRow& row : Dump<report::SourceRangeRow>("source_ranges")) {
    ranges.push_back(absl::StrCat(row.list, " ", row.prefix));
  }
  EXPECT_THAT(ranges, ElementsAre("2 192.0.2.7/32", "3 ::/0", "3 0.0.0.0/0", "3 10.0.0.0/8", "3 fd00::/8"));
  EXPECT_EQ(Visits("source_ranges"), 1);
}

TEST_F(PacketReaderTest, DevicesAreShownByIndex) {
  const shunt_device eth0 = {.role = SHUNT_DEVICE_EXTERNAL,
                             .link_header = 14,
                             .mac = {2, 0, 0, 0, 0, 0xab},
                             .mtu = 1500,
                             .master = 9,
                             .source_v4 = EncodeAddress(Ip("10.0.0.1")),
                             .source_v6 = {}};
  const uint32_t two = 2, three = 3, four = 4;
  ASSERT_TRUE(tables_.devices->Put(BytesOf(three), BytesOf(shunt_device{.role = SHUNT_DEVICE_POD})).ok());
  ASSERT_TRUE(tables_.devices->Put(BytesOf(two), BytesOf(eth0)).ok());
  ASSERT_TRUE(tables_.devices->Put(BytesOf(four), BytesOf(shunt_device{.role = 0})).ok());
  const auto rows = Dump<report::DeviceRow>("devices");
  ASSERT_EQ(rows.size(), 2u) << "no role, no device";
  EXPECT_EQ(rows[0].ifindex, 2u);
  EXPECT_EQ(rows[0].role, report::DeviceRole::kExternal);
  EXPECT_EQ(rows[0].link_header, 14u);
  EXPECT_EQ(rows[0].mac, "02:00:00:00:00:ab");
  EXPECT_EQ(rows[0].mtu, 1500u);
  EXPECT_EQ(rows[0].master, 9u);
  EXPECT_EQ(rows[0].source_v4, Ip("10.0.0.1"));
  EXPECT_EQ(rows[0].source_v6, std::nullopt);
  EXPECT_EQ(rows[1].role, report::DeviceRole::kPod);
  EXPECT_EQ(Visits("devices"), 1);
}

TEST_F(PacketReaderTest, FragmentsLendTheirPorts) {
  const shunt_fragment_key key = {.source = EncodeAddress(Ip("192.0.2.9")),
                                  .destination = EncodeAddress(Ip("203.0.113.5")),
                                  .id = 77,
                                  .protocol = IPPROTO_UDP};
  maps_.PutRow("fragments", BytesOf(key),
               BytesOf(shunt_fragment{
                   .source_port = htons(5000), .destination_port = htons(53), .since = 1, .id = 2, .pad = 0}));
  const auto rows = Dump<report::FragmentRow>("fragments");
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].source, Socket("192.0.2.9", 5000));
  EXPECT_EQ(rows[0].destination, Socket("203.0.113.5", 53));
  EXPECT_EQ(rows[0].protocol, model::Protocol::kUdp);
  EXPECT_EQ(rows[0].id, 77u);
}

TEST_F(PacketReaderTest, FillLevelsAreThoseOfAWorkingTable) {
  ASSERT_TRUE(tables_.flow_taken->StoreWord(0, 0, 7).ok());
  ASSERT_TRUE(tables_.snat_ports->StoreWord(5, 0, 1).ok());
  ASSERT_TRUE(tables_.node_ports->StoreWord(5, 0, 3).ok());
  ASSERT_TRUE(tables_.endpoint_filter->StoreWord(5, 0, 15).ok());
  const uint32_t device = 2;
  ASSERT_TRUE(tables_.devices->Put(BytesOf(device), BytesOf(shunt_device{})).ok());
  const auto fills = Fills();
  EXPECT_EQ(fills.at("flow_rows").used, 3u);
  EXPECT_EQ(fills.at("flow_rows").capacity, 1024u);
  EXPECT_EQ(fills.at("flow_taken").used, 3u);
  EXPECT_EQ(fills.at("flow_taken").capacity, 1024u);
  EXPECT_EQ(fills.at("flow_index").used, 6u) << "two entries a flow";
  EXPECT_EQ(fills.at("flow_index").capacity, 1024u * SHUNT_FLOW_ENTRIES);
  EXPECT_EQ(fills.at("snat_ports").used, 1u);
  EXPECT_EQ(fills.at("snat_ports").capacity, 4u * SHUNT_SNAT_PORTS);
  EXPECT_EQ(fills.at("node_ports").used, 2u);
  EXPECT_EQ(fills.at("endpoint_filter").used, 4u);
  EXPECT_EQ(fills.at("endpoint_filter").capacity, SHUNT_ENDPOINT_BITS);
  EXPECT_EQ(fills.at("source_ranges").type, "lpm_trie");
  EXPECT_EQ(fills.at("devices").used, 1u);
  EXPECT_EQ(fills.at("fragments").capacity, 0u) << "the oldest gives way, which is no cause for an alert";
  EXPECT_EQ(fills.at("flow_level").capacity, 0u);
}

// Where the packet path is off, its maps are of one row, and nothing is in them.
TEST(PacketReaderOffTest, EveryMapIsReadable) {
  MemoryMaps maps({.frontends = 8, .service_ports = 4, .pools = 4, .slots = 8, .backends = 4, .sockets = 64});
  const Tables tables = maps.Open();
  const MapReader reader(tables);
  for (const std::string& map : MapReader::MapNames()) {
    int rows = 0;
    EXPECT_TRUE(reader.Dump(map, [&rows](const report::MapRow&) { return ++rows, true; }).ok()) << map;
    if (map == "flow_rows" || map == "flow_index" || map == "snat_ports" || map == "fragments") {
      EXPECT_EQ(rows, 0) << map;
    }
  }
}

}  // namespace
}  // namespace shunt::datapath
