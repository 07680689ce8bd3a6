// SPDX-License-Identifier: Apache-2.0
#include "tests/packets/packet_node.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bpf/config.h"  // the skeleton needs them first
#include "bpf/packet/packet_config.h"
#include "tc.skel.h"
#include "tests/packets/parse.h"
#include "tests/sandbox/client_socket.h"
#include "tests/sandbox/devices.h"

namespace shunt::packets {
namespace {

// Evaluates and returns the error, if there is one.
#define SHUNT_TRY(expression)                                         \
  do {                                                                \
    if (absl::Status tried = (expression); !tried.ok()) return tried; \
  } while (false)

constexpr uint32_t kFlows = 8192;
constexpr uint32_t kBuckets = 8192;  // seven entries each
constexpr uint32_t kSnatSets = 16;
constexpr uint16_t kFirstSnatPort = 49152;

// Maps of flows have the sizes of the test; the filters, devices and lists are filled by it.
constexpr const char* kOwnMaps[] = {"flow_index", "flow_rows",       "flow_taken",    "snat_ports", "flow_level",
                                    "node_ports", "endpoint_filter", "source_ranges", "devices",    "fragments"};

struct DeviceLine {
  const char* name;
  uint8_t number;  // the last byte of its MAC address
  uint8_t role;    // enum shunt_device_role
  const char* source_v4;
  const char* source_v6;
  const char* master;
};

constexpr DeviceLine kDevices[] = {
    {"eth0", 0x10, SHUNT_DEVICE_EXTERNAL, "192.0.2.10", "2001:db8::10", nullptr},
    {"eth1", 0x11, SHUNT_DEVICE_EXTERNAL, "198.18.0.10", "2001:db8:3::10", nullptr},
    {"flannel.1", 0x20, SHUNT_DEVICE_OVERLAY, "10.244.1.0", "fd00:244:1::", nullptr},
    {"pod1", 0x31, SHUNT_DEVICE_POD, "192.0.2.10", "2001:db8::10", nullptr},
    {"pod2", 0x32, SHUNT_DEVICE_POD, "192.0.2.10", "2001:db8::10", nullptr},
    {"cni0", 0x40, SHUNT_DEVICE_POD, "10.244.1.65", "fd00:244:1:0:b::1", nullptr},
    {"br1", 0x41, SHUNT_DEVICE_POD, "10.244.1.65", "fd00:244:1:0:b::1", "cni0"},
    {"br2", 0x42, SHUNT_DEVICE_POD, "10.244.1.65", "fd00:244:1:0:b::1", "cni0"},
};

struct NeighbourLine {
  const char* device;  // by which the kernel reaches it
  const char* port;    // by which its frames come
  const char* v4;
  const char* v6;
  uint8_t number;
};

constexpr NeighbourLine kNeighbours[] = {
    {"eth0", "eth0", "192.0.2.1", "2001:db8::1", 0x01},
    {"eth0", "eth0", "192.0.2.11", "2001:db8::11", 0x0b},
    {"eth1", "eth1", "198.18.0.1", "2001:db8:3::1", 0x02},
    {"flannel.1", "flannel.1", "10.244.2.0", "fd00:244:2::", 0x20},
    {"pod1", "pod1", "10.244.1.2", "fd00:244:1::2", 0x31},
    {"pod2", "pod2", "10.244.1.3", "fd00:244:1::3", 0x32},
    {"cni0", "br1", "10.244.1.66", "fd00:244:1:0:b::2", 0x41},
    {"cni0", "br2", "10.244.1.67", "fd00:244:1:0:b::3", 0x42},
};

constexpr Mac OwnMac(uint8_t number) {
  return {2, 0, 0, 0, 0, number};
}

constexpr Mac OthersMac(uint8_t number) {
  return {2, 0, 0, 0, 1, number};
}

[[noreturn]] void Abort(const std::string& why) {
  std::fprintf(stderr, "packet_node: %s\n", why.c_str());
  std::abort();
}

shunt_address ToAbi(absl::string_view text) {
  const auto parsed = model::IpAddress::Parse(text);
  if (!parsed) Abort(absl::StrCat(text, " is no address"));
  shunt_address address;
  std::memcpy(address.word, parsed->bytes().data(), sizeof address.word);
  return address;
}

absl::Status Update(const bpf_map* map, const void* key, const void* value) {
  if (bpf_map_update_elem(bpf_map__fd(map), key, value, BPF_ANY) == 0) return absl::OkStatus();
  return absl::ErrnoToStatus(errno, absl::StrCat("write to ", bpf_map__name(map)));
}

absl::Status SetBit(const bpf_map* map, uint32_t bit) {
  const uint32_t index = bit / 64;
  uint64_t word = 0;
  if (bpf_map_lookup_elem(bpf_map__fd(map), &index, &word) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("read ", bpf_map__name(map)));
  }
  word |= uint64_t{1} << (bit % 64);
  return Update(map, &index, &word);
}

bool IsOwnMap(absl::string_view name) {
  for (const char* own : kOwnMaps) {
    if (name == own) return true;
  }
  return false;
}

}  // namespace

absl::StatusOr<std::unique_ptr<PacketNode>> PacketNode::Create(const std::string& bpffs, const std::string& cgroup,
                                                               const NodeOptions& options) {
  absl::StatusOr<sandbox::NetworkNamespace> node = sandbox::NetworkNamespace::Create();
  if (!node.ok()) return node.status();
  absl::StatusOr<sandbox::NetworkNamespace> others = sandbox::NetworkNamespace::Create();
  if (!others.ok()) return others.status();
  std::unique_ptr<PacketNode> made(new PacketNode(*std::move(node), *std::move(others)));
  SHUNT_TRY(made->AddDevices());
  SHUNT_TRY(made->AddNeighbours());
  SHUNT_TRY(made->Open(bpffs, cgroup));
  SHUNT_TRY(made->Load(options));
  SHUNT_TRY(made->TellDevices());
  return made;
}

PacketNode::~PacketNode() {
  if (reasons_ != nullptr) munmap(const_cast<uint64_t*>(reasons_), reasons_bytes_);
  tc::destroy(programs_);
}

absl::Status PacketNode::AddDevice(const std::string& name, const Mac& mac) {
  if (name == "cni0") {
    SHUNT_TRY(sandbox::AddBridge(name));
  } else {
    SHUNT_TRY(sandbox::AddVethPair(name, name, others_.fd()));
    sandbox::InNamespace there(others_);
    SHUNT_TRY(sandbox::SetDeviceUp(name));
  }
  macs_[name] = mac;
  SHUNT_TRY(sandbox::SetMac(name, mac));
  return sandbox::SetDeviceUp(name);
}

absl::Status PacketNode::AddDevices() {
  SHUNT_TRY(sandbox::SetSysctl("ipv4/ip_forward", "1"));
  SHUNT_TRY(sandbox::SetSysctl("ipv6/conf/all/forwarding", "1"));
  SHUNT_TRY(sandbox::SetSysctl("ipv6/conf/default/accept_dad", "0"));
  for (const DeviceLine& line : kDevices) SHUNT_TRY(AddDevice(line.name, OwnMac(line.number)));
  const std::pair<const char*, const char*> addresses[] = {
      {"eth0", "192.0.2.10/24"},     {"eth0", "2001:db8::10/64"},     {"eth1", "198.18.0.10/24"},
      {"eth1", "2001:db8:3::10/64"}, {"flannel.1", "10.244.1.0/32"},  {"flannel.1", "fd00:244:1::/128"},
      {"cni0", "10.244.1.65/26"},    {"cni0", "fd00:244:1:0:b::1/80"}};
  for (const auto& [device, address] : addresses) SHUNT_TRY(sandbox::AddDeviceAddress(device, address));
  SHUNT_TRY(sandbox::SetMtu("flannel.1", 1450));
  for (const char* port : {"br1", "br2"}) SHUNT_TRY(sandbox::SetMaster(port, "cni0"));
  for (const DeviceLine& line : kDevices) SHUNT_TRY(sandbox::WaitUntilRunning(line.name));
  const sandbox::Route routes[] = {{"0.0.0.0/0", "192.0.2.1", "eth0"},
                                   {"::/0", "2001:db8::1", "eth0"},
                                   {"10.244.2.0/24", "10.244.2.0", "flannel.1", /*onlink=*/true},
                                   {"fd00:244:2::/64", "fd00:244:2::", "flannel.1", /*onlink=*/true},
                                   {"10.244.1.2/32", "", "pod1"},
                                   {"fd00:244:1::2/128", "", "pod1"},
                                   {"10.244.1.3/32", "", "pod2"},
                                   {"fd00:244:1::3/128", "", "pod2"}};
  for (const sandbox::Route& route : routes) SHUNT_TRY(sandbox::AddRoute(route));
  return absl::OkStatus();
}

absl::Status PacketNode::AddNeighbours() {
  for (const NeighbourLine& line : kNeighbours) {
    for (const char* address : {line.v4, line.v6}) {
      SHUNT_TRY(sandbox::AddNeighbour(line.device, address, OthersMac(line.number)));
      neighbours_[address] = OthersMac(line.number);
    }
  }
  return absl::OkStatus();
}

absl::Status PacketNode::Open(const std::string& bpffs, const std::string& cgroup) {
  datapath::KernelOptions options;
  options.bpffs = bpffs;
  options.cgroup = cgroup;
  options.limits = {.frontends = 512,
                    .service_ports = 256,
                    .pools = 256,
                    .slots = 4096,
                    .backends = 256,
                    .sockets = 64,
                    .socket_peers = 16,
                    .affinities = 256};
  auto opened = datapath::KernelDatapath::Open(options);
  if (!opened.ok()) return opened.status();
  datapath_ = *std::move(opened);
  std::vector<datapath::NodeAddress> addresses = {{*model::IpAddress::Parse("127.0.0.1"), /*host_only=*/true}};
  for (const char* text : {"192.0.2.10", "2001:db8::10", "198.18.0.10", "2001:db8:3::10", "10.244.1.65"}) {
    addresses.push_back({*model::IpAddress::Parse(text)});
  }
  return datapath_->SetNodeAddresses(addresses);
}

absl::Status PacketNode::Load(const NodeOptions& options) {
  programs_ = tc::open();
  if (programs_ == nullptr) return absl::InternalError("open the packet path's object");
  bpf_map* map;
  bpf_object__for_each_map(map, programs_->obj) {
    if (IsOwnMap(bpf_map__name(map))) continue;
    const int fd = bpf_obj_get(datapath_->pins().MapPath(bpf_map__name(map)).c_str());
    if (fd < 0) continue;  // a map of the object alone
    const int error = bpf_map__reuse_fd(map, fd);
    close(fd);
    if (error != 0) return absl::ErrnoToStatus(-error, absl::StrCat("use the map ", bpf_map__name(map)));
  }
  bpf_map__set_max_entries(programs_->maps.flow_index, kBuckets);
  bpf_map__set_max_entries(programs_->maps.flow_rows, kFlows);
  bpf_map__set_max_entries(programs_->maps.flow_taken, kFlows / 64);
  bpf_map__set_max_entries(programs_->maps.snat_ports, kSnatSets * SHUNT_SNAT_WORDS);
  shunt_meta meta = {};
  const uint32_t zero = 0;
  if (bpf_map_lookup_elem(bpf_map__fd(programs_->maps.meta), &zero, &meta) != 0) {
    return absl::ErrnoToStatus(errno, "read the maps' seed");
  }
  auto& config = programs_->rodata->shunt_config;
  config.index_seed = meta.index_seed;
  config.index_mask = bpf_map__max_entries(programs_->maps.frontend_index) - 1;
  config.service_stride = 256;
  config.backend_stride = 256;
  config.observe = options.observe;
  auto& packet_config = programs_->rodata->packet_config;
  packet_config.flow_seed = 0x5eed;
  packet_config.index_mask = kBuckets - 1;
  packet_config.flows = kFlows;
  packet_config.snat_sets = kSnatSets;
  packet_config.hz = 250;
  packet_config.snat_first_port = kFirstSnatPort;
  packet_config.external_cluster_ip = options.external_cluster_ip;
  if (const int error = tc::load(programs_); error != 0) {
    return absl::ErrnoToStatus(-error, "load the packet path's programs");
  }
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  reasons_bytes_ = (bpf_map__max_entries(programs_->maps.reasons) * sizeof(uint64_t) + page - 1) / page * page;
  void* const mapped = mmap(nullptr, reasons_bytes_, PROT_READ, MAP_SHARED, bpf_map__fd(programs_->maps.reasons), 0);
  if (mapped == MAP_FAILED) return absl::ErrnoToStatus(errno, "map the counters of reasons");
  reasons_ = static_cast<const uint64_t*>(mapped);
  return absl::OkStatus();
}

absl::Status PacketNode::TellDevices() {
  for (const DeviceLine& line : kDevices) {
    shunt_device device = {};
    device.role = line.role;
    device.link_header = 14;
    std::memcpy(device.mac, macs_[line.name].data(), sizeof device.mac);
    device.mtu = line.role == SHUNT_DEVICE_OVERLAY ? 1450 : 1500;
    device.master = line.master != nullptr ? if_nametoindex(line.master) : 0;
    device.source_v4 = ToAbi(line.source_v4);
    device.source_v6 = ToAbi(line.source_v6);
    const uint32_t ifindex = if_nametoindex(line.name);
    SHUNT_TRY(Update(programs_->maps.devices, &ifindex, &device));
  }
  return absl::OkStatus();
}

absl::Status PacketNode::Serve(const std::vector<sandbox::ServiceStory>& stories,
                               const std::vector<std::string>& backends) {
  const planner::NodeContext here = {
      .node_name = "here",
      .zone = "",
      .primary_addresses = {*model::IpAddress::Parse("192.0.2.10"), *model::IpAddress::Parse("2001:db8::10")}};
  std::vector<model::ServicePlan> plans;
  for (const sandbox::ServiceStory& story : stories) plans.push_back(story.Plan(here));
  std::vector<const model::ServicePlan*> pointers;
  for (const model::ServicePlan& plan : plans) pointers.push_back(&plan);
  const auto failures = datapath_->Apply(pointers, datapath::ApplyScope::kAll);
  if (!failures.empty()) return failures[0].status;
  // Every port passes the filter: what has no frontend is found by the lookups behind it.
  const uint64_t all = ~uint64_t{0};
  for (uint32_t word = 0; word < SHUNT_NODE_PORT_WORDS; ++word)
    SHUNT_TRY(Update(programs_->maps.node_ports, &word, &all));
  for (const std::string& text : backends) {
    const model::SocketAddress backend = sandbox::At(text);
    shunt_address address;
    std::memcpy(address.word, backend.address.bytes().data(), sizeof address.word);
    SHUNT_TRY(SetBit(programs_->maps.endpoint_filter, shunt_endpoint_bit(&address, htons(backend.port))));
  }
  return absl::OkStatus();
}

absl::Status PacketNode::AddInside(absl::string_view prefix) {
  const std::optional<sandbox::Prefix> parsed = sandbox::Prefix::Parse(prefix);
  if (!parsed) return absl::InvalidArgumentError(absl::StrCat(prefix, " is no prefix"));
  shunt_source_key key = {};
  key.prefix_length = 32u + parsed->length + (parsed->address.IsV4() ? 96 : 0);
  key.list = SHUNT_LIST_INSIDE;
  std::memcpy(key.address.word, parsed->address.bytes().data(), sizeof key.address.word);
  const uint32_t there = 1;
  return Update(programs_->maps.source_ranges, &key, &there);
}

absl::Status PacketNode::ForgetFlows() {
  const std::pair<const bpf_map*, size_t> maps[] = {{programs_->maps.flow_index, sizeof(shunt_flow_bucket)},
                                                    {programs_->maps.flow_rows, sizeof(shunt_flow)},
                                                    {programs_->maps.flow_taken, 8},
                                                    {programs_->maps.snat_ports, 8}};
  for (const auto& [map, size] : maps) {
    const std::vector<char> zeros(size, 0);
    for (uint32_t i = 0; i < bpf_map__max_entries(map); ++i) SHUNT_TRY(Update(map, &i, zeros.data()));
  }
  return absl::OkStatus();
}

Packet PacketNode::Arriving(absl::string_view device, Packet packet) const {
  for (const NeighbourLine& line : kNeighbours) {
    // A pod behind a bridge sends to the bridge, which routes.
    if (line.port == device) return packet.Macs(OthersMac(line.number), macs_.find(line.device)->second);
  }
  Abort(absl::StrCat("nothing arrives by ", device));
}

Packet PacketNode::Leaving(absl::string_view device, absl::string_view neighbour, Packet packet) const {
  const auto to = neighbours_.find(neighbour);
  const auto from = macs_.find(device);
  if (to == neighbours_.end() || from == macs_.end()) Abort(absl::StrCat(device, " or ", neighbour, " is unknown"));
  return packet.Macs(from->second, to->second);
}

std::vector<uint64_t> PacketNode::Reasons() const {
  std::vector<uint64_t> sums(SHUNT_REASON_COUNT, 0);
  for (uint32_t row = 0; row < bpf_map__max_entries(programs_->maps.reasons); ++row) {
    const uint32_t reason = row % SHUNT_REASON_STRIDE;
    if (reason < SHUNT_REASON_COUNT) sums[reason] += reasons_[row];
  }
  return sums;
}

absl::StatusOr<Fate> PacketNode::TryRun(Hook hook, absl::string_view device, const Bytes& bytes) {
  static constexpr const char* kNames[] = {
#define SHUNT_REASON_NAME(constant, name, meaning) name,
      SHUNT_REASONS(SHUNT_REASON_NAME)
#undef SHUNT_REASON_NAME
  };
  const bpf_program* program =
      hook == Hook::kIngress ? programs_->progs.packet_ingress : programs_->progs.packet_egress;
  const uint32_t ifindex = if_nametoindex(std::string(device).c_str());
  const std::vector<uint64_t> before = Reasons();
  absl::StatusOr<RunResult> run =
      RunProgram(bpf_program__fd(program), bytes, {.ifindex = ifindex, .ingress_ifindex = ifindex});
  if (!run.ok()) return run.status();
  const std::vector<uint64_t> after = Reasons();
  Fate fate{.verdict = run->verdict, .bytes = std::move(run->packet)};
  Parsed parsed = Parse(fate.bytes);
  fate.packet = std::move(parsed.packet);
  fate.faults = std::move(parsed.faults);
  for (size_t i = 0; i < after.size(); ++i) {
    if (after[i] != before[i]) fate.reasons.emplace_back(kNames[i]);
  }
  return fate;
}

Fate PacketNode::Run(Hook hook, absl::string_view device, const Bytes& bytes) {
  absl::StatusOr<Fate> fate = TryRun(hook, device, bytes);
  if (!fate.ok()) Abort(fate.status().ToString());
  return *std::move(fate);
}

#undef SHUNT_TRY

}  // namespace shunt::packets
