// SPDX-License-Identifier: Apache-2.0
// Runs tables of cases through the decision: the real code in the real kernel on the real maps, filled by the real
// planner and datapath. Only the socket is missing, which the decision does not need.
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cmath>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "bpf/config.h"  // the skeleton needs it first
#include "harness.skel.h"
#include "tests/bpf/harness.h"
#include "userspace/datapath/codec.h"
#include "userspace/datapath/kernel/kernel_datapath.h"
#include "userspace/datapath/kernel/testing/sandbox_fixture.h"
#include "userspace/datapath/map_reader.h"
#include "userspace/planner/planner.h"

namespace shunt::datapath {
namespace {

constexpr uint64_t kHost = 42;  // network namespace cookies, as the cases give them
constexpr uint64_t kPod = 43;
constexpr int kPass = 0, kTranslate = 1, kRefuse = 2, kDrop = 3;

model::Service MakeService(const std::string& name, const std::string& cluster_ip) {
  model::Service service;
  service.name = {"shop", name};
  service.cluster_ips = {cluster_ip};
  service.ports = {{.name = "", .protocol = model::Protocol::kTcp, .port = 80}};
  return service;
}

model::EndpointSlice MakeSlice(const std::string& service, const std::vector<std::string>& addresses,
                               const std::string& node = "node-1") {
  model::EndpointSlice slice;
  slice.name = {"shop", absl::StrCat(service, "-", node)};
  slice.uid = slice.name.name;
  slice.labels["kubernetes.io/service-name"] = service;
  slice.ports = {{.name = "", .protocol = model::Protocol::kTcp, .port = 8080}};
  for (const std::string& address : addresses) {
    if (address.find(':') != std::string::npos) slice.address_type = model::AddressType::kIpv6;
    slice.endpoints.push_back({.address = address, .node_name = node});
  }
  return slice;
}

class DecisionTest : public SandboxTest {
 protected:
  void SetUp() override {
    SandboxTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    auto opened = KernelDatapath::Open({.bpffs = bpffs_, .cgroup = cgroup_, .limits = limits_});
    ASSERT_TRUE(opened.ok()) << opened.status();
    datapath_ = *std::move(opened);
  }

  void TearDown() override {
    harness__destroy(harness_);
    datapath_.reset();
    SandboxTest::TearDown();
  }

  // Loads the harness with the datapath's own pinned maps.
  void OpenHarness(bool local_miss_drops = false, bool observe = false) {
    harness__destroy(harness_);
    harness_ = harness__open();
    ASSERT_NE(harness_, nullptr);
    bpf_map* map;
    bpf_object__for_each_map(map, harness_->obj) {
      const std::string pin = datapath_->pins().MapPath(bpf_map__name(map));
      const int fd = bpf_obj_get(pin.c_str());
      if (fd < 0) continue;  // a map of the harness itself: rodata, draws
      ASSERT_EQ(bpf_map__reuse_fd(map, fd), 0) << pin;
      close(fd);
    }
    shunt_meta meta = {};
    const uint32_t zero = 0;
    ASSERT_EQ(bpf_map_lookup_elem(bpf_map__fd(harness_->maps.meta), &zero, &meta), 0);
    auto& config = harness_->rodata->shunt_config;
    config.host_netns_cookie = kHost;
    config.index_seed = meta.index_seed;
    config.index_mask = bpf_map__max_entries(harness_->maps.frontend_index) - 1;
    config.service_stride = limits_.service_ports;
    config.backend_stride = limits_.backends;
    config.local_miss_drops = local_miss_drops;
    config.observe = observe;
    ASSERT_EQ(harness__load(harness_), 0);
  }

  void Apply(const std::vector<std::pair<model::Service, std::vector<model::EndpointSlice>>>& cluster,
             ApplyScope scope = ApplyScope::kAll) {
    std::vector<model::ServicePlan> plans;
    for (const auto& [service, slices] : cluster) {
      std::vector<const model::EndpointSlice*> pointers;
      for (const auto& slice : slices) pointers.push_back(&slice);
      plans.push_back(planner::PlanService(service, pointers, {.node_name = "node-1", .primary_addresses = primary_}));
    }
    std::vector<const model::ServicePlan*> pointers;
    for (const auto& plan : plans) pointers.push_back(&plan);
    const auto failures = datapath_->Apply(pointers, scope);
    ASSERT_TRUE(failures.empty()) << failures[0].status;
  }

  struct Outcome {
    int verdict;
    uint32_t error;
    uint32_t reason;
    std::string to;  // address:port, if translated
  };

  Outcome Decide(const std::string& address, uint16_t port, uint64_t netns = kPod, int protocol = IPPROTO_TCP) {
    harness_case run = {};
    SetKey(run, address, port, protocol);
    run.netns_cookie = netns;
    LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = &run, .ctx_size_in = sizeof(run));
    EXPECT_EQ(bpf_prog_test_run_opts(bpf_program__fd(harness_->progs.decide_case), &options), 0);
    return OutcomeOf(run);
  }

  struct PacketClient {
    const char* source;
    bool outside = false;
    bool no_cluster_ip = false;
  };

  Outcome DecideForPacket(const PacketClient& client, const std::string& address, uint16_t port,
                          int protocol = IPPROTO_TCP) {
    harness_case run = {};
    run.is_outside = client.outside;
    run.no_cluster_ip = client.no_cluster_ip;
    run.source = EncodeAddress(*model::IpAddress::Parse(client.source));
    SetKey(run, address, port, protocol);
    const uint32_t zero = 0;
    const int map = bpf_map__fd(harness_->maps.packet_case);
    EXPECT_EQ(bpf_map_update_elem(map, &zero, &run, BPF_ANY), 0);
    const std::array<uint8_t, 64> packet = {};
    LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = packet.data(), .data_size_in = packet.size());
    EXPECT_EQ(bpf_prog_test_run_opts(bpf_program__fd(harness_->progs.decide_packet_case), &options), 0);
    EXPECT_EQ(bpf_map_lookup_elem(map, &zero, &run), 0);
    return OutcomeOf(run);
  }

  static void SetKey(harness_case& run, const std::string& address, uint16_t port, int protocol) {
    const auto bytes = model::IpAddress::Parse(address)->bytes();
    memcpy(run.key.address.word, bytes.data(), bytes.size());
    run.key.port = htons(port);
    run.key.protocol = static_cast<uint8_t>(protocol);
  }

  static Outcome OutcomeOf(const harness_case& run) {
    std::array<uint8_t, 16> to;
    memcpy(to.data(), run.to_address.word, to.size());
    return {static_cast<int>(run.verdict), run.error, run.reason,
            run.verdict == kTranslate ? model::IpAddress(to).ToStringWithPort(ntohs(run.to_port)) : ""};
  }

  std::set<std::string> Reached(const std::string& address, uint16_t port, uint64_t netns = kPod) {
    std::set<std::string> reached;
    for (int i = 0; i < 200; ++i) reached.insert(Decide(address, port, netns).to);
    return reached;
  }

  const Limits limits_{.frontends = 256,
                       .service_ports = 64,
                       .pools = 64,
                       .slots = 8192,
                       .backends = 4096,
                       .sockets = 64,
                       .socket_peers = 64,
                       .affinities = 256};
  std::vector<model::IpAddress> primary_ = {*model::IpAddress::Parse("192.168.7.1")};
  MapReader maps() const { return MapReader(datapath_->tables()); }

  std::unique_ptr<KernelDatapath> datapath_;
  harness* harness_ = nullptr;
};

TEST_F(DecisionTest, EveryOutcomeOfADial) {
  model::Service web = MakeService("web", "10.96.0.10");
  web.type = model::ServiceType::kNodePort;
  web.ports[0].node_port = 30080;
  web.external_ips = {"203.0.113.10"};
  model::Service six = MakeService("six", "fd00:96::10");
  model::Service empty = MakeService("empty", "10.96.0.11");
  model::Service local = MakeService("local", "10.96.0.12");
  local.internal_traffic_policy = model::TrafficPolicy::kLocal;
  model::Service ranged = MakeService("ranged", "10.96.0.13");
  ranged.type = model::ServiceType::kLoadBalancer;
  ranged.load_balancer_ingress = {{.ip = "203.0.113.20", .ip_mode = ""}};
  ranged.load_balancer_source_ranges = {"192.168.7.0/24"};
  model::Service closed = MakeService("closed", "10.96.0.14");
  closed.type = model::ServiceType::kLoadBalancer;
  closed.load_balancer_ingress = {{.ip = "203.0.113.21", .ip_mode = ""}};
  closed.load_balancer_source_ranges = {"198.51.100.0/24"};
  Apply({{web, {MakeSlice("web", {"10.1.0.1"})}},
         {six, {MakeSlice("six", {"fd00:1::1"})}},
         {empty, {}},
         {local, {MakeSlice("local", {"10.1.0.2"}, "node-2")}},
         {ranged, {MakeSlice("ranged", {"10.1.0.3"})}},
         {closed, {MakeSlice("closed", {"10.1.0.4"})}}});
  const std::vector<NodeAddress> node = {{.address = *model::IpAddress::Parse("192.168.7.1")},
                                         {.address = *model::IpAddress::Parse("127.0.0.1"), .host_only = true}};
  ASSERT_TRUE(datapath_->SetNodeAddresses(node).ok());
  OpenHarness();

  struct Case {
    const char* what;
    const char* address;
    uint16_t port;
    uint64_t netns;
    int protocol;
    int verdict;
    uint32_t error;
    uint32_t reason;
    const char* to;
  };
  const uint32_t kNone = 0;
  const Case kCases[] = {
      {"a ClusterIP", "10.96.0.10", 80, kPod, IPPROTO_TCP, kTranslate, 0, kNone, "10.1.0.1:8080"},
      {"an IPv6 ClusterIP", "fd00:96::10", 80, kPod, IPPROTO_TCP, kTranslate, 0, kNone, "[fd00:1::1]:8080"},
      {"an external IP", "203.0.113.10", 80, kPod, IPPROTO_TCP, kTranslate, 0, kNone, "10.1.0.1:8080"},
      {"a NodePort on a node address from a pod", "192.168.7.1", 30080, kPod, IPPROTO_TCP, kTranslate, 0, kNone,
       "10.1.0.1:8080"},
      {"a NodePort on loopback from the host", "127.0.0.1", 30080, kHost, IPPROTO_TCP, kTranslate, 0, kNone,
       "10.1.0.1:8080"},
      {"a NodePort on loopback from a pod", "127.0.0.1", 30080, kPod, IPPROTO_TCP, kPass, 0, SHUNT_REASON_HOST_ONLY,
       ""},
      {"another port of a node address", "192.168.7.1", 30081, kPod, IPPROTO_TCP, kPass, 0, SHUNT_REASON_NOT_A_SERVICE,
       ""},
      {"a NodePort on a stranger's address", "192.168.7.2", 30080, kPod, IPPROTO_TCP, kPass, 0,
       SHUNT_REASON_NOT_A_SERVICE, ""},
      {"an unused port of a ClusterIP", "10.96.0.10", 81, kPod, IPPROTO_TCP, kRefuse, ECONNREFUSED,
       SHUNT_REASON_UNUSED_PORT, ""},
      {"the other protocol of a ClusterIP", "10.96.0.10", 80, kPod, IPPROTO_UDP, kRefuse, ECONNREFUSED,
       SHUNT_REASON_UNUSED_PORT, ""},
      {"an unused port of an external IP", "203.0.113.10", 81, kPod, IPPROTO_TCP, kPass, 0, SHUNT_REASON_NOT_A_SERVICE,
       ""},
      {"a stranger beside the ClusterIPs", "10.96.1.10", 80, kPod, IPPROTO_TCP, kPass, 0, SHUNT_REASON_NOT_A_SERVICE,
       ""},
      {"a stranger far away", "198.51.100.1", 80, kPod, IPPROTO_TCP, kPass, 0, SHUNT_REASON_NOT_A_SERVICE, ""},
      {"no endpoint anywhere", "10.96.0.11", 80, kPod, IPPROTO_TCP, kRefuse, ECONNREFUSED, SHUNT_REASON_NO_ENDPOINTS,
       ""},
      {"none here under a Local policy", "10.96.0.12", 80, kPod, IPPROTO_TCP, kRefuse, EHOSTUNREACH,
       SHUNT_REASON_LOCAL_MISS, ""},
      {"source ranges, from a pod", "203.0.113.20", 80, kPod, IPPROTO_TCP, kPass, 0, SHUNT_REASON_SOURCE_RANGES, ""},
      {"source ranges with the node in them, from the host", "203.0.113.20", 80, kHost, IPPROTO_TCP, kTranslate, 0,
       kNone, "10.1.0.3:8080"},
      {"source ranges without the node, from the host", "203.0.113.21", 80, kHost, IPPROTO_TCP, kPass, 0,
       SHUNT_REASON_SOURCE_RANGES, ""},
      {"the ClusterIP of a service with source ranges", "10.96.0.14", 80, kPod, IPPROTO_TCP, kTranslate, 0, kNone,
       "10.1.0.4:8080"},
  };
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.what);
    const Outcome outcome = Decide(c.address, c.port, c.netns, c.protocol);
    EXPECT_EQ(outcome.verdict, c.verdict);
    EXPECT_EQ(outcome.error, c.error);
    if (c.verdict != kTranslate) {
      EXPECT_EQ(outcome.reason, c.reason);
    }
    EXPECT_EQ(outcome.to, c.to);
  }
  OpenHarness(/*local_miss_drops=*/true);
  EXPECT_EQ(Decide("10.96.0.12", 80).verdict, kPass) << "a Local miss is left to the packet path";
  EXPECT_EQ(Decide("10.96.0.11", 80).verdict, kRefuse) << "no endpoints are refused all the same";
}

TEST_F(DecisionTest, EveryOutcomeForAPacket) {
  model::Service web = MakeService("web", "10.96.0.10");
  web.type = model::ServiceType::kLoadBalancer;
  web.ports[0].node_port = 30080;
  web.load_balancer_ingress = {{.ip = "203.0.113.20", .ip_mode = ""}};
  web.external_ips = {"203.0.113.10"};
  web.load_balancer_source_ranges = {"198.51.100.0/25"};
  model::Service local = MakeService("local", "10.96.0.11");
  local.type = model::ServiceType::kLoadBalancer;
  local.ports[0].node_port = 30081;
  local.load_balancer_ingress = {{.ip = "203.0.113.21", .ip_mode = ""}};
  local.external_traffic_policy = model::TrafficPolicy::kLocal;
  model::Service inner = MakeService("inner", "10.96.0.12");
  inner.internal_traffic_policy = model::TrafficPolicy::kLocal;
  model::Service empty = MakeService("empty", "10.96.0.13");
  empty.type = model::ServiceType::kNodePort;
  empty.ports[0].node_port = 30083;
  empty.external_traffic_policy = model::TrafficPolicy::kLocal;
  Apply({{web, {MakeSlice("web", {"10.1.0.1"})}},
         {local, {MakeSlice("local", {"10.1.0.2"}, "node-2")}},
         {inner, {MakeSlice("inner", {"10.1.0.3"}, "node-2")}},
         {empty, {}}});
  ASSERT_TRUE(datapath_->SetNodeAddresses(std::vector<NodeAddress>{{.address = primary_[0]}}).ok());
  OpenHarness();

  const PacketClient outside = {.source = "198.51.100.7", .outside = true};
  const PacketClient barred = {.source = "198.51.100.7", .outside = true, .no_cluster_ip = true};
  const PacketClient inside = {.source = "10.244.1.7"};
  struct Case {
    const char* what;
    PacketClient client;
    const char* address;
    uint16_t port;
    int verdict;
    uint32_t reason;
    const char* to;
  };
  const uint32_t kNone = 0;
  const Case kCases[] = {
      {"a ClusterIP from inside", inside, "10.96.0.10", 80, kTranslate, kNone, "10.1.0.1:8080"},
      {"a ClusterIP from outside", outside, "10.96.0.10", 80, kTranslate, kNone, "10.1.0.1:8080"},
      {"a ClusterIP from outside where that is off", barred, "10.96.0.10", 80, kPass, SHUNT_REASON_OUTSIDE_CLIENT, ""},
      {"a NodePort where ClusterIPs are off", barred, "192.168.7.1", 30080, kTranslate, kNone, "10.1.0.1:8080"},
      {"an external IP", outside, "203.0.113.10", 80, kTranslate, kNone, "10.1.0.1:8080"},
      {"eTP Local without a local endpoint, from outside", outside, "203.0.113.21", 80, kDrop, SHUNT_REASON_LOCAL_MISS,
       ""},
      {"the same by NodePort", outside, "192.168.7.1", 30081, kDrop, SHUNT_REASON_LOCAL_MISS, ""},
      {"eTP Local from inside: every endpoint", inside, "203.0.113.21", 80, kTranslate, kNone, "10.1.0.2:8080"},
      {"eTP Local by ClusterIP: every endpoint", outside, "10.96.0.11", 80, kTranslate, kNone, "10.1.0.2:8080"},
      {"iTP Local without a local endpoint", inside, "10.96.0.12", 80, kDrop, SHUNT_REASON_LOCAL_MISS, ""},
      {"no endpoint anywhere", outside, "192.168.7.1", 30083, kRefuse, SHUNT_REASON_NO_ENDPOINTS, ""},
      {"an unused port of a ClusterIP", inside, "10.96.0.10", 81, kRefuse, SHUNT_REASON_UNUSED_PORT, ""},
      {"an unused port of a load balancer", outside, "203.0.113.20", 81, kPass, SHUNT_REASON_NOT_A_SERVICE, ""},
      {"another port of the node", outside, "192.168.7.1", 22, kPass, SHUNT_REASON_NOT_A_SERVICE, ""},
  };
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.what);
    const Outcome outcome = DecideForPacket(c.client, c.address, c.port);
    EXPECT_EQ(outcome.verdict, c.verdict);
    EXPECT_EQ(outcome.reason, c.verdict == kTranslate ? outcome.reason : c.reason);
    EXPECT_EQ(outcome.to, c.to);
  }
  OpenHarness(/*local_miss_drops=*/true);
  EXPECT_EQ(DecideForPacket(inside, "10.96.0.12", 80).verdict, kDrop) << "that is only for sockets";
}

TEST_F(DecisionTest, AnAffinityOfAnAddressIsNotThatOfASocket) {
  model::Service web = MakeService("web", "10.96.0.10");
  web.affinity_timeout_s = 10'800;
  web.external_ips = {"203.0.113.10"};
  Apply({{web, {MakeSlice("web", {"10.1.0.1", "10.1.0.2", "10.1.0.3", "10.1.0.4"})}}});
  OpenHarness();
  const PacketClient client = {.source = "198.51.100.7", .outside = true};
  const std::string kept = DecideForPacket(client, "10.96.0.10", 80).to;
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(DecideForPacket(client, i % 2 == 0 ? "203.0.113.10" : "10.96.0.10", 80).to, kept);
  }
  std::set<std::string> over_sockets;
  for (uint64_t netns = 100; netns < 200; ++netns) over_sockets.insert(Decide("10.96.0.10", 80, netns).to);
  EXPECT_EQ(over_sockets.size(), 4u);
  EXPECT_EQ(DecideForPacket(client, "10.96.0.10", 80).to, kept);
}

TEST_F(DecisionTest, AnAffinityIsKeptPerClientAndHonoursTheSet) {
  model::Service web = MakeService("web", "10.96.0.10");
  web.affinity_timeout_s = 10'800;
  const std::vector<std::string> pods = {"10.1.0.1", "10.1.0.2", "10.1.0.3", "10.1.0.4"};
  Apply({{web, {MakeSlice("web", pods)}}});
  OpenHarness();
  EXPECT_EQ(Reached("10.96.0.10", 80, kPod).size(), 1u);
  std::set<std::string> over_clients;
  for (uint64_t client = 100; client < 200; ++client) over_clients.insert(Decide("10.96.0.10", 80, client).to);
  EXPECT_EQ(over_clients.size(), pods.size()) << "clients do not share one affinity";

  const std::string kept = Decide("10.96.0.10", 80).to;
  Apply({{web, {MakeSlice("web", {kept.substr(0, kept.find(':')), "10.1.0.9"})}}});
  EXPECT_EQ(Decide("10.96.0.10", 80).to, kept) << "the set changed, the backend is still in it";
  model::EndpointSlice draining = MakeSlice("web", {kept.substr(0, kept.find(':')), "10.1.0.9"});
  draining.endpoints[0].ready = false;
  draining.endpoints[0].serving = true;
  draining.endpoints[0].terminating = true;
  Apply({{web, {draining}}});
  EXPECT_EQ(Decide("10.96.0.10", 80).to, "10.1.0.9:8080") << "a terminating backend is no longer selectable";
}

TEST_F(DecisionTest, WhoOnlyObservesDecidesTheSameAndRemembersNoAffinity) {
  model::Service web = MakeService("web", "10.96.0.10");
  web.affinity_timeout_s = 10'800;
  Apply({{web, {MakeSlice("web", {"10.1.0.1", "10.1.0.2", "10.1.0.3"})}}, {MakeService("empty", "10.96.0.11"), {}}});
  OpenHarness(false, true);
  EXPECT_EQ(Reached("10.96.0.10", 80).size(), 3u);
  EXPECT_EQ(Decide("10.96.0.11", 80).error, static_cast<uint32_t>(ECONNREFUSED));
  size_t affinities = 0;
  EXPECT_TRUE(maps().Dump("affinities", [&](const report::MapRow&) { return ++affinities, true; }).ok());
  EXPECT_EQ(affinities, 0u);
}

// Fills three buckets with keys that belong in one: most are stored past it, so the program has to go on twice.
TEST_F(DecisionTest, KeysPastTheirOwnBucketAreFound) {
  OpenHarness();
  const auto& config = harness_->rodata->shunt_config;
  const model::IpAddress address = *model::IpAddress::Parse("10.96.0.10");
  constexpr uint32_t kHome = 5;
  std::vector<uint16_t> ports;
  for (uint16_t port = 1; port != 0 && ports.size() < 3 * SHUNT_INDEX_ENTRIES; ++port) {
    const shunt_frontend_key key = EncodeFrontend({address, port, model::Protocol::kTcp});
    if ((shunt_key_hash(config.index_seed, &key) & config.index_mask) == kHome) ports.push_back(port);
  }
  ASSERT_EQ(ports.size(), 3u * SHUNT_INDEX_ENTRIES);

  model::Service wide = MakeService("wide", "10.96.0.10");
  wide.ports.clear();
  model::EndpointSlice slice = MakeSlice("wide", {"10.1.0.1"});
  slice.ports.clear();
  const auto backend_port = [](size_t i) { return static_cast<uint16_t>(8000 + i); };
  for (size_t i = 0; i < ports.size(); ++i) {
    const std::string name = absl::StrCat("p", i);
    wide.ports.push_back({.name = name, .protocol = model::Protocol::kTcp, .port = ports[i]});
    slice.ports.push_back({.name = name, .protocol = model::Protocol::kTcp, .port = backend_port(i)});
  }
  Apply({{wide, {slice}}});

  for (const uint32_t bucket : {kHome, kHome + 1}) {
    shunt_index_bucket row = {};
    ASSERT_EQ(bpf_map_lookup_elem(bpf_map__fd(harness_->maps.frontend_index), &bucket, &row), 0);
    ASSERT_GE(row.passed_over, SHUNT_INDEX_ENTRIES) << "nothing stands past bucket " << bucket;
  }
  for (size_t i = 0; i < ports.size(); ++i) {
    EXPECT_EQ(Decide("10.96.0.10", ports[i]).to, absl::StrCat("10.1.0.1:", backend_port(i))) << "port " << ports[i];
  }
}

// Every member's count lies within six standard deviations of its exact expectation (p < 1e-8 each), and members
// without a share are never drawn.
TEST_F(DecisionTest, DrawsFollowTheWeights) {
  model::Service web = MakeService("web", "10.96.0.10");
  web.annotations["shunt-lb.io/endpoint-weights"] =
      R"({"10.1.0.1": 1, "10.1.0.2": 10, "10.1.0.3": 100, "10.1.0.4": 1000, "10.1.0.5": 0})";
  Apply({{web, {MakeSlice("web", {"10.1.0.1", "10.1.0.2", "10.1.0.3", "10.1.0.4", "10.1.0.5"})}}});
  OpenHarness();
  std::map<uint32_t, uint64_t> weight_of;  // by backend id
  ASSERT_TRUE(maps()
                  .Dump("backends",
                        [&](const report::MapRow& row) {
                          const auto& backend = std::get<report::BackendRow>(row);
                          const uint32_t last = backend.address.address.bytes()[15];
                          weight_of[backend.backend] = last == 5 ? 0 : static_cast<uint64_t>(std::pow(10, last - 1));
                          return true;
                        })
                  .ok());
  uint64_t word = 0;
  ASSERT_TRUE(maps()
                  .Dump("pools",
                        [&](const report::MapRow& row) {
                          const auto& pool = std::get<report::PoolRow>(row);
                          if (pool.slot_count > 0) {
                            word = shunt_pool_word(pool.first_slot, pool.slot_count, SHUNT_EMPTY_NOT, pool.generation);
                          }
                          return true;
                        })
                  .ok());
  ASSERT_NE(word, 0u);
  constexpr uint32_t kDraws = 1'000'000;
  harness_draw run = {.pool_word = word, .draws = kDraws, .pad = 0};
  LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = &run, .ctx_size_in = sizeof(run));
  ASSERT_EQ(bpf_prog_test_run_opts(bpf_program__fd(harness_->progs.draw_many), &options), 0);
  for (const auto& [backend, weight] : weight_of) {
    uint64_t drawn = 0;
    ASSERT_EQ(bpf_map_lookup_elem(bpf_map__fd(harness_->maps.draws), &backend, &drawn), 0);
    const double share = static_cast<double>(weight) / 1111;
    const double deviation = std::sqrt(kDraws * share * (1 - share));
    EXPECT_NEAR(static_cast<double>(drawn), kDraws * share, 6 * deviation) << "weight " << weight;
  }
}

}  // namespace
}  // namespace shunt::datapath
