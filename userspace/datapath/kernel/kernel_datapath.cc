// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/kernel_datapath.h"

#include <bpf/bpf.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bpf/abi.h"
#include "bpf/config.h"
#include "userspace/datapath/kernel/attach/cgroup_root.h"
#include "userspace/datapath/kernel/attach/host_config.h"
#include "userspace/datapath/kernel/kernel_error.h"
#include "userspace/datapath/kernel/kernel_grace.h"
#include "userspace/datapath/kernel/maps/map_sizes.h"
#include "userspace/datapath/kernel/object/bpf_object.h"
#include "userspace/datapath/kernel/object/pins.h"
#include "userspace/datapath/kernel/sockets/socket_rows.h"
#include "userspace/datapath/map_reader.h"

namespace shunt::datapath {
namespace {

constexpr char kSocketStorage[] = "socket_storage";

absl::StatusOr<std::string> ConfiguredCgroup(const KernelOptions& options) {
  return options.cgroup.empty() ? FindCgroupRoot() : FindCgroupAt(options.cgroup);
}

// An MPTCP connection is always remembered in storage, because the programs see its subflows.
bool MayHaveRow(int socket_fd) {
  int protocol = 0;
  socklen_t length = sizeof(protocol);
  return getsockopt(socket_fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &length) == 0 &&
         (protocol == IPPROTO_TCP || protocol == IPPROTO_UDP);
}

// This build's programs (or the file's), through the verifier, over `maps`.
absl::StatusOr<BpfObject> LoadObject(const KernelOptions& options, const MapSet& maps) {
  absl::StatusOr<BpfObject> object =
      options.object_path.has_value() ? BpfObject::OpenFile(*options.object_path) : BpfObject::OpenBuiltIn();
  if (!object.ok()) return object;
  shunt_config config{};
  if (absl::Status status = maps.GiveTo(*object, &config); !status.ok()) return status;
  if (absl::Status status = ConfigureForHost(&config); !status.ok()) return status;
  config.reader_window = options.reader_window;
  config.observe = options.observe ? 1 : 0;
  config.local_miss_drops = options.local_miss_drops ? 1 : 0;
  config.stale_after_ms = static_cast<uint32_t>(options.stale_after.count());
  if (absl::Status status = LoadPrograms(*object, config); !status.ok()) return status;
  return object;
}

absl::StatusOr<AttachedPrograms> LoadAndAttach(const KernelOptions& options, const MapSet& maps,
                                               const PinDirectory& pins, const Cgroup& cgroup) {
  absl::StatusOr<BpfObject> object = LoadObject(options, maps);
  if (!object.ok()) return object.status();
  return AttachedPrograms::Attach(pins, *object, cgroup);
}

}  // namespace

absl::StatusOr<std::unique_ptr<KernelDatapath>> KernelDatapath::Open(const KernelOptions& options) {
  std::unique_ptr<KernelDatapath> datapath(new KernelDatapath);
  if (absl::Status status = CheckLimits(options.limits); !status.ok()) return status;
  absl::StatusOr<PinDirectory> pins = PinDirectory::OpenOrCreate(options.bpffs);
  if (!pins.ok()) return pins.status();
  datapath->pin_directory_ = pins->path();
  datapath->stale_after_ = options.stale_after;
  absl::StatusOr<AgentLock> lock = AgentLock::Take(pins->path());
  if (!lock.ok()) return lock.status();
  datapath->lock_ = *std::move(lock);

  absl::StatusOr<MapSet> maps = MapSet::OpenOrCreate(*pins, options.limits, &datapath->notes_);
  if (!maps.ok()) return maps.status();
  datapath->maps_ = *std::move(maps);
  datapath->grace_ = std::make_unique<WorkerGracePeriod>(ChooseKernelGrace());
  if (absl::Status status = datapath->OpenRows(); !status.ok()) return status;
  if (absl::Status status = datapath->PutInForce(options, *pins); !status.ok()) return status;
  return datapath;
}

absl::Status KernelDatapath::OpenRows() {
  absl::StatusOr<Tables> tables = maps_.OpenTables();
  if (!tables.ok()) return tables.status();
  absl::StatusOr<std::unique_ptr<TableDatapath>> rows = TableDatapath::Open(*std::move(tables), *grace_);
  if (!rows.ok()) return rows.status();
  rows_ = *std::move(rows);
  return absl::OkStatus();
}

absl::Status KernelDatapath::PutInForce(const KernelOptions& options, const PinDirectory& pins) {
  absl::StatusOr<std::string> path = ConfiguredCgroup(options);
  if (!path.ok()) return path.status();
  absl::StatusOr<Cgroup> cgroup = OpenCgroup(*path);
  if (!cgroup.ok()) return cgroup.status();
  cgroup_ = *path;

  absl::StatusOr<AttachedPrograms> programs = LoadAndAttach(options, maps_, pins, *cgroup);
  programs_current_ = programs.ok();
  if (programs_current_) {
    programs_ = *std::move(programs);
    if (absl::Status status = rows_->SetStaleAfter(options.stale_after); !status.ok()) return status;
    if (const uint64_t id = programs_.moved_from(); id != 0) {
      const std::string was_on = FindCgroupById(*path, id);
      notes_.push_back(absl::StrCat("the programs were on ", was_on.empty() ? absl::StrCat("cgroup ", id) : was_on,
                                    " and are on ", cgroup->path, " now: processes outside it are no longer served"));
    }
    return absl::OkStatus();
  }
  absl::StatusOr<AttachedPrograms> older = AttachedPrograms::OpenPinned(pins, *path);
  if (!older.ok()) return programs.status();
  programs_ = *std::move(older);
  problems_.push_back(absl::StrCat("this build's programs are not in force, the pinned ones of an earlier agent are: ",
                                   programs.status().message()));
  return absl::OkStatus();
}

std::vector<ServiceFailure> KernelDatapath::Apply(absl::Span<const model::ServicePlan* const> plans, ApplyScope scope) {
  std::vector<ServiceFailure> failures = rows_->Apply(plans, scope);
  applied_all_ |= scope == ApplyScope::kAll;
  TellRemovals();
  return failures;
}

absl::StatusOr<Drift> KernelDatapath::Audit(absl::Span<const model::ServicePlan* const> plans,
                                            absl::Span<const NodeAddress> addresses) {
  absl::StatusOr<Drift> drift = rows_->Audit(plans, addresses);
  TellRemovals();
  return drift;
}

void KernelDatapath::TellRemovals() {
  const Removals removals = rows_->TakeRemovals();
  if (on_removals_ != nullptr && (removals.tcp || removals.udp)) on_removals_(removals);
}

absl::StatusOr<std::unique_ptr<SocketEnder>> KernelDatapath::OpenSocketEnder(const SocketEnderOptions& options) const {
  return SocketEnder::Open(maps_, options);
}

absl::Status KernelDatapath::SetNodeAddresses(absl::Span<const NodeAddress> addresses) {
  return rows_->SetNodeAddresses(addresses);
}

absl::Status KernelDatapath::GiveSignOfLife(std::chrono::milliseconds boot_time) {
  const bool lapsed = stale_after_.count() > 0 && boot_time - rows_->LastSignOfLife() > stale_after_;
  return applied_all_ || !lapsed ? rows_->GiveSignOfLife(boot_time) : absl::OkStatus();
}

void KernelDatapath::Reclaim() {
  rows_->Reclaim();
}

absl::Status KernelDatapath::ExemptSocket(int socket_fd) {
  shunt_socket_state state{};
  state.first.flags = SHUNT_STATE_EXEMPT;
  socklen_t length = sizeof(state.cookie);
  if (getsockopt(socket_fd, SOL_SOCKET, SO_COOKIE, &state.cookie, &length) != 0) {
    return KernelError(errno, "exempt a socket from translation: read its cookie");
  }
  // In its row, if sock_release will free that again: storage would make every program on the node look there.
  absl::StatusOr<bool> has_row = MayHaveRow(socket_fd) ? SocketRowsAreReleased(maps_) : false;
  if (has_row.ok() && *has_row) has_row = ClaimSocketRow(maps_, state.cookie, state.first.flags);
  if (!has_row.ok()) return has_row.status();
  if (*has_row) return absl::OkStatus();
  // First, because programs look into the storage only once this is set.
  if (absl::Status status = maps_.UseStorage(); !status.ok()) return status;
  if (int error = bpf_map_update_elem(maps_.Fd(kSocketStorage), &socket_fd, &state, BPF_ANY); error < 0) {
    return KernelError(error, absl::StrCat("exempt a socket from translation: map ", kSocketStorage, ": update"));
  }
  return absl::OkStatus();
}

bool KernelDatapath::Serves() const {
  bool any = false;
  const absl::Status status =
      MapReader(tables()).Dump("service_ports", [&any](const report::MapRow&) { return any = true, false; });
  return status.ok() && any;
}

}  // namespace shunt::datapath
