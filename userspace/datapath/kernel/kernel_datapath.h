// SPDX-License-Identifier: Apache-2.0
// The datapath in production: tables over pinned maps, and programs held by pinned links.
#ifndef SHUNT_DATAPATH_KERNEL_KERNEL_DATAPATH_H_
#define SHUNT_DATAPATH_KERNEL_KERNEL_DATAPATH_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "userspace/datapath/datapath.h"
#include "userspace/datapath/grace.h"
#include "userspace/datapath/kernel/attach/agent_lock.h"
#include "userspace/datapath/kernel/attach/cgroup_root.h"
#include "userspace/datapath/kernel/attach/leftovers.h"
#include "userspace/datapath/kernel/attach/programs.h"
#include "userspace/datapath/kernel/maps/open_plan.h"
#include "userspace/datapath/kernel/maps/source_versions.h"
#include "userspace/datapath/kernel/object/bpf_object.h"
#include "userspace/datapath/kernel/object/pins.h"
#include "userspace/datapath/kernel/packets/packet_path.h"
#include "userspace/datapath/kernel/packets/packet_settings.h"
#include "userspace/datapath/kernel/scopes/scopes.h"
#include "userspace/datapath/kernel/sockets/socket_ender.h"
#include "userspace/datapath/kernel/sockets/socket_exemption.h"
#include "userspace/datapath/limits.h"
#include "userspace/datapath/table_datapath.h"
#include "userspace/model/ip_address.h"
#include "userspace/report/agent_status.h"
#include "userspace/report/device_report.h"

namespace shunt::datapath {

struct KernelOptions {
  std::string bpffs = "/sys/fs/bpf";  // pins go to bpffs/shunt
  std::string cgroup;                 // empty: the host's cgroup2 root
  Limits limits;
  std::vector<model::IpPrefix> inside;  // TableDatapath::SetInside
  // A Local policy without a local endpoint: leave the destination to the packet path, which drops, instead
  // of failing with EHOSTUNREACH.
  bool local_miss_drops = false;
  // Decide and count, but translate and refuse nothing.
  bool observe = false;
  BypassSettings bypass;  // whose sockets are left alone
  // Translate nothing while the last sign of life is longer ago than this; 0: the programs do not ask.
  std::chrono::milliseconds stale_after{0};
  // Iterations of a delay between the loads of a choice; above 0 only to widen the readers' windows on purpose.
  uint32_t reader_window = 0;
  // The packet path, if this node is to have it. Its flows have the size of limits.flows.
  std::optional<PacketOptions> packets;
  // Programs to load instead of those built in; they have to use the same maps.
  std::optional<std::string> object_path;
  // Called after each step by which the pins or the programs in force change, so that a test can stop there.
  std::function<void()> on_step;
};

// Its destructor leaves pins, programs and translation in force.
class KernelDatapath final : public Datapath {
 public:
  // Takes the pin directory and the cgroup for this process, opens or makes its maps (maps/open_plan.h), reads them
  // back, and puts this build's programs in force, replacing others hook by hook without a gap. If the maps cannot have
  // what the programs in force serve, because those are of a build with another layout, they go on serving until
  // TakeOver. If the programs cannot be put in force while another set is, complete or completed from its pins, that
  // set stays. programs_current() and problems() say which. Returns kFailedPrecondition if another agent holds the pins
  // or the cgroup (the message names its pid), or if there is no bpffs, and kInvalidArgument if the limits or the
  // cgroup are invalid. After an error everything that was in force still is.
  static absl::StatusOr<std::unique_ptr<KernelDatapath>> Open(const KernelOptions& options);

  // Puts this build's programs in force if they are not: to be called when everything has been applied. Once it has
  // been called, Reclaim tries again what has failed, after pauses that double.
  absl::Status TakeOver();
  // How long Reclaim waits after the given number of failures in a row, from 1.
  static constexpr std::chrono::seconds PauseAfter(uint32_t failures) {
    return failures > 6 ? std::chrono::seconds(60) : std::chrono::seconds(1 << (failures - 1));
  }

  std::vector<ServiceFailure> Apply(absl::Span<const model::ServicePlan* const> plans, ApplyScope scope) override;
  // Also differs if a hook had lost its program since the last audit.
  Inspected Inspect(size_t rows, PlanOf plan_of) override;
  absl::StatusOr<Drift> Audit(absl::Span<const model::ServicePlan* const> plans,
                              absl::Span<const NodeAddress> addresses) override;
  absl::Status SetNodeAddresses(absl::Span<const NodeAddress> addresses) override;
  // Before the first Apply of everything, what is in force is an earlier agent's, and this one does not know how old it
  // is. So if the last sign of life was longer ago than `stale_after` then, none is given before that Apply. If it was
  // not, this agent takes over and gives signs of life at once: agents are replaced without a gap, also while the
  // source cannot be reached. None is given either while programs of another plan stay in force, at
  // sockets or at devices, because this build's could not replace them.
  absl::Status GiveSignOfLife(std::chrono::milliseconds boot_time) override;
  // Also looks every kCheckPace whether every hook still has its program, this build's or an older one that is in
  // force, and attaches again what another process has detached; problems() names the hook if that fails. Pins that
  // were removed or covered are pinned again, a cgroup that was removed and made again is served again, and programs of
  // agents that are gone are detached (attach/leftovers.h). Programs of the layout before there were plans are not
  // looked after. Nothing in the kernel tells when a program is detached. One look takes some 70 microseconds, 6 more
  // for each cgroup above, and some 50 for programs of other agents.
  void Reclaim() override;
  static constexpr std::chrono::seconds kCheckPace{1};
  // The packet path is in force from the first Apply of everything on, once the programs are this build's. Then its
  // hooks follow what is announced, and Reclaim follows the rest (packets/packet_path.h).
  int announcements() const override { return packets_ != nullptr ? packets_->fd() : -1; }
  void FollowAnnouncements() override { FollowDevices(FollowWhat::kAnnounced); }
  // Returns the devices as they were last followed; none if the packet path is not in force. Thread-safe.
  report::DeviceReport devices() const;

  // Keeps the socket's destinations from ever being translated, for the agent's own connections. It works whether or
  // not programs are attached: in the socket's row, or in socket storage if the row is another's or would never be
  // freed. Returns an error if the socket can have neither. Thread-safe. REQUIRES: called before connect().
  absl::Status ExemptSocket(int socket_fd) { return datapath::ExemptSocket(plan_.maps, socket_fd); }

  // Returns what ends sockets whose backend is gone; it may outlive the datapath. Errors are those of
  // SocketEnder::Open.
  absl::StatusOr<std::unique_ptr<SocketEnder>> OpenSocketEnder(const SocketEnderOptions& options) const;
  // `listener` is called at the end of every Apply that may have left sockets without their backend, in the thread
  // that applies.
  void ListenForRemovals(std::function<void(const Removals&)> listener) { on_removals_ = std::move(listener); }

  // Whose sockets are left alone. It may be used by every thread.
  Scopes& scopes() const { return *scopes_; }

  // How far sources had followed their objects, kept in a pinned map; `resource` is an enum shunt_resource.
  report::SourceVersion source_version(uint32_t resource) const { return ReadSourceVersion(plan_.maps, resource); }
  absl::Status KeepSourceVersion(uint32_t resource, const report::SourceVersion& version) const {
    return WriteSourceVersion(plan_.maps, resource, version);
  }

  // `listener` is called with the programs of the hooks that were attached again, or the error, in the thread that
  // calls Reclaim.
  using HealingListener = std::function<void(const std::vector<std::string>& programs, const absl::Status& status)>;
  void ListenForHealing(HealingListener listener) { on_healed_ = std::move(listener); }

  // `listener` is called with what was put right that others have done (programs of agents that are gone were attached,
  // pins or the cgroup were removed), and with what is wrong now and was not before: such programs, and agents on
  // cgroups above and below; in the thread that calls Reclaim or Audit.
  using OthersListener = std::function<void(const std::vector<std::string>& notes, const std::string& problem)>;
  void ListenForOthers(OthersListener listener) { on_others_ = std::move(listener); }

  // `listener` is called when TakeOver, or Reclaim in trying again, has put this build's programs in force, with the
  // notes that were made since the listener was set, in the thread that has called. That happens at most once.
  using TakeOverListener = std::function<void(const std::vector<std::string>& notes)>;
  void ListenForTakeOver(TakeOverListener listener);

  // `listener` is called with what has changed at the hooks of devices, in the thread that calls.
  void ListenForDevices(PacketPath::Listener listener) { on_devices_ = std::move(listener); }

  // Returns whether any Service is served, by the maps or by other programs that are in force, when the agent starts.
  bool Serves() const;

  // False if the programs in force are not this build's. Thread-safe.
  bool programs_current() const;
  // Returns whether this build's programs are loaded and TakeOver is to put them in force. The first of problems()
  // names what serves until then; nothing is wrong with that.
  bool waits_for_take_over() const { return object_.has_value() && !plan_.may_serve && !programs_current(); }
  // What is wrong although Open succeeded: programs that are not in force ("take-over"), hooks that cannot be attached
  // again ("hooks"), another agent on a cgroup above or below ("agents"), programs of agents that are gone
  // ("leftovers"), devices without the packet path and flows that are not collected ("packets"), what keeps a scope
  // from being followed ("bypass"). Reclaim brings it up to date. Thread-safe.
  std::vector<report::StatusProblem> named_problems() const;
  std::vector<std::string> problems() const;  // the same without where
  // What an operator may want to know: what became of an earlier plan, sizes that were kept, links that were removed.
  // Thread-safe.
  std::vector<std::string> notes() const;
  // The directory of this agent's plan.
  const std::string& pin_directory() const { return plan_.pins.plan.path; }
  const PlanPins& pins() const { return plan_.pins; }
  const std::string& cgroup() const { return cgroup_.path; }
  const Tables& tables() const { return rows_->tables(); }

 private:
  explicit KernelDatapath(const KernelOptions& options, PinDirectory pins)
      : options_(options), pins_(std::move(pins)) {}
  // How far the replacement of the programs has come. From kInPlace on, all programs in force are of this plan.
  enum class Stage {
    kBefore,
    kInPlace,  // those for the time of a move, on the cgroup that the programs before were on
    kBetween,  // those for the time of a take-over, on this agent's cgroup
    kDone,     // those that stay
  };

  enum class FollowWhat { kAnnounced, kAll };

  absl::Status Start();
  absl::Status OpenMaps(PlanSizes sizes);
  absl::Status OpenRows();
  absl::Status LoadPrograms();
  void LookAfterPinned();
  absl::Status KeepOthers(const absl::Status& why);
  void SetNotInForce(const absl::Status& why);
  absl::Status Swap();
  absl::Status Meet(const std::function<absl::Status()>& put_in_force);
  absl::Status CloseRows() const;
  absl::Status Move(const std::function<absl::Status()>& put_in_force);
  void Reach(Stage stage);
  void RemoveOthers();
  void FollowDevices(FollowWhat what);
  uint64_t FeaturesInForce() const;
  void CheckHooks();
  absl::Status FollowCgroup();
  absl::Status CheckPinsAreOurs() const;
  absl::Status RestorePins();
  void FindNested();
  void FindLeftovers(bool hooks_in_order);
  void TellRemovals();
  void SetProblem(std::string problem);
  void Note(std::string note);
  void Tell(const std::string& note);
  void Step() const {
    if (options_.on_step != nullptr) options_.on_step();
  }

  const KernelOptions options_;
  const PinDirectory pins_;
  std::vector<AgentLock> locks_;
  std::optional<AgentLock> network_lock_;  // with the packet path
  NestedAgents nested_agents_;
  Leftovers leftovers_;
  Cgroup cgroup_;
  OpenedPlan plan_;
  std::optional<BpfObject> object_;  // loaded and not in force yet
  std::unique_ptr<GracePeriod> grace_;
  std::unique_ptr<TableDatapath> rows_;  // uses grace_
  std::unique_ptr<PacketPath> packets_;  // uses the tables of rows_; null if it is off, or could not be loaded
  PacketPath::Listener on_devices_;
  std::unique_ptr<Scopes> scopes_;
  std::function<void(const Removals&)> on_removals_;
  HealingListener on_healed_;
  OthersListener on_others_;
  TakeOverListener on_taken_over_;
  ptrdiff_t told_notes_ = 0;   // when it was set
  AttachedPrograms programs_;  // its descriptors keep the programs attached even if their pins are removed
  bool applied_all_ = false;   // what is in force is this agent's
  // The packet path cannot begin, and programs of an earlier agent serve what that one applied last.
  bool packets_frozen_ = false;
  Stage stage_ = Stage::kBefore;
  bool retries_ = false;  // TakeOver has been called
  uint32_t failed_take_overs_ = 0;
  std::chrono::steady_clock::time_point next_take_over_;
  std::chrono::steady_clock::time_point next_check_;
  std::vector<std::string> healed_;  // since the last audit

  mutable std::mutex mutex_;
  bool programs_current_ ABSL_GUARDED_BY(mutex_) = false;
  std::string problem_ ABSL_GUARDED_BY(mutex_);
  std::string hook_problem_ ABSL_GUARDED_BY(mutex_);    // why a hook could not be attached again
  std::string nested_problem_ ABSL_GUARDED_BY(mutex_);  // agents on cgroups above and below
  std::string leftover_problem_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> packet_problems_ ABSL_GUARDED_BY(mutex_);
  report::DeviceReport devices_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> notes_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_KERNEL_DATAPATH_H_
