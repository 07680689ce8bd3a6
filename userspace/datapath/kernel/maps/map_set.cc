// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/maps/map_set.h"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <fstream>
#include <limits>
#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "bpf/abi.h"
#include "userspace/datapath/kernel/kernel_error.h"
#include "userspace/datapath/kernel/maps/bpf_table.h"
#include "userspace/datapath/kernel/maps/map_sizes.h"

namespace shunt::datapath {
namespace {

constexpr char kWayOut[] =
    "`shuntd cleanup` removes the programs and their maps (connections made afterwards are not translated until an "
    "agent runs again)";

// Returns the highest possible CPU number plus 1, because programs index counters by CPU. The file contains "0-7" or,
// with holes, "0,2-7".
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

absl::StatusOr<posix::FileDescriptor> Duplicate(int fd, const std::string& map) {
  posix::FileDescriptor copy(fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (!copy.ok()) return KernelError(errno, absl::StrCat("map ", map, ": duplicate its descriptor"));
  return copy;
}

// Creates maps of `limits`; the object's programs stay out of the kernel.
absl::StatusOr<BpfObject> CreateMaps(const Limits& limits) {
  if (absl::Status status = CheckLimits(limits); !status.ok()) return status;
  absl::StatusOr<uint32_t> cpus = PossibleCpus();
  if (!cpus.ok()) return cpus.status();
  absl::StatusOr<BpfObject> object = BpfObject::OpenBuiltIn();
  if (!object.ok()) return object.status();
  for (const MapSpec& spec : object->Maps()) {
    std::optional<uint64_t> rows = RowsOf(spec.name, limits, *cpus);
    if (!rows.has_value()) continue;
    if (*rows > std::numeric_limits<uint32_t>::max()) {
      return absl::InvalidArgumentError(
          absl::StrCat("map ", spec.name, ": ", *rows, " rows on ", *cpus, " CPUs are too many: lower its limit"));
    }
    absl::Status status = object->SetMaxEntries(spec.name, static_cast<uint32_t>(*rows));
    if (!status.ok()) return status;
  }
  if (absl::Status status = object->LeaveOutPrograms(); !status.ok()) return status;
  if (absl::Status status = object->Load(); !status.ok()) return status;
  return object;
}

absl::Status RemovePins(const PinDirectory& pins, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (unlink(pins.MapPath(name).c_str()) != 0 && errno != ENOENT) {
      return KernelError(errno, absl::StrCat("remove ", pins.MapPath(name)));
    }
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
  meta.abi_version = SHUNT_ABI_VERSION;
  if (absl::Status status = DrawSeed("the index", &meta.index_seed); !status.ok()) return status;
  if (absl::Status status = DrawSeed("the flows", &meta.flow_seed); !status.ok()) return status;
  if (int error = bpf_map_update_elem(meta_fd, &row, &meta, BPF_ANY); error < 0) {
    return KernelError(error, "map meta: write");
  }
  return absl::OkStatus();
}

absl::StatusOr<shunt_meta> ReadMeta(int meta_fd) {
  const uint32_t row = 0;
  shunt_meta meta{};
  if (int error = bpf_map_lookup_elem(meta_fd, &row, &meta); error < 0) return KernelError(error, "map meta: read");
  return meta;
}

// Checks of a complete pinned set what types and row sizes do not tell: that the sizes fit together, and the ABI
// version.
absl::Status CheckTogether(const MapSet& set, const std::vector<MapSpec>& layout) {
  absl::StatusOr<uint32_t> cpus = PossibleCpus();
  if (!cpus.ok()) return cpus.status();
  const Limits limits = LimitsOf([&set](const std::string& map) { return set.Capacity(map); });
  if (absl::Status status = CheckLimits(limits); !status.ok()) return absl::FailedPreconditionError(status.message());
  for (const MapSpec& spec : layout) {
    const uint64_t expected = RowsOf(spec.name, limits, *cpus).value_or(spec.max_entries);
    if (set.Capacity(spec.name) == expected) continue;
    return absl::FailedPreconditionError(absl::StrCat("map ", spec.name, ": it has ", set.Capacity(spec.name),
                                                      " rows, the set that it is in needs ", expected));
  }
  absl::StatusOr<shunt_meta> meta = ReadMeta(set.Fd("meta"));
  if (!meta.ok()) return meta.status();
  if (meta->abi_version != SHUNT_ABI_VERSION) {
    return absl::FailedPreconditionError(
        absl::StrCat("map meta: it says ABI version ", meta->abi_version, ", this build's is ", SHUNT_ABI_VERSION));
  }
  return absl::OkStatus();
}

// Notes the differences between the sizes that exist and those that are configured.
absl::Status NoteSizes(const MapSet& set, const Limits& limits, std::vector<std::string>* notes) {
  absl::StatusOr<uint32_t> cpus = PossibleCpus();
  if (!cpus.ok()) return cpus.status();
  for (const auto& [name, map] : set.maps()) {
    const uint64_t configured = RowsOf(name, limits, *cpus).value_or(map.spec.max_entries);
    if (configured == map.spec.max_entries) continue;
    notes->push_back(absl::StrCat("map ", name, " keeps the ", map.spec.max_entries,
                                  " rows that it was created with; configured are ", configured,
                                  ", which apply after `shuntd cleanup`"));
  }
  return absl::OkStatus();
}

absl::Status Misfit(absl::string_view what, const absl::Status& why) {
  return absl::Status(why.code(), absl::StrCat(what, " does not fit: ", why.message(), "; ", kWayOut));
}

}  // namespace

absl::StatusOr<MapSet> MapSet::OpenPinned(const PinDirectory& pins, const std::vector<MapSpec>& specs, PinAccess access,
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
    if (!fd.ok()) return absl::Status(fd.status().code(), absl::StrCat(fd.status().message(), "; ", kWayOut));
    absl::StatusOr<MapSpec> found = VerifyMap(fd->get(), spec);
    if (!found.ok()) return Misfit(absl::StrCat("pin ", pins.MapPath(spec.name)), found.status());
    set.maps_.emplace(spec.name, OpenMap{*std::move(found), *std::move(fd)});
  }
  if (!missing->empty()) return set;
  if (absl::Status status = CheckTogether(set, specs); !status.ok()) {
    return Misfit(absl::StrCat("what is pinned below ", pins.path(), "/maps"), status);
  }
  return set;
}

absl::StatusOr<MapSet> MapSet::OpenOrCreate(const PinDirectory& pins, const Limits& limits,
                                            std::vector<std::string>* notes) {
  if (absl::Status status = CheckLimits(limits); !status.ok()) return status;
  absl::StatusOr<BpfObject> layout = BpfObject::OpenBuiltIn();
  if (!layout.ok()) return layout.status();
  const std::vector<MapSpec> specs = layout->Maps();
  std::vector<std::string> missing;
  absl::StatusOr<MapSet> set = OpenPinned(pins, specs, PinAccess::kReadWrite, &missing);
  if (!set.ok()) return set;
  if (missing.empty()) {
    if (absl::Status status = NoteSizes(*set, limits, notes); !status.ok()) return status;
    return set;
  }
  if (!pins.LinkNames().empty()) {
    return absl::FailedPreconditionError(absl::StrCat("pins are missing below ", pins.path(), "/maps (",
                                                      absl::StrJoin(missing, ", "),
                                                      ") while programs that use them are attached; ", kWayOut));
  }
  if (!set->maps_.empty()) {
    notes->push_back(absl::StrCat("an incomplete set of maps below ", pins.path(), " (without ",
                                  absl::StrJoin(missing, ", "), ") was not in use and has been created again"));
    if (absl::Status status = RemovePins(pins, pins.MapNames()); !status.ok()) return status;
  }
  absl::StatusOr<MapSet> fresh = CreateUnpinned(limits);
  if (!fresh.ok()) return fresh;
  for (const auto& [name, map] : fresh->maps_) {
    if (absl::Status status = ReplacePin(map.fd.get(), pins.MapPath(name)); !status.ok()) return status;
  }
  return fresh;
}

absl::StatusOr<MapSet> MapSet::OpenReadOnly(const PinDirectory& pins) {
  absl::StatusOr<BpfObject> layout = BpfObject::OpenBuiltIn();
  if (!layout.ok()) return layout.status();
  std::vector<std::string> missing;
  absl::StatusOr<MapSet> set = OpenPinned(pins, layout->Maps(), PinAccess::kReadOnly, &missing);
  if (set.ok() && !missing.empty()) {
    return absl::NotFoundError(
        absl::StrCat("pins are missing below ", pins.path(), "/maps: ", absl::StrJoin(missing, ", ")));
  }
  return set;
}

absl::StatusOr<MapSet> MapSet::CreateUnpinned(const Limits& limits) {
  absl::StatusOr<BpfObject> object = CreateMaps(limits);
  if (!object.ok()) return object.status();
  MapSet set;
  for (const MapSpec& spec : object->Maps()) {
    absl::StatusOr<posix::FileDescriptor> fd = Duplicate(object->MapFd(spec.name), spec.name);
    if (!fd.ok()) return fd.status();
    set.maps_.emplace(spec.name, OpenMap{spec, *std::move(fd)});
  }
  if (absl::Status status = WriteMeta(set.Fd("meta")); !status.ok()) return status;
  return set;
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
      {"socket_peers", &tables.socket_peers},
      {"affinities", &tables.affinities},
      {"service_counters", &tables.service_counters},
      {"backend_counters", &tables.backend_counters},
      {"reasons", &tables.reasons},
      {"meta", &tables.meta},
  };
  for (const auto& [name, table] : all) {
    auto found = maps_.find(name);
    if (found == maps_.end()) return absl::InternalError(absl::StrCat("the BPF object has no map ", name));
    absl::StatusOr<posix::FileDescriptor> fd = Duplicate(found->second.fd.get(), name);
    if (!fd.ok()) return fd.status();
    absl::StatusOr<std::unique_ptr<Table>> opened =
        OpenTable(found->second.spec, *std::move(fd), access_ == PinAccess::kReadWrite);
    if (!opened.ok()) return opened.status();
    *table = *std::move(opened);
  }
  return tables;
}

absl::Status MapSet::GiveTo(BpfObject& object, shunt_config* config) const {
  absl::StatusOr<shunt_meta> meta = ReadMeta(Fd("meta"));
  if (!meta.ok()) return meta.status();
  config->index_seed = meta->index_seed;
  config->index_mask = Capacity("frontend_index") - 1;
  config->socket_mask = Capacity("socket_state") - 1;
  config->service_stride = Capacity("service_ports");
  config->backend_stride = Capacity("backends");
  config->peers_per_netns = shunt_peers_per_netns(Capacity("socket_peers"));
  for (const auto& [name, map] : maps_) {
    if (absl::Status status = object.UseMap(name, map.fd.get()); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status MapSet::UseStorage() const {
  // By one store through a mapping: a write of the whole row would undo what other threads and programs store beside
  // it.
  void* const memory = mmap(nullptr, sizeof(shunt_meta), PROT_READ | PROT_WRITE, MAP_SHARED, Fd("meta"), 0);
  if (memory == MAP_FAILED) return KernelError(errno, "map meta: mmap it to mark socket storage as in use");
  std::atomic_ref<uint32_t>(static_cast<shunt_meta*>(memory)->storage_in_use).store(1, std::memory_order_release);
  munmap(memory, sizeof(shunt_meta));
  return absl::OkStatus();
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
