// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/attach/reserved_ports.h"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "userspace/datapath/kernel/attach/host_config.h"
#include "userspace/datapath/kernel/attach/mounts.h"
#include "userspace/datapath/kernel/attach/port_list.h"
#include "userspace/datapath/kernel/kernel_error.h"
#include "userspace/datapath/kernel/object/bpf_fd.h"
#include "userspace/datapath/kernel/object/pin_removal.h"
#include "userspace/posix/file_descriptor.h"

namespace shunt::datapath {
namespace {

constexpr char kSysctl[] = "net.ipv4.ip_local_reserved_ports";
constexpr char kInProc[] = "/sys/net/ipv4/ip_local_reserved_ports";  // in a procfs, whichever namespaces that is of
constexpr char kPin[] = "reserved_ports";

// ---- the list --------------------------------------------------------------------------------------------------

// Returns the paths by which this process may reach the list: /proc comes first, which a container sees read-only.
// Which namespace's list it is depends on the reader, so any procfs will do.
std::vector<std::string> Paths() {
  std::vector<std::string> paths = {absl::StrCat("/proc", kInProc)};
  for (const Mount& mount : ReadMounts(OwnMountInfo(), "proc")) {
    absl::string_view below = kInProc;
    if (mount.shown != "/" && !absl::ConsumePrefix(&below, mount.shown)) continue;
    std::string path = absl::StrCat(mount.point == "/" ? "" : mount.point, below);
    if (path != paths.front()) paths.push_back(std::move(path));
  }
  return paths;
}

absl::StatusOr<PortSet> ReadList() {
  const std::string path = Paths().front();
  const posix::FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.ok()) return KernelError(errno, absl::StrCat("open ", path));
  // The kernel writes as much of the list as fits into one read, and nothing in the next one.
  std::string text(kPortListBytesMax + 1, '\0');
  const ssize_t size = read(file.get(), text.data(), text.size());
  if (size < 0) return KernelError(errno, absl::StrCat("read ", path));
  text.resize(static_cast<size_t>(size));
  absl::StatusOr<PortSet> ports = ParsePortList(text);
  if (ports.ok()) return ports;
  return absl::InternalError(absl::StrCat(path, ": ", ports.status().message()));
}

absl::StatusOr<posix::FileDescriptor> OpenForWriting() {
  int first_error = 0;
  for (const std::string& path : Paths()) {
    posix::FileDescriptor file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (file.ok()) return file;
    if (first_error == 0) first_error = errno;
  }
  const absl::Status error = KernelError(first_error, absl::StrCat("write /proc", kInProc));
  if (first_error != EROFS && first_error != EACCES && first_error != EPERM) return error;
  return absl::PermissionDeniedError(
      absl::StrCat(error.message(), ": give the container the host's /proc/sys/net, as manifests/base does"));
}

// The kernel takes a page at a time. The first write replaces the list, and those that follow add to it.
absl::Status WriteList(const PortSet& ports) {
  absl::StatusOr<posix::FileDescriptor> file = OpenForWriting();
  if (!file.ok()) return file.status();
  const std::string text = FormatPortList(ports) + "\n";
  for (absl::string_view left = text; !left.empty();) {
    const ssize_t size = write(file->get(), left.data(), left.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return KernelError(size < 0 ? errno : EIO, absl::StrCat("write ", kSysctl));
    left.remove_prefix(static_cast<size_t>(size));
  }
  const absl::StatusOr<PortSet> found = ReadList();
  if (!found.ok()) return found.status();
  // Another process may have added some meanwhile.
  if ((*found & ports) == ports) return absl::OkStatus();
  return absl::AbortedError(absl::StrCat(kSysctl, " was changed by another process while it was written: try again"));
}

// ---- what was added --------------------------------------------------------------------------------------------

// The row of the pinned map.
struct Record {
  uint64_t netns_cookie = 0;  // whose list
  std::array<uint64_t, kPortCount / 64> words{};

  PortSet Ports() const {
    PortSet ports;
    for (size_t port = 0; port < kPortCount; ++port) ports[port] = (words[port / 64] >> port % 64 & 1) != 0;
    return ports;
  }
  void SetPorts(const PortSet& ports) {
    words.fill(0);
    for (size_t port = 0; port < kPortCount; ++port) words[port / 64] |= uint64_t{ports[port]} << port % 64;
  }
};

// Returns `added`, or no port if the list lacks one of them: then another process has written it as a whole.
PortSet StillOurs(const PortSet& added, const PortSet& list) {
  return (list & added) == added ? added : PortSet();
}

// Opens the pinned map. Returns kFailedPrecondition if it is not one of these.
absl::StatusOr<posix::FileDescriptor> OpenRecord(const std::string& path) {
  absl::StatusOr<posix::FileDescriptor> map = OpenPin(path, BpfKind::kMap);
  if (!map.ok()) return map;
  const absl::StatusOr<bpf_map_info> facts = DescribeMap(map->get(), path);
  if (!facts.ok()) return facts.status();
  if (facts->type == BPF_MAP_TYPE_ARRAY && facts->value_size == sizeof(Record)) return map;
  return absl::FailedPreconditionError(absl::StrCat(path, " has another layout: remove it"));
}

absl::StatusOr<posix::FileDescriptor> OpenOrCreateRecord(const std::string& path) {
  absl::StatusOr<posix::FileDescriptor> map = OpenRecord(path);
  if (!absl::IsNotFound(map.status())) return map;
  posix::FileDescriptor made(bpf_map_create(BPF_MAP_TYPE_ARRAY, kPin, sizeof(uint32_t), sizeof(Record), 1, nullptr));
  if (!made.ok()) return KernelError(made.get(), absl::StrCat("create map ", kPin));
  if (absl::Status status = ReplacePin(made.get(), path); !status.ok()) return status;
  return made;
}

absl::StatusOr<Record> Load(const posix::FileDescriptor& map) {
  Record record;
  const uint32_t row = 0;
  if (const int error = bpf_map_lookup_elem(map.get(), &row, &record); error < 0) {
    return KernelError(error, absl::StrCat("read map ", kPin));
  }
  return record;
}

absl::Status Store(const posix::FileDescriptor& map, const Record& record) {
  const uint32_t row = 0;
  const int error = bpf_map_update_elem(map.get(), &row, &record, BPF_ANY);
  return error < 0 ? KernelError(error, absl::StrCat("write map ", kPin)) : absl::OkStatus();
}

// Returns the ports that an agent has added to this network namespace's list, or was about to. The others of its range
// were there.
std::optional<PortSet> RecordedPorts(const PinDirectory& pins) {
  const absl::StatusOr<posix::FileDescriptor> map = OpenRecord(ReservedPortsPin(pins));
  if (!map.ok()) return std::nullopt;
  const absl::StatusOr<Record> record = Load(*map);
  const absl::StatusOr<uint64_t> cookie = NetnsCookie();
  if (!record.ok() || !cookie.ok() || record->netns_cookie != *cookie) return std::nullopt;
  return record->Ports();
}

}  // namespace

std::string ReservedPortsPin(const PinDirectory& pins) {
  return absl::StrCat(pins.path(), "/", kPin);
}

absl::StatusOr<uint32_t> ReservePorts(const PinDirectory& pins, PortRange range) {
  const absl::StatusOr<uint64_t> cookie = NetnsCookie();
  if (!cookie.ok()) return cookie.status();
  const absl::StatusOr<PortSet> list = ReadList();
  if (!list.ok()) return list.status();
  const absl::StatusOr<posix::FileDescriptor> map = OpenOrCreateRecord(ReservedPortsPin(pins));
  if (!map.ok()) return map.status();
  absl::StatusOr<Record> record = Load(*map);
  if (!record.ok()) return record.status();
  const PortSet recorded = record->netns_cookie == *cookie ? record->Ports() : PortSet();
  const PortSet wanted = PortsBetween(range.first, range.last);
  const PortSet missing = wanted & ~*list;
  const PortSet surplus = StillOurs(recorded & ~wanted, *list);
  const PortSet ours = StillOurs(recorded & wanted, *list) | missing;
  if ((ours | surplus) != recorded || record->netns_cookie != *cookie) {
    // The record comes first: an agent that is killed in between has claimed only what was not reserved.
    record->netns_cookie = *cookie;
    record->SetPorts(ours | surplus);
    if (absl::Status status = Store(*map, *record); !status.ok()) return status;
  }
  if (missing.any() || surplus.any()) {
    if (absl::Status status = WriteList((*list | missing) & ~surplus); !status.ok()) return status;
  }
  if (surplus.any()) {
    record->SetPorts(ours);
    if (absl::Status status = Store(*map, *record); !status.ok()) return status;
  }
  return static_cast<uint32_t>(missing.count());
}

absl::Status ReleasePorts(const PinDirectory& pins, std::vector<std::string>* removed) {
  const std::string path = ReservedPortsPin(pins);
  const absl::StatusOr<posix::FileDescriptor> map = OpenRecord(path);
  if (absl::IsNotFound(map.status())) return absl::OkStatus();
  if (!map.ok()) return map.status();
  const absl::StatusOr<Record> record = Load(*map);
  if (!record.ok()) return record.status();
  const absl::StatusOr<uint64_t> cookie = NetnsCookie();
  if (!cookie.ok()) return cookie.status();
  if (record->netns_cookie == *cookie) {
    const absl::StatusOr<PortSet> list = ReadList();
    if (!list.ok()) return list.status();
    const PortSet ours = StillOurs(record->Ports(), *list);
    if (ours.any()) {
      if (absl::Status status = WriteList(*list & ~ours); !status.ok()) return status;
      if (removed != nullptr) removed->push_back(absl::StrCat("ports ", FormatPortList(ours), " of ", kSysctl));
    }
  }
  return RemoveOne(path, removed);
}

absl::StatusOr<std::string> MissingReservation(const PinDirectory& pins, PortRange otherwise) {
  const absl::StatusOr<PortSet> list = ReadList();
  if (!list.ok()) return list.status();
  const std::optional<PortSet> recorded = RecordedPorts(pins);
  const PortSet wanted = recorded.has_value() ? *recorded : PortsBetween(otherwise.first, otherwise.last);
  return (*list & wanted) == wanted ? "" : FormatPortList(*list | wanted);
}

}  // namespace shunt::datapath
