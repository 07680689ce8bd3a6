// SPDX-License-Identifier: Apache-2.0
// The datapath in production: tables over pinned maps, and programs held by pinned links.
#ifndef SHUNT_DATAPATH_KERNEL_KERNEL_DATAPATH_H_
#define SHUNT_DATAPATH_KERNEL_KERNEL_DATAPATH_H_

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "userspace/datapath/datapath.h"
#include "userspace/datapath/grace.h"
#include "userspace/datapath/kernel/attach/agent_lock.h"
#include "userspace/datapath/kernel/attach/programs.h"
#include "userspace/datapath/kernel/maps/map_set.h"
#include "userspace/datapath/kernel/maps/source_versions.h"
#include "userspace/datapath/kernel/sockets/socket_ender.h"
#include "userspace/datapath/limits.h"
#include "userspace/datapath/table_datapath.h"

namespace shunt::datapath {

struct KernelOptions {
  std::string bpffs = "/sys/fs/bpf";  // pins go to bpffs/shunt/v1
  std::string cgroup;                 // empty: the host's cgroup2 root
  Limits limits;
  // A Local policy without a local endpoint: leave the destination to the packet path, which drops, instead
  // of failing with EHOSTUNREACH.
  bool local_miss_drops = false;
  // Decide and count, but translate and refuse nothing.
  bool observe = false;
  // Translate nothing while the last sign of life is longer ago than this; 0: the programs do not ask.
  std::chrono::milliseconds stale_after{0};
  // Iterations of a delay between the loads of a choice; above 0 only to widen the readers' windows on purpose.
  uint32_t reader_window = 0;
  // Programs to load instead of those built in; they have to use the same maps.
  std::optional<std::string> object_path;
};

// Its destructor leaves pins, programs and translation in force.
class KernelDatapath final : public Datapath {
 public:
  // Takes the pin directory for this process, opens or creates its maps, reads them back, and puts this build's
  // programs in force, replacing older ones hook by hook without a gap. If that fails while a complete older set is in
  // force, that set stays: programs_current() is false and problems() says why.
  // Returns kFailedPrecondition if another agent holds the pins (the message names its pid), if the pins do not fit or
  // if there is no bpffs, and kInvalidArgument if the limits or the cgroup are invalid. After an error everything that
  // was in force still is.
  static absl::StatusOr<std::unique_ptr<KernelDatapath>> Open(const KernelOptions& options);

  std::vector<ServiceFailure> Apply(absl::Span<const model::ServicePlan* const> plans, ApplyScope scope) override;
  Inspected Inspect(size_t rows, PlanOf plan_of) override { return rows_->Inspect(rows, plan_of); }
  absl::StatusOr<Drift> Audit(absl::Span<const model::ServicePlan* const> plans,
                              absl::Span<const NodeAddress> addresses) override;
  absl::Status SetNodeAddresses(absl::Span<const NodeAddress> addresses) override;
  // Before the first Apply of everything, what is in force is an earlier agent's, and this one does not know how old it
  // is. So if the last sign of life was longer ago than `stale_after` then, none is given before that Apply. If it was
  // not, this agent takes over and gives signs of life at once: agents are replaced without a gap, also while the
  // source cannot be reached.
  absl::Status GiveSignOfLife(std::chrono::milliseconds boot_time) override;
  void Reclaim() override;

  // Keeps the socket's destinations from ever being translated, for the agent's own connections. It works whether or
  // not programs are attached: in the socket's row, or in socket storage if the row is another's or would never be
  // freed. Returns an error if the socket can have neither. Thread-safe. REQUIRES: called before connect().
  absl::Status ExemptSocket(int socket_fd);

  // Returns what ends sockets whose backend is gone; it may outlive the datapath. Errors are those of
  // SocketEnder::Open.
  absl::StatusOr<std::unique_ptr<SocketEnder>> OpenSocketEnder(const SocketEnderOptions& options) const;
  // `listener` is called at the end of every Apply that may have left sockets without their backend, in the thread
  // that applies.
  void ListenForRemovals(std::function<void(const Removals&)> listener) { on_removals_ = std::move(listener); }

  // How far sources had followed their objects, kept in a pinned map; `resource` is an enum shunt_resource.
  report::SourceVersion source_version(uint32_t resource) const { return ReadSourceVersion(maps_, resource); }
  absl::Status KeepSourceVersion(uint32_t resource, const report::SourceVersion& version) const {
    return WriteSourceVersion(maps_, resource, version);
  }

  // Returns whether the maps hold any Service, of an earlier agent or of this one.
  bool Serves() const;

  // False if an older pinned set of programs is in force.
  bool programs_current() const { return programs_current_; }
  // What is wrong although Open succeeded.
  const std::vector<std::string>& problems() const { return problems_; }
  // What an operator may want to know: sizes that the pins kept, or a set that was created again.
  const std::vector<std::string>& notes() const { return notes_; }
  const std::string& pin_directory() const { return pin_directory_; }
  const std::string& cgroup() const { return cgroup_; }
  const Tables& tables() const { return rows_->tables(); }

 private:
  KernelDatapath() = default;
  absl::Status OpenRows();
  void TellRemovals();
  absl::Status PutInForce(const KernelOptions& options, const PinDirectory& pins);

  std::optional<AgentLock> lock_;
  std::string pin_directory_;
  std::string cgroup_;
  MapSet maps_;
  std::unique_ptr<GracePeriod> grace_;
  std::unique_ptr<TableDatapath> rows_;  // uses grace_
  std::function<void(const Removals&)> on_removals_;
  AttachedPrograms programs_;  // its descriptors keep the programs attached even if their pins are removed
  bool programs_current_ = false;
  std::chrono::milliseconds stale_after_{0};
  bool applied_all_ = false;  // what is in force is this agent's
  std::vector<std::string> problems_;
  std::vector<std::string> notes_;
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_KERNEL_DATAPATH_H_
