// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/maps/map_set.h"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <sys/random.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <fstream>
#include <limits>
#include <optional>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "bpf/abi.h"
#include "userspace/datapath/codec.h"
#include "userspace/datapath/kernel/kernel_error.h"
#include "userspace/datapath/kernel/maps/bpf_table.h"
#include "userspace/datapath/kernel/maps/map_sizes.h"

namespace shunt::datapath {
namespace {

absl::StatusOr<posix::FileDescriptor> Duplicate(int fd, const std::string& map) {
  posix::FileDescriptor copy(fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (!copy.ok()) return KernelError(errno, absl::StrCat("map ", map, ": duplicate its descriptor"));
  return copy;
}

// Gives the maps that the object is to create the sizes of `limits`.
absl::Status SetSizes(BpfObject& object, const MapSet& given, const Limits& limits) {
  absl::StatusOr<uint32_t> cpus = PossibleCpus();
  if (!cpus.ok()) return cpus.status();
  for (const MapSpec& spec : object.Maps()) {
    const std::optional<uint64_t> rows = RowsOf(spec.name, limits, *cpus);
    if (!rows.has_value() || given.Fd(spec.name) >= 0) continue;
    if (*rows > std::numeric_limits<uint32_t>::max()) {
      return absl::InvalidArgumentError(
          absl::StrCat("map ", spec.name, ": ", *rows, " rows on ", *cpus, " CPUs are too many: lower its limit"));
    }
    absl::Status status = object.SetMaxEntries(spec.name, static_cast<uint32_t>(*rows));
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status DrawSeed(absl::string_view of, __u64* seed) {
  if (getrandom(seed, sizeof(*seed), 0) == sizeof(*seed)) return absl::OkStatus();
  return KernelError(errno, absl::StrCat("map meta: generate the seed of ", of));
}

// Called before the map is pinned, so a pin without this content is not ours.
absl::Status WriteMeta(int meta_fd) {
  const uint32_t row = 0;
  shunt_meta meta{};
  meta.memory_version = SHUNT_MEMORY_VERSION;
  if (absl::Status status = DrawSeed("the index", &meta.index_seed); !status.ok()) return status;
  if (absl::Status status = DrawSeed("the flows", &meta.flow_seed); !status.ok()) return status;
  if (int error = bpf_map_update_elem(meta_fd, &row, &meta, BPF_ANY); error < 0) {
    return KernelError(error, "map meta: write");
  }
  return absl::OkStatus();
}

}  // namespace

// The file contains "0-7" or, with holes, "0,2-7".
absl::StatusOr<uint32_t> PossibleCpus() {
  constexpr char kFile[] = "/sys/devices/system/cpu/possible";
  std::ifstream file(kFile);
  std::string text;
  std::getline(file, text);
  uint32_t last = 0;
  if (!absl::SimpleAtoi(text.substr(text.find_last_of(",-") + 1), &last)) {
    return absl::InternalError(absl::StrCat("count the possible CPUs: ", kFile, " says '", text, "'"));
  }
  return last + 1;
}

absl::StatusOr<MapSet> MapSet::OpenPinned(const PlanPins& pins, const std::vector<MapSpec>& specs, PinAccess access,
                                          std::vector<std::string>* missing) {
  MapSet set;
  set.access_ = access;
  for (const MapSpec& spec : specs) {
    // The kernel maps no memory from a read-only descriptor, so there the memory itself is protected.
    const bool mapped = (spec.flags & BPF_F_MMAPABLE) != 0;
    absl::StatusOr<posix::FileDescriptor> fd =
        OpenPin(pins.MapPath(spec.name), BpfKind::kMap, mapped ? PinAccess::kReadWrite : access);
    if (absl::IsNotFound(fd.status())) {
      missing->push_back(spec.name);
      continue;
    }
    if (!fd.ok()) return fd.status();
    absl::StatusOr<MapSpec> found = VerifyMap(fd->get(), spec);
    if (!found.ok()) {
      return absl::Status(found.status().code(),
                          absl::StrCat("pin ", pins.MapPath(spec.name), " does not fit: ", found.status().message()));
    }
    set.maps_.emplace(spec.name, OpenMap{*std::move(found), *std::move(fd)});
  }
  return set;
}

absl::StatusOr<MapSet> MapSet::OpenReadOnly(const PlanPins& plan) {
  if (plan.plan.version != SHUNT_PLAN_VERSION || plan.memory.version != SHUNT_MEMORY_VERSION) {
    return absl::FailedPreconditionError(
        absl::StrCat("the plan in force, ", plan.plan.path, " with memory ", plan.memory.path,
                     ", is another build's: this one reads ", "plan version ", SHUNT_PLAN_VERSION,
                     " with memory version ", SHUNT_MEMORY_VERSION, "; use the shuntctl of the agent that made it"));
  }
  absl::StatusOr<BpfObject> layout = BpfObject::OpenBuiltIn();
  if (!layout.ok()) return layout.status();
  std::vector<std::string> missing;
  absl::StatusOr<MapSet> set = OpenPinned(plan, layout->Maps(), PinAccess::kReadOnly, &missing);
  if (!set.ok()) return set;
  if (!missing.empty()) {
    return absl::FailedPreconditionError(absl::StrCat("pins are missing in ", plan.plan.path, " or ", plan.memory.path,
                                                      ": ", absl::StrJoin(missing, ", "),
                                                      "; start shuntd again, which makes them"));
  }
  if (absl::Status status = set->CheckTogether(layout->Maps(), set->SizesFound()); !status.ok()) return status;
  return set;
}

absl::StatusOr<MapSet> MapSet::Complete(MapSet given, const Limits& limits) {
  if (absl::Status status = CheckLimits(limits); !status.ok()) return status;
  absl::StatusOr<BpfObject> object = BpfObject::OpenBuiltIn();
  if (!object.ok()) return object.status();
  const std::vector<MapSpec> layout = object->Maps();
  if (absl::c_all_of(layout, [&](const MapSpec& spec) { return given.Fd(spec.name) >= 0; })) return given;
  for (const auto& [name, map] : given.maps_) {
    if (absl::Status status = object->UseMap(name, map.fd.get()); !status.ok()) return status;
  }
  if (absl::Status status = SetSizes(*object, given, limits); !status.ok()) return status;
  if (absl::Status status = object->LeaveOutPrograms(); !status.ok()) return status;
  if (absl::Status status = object->Load(); !status.ok()) return status;
  const bool new_memory = given.Fd("meta") < 0;
  for (const MapSpec& spec : object->Maps()) {  // with the sizes that have been set
    if (given.Fd(spec.name) >= 0) continue;
    absl::StatusOr<posix::FileDescriptor> fd = Duplicate(object->MapFd(spec.name), spec.name);
    if (!fd.ok()) return fd.status();
    given.maps_.emplace(spec.name, OpenMap{spec, *std::move(fd)});
  }
  if (!new_memory) return given;
  if (absl::Status status = WriteMeta(given.Fd("meta")); !status.ok()) return status;
  return given;
}

absl::Status MapSet::CheckTogether(const std::vector<MapSpec>& layout, const Limits& limits) const {
  absl::StatusOr<uint32_t> cpus = PossibleCpus();
  if (!cpus.ok()) return cpus.status();
  if (absl::Status status = CheckLimits(limits); !status.ok()) return absl::FailedPreconditionError(status.message());
  for (const MapSpec& spec : layout) {
    if (IsOfPreviousRows(spec.name)) continue;
    const uint64_t expected = RowsOf(spec.name, limits, *cpus).value_or(spec.max_entries);
    if (Fd(spec.name) < 0 || Capacity(spec.name) == expected) continue;
    return absl::FailedPreconditionError(absl::StrCat("map ", spec.name, ": it has ", Capacity(spec.name),
                                                      " rows, the set that it is in needs ", expected));
  }
  if (absl::Status status = CheckPreviousRows(); !status.ok()) return status;
  if (Fd("meta") < 0) return absl::OkStatus();
  absl::StatusOr<shunt_meta> meta = ReadMeta();
  if (!meta.ok()) return meta.status();
  if (meta->memory_version == SHUNT_MEMORY_VERSION) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat("map meta: it says memory version ", meta->memory_version,
                                                    ", this build's is ", SHUNT_MEMORY_VERSION));
}

// No limit tells their size, but the two maps belong together.
absl::Status MapSet::CheckPreviousRows() const {
  const uint32_t rows = Capacity("previous_state"), words = Capacity("previous_taken");
  if (rows <= 1 && words <= 1) return absl::OkStatus();
  if (std::has_single_bit(rows) && rows == uint64_t{words} * 64) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("map previous_state: its ", rows, " rows do not go with the ", words, " words of previous_taken"));
}

absl::StatusOr<shunt_meta> MapSet::ReadMeta() const {
  const uint32_t row = 0;
  shunt_meta meta{};
  if (int error = bpf_map_lookup_elem(Fd("meta"), &row, &meta); error < 0) return KernelError(error, "map meta: read");
  return meta;
}

Limits MapSet::SizesFound() const {
  return LimitsOf([this](const std::string& map) { return Capacity(map); });
}

absl::Status MapSet::CheckPins(const PlanPins& pins) const {
  for (const auto& [name, map] : maps_) {
    const std::string path = pins.MapPath(name);
    const absl::StatusOr<posix::FileDescriptor> pinned = OpenPin(path, BpfKind::kMap);
    if (absl::IsNotFound(pinned.status())) continue;
    if (!pinned.ok()) return pinned.status();
    const absl::StatusOr<bpf_map_info> theirs = DescribeMap(pinned->get(), path);
    if (!theirs.ok()) return theirs.status();
    const absl::StatusOr<bpf_map_info> ours = DescribeMap(map.fd.get(), absl::StrCat("map ", name));
    if (!ours.ok()) return ours.status();
    if (theirs->id != ours->id) return absl::FailedPreconditionError(absl::StrCat(path, " is another agent's map"));
  }
  return absl::OkStatus();
}

absl::Status MapSet::Pin(const PlanPins& pins) const {
  for (const auto& [name, map] : maps_) {
    const std::string path = pins.MapPath(name);
    if (access(path.c_str(), F_OK) == 0) continue;
    if (absl::Status status = ReplacePin(map.fd.get(), path); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status MapSet::Share(const MapSet& other, const std::string& name) {
  auto found = other.maps_.find(name);
  if (found == other.maps_.end()) return absl::OkStatus();
  absl::StatusOr<posix::FileDescriptor> fd = Duplicate(found->second.fd.get(), name);
  if (!fd.ok()) return fd.status();
  maps_.insert_or_assign(name, OpenMap{found->second.spec, *std::move(fd)});
  return absl::OkStatus();
}

absl::Status MapSet::Rename(const std::string& from, const std::string& to) {
  auto map = maps_.extract(from);
  if (map.empty()) return absl::InternalError(absl::StrCat("there is no map ", from));
  map.key() = map.mapped().spec.name = to;
  maps_.erase(to);
  maps_.insert(std::move(map));
  return absl::OkStatus();
}

absl::StatusOr<Tables> MapSet::OpenTables() const {
  Tables tables;
  const std::pair<const char*, std::unique_ptr<Table>*> all[] = {
      {"prefix_filter", &tables.prefix_filter},
      {"frontend_index", &tables.frontend_index},
      {"frontend_rows", &tables.frontend_rows},
      {"pools", &tables.pools},
      {"slots", &tables.slots},
      {"backends", &tables.backends},
      {"service_ports", &tables.service_ports},
      {"socket_state", &tables.socket_state},
      {"socket_taken", &tables.socket_taken},
      {"previous_state", &tables.previous_state},
      {"previous_taken", &tables.previous_taken},
      {"socket_peers", &tables.socket_peers},
      {"socket_peer_counts", &tables.socket_peer_counts},
      {"affinities", &tables.affinities},
      {"service_counters", &tables.service_counters},
      {"backend_counters", &tables.backend_counters},
      {"reasons", &tables.reasons},
      {"meta", &tables.meta},
      {"source_versions", &tables.source_versions},
      {"scopes", &tables.scopes},
      {"scope_filter", &tables.scope_filter},
      {"node_ports", &tables.node_ports},
      {"endpoint_filter", &tables.endpoint_filter},
      {"source_ranges", &tables.source_ranges},
      {"devices", &tables.devices},
      {"flow_index", &tables.flow_index},
      {"flow_rows", &tables.flow_rows},
      {"flow_taken", &tables.flow_taken},
      {"snat_ports", &tables.snat_ports},
      {"flow_level", &tables.flow_level},
      {"fragments", &tables.fragments},
  };
  for (const auto& [name, table] : all) {
    absl::StatusOr<std::unique_ptr<Table>> opened = OpenTable(name);
    if (!opened.ok()) return opened.status();
    *table = *std::move(opened);
  }
  return tables;
}

absl::StatusOr<std::unique_ptr<Table>> MapSet::OpenTable(const std::string& name) const {
  auto found = maps_.find(name);
  if (found == maps_.end()) return absl::InternalError(absl::StrCat("there is no map ", name));
  absl::StatusOr<posix::FileDescriptor> fd = Duplicate(found->second.fd.get(), name);
  if (!fd.ok()) return fd.status();
  return datapath::OpenTable(found->second.spec, *std::move(fd), access_ == PinAccess::kReadWrite);
}

absl::Status MapSet::GiveTo(BpfObject& object, shunt_config* config) const {
  absl::StatusOr<shunt_meta> meta = ReadMeta();
  if (!meta.ok()) return meta.status();
  config->index_seed = meta->index_seed;
  config->index_mask = Capacity("frontend_index") - 1;
  config->socket_mask = Capacity("socket_state") - 1;
  config->previous_mask = Capacity("previous_state") - 1;
  config->service_stride = Capacity("service_ports");
  config->backend_stride = Capacity("backends");
  config->peers_per_netns = shunt_peers_per_netns(Capacity("socket_peers"));
  for (const auto& [name, map] : maps_) {
    if (absl::Status status = object.UseMap(name, map.fd.get()); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status MapSet::UseStorage() const {
  constexpr uint32_t kWord = offsetof(shunt_meta, memory_version) / sizeof(uint64_t);
  static_assert(offsetof(shunt_meta, storage_in_use) / sizeof(uint64_t) == kWord);
  absl::StatusOr<std::unique_ptr<Table>> table = OpenTable("meta");
  if (!table.ok()) return table.status();
  shunt_meta meta{};
  if (absl::Status status = (*table)->Load(0, MutableBytesOf(meta)); !status.ok()) return status;
  if (meta.storage_in_use != 0) return absl::OkStatus();
  // One store of a word whose other half never changes: the loop's thread writes other words meanwhile.
  meta.storage_in_use = 1;
  uint64_t word = 0;
  std::memcpy(&word, reinterpret_cast<const char*>(&meta) + kWord * sizeof(word), sizeof(word));
  return (*table)->StoreWord(0, kWord, word);
}

void MapSet::AddKernelFacts(std::vector<report::MapFill>* levels) const {
  for (const auto& [name, map] : maps_) {
    if (map.spec.type == BPF_MAP_TYPE_SK_STORAGE) levels->push_back(report::MapFill{.name = name});
  }
  for (report::MapFill& level : *levels) {
    auto map = maps_.find(level.name);
    if (map == maps_.end()) continue;
    level.type = MapTypeName(map->second.spec.type);
    level.memory_bytes = MapMemoryBytes(map->second.fd.get());
  }
}

int MapSet::Fd(const std::string& name) const {
  auto found = maps_.find(name);
  return found == maps_.end() ? -1 : found->second.fd.get();
}

uint32_t MapSet::Capacity(const std::string& name) const {
  auto found = maps_.find(name);
  return found == maps_.end() ? 0 : found->second.spec.max_entries;
}

}  // namespace shunt::datapath
