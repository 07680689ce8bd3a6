// SPDX-License-Identifier: Apache-2.0
#include "tests/bpf/tc_world.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <gtest/gtest.h>
#include <net/if.h>

#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tc.skel.h"
#include "tests/sandbox/devices.h"
#include "tests/sandbox/netlink.h"

namespace shunt {
namespace {

constexpr uint32_t kRows = 64;  // of each map that the agent would write

shunt_address Encode(const model::IpAddress& address) {
  shunt_address encoded;
  std::memcpy(&encoded, address.bytes().data(), sizeof encoded);
  return encoded;
}

shunt_address AddressOf(absl::string_view text) {
  return Encode(*model::IpAddress::Parse(text));
}

shunt_frontend_key KeyOf(absl::string_view at, uint8_t protocol) {
  const packets::Packet end = packets::Udp(at, at);
  return {.address = Encode(end.source), .port = htons(end.source_port), .protocol = protocol, .pad = 0};
}

uint32_t IndexOf(absl::string_view device) {
  return if_nametoindex(std::string(device).c_str());
}

template <typename Row>
void Store(const bpf_map* map, uint32_t id, const Row& row) {
  ASSERT_EQ(bpf_map_update_elem(bpf_map__fd(map), &id, &row, BPF_ANY), 0) << bpf_map__name(map) << " row " << id;
}

template <typename Row>
Row Fetch(const bpf_map* map, uint32_t id) {
  Row row = {};
  EXPECT_EQ(bpf_map_lookup_elem(bpf_map__fd(map), &id, &row), 0) << bpf_map__name(map) << " row " << id;
  return row;
}

void SetBit(const bpf_map* map, uint32_t bit) {
  Store(map, bit / 64, Fetch<uint64_t>(map, bit / 64) | uint64_t{1} << (bit % 64));
}

}  // namespace

absl::StatusOr<std::unique_ptr<TcWorld>> TcWorld::Create(const TcOptions& options) {
  std::unique_ptr<TcWorld> world(new TcWorld());
  absl::StatusOr<sandbox::NetworkNamespace> node = sandbox::NetworkNamespace::Create();
  if (!node.ok()) return node.status();
  world->node_ = std::make_unique<sandbox::NetworkNamespace>(*std::move(node));
  world->in_node_ = std::make_unique<sandbox::InNamespace>(*world->node_);
  if (absl::Status status = world->MakeDevices(); !status.ok()) return status;
  if (absl::Status status = world->Load(options); !status.ok()) return status;
  world->AddDevice("eth0", SHUNT_DEVICE_EXTERNAL, "192.0.2.10", "2001:db8::10");
  world->AddDevice("pod1", SHUNT_DEVICE_POD, "192.0.2.10", "2001:db8::10");
  world->AddDevice("cni0", SHUNT_DEVICE_POD, "10.244.3.1", "2001:db8::10");
  world->AddDevice("p1", SHUNT_DEVICE_POD, "10.244.3.1", "2001:db8::10", "cni0");
  world->AddDevice("p2", SHUNT_DEVICE_POD, "10.244.3.1", "2001:db8::10", "cni0");
  world->AddDevice("vx0", SHUNT_DEVICE_OVERLAY, "10.244.9.0", "");
  return world;
}

TcWorld::~TcWorld() {
  tc__destroy(programs_);
}

absl::Status TcWorld::MakeDevices() {
  std::vector<absl::Status> steps;
  for (const char* path : {"ipv4/ip_forward", "ipv6/conf/all/forwarding", "ipv4/conf/all/rp_filter"}) {
    steps.push_back(sandbox::SetSysctl(path, "1"));
  }
  steps.push_back(MakePeer("eth0", "198.51.100.7", kClientMac));
  steps.push_back(MakePeer("pod1", "10.244.1.7", kClientMac));
  steps.push_back(MakePeer("p1", "10.244.3.2", MacOf(kPodMac1)));
  steps.push_back(MakePeer("p2", "10.244.3.3", MacOf(kPodMac2)));
  steps.push_back(MakePeer("vx0", "10.244.9.5", MacOf(kOverlayMac)));
  steps.push_back(sandbox::AddBridge("cni0"));
  steps.push_back(sandbox::SetMac("cni0", kNodeMac));
  steps.push_back(sandbox::SetMaster("p1", "cni0"));
  steps.push_back(sandbox::SetMaster("p2", "cni0"));
  for (const char* name : {"eth0", "pod1", "p1", "p2", "vx0", "cni0"}) steps.push_back(sandbox::SetDeviceUp(name));
  steps.push_back(sandbox::AddDeviceAddress("eth0", "192.0.2.10/24"));
  steps.push_back(sandbox::AddDeviceAddress("eth0", "2001:db8::10/64"));
  steps.push_back(sandbox::AddDeviceAddress("cni0", "10.244.3.1/24"));
  steps.push_back(sandbox::AddDeviceAddress("vx0", "10.244.9.0/24"));
  for (const sandbox::Route& route :
       std::initializer_list<sandbox::Route>{{.to = "0.0.0.0/0", .via = "192.0.2.1", .device = "eth0"},
                                             {.to = "::/0", .via = "2001:db8::1", .device = "eth0"},
                                             {.to = "10.244.2.0/24", .via = "192.0.2.11", .device = "eth0"},
                                             {.to = "fd00:244:2::/64", .via = "2001:db8::11", .device = "eth0"},
                                             {.to = "10.244.1.7/32", .via = "", .device = "pod1"},
                                             {.to = "fd00:244:1::7/128", .via = "", .device = "pod1"}}) {
    steps.push_back(sandbox::AddRoute(route));
  }
  for (const char* router : {"192.0.2.1", "2001:db8::1"}) {
    steps.push_back(sandbox::AddNeighbour("eth0", router, kClientMac));
  }
  for (const char* node_b : {"192.0.2.11", "2001:db8::11"}) {
    steps.push_back(sandbox::AddNeighbour("eth0", node_b, MacOf(kNodeBMac)));
  }
  for (const char* pod : {"10.244.1.7", "fd00:244:1::7"}) {
    steps.push_back(sandbox::AddNeighbour("pod1", pod, kClientMac));
  }
  steps.push_back(sandbox::AddNeighbour("cni0", "10.244.3.2", MacOf(kPodMac1)));
  steps.push_back(sandbox::AddNeighbour("cni0", "10.244.3.3", MacOf(kPodMac2)));
  steps.push_back(sandbox::AddNeighbour("vx0", "10.244.9.5", MacOf(kOverlayMac)));
  for (const absl::Status& step : steps) {
    if (!step.ok()) return step;
  }
  return absl::OkStatus();
}

// Makes the device and the host behind it, whose gateway is the node.
absl::Status TcWorld::MakePeer(const std::string& device, absl::string_view address, const packets::Mac& mac) {
  absl::StatusOr<sandbox::NetworkNamespace> made = sandbox::NetworkNamespace::Create();
  if (!made.ok()) return made.status();
  const sandbox::NetworkNamespace& peer = peers_.emplace(device, *std::move(made)).first->second;
  std::vector<absl::Status> steps = {sandbox::AddVethPair(device, device, peer.fd()),
                                     sandbox::SetMac(device, kNodeMac)};
  const sandbox::InNamespace in_peer(peer);
  steps.push_back(sandbox::SetMac(device, mac));
  steps.push_back(sandbox::SetDeviceUp(device));
  steps.push_back(sandbox::AddLoopbackAddress(*model::IpAddress::Parse(address)));
  steps.push_back(sandbox::AddRoute({.to = "169.254.1.1/32", .via = "", .device = device}));
  steps.push_back(sandbox::AddNeighbour(device, "169.254.1.1", kNodeMac));
  steps.push_back(sandbox::AddRoute({.to = "0.0.0.0/0", .via = "169.254.1.1", .device = device}));
  for (const absl::Status& step : steps) {
    if (!step.ok()) return step;
  }
  return absl::OkStatus();
}

absl::Status TcWorld::Attach() {
  for (const char* name : {"eth0", "pod1", "p1", "p2", "vx0", "cni0"}) {
    if (absl::Status status = sandbox::WaitUntilRunning(name); !status.ok()) return status;
  }
  for (const auto& [device, peer] : peers_) {
    LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = static_cast<int>(IndexOf(device)));
    hook.attach_point = static_cast<bpf_tc_attach_point>(BPF_TC_INGRESS | BPF_TC_EGRESS);
    if (const int error = bpf_tc_hook_create(&hook); error != 0) {
      return absl::ErrnoToStatus(-error, absl::StrCat("make hooks at ", device));
    }
    for (const auto& [point, fd] : {std::pair(BPF_TC_INGRESS, ingress_fd()), std::pair(BPF_TC_EGRESS, egress_fd())}) {
      LIBBPF_OPTS(bpf_tc_opts, options, .prog_fd = fd);
      hook.attach_point = point;
      if (const int error = bpf_tc_attach(&hook, &options); error != 0) {
        return absl::ErrnoToStatus(-error, absl::StrCat("attach to ", device));
      }
    }
  }
  return absl::OkStatus();
}

absl::Status TcWorld::Load(const TcOptions& options) {
  programs_ = tc__open();
  if (programs_ == nullptr) return absl::InternalError("open the programs");
  const auto size = [](bpf_map* map, uint32_t rows) { bpf_map__set_max_entries(map, rows); };
  const auto cpus = static_cast<uint32_t>(libbpf_num_possible_cpus());
  auto& maps = programs_->maps;
  for (bpf_map* map : {maps.frontend_index, maps.frontend_rows, maps.pools, maps.slots, maps.backends}) {
    size(map, kRows);
  }
  size(maps.service_counters, kRows * cpus);
  size(maps.backend_counters, kRows * cpus);
  size(maps.reasons, SHUNT_REASON_STRIDE * cpus);
  size(maps.flow_rows, options.flows);
  size(maps.flow_taken, options.flows / 64);
  size(maps.flow_index, options.flows);
  auto& config = programs_->rodata->shunt_config;
  config.index_seed = 0x5eed;
  config.index_mask = kRows - 1;
  config.service_stride = config.backend_stride = kRows;
  config.observe = options.observe;
  config.stale_after_ms = options.stale_after_ms;
  auto& packets = programs_->rodata->packet_config;
  packets.flow_seed = 0x5eed2;
  packets.index_mask = options.flows - 1;
  packets.flows = options.flows;
  packets.snat_sets = 1;
  packets.hz = 250;
  packets.snat_first_port = 49152;
  packets.external_cluster_ip = options.external_cluster_ip;
  packets.has_ipv6_csum_flag = options.has_ipv6_csum_flag;
  if (tc__load(programs_) != 0) return absl::InternalError("load the programs");
  // Long ago, so that no connection is another proxy's.
  Store(programs_->maps.flow_level, 0, shunt_flow_level{.translating_since = 1});
  return absl::OkStatus();
}

void TcWorld::AddDevice(absl::string_view name, shunt_device_role role, absl::string_view v4, absl::string_view v6,
                        absl::string_view master) {
  shunt_device device = {.role = static_cast<uint8_t>(role),
                         .link_header = 14,
                         .mac = {},
                         .mtu = 1500,
                         .master = master.empty() ? 0 : IndexOf(master),
                         .source_v4 = AddressOf(v4),
                         .source_v6 = v6.empty() ? shunt_address{} : AddressOf(v6),
                         .pad = {}};
  std::memcpy(device.mac, kNodeMac.data(), kNodeMac.size());
  Store(programs_->maps.devices, IndexOf(name), device);
}

void TcWorld::RemoveDevice(absl::string_view device) {
  const uint32_t index = IndexOf(device);
  ASSERT_EQ(bpf_map_delete_elem(bpf_map__fd(programs_->maps.devices), &index), 0);
}

void TcWorld::SetLinkHeader(absl::string_view device, uint8_t bytes) {
  auto row = Fetch<shunt_device>(programs_->maps.devices, IndexOf(device));
  row.link_header = bytes;
  Store(programs_->maps.devices, IndexOf(device), row);
}

uint32_t TcWorld::AddBackend(absl::string_view at, uint8_t protocol) {
  const shunt_frontend_key key = KeyOf(at, protocol);
  const shunt_backend backend = {.address = key.address, .port = key.port, .in_use = 1, .pad = {}};
  Store(programs_->maps.backends, backends_, backend);
  SetBit(programs_->maps.endpoint_filter, shunt_endpoint_bit(&key.address, key.port));
  return backends_++;
}

uint32_t TcWorld::AddPool(const std::vector<uint32_t>& backends, shunt_pool_empty empty) {
  SetPool(pools_, backends, empty);
  return pools_++;
}

void TcWorld::SetPool(uint32_t pool, const std::vector<uint32_t>& backends, shunt_pool_empty empty) {
  const uint32_t first = slots_;
  for (const uint32_t backend : backends) {
    Store(programs_->maps.slots, slots_++,
          shunt_slot{.backend = backend, .alias = backend, .threshold = ~0u, .pad = 0});
  }
  Store(programs_->maps.pools, pool,
        shunt_pool_word(first, static_cast<uint32_t>(backends.size()), empty, ++generation_));
}

void TcWorld::InsertRow(const shunt_frontend_row& row) {
  Store(programs_->maps.frontend_rows, rows_, row);
  const uint64_t hash = shunt_key_hash(0x5eed, &row.key);
  const uint32_t bucket_id = static_cast<uint32_t>(hash) & (kRows - 1);
  auto bucket = Fetch<shunt_index_bucket>(programs_->maps.frontend_index, bucket_id);
  for (auto& entry : bucket.entry) {
    if (entry != 0) continue;
    entry = shunt_index_entry(hash, rows_++);
    return Store(programs_->maps.frontend_index, bucket_id, bucket);
  }
  FAIL() << "seven keys in one bucket";
}

void TcWorld::AddFrontend(const TcFrontend& frontend) {
  shunt_frontend_row row = {};
  row.key = KeyOf(frontend.at, frontend.protocol);
  row.service_port = frontend.service_port;
  row.internal_pool = frontend.internal_pool;
  row.external_pool = frontend.external_pool;
  row.affinity_timeout_s = frontend.affinity_timeout_s;
  row.flags = frontend.flags;
  row.kind = static_cast<uint8_t>(frontend.kind);
  row.source_ranges = frontend.source_ranges;
  InsertRow(row);
  if (frontend.kind != SHUNT_KIND_CLUSTER_IP) {
    SetBit(programs_->maps.node_ports, shunt_node_port_bit(frontend.protocol, ntohs(row.key.port)));
  }
  if (frontend.kind == SHUNT_KIND_NODE_PORT) return;
  const bool is_cluster_ip = frontend.kind == SHUNT_KIND_CLUSTER_IP;
  for (const shunt_prefix_set set :
       {SHUNT_PREFIX_FRONTENDS, is_cluster_ip ? SHUNT_PREFIX_SERVICES : SHUNT_PREFIX_PORTS}) {
    SetBit(programs_->maps.prefix_filter, shunt_prefix_bit(&row.key.address, set));
  }
}

void TcWorld::RemoveFrontend(absl::string_view at, uint8_t protocol) {
  const shunt_frontend_key key = KeyOf(at, protocol);
  const uint64_t hash = shunt_key_hash(0x5eed, &key);
  const uint32_t bucket_id = static_cast<uint32_t>(hash) & (kRows - 1);
  auto bucket = Fetch<shunt_index_bucket>(programs_->maps.frontend_index, bucket_id);
  for (auto& entry : bucket.entry) {
    if (entry != 0 && (entry ^ hash) >> 32 == 0) entry = 0;
  }
  Store(programs_->maps.frontend_index, bucket_id, bucket);
}

void TcWorld::AddAddress(absl::string_view address, uint16_t flags) {
  shunt_frontend_row row = {};
  row.key.address = AddressOf(address);
  row.flags = flags;
  InsertRow(row);
  SetBit(programs_->maps.prefix_filter, shunt_prefix_bit(&row.key.address, SHUNT_PREFIX_FRONTENDS));
}

void TcWorld::AddSources(uint32_t list, absl::string_view prefix) {
  const std::vector<std::string> parts = absl::StrSplit(prefix, '/');
  const model::IpAddress address = *model::IpAddress::Parse(parts[0]);
  uint32_t length = 0;
  ASSERT_TRUE(absl::SimpleAtoi(parts[1], &length));
  const shunt_source_key key = {
      .prefix_length = 32 + length + (address.IsV4() ? 96 : 0), .list = list, .address = Encode(address)};
  const uint32_t value = 1;
  ASSERT_EQ(bpf_map_update_elem(bpf_map__fd(programs_->maps.source_ranges), &key, &value, BPF_ANY), 0);
}

int TcWorld::ingress_fd() const {
  return bpf_program__fd(programs_->progs.packet_ingress);
}

int TcWorld::egress_fd() const {
  return bpf_program__fd(programs_->progs.packet_egress);
}

packets::RunResult TcWorld::IngressBytes(absl::string_view device, const packets::Bytes& bytes, uint32_t gso_size) {
  absl::StatusOr<packets::RunResult> result =
      packets::RunProgram(ingress_fd(), bytes, {.ifindex = IndexOf(device), .gso_size = gso_size, .gso_segs = 2});
  EXPECT_TRUE(result.ok()) << result.status();
  return result.ok() ? *std::move(result) : packets::RunResult{};
}

packets::RunResult TcWorld::Ingress(absl::string_view device, const packets::Packet& packet, uint32_t gso_size) {
  return IngressBytes(device, ToBytes(packet), gso_size);
}

packets::RunResult TcWorld::Egress(absl::string_view device, const packets::Packet& packet) {
  absl::StatusOr<packets::RunResult> result =
      packets::RunProgram(egress_fd(), ToBytes(packet), {.ifindex = IndexOf(device)});
  EXPECT_TRUE(result.ok()) << result.status();
  return result.ok() ? *std::move(result) : packets::RunResult{};
}

void TcWorld::AgeHops() {
  constexpr uint16_t kAge = 0x4000;
  for (uint32_t id = 0; id < bpf_map__max_entries(programs_->maps.flow_rows); ++id) {
    auto flow = Fetch<shunt_flow>(programs_->maps.flow_rows, id);
    for (__u64* hop : {&flow.forward_hop, &flow.reverse_hop}) {
      if (*hop != 0) *hop = (*hop & ~uint64_t{0xffff}) | static_cast<uint16_t>(*hop - kAge);
    }
    Store(programs_->maps.flow_rows, id, flow);
  }
}

uint64_t TcWorld::Reason(shunt_reason reason) const {
  uint64_t sum = 0;
  for (int cpu = 0; cpu < libbpf_num_possible_cpus(); ++cpu) {
    sum += Fetch<uint64_t>(programs_->maps.reasons, static_cast<uint32_t>(cpu) * SHUNT_REASON_STRIDE + reason);
  }
  return sum;
}

std::vector<shunt_flow> TcWorld::Flows() const {
  std::vector<shunt_flow> flows;
  for (uint32_t row = 0; row < bpf_map__max_entries(programs_->maps.flow_rows); ++row) {
    const auto flow = Fetch<shunt_flow>(programs_->maps.flow_rows, row);
    if ((flow.state & (SHUNT_FLOW_SETTLED | SHUNT_FLOW_RETIRED)) == SHUNT_FLOW_SETTLED) flows.push_back(flow);
  }
  return flows;
}

uint32_t TcWorld::TakenPorts() const {
  uint32_t ports = 0;
  for (uint32_t word = 0; word < SHUNT_SNAT_WORDS; ++word) {
    ports += static_cast<uint32_t>(__builtin_popcountll(Fetch<uint64_t>(programs_->maps.snat_ports, word)));
  }
  return ports;
}

}  // namespace shunt
