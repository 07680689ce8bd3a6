// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/map_set.h"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "bpf/abi.h"
#include "userspace/datapath/kernel/bpf_table.h"
#include "userspace/datapath/kernel/kernel_error.h"

namespace shunt::datapath {
namespace {

constexpr char kWayOut[] =
    "`shuntd cleanup` removes the programs and their maps (connections made afterwards are not translated until an "
    "agent runs again)";

// The limit that sizes the map; nullopt if its size is part of the ABI.
std::optional<uint32_t> LimitOf(const std::string& map, const Limits& limits) {
  if (map == "frontends" || map == "frontend_rows") return limits.frontends;
  if (map == "pools") return limits.pools;
  if (map == "slots") return limits.slots;
  if (map == "backends" || map == "backend_counters") return limits.backends;
  if (map == "service_ports" || map == "service_counters") return limits.service_ports;
  if (map == "socket_state") return limits.sockets;
  if (map == "socket_peers") return limits.socket_peers;
  if (map == "affinities") return limits.affinities;
  return std::nullopt;
}

absl::StatusOr<UniqueFd> Duplicate(int fd, const std::string& map) {
  UniqueFd copy(fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (!copy.valid()) return KernelError(errno, absl::StrCat("map ", map, ": duplicate its descriptor"));
  return copy;
}

// Creates maps of `limits`; the object's programs stay out of the kernel.
absl::StatusOr<BpfObject> CreateMaps(const Limits& limits) {
  if (absl::Status status = CheckLimits(limits); !status.ok()) return status;
  absl::StatusOr<BpfObject> object = BpfObject::OpenBuiltIn();
  if (!object.ok()) return object.status();
  for (const MapSpec& spec : object->Maps()) {
    std::optional<uint32_t> limit = LimitOf(spec.name, limits);
    if (!limit.has_value()) continue;
    if (absl::Status status = object->SetMaxEntries(spec.name, *limit); !status.ok()) return status;
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

// The version is written before the map is pinned, so a pin without it is not ours.
absl::Status WriteVersion(int meta_fd) {
  const uint32_t row = 0;
  const shunt_meta meta{.abi_version = SHUNT_ABI_VERSION, .pad = 0};
  if (int error = bpf_map_update_elem(meta_fd, &row, &meta, BPF_ANY); error < 0) {
    return KernelError(error, "map meta: write the ABI version");
  }
  return absl::OkStatus();
}

// What sizes and types do not say about a map that is found pinned.
absl::Status CheckContents(const MapSpec& found, const MapSpec& layout, int fd) {
  if (!LimitOf(found.name, Limits{}).has_value() && found.max_entries != layout.max_entries) {
    return absl::FailedPreconditionError(absl::StrCat("map ", found.name, ": it has ", found.max_entries,
                                                      " rows, this build's layout has ", layout.max_entries));
  }
  if (found.name == "socket_state" && (found.max_entries & (found.max_entries - 1)) != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("map socket_state: its ", found.max_entries, " rows are not a power of two"));
  }
  if (found.name == "meta") {
    const uint32_t row = 0;
    shunt_meta meta{};
    if (int error = bpf_map_lookup_elem(fd, &row, &meta); error < 0) {
      return KernelError(error, "map meta: read the ABI version");
    }
    if (meta.abi_version != SHUNT_ABI_VERSION) {
      return absl::FailedPreconditionError(
          absl::StrCat("map meta: it says ABI version ", meta.abi_version, ", this build's is ", SHUNT_ABI_VERSION));
    }
  }
  return absl::OkStatus();
}

// Differences between the sizes that exist and those that are configured.
void NoteSizes(const MapSet& set, const Limits& limits, std::vector<std::string>* notes) {
  for (const auto& [name, map] : set.maps()) {
    std::optional<uint32_t> limit = LimitOf(name, limits);
    if (!limit.has_value() || *limit == map.spec.max_entries) continue;
    notes->push_back(absl::StrCat("map ", name, " keeps the ", map.spec.max_entries,
                                  " rows that it was created with; configured are ", *limit,
                                  ", which apply after `shuntd cleanup`"));
  }
}

}  // namespace

absl::Status CheckLimits(const Limits& limits) {
  const std::pair<const char*, uint32_t> all[] = {{"frontends", limits.frontends},
                                                  {"service_ports", limits.service_ports},
                                                  {"pools", limits.pools},
                                                  {"slots", limits.slots},
                                                  {"backends", limits.backends},
                                                  {"sockets", limits.sockets},
                                                  {"socket_peers", limits.socket_peers},
                                                  {"affinities", limits.affinities}};
  for (const auto& [name, limit] : all) {
    if (limit == 0) return absl::InvalidArgumentError(absl::StrCat("limit ", name, " is 0"));
  }
  if ((limits.sockets & (limits.sockets - 1)) != 0) {
    return absl::InvalidArgumentError(absl::StrCat("limit sockets is ", limits.sockets, ", not a power of two"));
  }
  if (limits.slots > SHUNT_POOL_FIRST_MAX + 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("limit slots is ", limits.slots, ", a pool can point to at most ", SHUNT_POOL_FIRST_MAX + 1));
  }
  return absl::OkStatus();
}

absl::StatusOr<MapSet> MapSet::OpenPinned(const PinDirectory& pins, const std::vector<MapSpec>& specs, PinAccess access,
                                          std::vector<std::string>* missing) {
  MapSet set;
  set.access_ = access;
  for (const MapSpec& spec : specs) {
    absl::StatusOr<UniqueFd> fd = OpenPin(pins.MapPath(spec.name), BpfKind::kMap, access);
    if (absl::IsNotFound(fd.status())) {
      missing->push_back(spec.name);
      continue;
    }
    if (!fd.ok()) return absl::Status(fd.status().code(), absl::StrCat(fd.status().message(), "; ", kWayOut));
    absl::StatusOr<MapSpec> found = VerifyMap(fd->get(), spec);
    absl::Status fits = found.ok() ? CheckContents(*found, spec, fd->get()) : found.status();
    if (!fits.ok()) {
      return absl::Status(
          fits.code(), absl::StrCat("pin ", pins.MapPath(spec.name), " does not fit: ", fits.message(), "; ", kWayOut));
    }
    set.maps_.emplace(spec.name, OpenMap{*std::move(found), *std::move(fd)});
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
    NoteSizes(*set, limits, notes);
    return set;
  }
  if (!pins.LinkNames().empty()) {
    return absl::FailedPreconditionError(absl::StrCat("pins are missing below ", pins.path(), "/maps (",
                                                      absl::StrJoin(missing, ", "),
                                                      ") while programs that use them are attached; ", kWayOut));
  }
  if (!set->maps_.empty()) {
    notes->push_back(absl::StrCat("an incomplete set of maps below ", pins.path(), " (without ",
                                  absl::StrJoin(missing, ", "), ") served nobody and was made anew"));
    if (absl::Status status = RemovePins(pins, pins.MapNames()); !status.ok()) return status;
  }
  absl::StatusOr<MapSet> fresh = CreateUnpinned(limits);
  if (!fresh.ok()) return fresh;
  if (absl::Status status = WriteVersion(fresh->Fd("meta")); !status.ok()) return status;
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
    absl::StatusOr<UniqueFd> fd = Duplicate(object->MapFd(spec.name), spec.name);
    if (!fd.ok()) return fd.status();
    set.maps_.emplace(spec.name, OpenMap{spec, *std::move(fd)});
  }
  return set;
}

absl::StatusOr<Tables> MapSet::OpenTables() const {
  Tables tables;
  const std::pair<const char*, std::unique_ptr<Table>*> all[] = {
      {"frontends", &tables.frontends},
      {"frontend_rows", &tables.frontend_rows},
      {"frontend_filter", &tables.frontend_filter},
      {"pools", &tables.pools},
      {"slots", &tables.slots},
      {"backends", &tables.backends},
      {"service_ports", &tables.service_ports},
      {"socket_state", &tables.socket_state},
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
    absl::StatusOr<UniqueFd> fd = Duplicate(found->second.fd.get(), name);
    if (!fd.ok()) return fd.status();
    absl::StatusOr<std::unique_ptr<Table>> opened =
        OpenTable(found->second.spec, *std::move(fd), access_ == PinAccess::kReadWrite);
    if (!opened.ok()) return opened.status();
    *table = *std::move(opened);
  }
  return tables;
}

absl::Status MapSet::GiveTo(BpfObject& object) const {
  for (const auto& [name, map] : maps_) {
    if (absl::Status status = object.UseMap(name, map.fd.get()); !status.ok()) return status;
  }
  return absl::OkStatus();
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
