// SPDX-License-Identifier: Apache-2.0
#include "userspace/admin/testing/scripted_agent.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace shunt::admin::testing {
namespace {

using model::EndpointVerdict;
using model::FrontendKind;
using model::Protocol;

model::SocketAddress Address(absl::string_view text, uint16_t port) {
  return {model::IpAddress::Parse(text).value_or(model::IpAddress()), port};
}

model::Frontend MakeFrontend(FrontendKind kind, absl::string_view address, uint16_t port, Protocol protocol) {
  model::Frontend frontend;
  frontend.kind = kind;
  frontend.address = {model::IpAddress::Parse(address).value_or(model::IpAddress()), port, protocol};
  return frontend;
}

model::PlannedEndpoint MakeEndpoint(absl::string_view address, uint16_t port, absl::string_view pod,
                                    EndpointVerdict cluster, EndpointVerdict local) {
  model::PlannedEndpoint endpoint;
  endpoint.backend = Address(address, port);
  endpoint.address_text = std::string(address);
  endpoint.pod_name = std::string(pod);
  endpoint.node_name = local == EndpointVerdict::kNotLocal ? "node-b" : "node-a";
  endpoint.zone = "zone-1";
  endpoint.slice_name = "cart-x7k2p";
  endpoint.ready = endpoint.serving = true;
  endpoint.cluster_verdict = cluster;
  endpoint.local_verdict = local;
  return endpoint;
}

report::ServiceStatus Kubernetes() {
  report::ServiceStatus status;
  status.plan.service = {"default", "kubernetes"};
  status.plan.creation_time_s = 1'700'000'000;
  status.plan.type = model::ServiceType::kClusterIp;
  status.plan.cluster_ips = {Address("10.96.0.1", 0).address};
  model::PortPlan port{.name = "https", .protocol = Protocol::kTcp, .port = 443};
  port.frontends = {MakeFrontend(FrontendKind::kClusterIp, "10.96.0.1", 443, Protocol::kTcp)};
  port.endpoints = {MakeEndpoint("192.0.2.10", 6443, "", EndpointVerdict::kSelected, EndpointVerdict::kSelected)};
  port.endpoints[0].slice_name = "kubernetes";
  port.pools = {{.members = {{Address("192.0.2.10", 6443), 1}}, .slots = {{0, 0, UINT32_MAX}}}};
  status.plan.ports = {port};
  status.port_counters = {{.translated = 7}};
  return status;
}

// The weights are 3 and 1: slot 0 belongs to member 0 alone, half of slot 1 to member 1.
model::PortPlan CartHttp() {
  model::PortPlan port{.name = "http", .protocol = Protocol::kTcp, .port = 80};
  port.affinity_timeout_s = 10'800;
  port.frontends = {MakeFrontend(FrontendKind::kClusterIp, "10.96.12.4", 80, Protocol::kTcp),
                    MakeFrontend(FrontendKind::kNodePort, "0.0.0.0", 30'080, Protocol::kTcp),
                    MakeFrontend(FrontendKind::kLoadBalancer, "203.0.113.7", 80, Protocol::kTcp)};
  port.frontends[1].external_pool = port.frontends[2].external_pool = 1;
  port.frontends[2].source_ranges = {*model::IpPrefix::Parse("198.51.100.0/24")};
  port.endpoints = {
      MakeEndpoint("10.244.1.5", 8080, "cart-0", EndpointVerdict::kSelected, EndpointVerdict::kSelected),
      MakeEndpoint("10.244.1.6", 8080, "cart-1", EndpointVerdict::kTerminating, EndpointVerdict::kTerminating),
      MakeEndpoint("10.244.2.5", 8080, "cart-2", EndpointVerdict::kSelected, EndpointVerdict::kNotLocal),
      MakeEndpoint("10.244.2.6", 8080, "cart-3", EndpointVerdict::kWeightZero, EndpointVerdict::kNotLocal),
      MakeEndpoint("not-an-address", 8080, "", EndpointVerdict::kBadAddress, EndpointVerdict::kBadAddress)};
  port.endpoints[0].weight = 3;
  port.endpoints[1].ready = false;
  port.endpoints[1].terminating = true;
  port.endpoints[3].weight = 0;
  const model::Pool cluster{
      .members = {{Address("10.244.1.5", 8080), 3}, {Address("10.244.2.5", 8080), 1}, {Address("10.244.2.6", 8080), 0}},
      .slots = {{0, 0, UINT32_MAX}, {1, 0, uint32_t{3} << 30}, {2, 0, 0}},
      .scope = model::PoolScope::kCluster};
  const model::Pool local{
      .members = {{Address("10.244.1.5", 8080), 3}}, .slots = {{0, 0, UINT32_MAX}}, .scope = model::PoolScope::kLocal};
  port.pools = {cluster, local};
  return port;
}

report::ServiceStatus Cart() {
  report::ServiceStatus status;
  status.plan.service = {"shop", "cart"};
  status.plan.type = model::ServiceType::kLoadBalancer;
  status.plan.cluster_ips = {Address("10.96.12.4", 0).address, Address("fd00:96::4", 0).address};
  model::PortPlan v6{.name = "http", .protocol = Protocol::kTcp, .port = 80, .family = model::IpFamily::kV6};
  v6.frontends = {MakeFrontend(FrontendKind::kClusterIp, "fd00:96::4", 80, Protocol::kTcp)};
  v6.pools = {{.empty = model::EmptyPool::kNoEndpoints}};
  status.plan.ports = {CartHttp(), v6};
  status.plan.health_check_node_port = 31'000;
  status.plan.local_ready_v4 = 1;
  status.plan.local_ready_v6 = 0;
  status.plan.warnings = {"slice cart-x7k2p: endpoint not-an-address is no IPv4 address"};
  status.port_counters = {{.translated = 1200, .no_endpoints = 0, .local_misses = 3}, {.no_endpoints = 5}};
  return status;
}

report::ServiceStatus Search() {
  report::ServiceStatus status;
  status.plan.service = {"shop", "search"};
  status.plan.type = model::ServiceType::kClusterIp;
  status.plan.cluster_ips = {Address("10.96.12.9", 0).address};
  status.applied =
      absl::ResourceExhaustedError("shop/search: needs 12 slots, pools has room for 3; raise limits.slots");
  model::PortPlan port{.protocol = Protocol::kUdp, .port = 53};
  port.frontends = {MakeFrontend(FrontendKind::kClusterIp, "10.96.12.9", 53, Protocol::kUdp),
                    MakeFrontend(FrontendKind::kExternalIp, "203.0.113.7", 80, Protocol::kUdp)};
  port.frontends[1].conflict_with = {"shop", "cart"};
  port.pools = {{.empty = model::EmptyPool::kNoEndpoints}};
  status.plan.ports = {port};
  status.port_counters = {{.no_endpoints = 41}};
  return status;
}

report::AgentStatus Status() {
  report::AgentStatus status;
  status.version = "0.1.0";
  status.abi_version = 1;
  status.pid = 4242;
  status.node_name = "node-a";
  status.source = "manifests /etc/shunt/manifests";
  status.pin_directory = "/sys/fs/bpf/shunt/plan-v1-1";
  status.cgroup = "/sys/fs/cgroup";
  status.start_time_ms = 1'763'850'000'250;
  status.synced = true;
  status.last_apply_time_ms = 1'763'850'061'000;
  status.applies = 12;
  status.services = 3;
  status.frontends = 6;
  status.backends = 4;
  status.failed_services = 1;
  status.programs_current = true;
  status.programs = {
      {"sock_connect4", "cgroup/connect4", "/sys/fs/cgroup", "0123456789abcdef", 1000, 123'000, 2048, true, true},
      {"sock_connect6", "cgroup/connect6", "/sys/fs/cgroup", "fedcba9876543210", 0, 0, 2050, true, true}};
  status.maps = {{"frontend_rows", "array", 6, 131'072, 12'582'912},
                 {"slots", "array", 1'040'000, 1'048'576, 16'777'216},
                 {"socket_storage", "sk_storage", 0, 0, 0}};
  status.reasons = {{"not_a_service", "the destination is no frontend: passed untouched", 99},
                    {"no_endpoints", "the service has no endpoint anywhere: refused", 46},
                    {"no_state", "a reply or peer name on a socket without a translation: untouched", 52'000}};
  status.socket_sweeps = {.protocols = "udp",
                          .method = "bpf_sock_destroy",
                          .sweeps = 31,
                          .last_sweep_time_ms = 1'763'850'090'000,
                          .ended_udp = 14,
                          .namespaces = 5};
  status.packet_path = {.devices_in_force = 2, .devices_missing = 1, .flows = 200'000, .flows_limit = 262'144};
  status.problems = {{"shop/search", "does not fit: needs 12 slots"}};
  status.service_warnings = {
      {{"shop", "cart"}, report::WarningKind::kObject, "slice cart-x7k2p: endpoint not-an-address is no IPv4 address"},
      {{"shop", "search"},
       report::WarningKind::kConflict,
       "frontend 203.0.113.7:80/UDP belongs to Service shop/cart and is not served for this one"}};
  status.warned_services = {1, 0, 0, 1};
  return status;
}

// A client from outside at a NodePort, with an endpoint on another node, and a lookup that stays on this one.
std::vector<report::MapRow> Flows() {
  report::FlowRow web{.row = 7,
                      .client = Address("192.0.2.9", 40'000),
                      .frontend = Address("203.0.113.5", 30'080),
                      .backend_address = Address("10.244.1.5", 8080),
                      .source = Address("10.244.0.0", 50'000),
                      .mode = report::FlowMode::kRedirect};
  web.flags.snat = true;
  web.state.settled = web.state.replied = web.state.confirmed = web.state.fin_forward = true;
  web.idle_ms = 1500;
  web.service_port = 1;
  web.pool = 2;
  web.backend = 5;
  web.kind = report::FlowKind::kHalfClosed;
  web.forward_hop = 0x02000000000a;
  web.reverse_hop = 0x0200000000fe;
  web.snat_set = 12;
  web.forward_device = 4;
  web.reverse_device = 2;
  report::FlowRow dns{.row = 9,
                      .protocol = Protocol::kUdp,
                      .client = Address("10.244.0.9", 5353),
                      .frontend = Address("10.96.12.4", 53),
                      .backend_address = Address("10.244.0.7", 53),
                      .source = Address("10.244.0.9", 5353)};
  dns.state.settled = true;
  dns.kind = report::FlowKind::kDatagrams;
  dns.service_port = 2;
  dns.pool = 3;
  dns.backend = 9;
  dns.reverse_device = 6;
  return {web, dns};
}

// An uplink and a pod with programs, a tunnel that could not get them, and the loopback device.
report::DeviceReport Devices() {
  report::DeviceStatus loopback{.index = 1, .name = "lo", .mtu = 65'536};
  loopback.why_not = "it is the loopback device";
  report::DeviceStatus uplink{.index = 2, .name = "eth0", .role = report::DeviceRole::kExternal};
  uplink.hook = report::DeviceHook::kTcx;
  uplink.wanted = uplink.in_force = true;
  uplink.source_v4 = model::IpAddress::Parse("203.0.113.5");
  uplink.source_v6 = model::IpAddress::Parse("2001:db8::5");
  uplink.mtu = 1500;
  report::DeviceStatus tunnel{.index = 4, .name = "flannel.1", .role = report::DeviceRole::kOverlay, .wanted = true};
  tunnel.source_v4 = model::IpAddress::Parse("10.244.0.0");
  tunnel.mtu = 1450;
  tunnel.why_not = "its ingress hook: No space left on device";
  report::DeviceStatus pod{.index = 6, .name = "veth1c0ffee", .role = report::DeviceRole::kPod};
  pod.hook = report::DeviceHook::kClsact;
  pod.wanted = pod.in_force = true;
  pod.mtu = 1450;
  return {.devices = {loopback, uplink, tunnel, pod}, .unmatched = {"bond0"}};
}

std::map<std::string, std::vector<report::MapRow>> PacketMaps() {
  report::DeviceRow uplink{.ifindex = 2, .link_header = 14, .mac = "02:00:00:00:00:02", .mtu = 1500};
  uplink.source_v4 = model::IpAddress::Parse("203.0.113.5");
  uplink.source_v6 = model::IpAddress::Parse("2001:db8::5");
  report::DeviceRow pod{.ifindex = 6, .role = report::DeviceRole::kPod, .link_header = 14, .mac = "02:00:00:00:00:06"};
  pod.mtu = 1450;
  pod.master = 5;
  return {
      {"flow_index", {report::FlowEntryRow{1023, 7, false}, report::FlowEntryRow{17, 7, true}}},
      {"flow_rows", Flows()},
      {"flow_taken", {report::FilterRow{2, 262'144}}},
      {"snat_ports", {report::SnatSetRow{12, 1, 16'384}}},
      {"flow_level",
       {report::FlowLevelRow{.pressure = 1,
                             .rows_taken = 200'000,
                             .next_row = 512,
                             .rounds = 42,
                             .kinds = {{report::FlowKind::kOpening, 3, 9},
                                       {report::FlowKind::kOpen, 199'000, 0},
                                       {report::FlowKind::kClosed, 997, 12'000}}}}},
      {"node_ports",
       {report::PortRangeRow{Protocol::kTcp, 30'080, 30'080}, report::PortRangeRow{Protocol::kTcp, 49'152, 65'535}}},
      {"scopes",
       {report::ScopeRow{
            .id = 4711, .configured = true, .added = true, .name = "/kubepods.slice/kubepods-pod0b1f.slice"},
        report::ScopeRow{
            .kind = report::ScopeKind::kNetworkNamespace, .id = 4217, .added = true, .name = "/run/netns/cni-1"},
        report::ScopeRow{.kind = report::ScopeKind::kKernel, .configured = true}}},
      {"scope_filter", {report::FilterRow{2, 4096}}},
      {"endpoint_filter", {report::FilterRow{40, 1'048'576}}},
      {"source_ranges", {report::SourceRangeRow{1, "10.244.0.0/16"}, report::SourceRangeRow{2, "2001:db8::/32"}}},
      {"devices", {uplink, pod}},
      {"fragments",
       {report::FragmentRow{Address("192.0.2.9", 5000), Address("203.0.113.5", 30'053), Protocol::kUdp, 77}}},
  };
}

std::map<std::string, std::vector<report::MapRow>> Maps() {
  const model::SocketAddress dialled = Address("10.96.12.4", 80);
  const model::SocketAddress backend = Address("10.244.1.5", 8080);
  report::FrontendRow frontend{.row = 3, .address = {dialled.address, 80, Protocol::kTcp}, .service_port = 1};
  frontend.internal_pool = frontend.external_pool = 2;
  frontend.affinity_timeout_s = 10'800;
  report::FrontendRow datagrams{.row = 2, .address = {dialled.address, 53, Protocol::kUdp}, .service_port = 2};
  datagrams.internal_pool = datagrams.external_pool = 3;
  datagrams.udp_idle_s = 120;
  report::FrontendRow from_outside{
      .row = 1, .address = {Address("203.0.113.7", 80).address, 80, Protocol::kTcp}, .service_port = 1};
  from_outside.kind = model::FrontendKind::kLoadBalancer;
  from_outside.internal_pool = from_outside.external_pool = 2;
  from_outside.source_list = 2;
  from_outside.flags = {.source_ranges = true, .snat = true, .snat_inside = true};
  report::FrontendRow address{.row = 4, .address = {dialled.address, 0, Protocol::kTcp}, .about_address = true};
  address.flags.cluster_ip = true;
  std::map<std::string, std::vector<report::MapRow>> maps = {
      {"meta",
       {report::MetaRow{.memory_version = 1,
                        .generation = 9,
                        .storage_in_use = true,
                        .features = {.sockets = true},
                        .sign_of_life = {.stale_after_ms = 600'000, .age_ms = 750}}}},
      {"source_versions",
       {report::SourceVersionRow{"services", "1040", 3}, report::SourceVersionRow{"endpointslices", "1041", 120}}},
      {"frontend_rows", {from_outside, datagrams, frontend, address}},
      {"pools",
       {report::PoolRow{.pool = 2, .first_slot = 16, .slot_count = 3, .generation = 9},
        report::PoolRow{.pool = 3, .generation = 4, .empty = model::EmptyPool::kNoEndpoints}}},
      {"slots", {report::SlotRow{.slot = 16, .backend = 5, .alias = 5, .threshold = UINT32_MAX}}},
      {"backends", {report::BackendRow{.backend = 5, .address = backend}}},
      {"service_ports",
       {report::ServicePortRow{.service_port = 1, .service = {"shop", "cart"}, .port_name = "http", .port = 80}}},
      {"socket_state",
       {report::SocketStateRow{71, dialled, backend, 2, 5, {.translated = true}},
        report::SocketStateRow{.cookie = 72, .flags = {.exempt = true}}}},
      {"socket_peers", {report::SocketPeerRow{71, report::PeerDirection::kForward, dialled, backend, 2, 5}}},
      {"socket_peer_counts", {report::PeerCountRow{4711, 1}}},
      {"socket_taken", {report::FilterRow{2, 262'144}}},
      {"affinities", {report::AffinityRow{"netns 4026532008", 1, 5, 1500}}},
      {"service_counters", {report::ServiceCountersRow{1, 1200, 0, 3}}},
      {"backend_counters", {report::BackendCountersRow{5, 900}}},
      {"reasons", {report::ReasonRow{"no_endpoints", "the service has no endpoint anywhere: refused", 46}}},
      {"prefix_filter", {report::FilterRow{12, 65'536}}},
  };
  maps.merge(PacketMaps());
  return maps;
}

}  // namespace

absl::StatusOr<report::AgentStatus> ScriptedAgent::Status() const {
  if (!unreadable.ok()) return unreadable;
  return status;
}

absl::Status ScriptedAgent::Services(const std::function<bool(const report::ServiceStatus&)>& visit) const {
  for (const report::ServiceStatus& service : services) {
    if (!visit(service)) break;
  }
  return unreadable;
}

absl::StatusOr<std::optional<report::ServiceStatus>> ScriptedAgent::Service(const model::ObjectName& name) const {
  if (!unreadable.ok()) return unreadable;
  for (const report::ServiceStatus& service : services) {
    if (service.plan.service == name) return service;
  }
  return std::nullopt;
}

absl::StatusOr<std::vector<report::BackendStatus>> ScriptedAgent::Backends() const {
  if (!unreadable.ok()) return unreadable;
  return backends;
}

absl::StatusOr<report::DeviceReport> ScriptedAgent::Devices() const {
  if (!unreadable.ok()) return unreadable;
  return devices;
}

absl::Status ScriptedAgent::DumpMap(absl::string_view map,
                                    const std::function<bool(const report::MapRow&)>& visit) const {
  if (!unreadable.ok()) return unreadable;
  const auto found = maps.find(std::string(map));
  if (found == maps.end()) {
    std::string names;
    for (const auto& [name, rows] : maps) absl::StrAppend(&names, names.empty() ? "" : ", ", name);
    return absl::NotFoundError(absl::StrCat("no map ", map, "; there are ", names));
  }
  for (const report::MapRow& row : found->second) {
    if (!visit(row)) break;
  }
  return absl::OkStatus();
}

absl::StatusOr<report::AuditReport> ScriptedAgent::Audit() const {
  if (!unreadable.ok()) return unreadable;
  return audit;
}

ScriptedAgent SmallCluster() {
  ScriptedAgent agent;
  agent.status = Status();
  agent.services = {Kubernetes(), Cart(), Search()};
  agent.backends = {{1, Address("192.0.2.10", 6443), 7, {{"default", "kubernetes"}}},
                    {5, Address("10.244.1.5", 8080), 900, {{"shop", "cart"}}},
                    {6, Address("10.244.2.5", 8080), 300, {{"shop", "cart"}}},
                    {9, Address("fd00:244::7", 53), 0, {}}};
  agent.devices = Devices();
  agent.maps = Maps();
  return agent;
}

ScriptedAgent FollowingCluster() {
  ScriptedAgent agent = SmallCluster();
  agent.status.source = "kubernetes https://10.0.0.1:6443";
  agent.status.answer_time_ms = 1'763'850'100'000;
  agent.status.last_audit = {.time_ms = 1'763'850'060'000, .services = {{"shop", "cart"}}, .shared = 2};
  report::ReflectorStatus services{.resource = "services", .watch_starts = 1, .objects = 3};
  services.resource_version = "1042";
  services.current_as_of_ms = 1'763'850'098'900;
  services.last_event_time_ms = 1'763'850'061'000;
  services.synced = true;
  report::ReflectorStatus slices{.resource = "endpointslices", .relists = 2, .watch_starts = 4, .stalls = 1};
  slices.errors = 1;
  slices.rejected_objects = 5;
  slices.objects_left_out = 2;
  slices.objects = 120;
  slices.resource_version = "1040";
  slices.current_as_of_ms = 1'763'850'007'000;
  slices.synced = slices.list_held_back = true;
  slices.removals_held_back = 118;
  slices.last_error = "list endpointslices: HTTP 503";
  const report::ReflectorStatus nodes{.resource = "nodes"};
  agent.status.source_status.reflectors = {services, slices, nodes};
  agent.status.source_status.server = "https://10.0.0.1:6443";
  return agent;
}

}  // namespace shunt::admin::testing
