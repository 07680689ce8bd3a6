// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/devices/device_hooks.h"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <net/if.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>
#include <tuple>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "userspace/datapath/kernel/devices/link_list.h"
#include "userspace/datapath/kernel/devices/tc_filter.h"
#include "userspace/datapath/kernel/devices/tcx_link.h"
#include "userspace/datapath/kernel/kernel_error.h"
#include "userspace/datapath/kernel/object/bpf_fd.h"
#include "userspace/datapath/kernel/object/pin_removal.h"

namespace shunt::datapath {
namespace {

std::string LinkName(uint32_t device, Direction direction) {
  return absl::StrCat("device_", device, "_", DirectionName(direction));
}

// The opposite of LinkName.
std::optional<std::pair<uint32_t, Direction>> PlaceIn(absl::string_view name) {
  const std::vector<absl::string_view> parts = absl::StrSplit(name, '_');
  uint32_t device = 0;
  if (parts.size() != 3 || parts[0] != "device" || !absl::SimpleAtoi(parts[1], &device)) return std::nullopt;
  for (const Direction direction : kDirections) {
    if (parts[2] == DirectionName(direction)) return std::pair(device, direction);
  }
  return std::nullopt;
}

bool Exists(uint32_t device) {
  std::array<char, IF_NAMESIZE> name;
  return if_indextoname(device, name.data()) != nullptr;
}

absl::StatusOr<posix::FileDescriptor> Duplicate(int fd) {
  posix::FileDescriptor copy(fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (!copy.ok()) return KernelError(errno, "duplicate the descriptor of a device's program");
  return copy;
}

// Returns the link's description if it is at the device that has this index now.
absl::StatusOr<std::optional<bpf_link_info>> DescribeAt(int link_fd, const std::pair<uint32_t, Direction>& place) {
  const absl::StatusOr<bpf_link_info> facts = DescribeLink(link_fd, LinkName(place.first, place.second));
  if (!facts.ok()) return facts.status();
  const absl::StatusOr<std::vector<uint32_t>> there = TcxLinksOn(place.first, place.second);
  if (!there.ok()) return there.status();
  if (!absl::c_linear_search(*there, facts->id)) return std::nullopt;
  return *facts;
}

// Detaches what is pinned at `path`, and removes the pin.
absl::Status Unpin(const std::string& path, std::vector<std::string>* removed) {
  DetachPinnedLink(path);
  return RemoveOne(path, removed);
}

// Detaches the pinned links of the direction except those of devices that are `kept`, and appends their devices.
absl::Status UnpinBut(const PinDirectory& pins, Direction direction, absl::Span<const HookedDevice> kept,
                      std::vector<uint32_t>* devices, std::vector<std::string>* removed) {
  absl::Status failure;
  for (const std::string& name : pins.LinkNames()) {
    const std::optional<std::pair<uint32_t, Direction>> place = PlaceIn(name);
    if (!place.has_value() || place->second != direction) continue;
    if (absl::c_any_of(kept, [&](const HookedDevice& device) { return device.index == place->first; })) continue;
    failure.Update(Unpin(pins.LinkPath(name), removed));
    devices->push_back(place->first);
  }
  return failure;
}

bool HasPinnedLink(const PinDirectory& pins, uint32_t device, Direction direction) {
  const absl::StatusOr<posix::FileDescriptor> link =
      OpenPin(pins.LinkPath(LinkName(device, direction)), BpfKind::kLink);
  if (!link.ok()) return false;
  const absl::StatusOr<std::optional<bpf_link_info>> facts = DescribeAt(link->get(), {device, direction});
  return facts.ok() && facts->has_value();
}

bool HasFilter(uint32_t device, Direction direction) {
  const absl::StatusOr<std::vector<TcFilter>> filters = FiltersOn(device, direction);
  return filters.ok() && absl::c_any_of(*filters, [](const TcFilter& filter) { return filter.is_ours; });
}

// Returns the program that is in force at the hook, by a link of ours or else by a filter.
std::optional<uint32_t> ProgramAt(const PinDirectory& pins, const std::pair<uint32_t, Direction>& place) {
  const absl::StatusOr<posix::FileDescriptor> link =
      OpenPin(pins.LinkPath(LinkName(place.first, place.second)), BpfKind::kLink);
  if (link.ok()) {
    const absl::StatusOr<std::optional<bpf_link_info>> facts = DescribeAt(link->get(), place);
    if (facts.ok() && facts->has_value()) return (*facts)->prog_id;
  }
  const absl::StatusOr<std::vector<TcFilter>> filters = FiltersOn(place.first, place.second);
  if (!filters.ok()) return std::nullopt;
  const auto ours = absl::c_find_if(*filters, [](const TcFilter& filter) { return filter.is_ours; });
  return ours == filters->end() ? std::nullopt : std::optional(ours->program_id);
}

// Returns the id of the program's map of pools, which every plan has for itself; 0 if it has none.
uint32_t PlanOf(int program_fd) {
  std::array<uint32_t, 128> ids{};
  bpf_prog_info facts{};
  facts.nr_map_ids = ids.size();
  facts.map_ids = reinterpret_cast<uint64_t>(ids.data());
  uint32_t size = sizeof(facts);
  if (bpf_obj_get_info_by_fd(program_fd, &facts, &size) < 0) return 0;
  for (size_t i = 0; i < ids.size() && i < facts.nr_map_ids; ++i) {
    const posix::FileDescriptor map(bpf_map_get_fd_by_id(ids[i]));
    const absl::StatusOr<bpf_map_info> described = DescribeMap(map.get(), "a map of a device's program");
    if (described.ok() && absl::string_view(described->name) == "pools") return ids[i];
  }
  return 0;
}

bool ReadsAnotherPlan(const PinDirectory& pins, const std::pair<uint32_t, Direction>& place, int program_fd) {
  const std::optional<uint32_t> id = ProgramAt(pins, place);
  if (!id.has_value()) return false;
  const posix::FileDescriptor found(bpf_prog_get_fd_by_id(*id));
  return found.ok() && PlanOf(found.get()) != PlanOf(program_fd);
}

std::string NameOf(uint32_t device, absl::Span<const HookedDevice> present) {
  for (const HookedDevice& one : present) {
    if (one.index == device) return one.name;
  }
  return absl::StrCat("device ", device);
}

void AddOnce(std::string name, std::vector<std::string>* names) {
  if (!absl::c_linear_search(*names, name)) names->push_back(std::move(name));
}

}  // namespace

const char* DeviceHookKindName(DeviceHookKind kind) {
  return kind == DeviceHookKind::kTcx ? "tcx" : "clsact";
}

DeviceHookKind BestDeviceHookKind() {
  return HasTcx() ? DeviceHookKind::kTcx : DeviceHookKind::kClsact;
}

absl::StatusOr<DeviceHooks> DeviceHooks::Open(const PinDirectory& pins, DeviceHookKind kind, int ingress_program_fd,
                                              int egress_program_fd) {
  DeviceHooks hooks(pins, kind);
  for (const auto& [fd, copy, id] : {std::tuple(ingress_program_fd, &hooks.ingress_, &hooks.ingress_id_),
                                     std::tuple(egress_program_fd, &hooks.egress_, &hooks.egress_id_)}) {
    const absl::StatusOr<bpf_prog_info> facts = DescribeProgram(fd, "a device's program");
    if (!facts.ok()) return facts.status();
    absl::StatusOr<posix::FileDescriptor> own = Duplicate(fd);
    if (!own.ok()) return own.status();
    *copy = *std::move(own);
    *id = facts->id;
  }
  return hooks;
}

absl::StatusOr<DeviceHooks::Outcome> DeviceHooks::EnsureLink(const Place& place) {
  const auto& [device, direction] = place;
  const std::string pin = pins_.LinkPath(LinkName(device, direction));
  const uint32_t wanted = direction == Direction::kIngress ? ingress_id_ : egress_id_;
  absl::StatusOr<posix::FileDescriptor> link = OpenPin(pin, BpfKind::kLink);
  const bool pinned = link.ok();
  const auto held = in_force_.find(place);
  if (!pinned && held != in_force_.end() && held->second.ok()) link = Duplicate(held->second.get());
  if (link.ok()) {
    const absl::StatusOr<std::optional<bpf_link_info>> facts = DescribeAt(link->get(), place);
    if (!facts.ok()) return facts.status();
    if (facts->has_value()) {
      const bool is_other = (*facts)->prog_id != wanted;
      if (absl::Status status = is_other ? UpdateTcxLink(link->get(), ProgramFd(direction)) : absl::OkStatus();
          !status.ok()) {
        return status;
      }
      if (absl::Status status = pinned ? absl::OkStatus() : ReplacePin(link->get(), pin); !status.ok()) return status;
      in_force_[place] = *std::move(link);
      return !pinned ? Outcome::kAttached : is_other ? Outcome::kReplaced : Outcome::kInOrder;
    }
  }
  // What is pinned is attached nowhere, or to a device that had the index before and is in another namespace now. An
  // interrupted start may have left a link beside it.
  for (const std::string& other : {pin, pin + "_next"}) {
    if (absl::Status status = Unpin(other, nullptr); !status.ok()) return status;
  }
  absl::StatusOr<posix::FileDescriptor> created = CreateTcxLink(ProgramFd(direction), device, direction);
  if (!created.ok()) return created.status();
  if (absl::Status status = ReplacePin(created->get(), pin); !status.ok()) return status;
  in_force_[place] = *std::move(created);
  return Outcome::kAttached;
}

absl::StatusOr<DeviceHooks::Outcome> DeviceHooks::EnsureFilter(const Place& place) {
  const auto& [device, direction] = place;
  const absl::StatusOr<std::vector<TcFilter>> filters = FiltersOn(device, direction);
  if (!filters.ok()) return filters.status();
  const auto ours = absl::c_find_if(*filters, [](const TcFilter& filter) { return filter.is_ours; });
  const uint32_t wanted = direction == Direction::kIngress ? ingress_id_ : egress_id_;
  if (ours == filters->end() || ours->program_id != wanted) {
    if (absl::Status status = PutFilter(ProgramFd(direction), device, direction); !status.ok()) return status;
  }
  in_force_[place] = posix::FileDescriptor();
  if (ours == filters->end()) return Outcome::kAttached;
  return ours->program_id == wanted ? Outcome::kInOrder : Outcome::kReplaced;
}

absl::StatusOr<DeviceHooks::Outcome> DeviceHooks::Ensure(const Place& place) {
  return kind_ == DeviceHookKind::kTcx ? EnsureLink(place) : EnsureFilter(place);
}

void DeviceHooks::FollowOne(const HookedDevice& device, DeviceHookChanges* changes) {
  for (const Direction direction : kDirections) {
    const Place place(device.index, direction);
    const bool was_in_force = in_force_.contains(place);
    const absl::StatusOr<Outcome> outcome = Ensure(place);
    if (!outcome.ok()) {
      // Nothing is translated one way only: without egress there is no ingress.
      if (Exists(device.index)) changes->failures.insert({device.index, outcome.status()});
      DetachOtherPlan(device, changes);
      return;
    }
    if (*outcome == Outcome::kInOrder) continue;
    const bool is_attached = *outcome == Outcome::kAttached;
    AddOnce(device.name, was_in_force ? &changes->healed : is_attached ? &changes->attached : &changes->replaced);
  }
}

void DeviceHooks::DetachOtherPlan(const HookedDevice& device, DeviceHookChanges* changes) {
  for (const Direction direction : {Direction::kIngress, Direction::kEgress}) {
    const Place place(device.index, direction);
    if (!ReadsAnotherPlan(pins_, place, ProgramFd(direction))) continue;
    const absl::Status detached = kind_ == DeviceHookKind::kTcx
                                      ? Unpin(pins_.LinkPath(LinkName(device.index, direction)), nullptr)
                                      : RemoveFilter(device.index, direction).status();
    if (!detached.ok()) continue;  // the failure that led here says that the device lacks its programs
    in_force_.erase(place);
    AddOnce(device.name, &changes->detached);
  }
}

void DeviceHooks::DetachOthers(absl::Span<const HookedDevice> wanted, absl::Span<const HookedDevice> present,
                               DeviceHookChanges* changes) {
  const auto is_wanted = [&](uint32_t device) {
    return absl::c_any_of(wanted, [&](const HookedDevice& one) { return one.index == device; });
  };
  for (const Direction direction : {Direction::kIngress, Direction::kEgress}) {
    std::vector<uint32_t> devices;
    const absl::Status unpinned = UnpinBut(pins_, direction, wanted, &devices, nullptr);
    if (!unpinned.ok()) changes->failures.insert({0, unpinned});
    for (const HookedDevice& device : present) {
      if (kind_ != DeviceHookKind::kClsact || is_wanted(device.index)) continue;
      const absl::StatusOr<bool> removed = RemoveFilter(device.index, direction);
      if (!removed.ok() && Exists(device.index)) changes->failures.insert({device.index, removed.status()});
      if (removed.ok() && *removed) devices.push_back(device.index);
    }
    for (const uint32_t device : devices) AddOnce(NameOf(device, present), &changes->detached);
  }
  std::erase_if(in_force_, [&](const auto& place) { return !is_wanted(place.first.first); });
}

DeviceHookChanges DeviceHooks::Follow(absl::Span<const HookedDevice> wanted, absl::Span<const HookedDevice> present) {
  DeviceHookChanges changes;
  DetachOthers(wanted, present, &changes);
  for (const HookedDevice& device : wanted) FollowOne(device, &changes);
  return changes;
}

std::optional<DeviceHookKind> FindDeviceHooks(const PinDirectory& pins, uint32_t device) {
  if (absl::c_all_of(kDirections, [&](Direction direction) { return HasPinnedLink(pins, device, direction); })) {
    return DeviceHookKind::kTcx;
  }
  if (absl::c_all_of(kDirections, [&](Direction direction) { return HasFilter(device, direction); })) {
    return DeviceHookKind::kClsact;
  }
  return std::nullopt;
}

bool AnyReadsAnotherPlan(const PinDirectory& pins, int program_fd) {
  const absl::StatusOr<std::vector<Link>> links = ReadLinks();
  return links.ok() && absl::c_any_of(*links, [&](const Link& link) {
           return absl::c_any_of(kDirections, [&](Direction direction) {
             return ReadsAnotherPlan(pins, {link.index, direction}, program_fd);
           });
         });
}

bool HasDeviceHooks(const PinDirectory& pins) {
  const absl::StatusOr<std::vector<Link>> links = ReadLinks();
  return links.ok() &&
         absl::c_any_of(*links, [&](const Link& link) { return FindDeviceHooks(pins, link.index).has_value(); });
}

bool IsDeviceLink(absl::string_view name) {
  return PlaceIn(name).has_value();
}

absl::Status RemoveDeviceHooks(const PinDirectory& pins, Filters filters, std::vector<std::string>* removed) {
  const absl::StatusOr<std::vector<Link>> links =
      filters == Filters::kRemove ? ReadLinks() : absl::StatusOr<std::vector<Link>>(std::vector<Link>());
  absl::Status failure = links.status();
  for (const Direction direction : {Direction::kIngress, Direction::kEgress}) {
    std::vector<uint32_t> devices;
    failure.Update(UnpinBut(pins, direction, {}, &devices, removed));
    if (!links.ok()) continue;
    for (const Link& link : *links) {
      const absl::StatusOr<bool> filter = RemoveFilter(link.index, direction);
      if (!filter.ok() && Exists(link.index)) failure.Update(filter.status());
      if (filter.ok() && *filter) {
        removed->push_back(absl::StrCat("the ", DirectionName(direction), " filter of device ", link.name));
      }
    }
  }
  return failure;
}

}  // namespace shunt::datapath
