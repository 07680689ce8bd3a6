// SPDX-License-Identifier: Apache-2.0
#include "tests/packets/packet_programs.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <net/if.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bpf/config.h"  // the skeleton needs them first
#include "bpf/packet/packet_config.h"
#include "tc.skel.h"
#include "tests/sandbox/client_socket.h"
#include "tests/sandbox/devices.h"

namespace shunt::packets {
namespace {

// Evaluates and returns the error, if there is one.
#define SHUNT_TRY(expression)                                         \
  do {                                                                \
    if (absl::Status tried = (expression); !tried.ok()) return tried; \
  } while (false)

constexpr uint32_t kBuckets = 8192;  // seven entries each
constexpr uint32_t kSnatSets = 16;
constexpr uint16_t kFirstSnatPort = 49152;

// Maps of flows have the sizes of the test; the filters, devices and lists are filled by it.
constexpr const char* kOwnMaps[] = {"flow_index", "flow_rows",       "flow_taken",    "snat_ports", "flow_level",
                                    "node_ports", "endpoint_filter", "source_ranges", "devices",    "fragments"};

absl::StatusOr<shunt_address> ToAbi(absl::string_view text) {
  const auto parsed = model::IpAddress::Parse(text);
  if (!parsed) return absl::InvalidArgumentError(absl::StrCat(text, " is no address"));
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

absl::StatusOr<std::unique_ptr<PacketPrograms>> PacketPrograms::Create(const std::string& bpffs,
                                                                       const std::string& cgroup,
                                                                       const ProgramOptions& options) {
  std::unique_ptr<PacketPrograms> made(new PacketPrograms());
  SHUNT_TRY(made->Open(bpffs, cgroup, options));
  SHUNT_TRY(made->Load(options));
  return made;
}

PacketPrograms::~PacketPrograms() {
  if (reasons_ != nullptr) munmap(const_cast<uint64_t*>(reasons_), reasons_bytes_);
  tc::destroy(programs_);
}

int PacketPrograms::ingress_fd() const {
  return bpf_program__fd(programs_->progs.packet_ingress);
}

int PacketPrograms::egress_fd() const {
  return bpf_program__fd(programs_->progs.packet_egress);
}

int PacketPrograms::map_fd(const char* name) const {
  const bpf_map* const map = bpf_object__find_map_by_name(programs_->obj, name);
  return map != nullptr ? bpf_map__fd(map) : -1;
}

absl::string_view PacketPrograms::ReasonName(size_t reason) {
  static constexpr const char* kNames[] = {
#define SHUNT_REASON_NAME(constant, name, meaning) name,
      SHUNT_REASONS(SHUNT_REASON_NAME)
#undef SHUNT_REASON_NAME
  };
  return kNames[reason];
}

absl::Status PacketPrograms::Open(const std::string& bpffs, const std::string& cgroup,
                                  const ProgramOptions& program_options) {
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
  for (const std::string& text : program_options.node_addresses) {
    addresses.push_back({*model::IpAddress::Parse(text)});
  }
  return datapath_->SetNodeAddresses(addresses);
}

absl::Status PacketPrograms::Load(const ProgramOptions& options) {
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
  packet_config.hz = options.hz;
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
  return SetTranslatingSince(1);
}

absl::Status PacketPrograms::Serve(const std::vector<sandbox::ServiceStory>& stories,
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
    SHUNT_TRY(SetBit(programs_->maps.endpoint_filter, shunt_endpoint_bit(&address, 0)));
  }
  return absl::OkStatus();
}

absl::Status PacketPrograms::AddInside(absl::string_view prefix) {
  const std::optional<sandbox::Prefix> parsed = sandbox::Prefix::Parse(prefix);
  if (!parsed) return absl::InvalidArgumentError(absl::StrCat(prefix, " is no prefix"));
  shunt_source_key key = {};
  key.prefix_length = 32u + parsed->length + (parsed->address.IsV4() ? 96 : 0);
  key.list = SHUNT_LIST_INSIDE;
  std::memcpy(key.address.word, parsed->address.bytes().data(), sizeof key.address.word);
  const uint32_t there = 1;
  return Update(programs_->maps.source_ranges, &key, &there);
}

absl::Status PacketPrograms::Tell(const ToldDevice& told) {
  const absl::StatusOr<sandbox::Mac> mac = sandbox::MacOf(told.name);
  if (!mac.ok()) return mac.status();
  const absl::StatusOr<shunt_address> v4 = ToAbi(told.source_v4), v6 = ToAbi(told.source_v6);
  if (!v4.ok() || !v6.ok()) return v4.ok() ? v6.status() : v4.status();
  shunt_device device = {};
  device.role = told.role;
  device.link_header = 14;
  std::memcpy(device.mac, mac->data(), sizeof device.mac);
  device.mtu = told.role == SHUNT_DEVICE_OVERLAY ? 1450 : 1500;
  if (told.mtu != 0) device.mtu = told.mtu;
  device.master = told.master != nullptr ? if_nametoindex(told.master) : 0;
  device.source_v4 = *v4;
  device.source_v6 = *v6;
  const uint32_t ifindex = if_nametoindex(told.name);
  return Update(programs_->maps.devices, &ifindex, &device);
}

absl::Status PacketPrograms::Attach(absl::string_view device) {
  LIBBPF_OPTS(bpf_tc_hook, hook);
  hook.ifindex = static_cast<int>(if_nametoindex(std::string(device).c_str()));
  hook.attach_point = static_cast<bpf_tc_attach_point>(BPF_TC_INGRESS | BPF_TC_EGRESS);
  if (const int error = bpf_tc_hook_create(&hook); error != 0 && error != -EEXIST) {
    return absl::ErrnoToStatus(-error, absl::StrCat("make the tc hooks of ", device));
  }
  for (const auto& [point, fd] : {std::pair(BPF_TC_INGRESS, ingress_fd()), std::pair(BPF_TC_EGRESS, egress_fd())}) {
    LIBBPF_OPTS(bpf_tc_opts, options);
    options.prog_fd = fd;
    hook.attach_point = point;
    if (const int error = bpf_tc_attach(&hook, &options); error != 0) {
      return absl::ErrnoToStatus(-error, absl::StrCat("attach a program to ", device));
    }
  }
  return absl::OkStatus();
}

absl::Status PacketPrograms::SetTranslatingSince(uint64_t jiffies) {
  const uint32_t zero = 0;
  shunt_flow_level level = {};
  if (bpf_map_lookup_elem(bpf_map__fd(programs_->maps.flow_level), &zero, &level) != 0) {
    return absl::ErrnoToStatus(errno, "read flow_level");
  }
  level.translating_since = jiffies;
  return Update(programs_->maps.flow_level, &zero, &level);
}

absl::StatusOr<uint64_t> PacketPrograms::TranslatingSince() const {
  const uint32_t zero = 0;
  shunt_flow_level level = {};
  if (bpf_map_lookup_elem(bpf_map__fd(programs_->maps.flow_level), &zero, &level) != 0) {
    return absl::ErrnoToStatus(errno, "read flow_level");
  }
  return level.translating_since;
}

absl::Status PacketPrograms::ForgetFlows() {
  const std::pair<const bpf_map*, size_t> maps[] = {{programs_->maps.flow_index, sizeof(shunt_flow_bucket)},
                                                    {programs_->maps.flow_rows, sizeof(shunt_flow)},
                                                    {programs_->maps.flow_taken, 8},
                                                    {programs_->maps.snat_ports, 8}};
  for (const auto& [map, size] : maps) {
    const std::vector<char> zeros(size, 0);
    for (uint32_t i = 0; i < bpf_map__max_entries(map); ++i) SHUNT_TRY(Update(map, &i, zeros.data()));
  }
  const int fragments = bpf_map__fd(programs_->maps.fragments);
  shunt_fragment_key key;
  while (bpf_map_get_next_key(fragments, nullptr, &key) == 0) bpf_map_delete_elem(fragments, &key);
  return absl::OkStatus();
}

std::vector<shunt_flow> PacketPrograms::Flows() const {
  std::vector<shunt_flow> flows;
  for (uint32_t row = 0; row < kFlows; ++row) {
    shunt_flow flow = {};
    const bool is_read = bpf_map_lookup_elem(bpf_map__fd(programs_->maps.flow_rows), &row, &flow) == 0;
    if (is_read && flow.state != 0) flows.push_back(flow);
  }
  return flows;
}

absl::Status PacketPrograms::SetLastUse(uint32_t jiffies) {
  for (uint32_t row = 0; row < kFlows; ++row) {
    shunt_flow flow = {};
    if (bpf_map_lookup_elem(bpf_map__fd(programs_->maps.flow_rows), &row, &flow) != 0 || flow.state == 0) continue;
    flow.last_use = jiffies;
    SHUNT_TRY(Update(programs_->maps.flow_rows, &row, &flow));
  }
  return absl::OkStatus();
}

std::vector<uint64_t> PacketPrograms::Reasons() const {
  std::vector<uint64_t> sums(SHUNT_REASON_COUNT, 0);
  for (uint32_t row = 0; row < bpf_map__max_entries(programs_->maps.reasons); ++row) {
    const uint32_t reason = row % SHUNT_REASON_STRIDE;
    if (reason < SHUNT_REASON_COUNT) sums[reason] += reasons_[row];
  }
  return sums;
}

#undef SHUNT_TRY

}  // namespace shunt::packets
