// SPDX-License-Identifier: Apache-2.0
#include "userspace/report/flows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "userspace/report/testing/scripted_maps.h"

namespace shunt::report {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

model::SocketAddress At(const char* address, uint16_t port) {
  return {*model::IpAddress::Parse(address), port};
}

FlowRow Flow(uint32_t row, uint16_t client_port, FlowKind kind, uint32_t service_port) {
  FlowRow flow{.row = row,
               .client = At("192.0.2.9", client_port),
               .frontend = At("10.96.0.10", 80),
               .backend_address = At("10.244.1.5", 8080),
               .source = At("10.0.0.1", static_cast<uint16_t>(50'000 + row)),
               .kind = kind};
  flow.service_port = service_port;
  return flow;
}

// Three flows of shop/cart, one of them over IPv6; one of shop/web; one of a Service that has gone; one of the host's.
class FlowsTest : public ::testing::Test {
 protected:
  FlowsTest() {
    const auto port = [](uint32_t row, const char* name, model::IpFamily family) {
      return ServicePortRow{
          .service_port = row, .service = {"shop", name}, .port_name = "http", .port = 80, .family = family};
    };
    maps_.rows["service_ports"] = {port(1, "cart", model::IpFamily::kV4), port(2, "cart", model::IpFamily::kV6),
                                   port(3, "web", model::IpFamily::kV4)};
    FlowRow v6 = Flow(9, 40'002, FlowKind::kOpen, 2);
    v6.client = At("2001:db8::9", 40'002);
    FlowRow host = Flow(12, 50'012, FlowKind::kOpen, 1);
    host.flags.host = true;
    FlowRow web = Flow(10, 40'003, FlowKind::kClosed, 3);
    web.backend_address = At("10.244.2.7", 8080);
    maps_.rows["flow_rows"] = {Flow(7, 40'000, FlowKind::kOpen, 1),
                               Flow(8, 40'001, FlowKind::kOpening, 1),
                               v6,
                               web,
                               Flow(11, 40'004, FlowKind::kOpen, 99),
                               host};
  }

  DumpRows Rows() const {
    return [this](absl::string_view map, const std::function<bool(const MapRow&)>& visit) {
      return maps_.DumpMap(map, visit);
    };
  }
  std::vector<uint32_t> Chosen(const FlowFilter& filter) const {
    std::vector<uint32_t> chosen;
    EXPECT_TRUE(VisitFlows(Rows(), filter, [&](const FlowStatus& flow) {
                  chosen.push_back(flow.row.row);
                  return true;
                }).ok());
    return chosen;
  }

  testing::ScriptedMaps maps_;
};

TEST_F(FlowsTest, AFilterChoosesFlowsThatHaveAllOfIt) {
  EXPECT_THAT(Chosen({}), ElementsAre(7, 8, 9, 10, 11, 12));
  EXPECT_THAT(Chosen({.service = model::ObjectName{"shop", "cart"}}), ElementsAre(7, 8, 9))
      << "both families, and not the host's own flow";
  EXPECT_THAT(Chosen({.service = model::ObjectName{"shop", "gone"}}), IsEmpty());
  EXPECT_THAT(Chosen({.backend = At("10.244.2.7", 8080)}), ElementsAre(10));
  EXPECT_THAT(Chosen({.backend = At("10.244.2.7", 8081)}), IsEmpty());
  EXPECT_THAT(Chosen({.client = model::IpAddress::Parse("2001:db8::9")}), ElementsAre(9));
  EXPECT_THAT(Chosen({.kind = FlowKind::kOpen}), ElementsAre(7, 9, 11, 12));
  EXPECT_THAT(Chosen({.service = model::ObjectName{"shop", "cart"}, .kind = FlowKind::kOpen}), ElementsAre(7, 9));
}

TEST_F(FlowsTest, ATupleIsFoundFromBothItsEnds) {
  const auto tuple = [this](model::Protocol protocol, model::SocketAddress from, model::SocketAddress to) {
    return Chosen({.tuple = FlowTuple{protocol, from, to}});
  };
  const model::SocketAddress client = At("192.0.2.9", 40'000), frontend = At("10.96.0.10", 80);
  EXPECT_THAT(tuple(model::Protocol::kTcp, client, frontend), ElementsAre(7));
  EXPECT_THAT(tuple(model::Protocol::kTcp, At("10.244.1.5", 8080), At("10.0.0.1", 50'007)), ElementsAre(7));
  EXPECT_THAT(tuple(model::Protocol::kUdp, client, frontend), IsEmpty());
  EXPECT_THAT(tuple(model::Protocol::kTcp, frontend, client), IsEmpty()) << "no packet has these before translation";
  EXPECT_THAT(tuple(model::Protocol::kTcp, client, At("10.244.1.5", 8080)), IsEmpty());
}

TEST_F(FlowsTest, AFlowNamesTheServiceThatLedToIt) {
  std::vector<std::string> names;
  ASSERT_TRUE(VisitFlows(Rows(), {}, [&](const FlowStatus& flow) {
                names.push_back(absl::StrCat(flow.service.name, ":", flow.port, " ", flow.port_name));
                return names.size() < 5;
              }).ok());
  EXPECT_THAT(names, ElementsAre("cart:80 http", "cart:80 http", "cart:80 http", "web:80 http", ":0 "))
      << "a visitor ends the visit";
}

TEST_F(FlowsTest, AreCountedByKindAndByPort) {
  const absl::StatusOr<FlowCounts> counts = CountFlows(Rows(), {});
  ASSERT_TRUE(counts.ok()) << counts.status();
  EXPECT_EQ(counts->flows, 6u);
  EXPECT_EQ(counts->kinds, (FlowKindCounts{1, 4, 0, 1, 0, 0, 0}));
  std::vector<std::string> services;
  for (const ServiceFlows& service : counts->services) {
    services.push_back(absl::StrCat(service.service.name, ":", service.port, " ", service.flows));
    uint64_t sum = 0;
    for (const uint64_t flows : service.kinds) sum += flows;
    EXPECT_EQ(sum, service.flows);
  }
  EXPECT_THAT(services, ElementsAre("cart:80 3", ":0 2", "web:80 1"));
  EXPECT_EQ(CountFlows(Rows(), {.kind = FlowKind::kClosed})->flows, 1u);
}

TEST_F(FlowsTest, ASetNamesThoseWhoShareItsPorts) {
  auto& flows = maps_.rows["flow_rows"];
  std::get<FlowRow>(flows[0]).snat_set = 5;
  std::get<FlowRow>(flows[3]).snat_set = 5;
  std::get<FlowRow>(flows[4]).snat_set = 5;
  std::get<FlowRow>(flows[1]).snat_set = 2;
  std::get<FlowRow>(flows[1]).protocol = model::Protocol::kUdp;
  maps_.rows["snat_ports"] = {SnatSetRow{2, 1, 16'384}, SnatSetRow{5, 4, 16'384}, SnatSetRow{6, 1, 16'384}};
  const absl::StatusOr<std::vector<SnatSetStatus>> sets = ReadSnatSets(Rows());
  ASSERT_TRUE(sets.ok()) << sets.status();
  std::vector<std::string> lines;
  for (const SnatSetStatus& set : *sets) {
    lines.push_back(absl::StrCat(set.set, ": ", set.ports_taken, " of ", set.ports));
    for (const SnatUser& user : set.users) {
      lines.push_back(absl::StrCat(user.backend.address.ToString(), " ", model::ProtocolName(user.protocol), " ",
                                   user.source.ToString(), " ", user.flows));
    }
  }
  EXPECT_THAT(lines, ElementsAre("5: 4 of 16384", "10.244.1.5 TCP 10.0.0.1 2", "10.244.2.7 TCP 10.0.0.1 1",
                                 "2: 1 of 16384", "10.244.1.5 UDP 10.0.0.1 1", "6: 1 of 16384"))
      << "a flow that began or ended meanwhile is no reason to leave a set out";
}

TEST_F(FlowsTest, AMapThatCannotBeReadIsTheAnswer) {
  for (const char* map : {"service_ports", "flow_rows"}) {
    const auto rows = maps_.rows;
    maps_.rows.erase(map);
    EXPECT_TRUE(absl::IsNotFound(VisitFlows(Rows(), {}, [](const FlowStatus&) { return true; }))) << map;
    EXPECT_TRUE(absl::IsNotFound(CountFlows(Rows(), {}).status())) << map;
    maps_.rows = rows;
  }
  EXPECT_TRUE(absl::IsNotFound(ReadSnatSets(Rows()).status())) << "snat_ports";
}

}  // namespace
}  // namespace shunt::report
