// SPDX-License-Identifier: Apache-2.0
#include "userspace/agent/serve/live_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "userspace/agent/testing/recording_datapath.h"
#include "userspace/report/testing/scripted_maps.h"

namespace shunt::agent {
namespace {

using testing::ElementsAre;

model::SocketAddress Backend(uint32_t low) {
  return {model::IpAddress::FromV4(0x0a000000 + low), 8080};
}

std::shared_ptr<model::ServicePlan> Plan(const std::string& name, const std::vector<model::SocketAddress>& members) {
  auto plan = std::make_shared<model::ServicePlan>();
  plan->service = {"shop", name};
  for (const char* port : {"web", "admin"}) {
    model::PortPlan port_plan{.name = port, .port = static_cast<uint16_t>(plan->ports.empty() ? 80 : 81)};
    port_plan.pools.resize(1);
    for (const model::SocketAddress& member : members) port_plan.pools[0].members.push_back({member, 1});
    plan->ports.push_back(port_plan);
  }
  return plan;
}

class FixedAddresses final : public AddressFeed {
 public:
  int fd() const override { return -1; }
  absl::StatusOr<std::vector<datapath::NodeAddress>> Read() override { return std::vector<datapath::NodeAddress>(); }
};

class SilentListener final : public LoopListener {
 public:
  void FirstApplied() override {}
  void Stepped() override {}
  void Progressed(sources::ObjectKind, const report::SourceVersion&) override {}
  bool Changed(sources::ClusterView) override { return true; }
  std::chrono::milliseconds ViewPace() const override { return std::chrono::minutes(1); }
};

class ScriptedParts final : public AgentParts {
 public:
  bool programs_current() const override { return current; }
  report::SocketSweeps socket_sweeps() const override { return sockets; }
  report::SourceStatus source_status() const override { return source; }
  report::DeviceReport devices() const override { return device_report; }
  std::vector<report::StatusProblem> Problems() const override { return problems; }

  bool current = true;
  report::SocketSweeps sockets;
  report::SourceStatus source;
  report::DeviceReport device_report;
  std::vector<report::StatusProblem> problems;
};

class LiveViewTest : public testing::Test {
 protected:
  LiveViewTest() {
    ledger_.Record(Plan("cart", {Backend(1), Backend(2)}), absl::OkStatus());
    ledger_.Record(Plan("search", {Backend(2)}), absl::ResourceExhaustedError("map slots: full"));
    const auto port = [](uint32_t index, const char* service, const char* name, uint16_t number) {
      return report::ServicePortRow{
          .service_port = index, .service = {"shop", service}, .port_name = name, .port = number};
    };
    maps_.rows["service_ports"] = {port(4, "cart", "web", 80), port(5, "cart", "admin", 81),
                                   port(9, "gone", "web", 80)};
    maps_.rows["service_counters"] = {report::ServiceCountersRow{4, 100, 2, 3},
                                      report::ServiceCountersRow{9, 77, 0, 0}};
    maps_.rows["backends"] = {report::BackendRow{7, Backend(2)}, report::BackendRow{3, Backend(1)},
                              report::BackendRow{8, Backend(99)}};
    maps_.rows["backend_counters"] = {report::BackendCountersRow{7, 60}, report::BackendCountersRow{3, 40}};
    maps_.rows["reasons"] = {report::ReasonRow{"port_zero", "dialled port 0", 5}};
    maps_.fill_levels = {{.name = "backends", .type = "array", .used = 2, .capacity = 100}};
    maps_.programs = {{.name = "sock_connect4"}};
  }

  LiveView View() {
    report::AgentStatus identity;
    identity.version = "1.2.3";
    identity.observing = observe_;
    identity.problems = {{"programs", "an older set is in force"}};
    return LiveView(identity, ledger_, loop_, parts_, [this] {
      ++maps_opened_;
      return Open();
    });
  }
  absl::StatusOr<std::unique_ptr<const report::PinnedMaps>> Open() const {
    if (!maps_open_) return absl::NotFoundError("open /sys/fs/bpf/shunt/plan-v1-1: nothing is pinned");
    return std::make_unique<report::testing::ScriptedMaps>(maps_);
  }

  report::testing::ScriptedMaps maps_;
  bool maps_open_ = true;
  bool observe_ = false;
  int maps_opened_ = 0;
  RecordingDatapath datapath_;
  Ledger ledger_;
  Inbox inbox_{1};
  FixedAddresses addresses_;
  SilentListener listener_;
  Loop loop_{{.node_name = "node-a"}, datapath_, ledger_, inbox_, addresses_};
  ScriptedParts parts_;
};

TEST_F(LiveViewTest, StatusPutsEverythingTogether) {
  const report::AgentStatus status = View().Status().value();
  EXPECT_EQ(status.version, "1.2.3");
  EXPECT_FALSE(status.synced);
  EXPECT_EQ(status.services, 1u) << "of search the kernel holds nothing";
  EXPECT_EQ(status.backends, 2u);
  EXPECT_EQ(status.failed_services, 1u);
  EXPECT_EQ(status.programs.at(0).name, "sock_connect4");
  EXPECT_EQ(status.reasons.at(0).count, 5u);
  ASSERT_EQ(status.problems.size(), 2u);
  EXPECT_EQ(status.problems[0].what, "an older set is in force");
  EXPECT_EQ(status.problems[1].where, "Service shop/search");
  EXPECT_TRUE(status.service_warnings.empty());

  model::ServicePlan conflicting{.service = {"shop", "cart"}};
  conflicting.warnings = {"a tenant's mistake"};
  ledger_.Record(std::make_shared<model::ServicePlan>(conflicting), absl::OkStatus());
  const report::AgentStatus warned = View().Status().value();
  EXPECT_EQ(warned.problems.size(), 2u) << "nothing more is wrong with the node";
  EXPECT_EQ(warned.service_warnings.at(0).what, "a tenant's mistake");
  EXPECT_EQ(warned.warned_services, (report::WarnedServices{0, 0, 0, 1}));
}

TEST_F(LiveViewTest, AServiceThatKeepsItsEarlierPlanIsHeldAndFailed) {
  ledger_.Record(Plan("search", {Backend(2)}), absl::OkStatus());
  report::AgentStatus status = View().Status().value();
  EXPECT_EQ(status.services, 2u);
  EXPECT_EQ(status.failed_services, 0u);

  ledger_.Record(Plan("search", {Backend(3)}), absl::ResourceExhaustedError("map slots: full"));
  status = View().Status().value();
  EXPECT_EQ(status.services, 2u);
  EXPECT_EQ(status.failed_services, 1u);
  EXPECT_EQ(View().Metrics().status.services, 2u);
}

TEST_F(LiveViewTest, ObservingIsWhatTheProgramsInForceDo) {
  maps_.rows["meta"] = {report::MetaRow{.features = {.observe = true}}};
  parts_.current = false;
  EXPECT_TRUE(View().Status()->observing) << "the programs of an earlier agent, which only observed";
  maps_.rows["meta"] = {report::MetaRow{}};
  observe_ = true;
  EXPECT_FALSE(View().Status()->observing) << "the programs of an earlier agent, which served";

  maps_open_ = false;
  EXPECT_FALSE(View().Status()->observing);
  parts_.current = true;
  EXPECT_TRUE(View().Status()->observing) << "its own, even if the maps cannot be read";
}

TEST_F(LiveViewTest, StatusHasTheSourceAndTheLastAudit) {
  std::stop_source ended;
  ended.request_stop();
  loop_.Run(ended.get_token(), listener_);
  parts_.source.server = "https://10.0.0.1:6443";
  parts_.sockets.ended_udp = 3;
  parts_.problems = {{"snapshot", "disk full"}};
  const LiveView view = View();
  const report::AgentStatus status = view.Status().value();
  EXPECT_EQ(status.source_status.server, "https://10.0.0.1:6443");
  EXPECT_EQ(status.socket_sweeps.ended_udp, 3u);
  EXPECT_EQ(status.problems.at(1).what, "disk full");
  EXPECT_EQ(status.last_audit, report::AuditReport()) << "there has been none";
  EXPECT_GT(status.answer_time_ms, 1'700'000'000'000);
  EXPECT_EQ(view.Audit().status().code(), absl::StatusCode::kUnavailable) << "the loop has ended";
}

TEST_F(LiveViewTest, ServicesWithTheirCounters) {
  const std::optional<report::ServiceStatus> service = View().Service({"shop", "cart"}).value();
  ASSERT_TRUE(service.has_value());
  EXPECT_TRUE(service->applied.ok());
  ASSERT_EQ(service->port_counters.size(), 2u);
  EXPECT_EQ(service->port_counters[0].translated, 100u);
  EXPECT_EQ(service->port_counters[0].no_endpoints, 2u);
  EXPECT_EQ(service->port_counters[0].local_misses, 3u);
  EXPECT_EQ(service->port_counters[1].translated, 0u) << "no row of counters yet";
  EXPECT_EQ(View().Service({"shop", "gone"})->has_value(), false) << "a leftover row is no Service";

  std::vector<std::string> names;
  maps_opened_ = 0;
  const absl::Status visited = View().Services([&](const report::ServiceStatus& status) {
    names.push_back(status.plan.service.name);
    EXPECT_EQ(status.applied.ok(), status.plan.service.name == "cart");
    return true;
  });
  EXPECT_EQ(visited, absl::OkStatus());
  EXPECT_THAT(names, ElementsAre("cart", "search"));
  EXPECT_EQ(maps_opened_, 1) << "one for all Services";
}

TEST_F(LiveViewTest, ARefusedStateIsToldOfItsService) {
  const model::ObjectName cart{"shop", "cart"};
  inbox_.PortOf(0).Report({{"a.yaml:3", "spec.ports must be a list", cart},
                           {"a.yaml:9", "spec.type is wrong", cart},
                           {.where = "b.yaml:1", .what = "a slice is not used", .advice = true}});
  {
    const std::jthread runs([this](std::stop_token stop) { loop_.Run(std::move(stop), listener_); });
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (loop_.state().source_problems.empty() && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  }
  const std::vector<std::string> why = {"a.yaml:3: spec.ports must be a list", "a.yaml:9: spec.type is wrong"};
  EXPECT_EQ(View().Service(cart).value()->refusals, why);
  EXPECT_EQ(View().Services([&](const report::ServiceStatus& status) {
    EXPECT_EQ(status.refusals, status.plan.service == cart ? why : std::vector<std::string>());
    return true;
  }),
            absl::OkStatus());
  const std::vector<report::StatusProblem> problems = View().Status()->problems;
  ASSERT_GE(problems.size(), 4u);
  EXPECT_EQ(problems[1].refused_service, cart);
  EXPECT_FALSE(problems[1].advice);
  EXPECT_EQ(problems[3].refused_service, std::nullopt);
  EXPECT_TRUE(problems[3].advice);
}

TEST_F(LiveViewTest, ServicesInPagesUntilTheVisitorHasEnough) {
  for (int i = 0; i < 1200; ++i) ledger_.Record(Plan(absl::StrCat("x", 10'000 + i), {}), absl::OkStatus());
  int visited = 0;
  EXPECT_EQ(View().Services([&](const report::ServiceStatus&) { return ++visited < 700; }), absl::OkStatus());
  EXPECT_EQ(visited, 700);
  visited = 0;
  EXPECT_EQ(View().Services([&](const report::ServiceStatus&) { return ++visited > 0; }), absl::OkStatus());
  EXPECT_EQ(visited, 1202);
}

TEST_F(LiveViewTest, BackendsByIdWithTheirServices) {
  const std::vector<report::BackendStatus> backends = View().Backends().value();
  ASSERT_EQ(backends.size(), 3u);
  EXPECT_EQ(backends[0].id, 3u);
  EXPECT_EQ(backends[0].chosen, 40u);
  EXPECT_THAT(backends[0].services, ElementsAre(model::ObjectName{"shop", "cart"}));
  EXPECT_EQ(backends[1].id, 7u);
  EXPECT_EQ(backends[1].address, Backend(2));
  EXPECT_THAT(backends[1].services, ElementsAre(model::ObjectName{"shop", "cart"}, model::ObjectName{"shop", "search"}))
      << "each once, though both of its ports use it";
  EXPECT_TRUE(backends[2].services.empty()) << "in its grace period";
}

TEST_F(LiveViewTest, MapsAndWhatIsSaidWithoutThem) {
  int rows = 0;
  EXPECT_TRUE(View().DumpMap("backends", [&](const report::MapRow&) { return ++rows < 2; }).ok());
  EXPECT_EQ(rows, 2);
  EXPECT_EQ(View().DumpMap("nonsense", [](const report::MapRow&) { return true; }).code(), absl::StatusCode::kNotFound);

  maps_open_ = false;
  EXPECT_EQ(View().DumpMap("backends", [](const report::MapRow&) { return true; }).message(),
            "open /sys/fs/bpf/shunt/plan-v1-1: nothing is pinned");
  EXPECT_EQ(View().Status()->problems.back().where, "maps");
  EXPECT_EQ(View().Service({"shop", "cart"}).value()->port_counters.size(), 2u) << "the plan, with zeros";
}

TEST_F(LiveViewTest, ThePacketPathIsShownWhereThereIsOne) {
  parts_.device_report.devices = {{.index = 2, .name = "eth0", .wanted = true, .in_force = true},
                                  {.index = 3, .name = "eth1", .wanted = true}};
  parts_.device_report.unmatched = {"bond0"};
  EXPECT_EQ(View().Devices()->devices.at(1).name, "eth1");
  EXPECT_THAT(View().Devices()->unmatched, ElementsAre("bond0"));
  maps_.fill_levels = {{.name = "flow_rows", .type = "array", .used = 0, .capacity = 1}};
  EXPECT_FALSE(View().Status()->packet_path.has_value());
  EXPECT_FALSE(View().Metrics().packets.has_value());

  maps_.fill_levels = {{.name = "flow_rows", .type = "array", .used = 90, .capacity = 1024}};
  maps_.rows["flow_level"] = {report::FlowLevelRow{.rounds = 5, .kinds = {}}};
  const std::optional<report::PacketPathStatus> path = View().Status()->packet_path;
  ASSERT_TRUE(path.has_value());
  EXPECT_EQ(path->devices_in_force, 1u);
  EXPECT_EQ(path->devices_missing, 1u);
  EXPECT_EQ(path->flows, 90u);
  const std::optional<report::PacketMetrics> packets = View().Metrics().packets;
  ASSERT_TRUE(packets.has_value());
  EXPECT_EQ(packets->flows.rounds, 5u);
}

TEST_F(LiveViewTest, TheMetricsAreOfAllItsSources) {
  loop_.metrics().AuditDone(1, 0, 0);
  parts_.source.server = "https://10.0.0.1:6443";
  const LiveView view = View();
  const report::MetricsSnapshot snapshot = view.Metrics();
  EXPECT_EQ(snapshot.status.version, "1.2.3");
  EXPECT_EQ(snapshot.agent.audit.audits, 1u);
  EXPECT_EQ(snapshot.source.server, "https://10.0.0.1:6443");
  EXPECT_THAT(snapshot.traffic.ports, testing::SizeIs(3));
  EXPECT_GT(snapshot.process.resident_bytes, 0u);
  EXPECT_GT(snapshot.now_ms, 1'700'000'000'000);
  maps_open_ = false;
  EXPECT_THAT(view.Metrics().traffic.ports, testing::IsEmpty());
}

}  // namespace
}  // namespace shunt::agent
