// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/kernel_datapath.h"

#include <chrono>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bpf/abi.h"
#include "bpf/config.h"
#include "userspace/datapath/codec.h"
#include "userspace/datapath/kernel/attach/cgroup_root.h"
#include "userspace/datapath/kernel/attach/foreign_links.h"
#include "userspace/datapath/kernel/attach/host_config.h"
#include "userspace/datapath/kernel/kernel_grace.h"
#include "userspace/datapath/kernel/maps/features.h"
#include "userspace/datapath/kernel/maps/map_sizes.h"
#include "userspace/datapath/kernel/maps/previous_rows.h"
#include "userspace/datapath/map_reader.h"

namespace shunt::datapath {
namespace {

// Beside which other programs those that are loaded can be in force.
enum class Beside {
  kThoseThatFindAllRows,   // of the same cgroup
  kThoseWithPreviousRows,  // which may find no others
  kThoseOfAnotherCgroup,   // above or below it, with previous rows or not
};

// Returns what programs are told of this host and of the options; MapSet::GiveTo adds what they are told of the maps.
absl::StatusOr<shunt_config> ConfigOf(const KernelOptions& options) {
  shunt_config config{};
  if (absl::Status status = ConfigureForHost(&config); !status.ok()) return status;
  config.reader_window = options.reader_window;
  config.observe = options.observe ? 1 : 0;
  config.local_miss_drops = options.local_miss_drops ? 1 : 0;
  config.bypass = ConfigBits(options.bypass);
  config.stale_after_ms = static_cast<uint32_t>(options.stale_after.count());
  return config;
}

// This build's programs (or the file's), through the verifier, over `maps`.
absl::StatusOr<BpfObject> LoadObject(const KernelOptions& options, const MapSet& maps, Beside beside) {
  absl::StatusOr<BpfObject> object =
      options.object_path.has_value() ? BpfObject::OpenFile(*options.object_path) : BpfObject::OpenBuiltIn();
  if (!object.ok()) return object;
  absl::StatusOr<shunt_config> configured = ConfigOf(options);
  if (!configured.ok()) return configured.status();
  shunt_config& config = *configured;
  if (absl::Status status = maps.GiveTo(*object, &config); !status.ok()) return status;
  config.runs_twice = beside == Beside::kThoseOfAnotherCgroup ? 1 : 0;
  const absl::StatusOr<bool> previous_open = PreviousRowsAreOpen(maps);
  if (!previous_open.ok()) return previous_open.status();
  config.claims_previous = beside != Beside::kThoseThatFindAllRows && *previous_open ? 1 : 0;
  if (absl::Status status = LoadPrograms(*object, config); !status.ok()) return status;
  return object;
}

}  // namespace

absl::StatusOr<std::unique_ptr<KernelDatapath>> KernelDatapath::Open(const KernelOptions& options) {
  if (absl::Status status = CheckLimits(options.limits); !status.ok()) return status;
  absl::StatusOr<std::string> path = FindCgroup(options.cgroup);
  if (!path.ok()) return path.status();
  absl::StatusOr<Cgroup> cgroup = OpenCgroup(*path);
  if (!cgroup.ok()) return cgroup.status();
  // The cgroup first, so that no directory is made for an agent that is refused.
  absl::StatusOr<AgentLock> cgroup_lock = AgentLock::TakeCgroup(cgroup->path);
  if (!cgroup_lock.ok()) return WhyServingIsRefused(options.bpffs, cgroup_lock.status());
  absl::StatusOr<PinDirectory> pins = PinDirectory::OpenOrCreate(options.bpffs);
  if (!pins.ok()) return pins.status();
  std::unique_ptr<KernelDatapath> datapath(new KernelDatapath(options, *std::move(pins)));
  datapath->cgroup_ = *std::move(cgroup);
  datapath->nested_agents_ = NestedAgents(datapath->cgroup_.path);
  absl::StatusOr<std::vector<AgentLock>> locks = LockPins(datapath->pins_, AgentLock::Purpose::kServe);
  if (!locks.ok()) return locks.status();
  datapath->locks_ = *std::move(locks);
  datapath->locks_.push_back(*std::move(cgroup_lock));
  if (options.packets.has_value()) {
    absl::StatusOr<AgentLock> network = AgentLock::TakeNetwork();
    if (!network.ok()) return network.status();
    datapath->network_lock_ = *std::move(network);
  }
  datapath->FindNested();
  if (absl::Status status = datapath->Start(); !status.ok()) return WithMissingCapabilities(status);
  return datapath;
}

absl::Status KernelDatapath::Start() {
  MendInterrupted(pins_);
  absl::Status loaded = OpenMaps(PlanSizes::kConfigured);
  if (!loaded.ok()) return loaded;
  Step();
  loaded = LoadPrograms();
  if (!loaded.ok()) {
    if (absl::Status status = KeepOthers(loaded); !status.ok()) return status;
  }
  grace_ = std::make_unique<WorkerGracePeriod>(ChooseKernelGrace());
  if (absl::Status status = OpenRows(); !status.ok()) return status;
  // New memory knows of no silent agent, so the programs do not wait for the first Apply.
  if (rows_->LastSignOfLife().count() == 0) {
    const std::chrono::nanoseconds now(MapReader::ReadBootClock());
    absl::Status status = rows_->GiveSignOfLife(std::chrono::duration_cast<std::chrono::milliseconds>(now));
    if (!status.ok()) return status;
  }
  if (!object_.has_value()) return absl::OkStatus();
  const std::vector<std::string> earlier = LayoutsInForce(pins_);
  if (!earlier.empty()) {
    plan_.takes_over_from = earlier.front();
    plan_.may_serve = false;
  }
  if (!plan_.may_serve) {
    LookAfterPinned();
    SetProblem(
        absl::StrCat("the programs of ", plan_.takes_over_from,
                     " serve what an earlier agent applied; this build's replace them once everything is applied"));
    return absl::OkStatus();
  }
  absl::Status swapped = Swap();
  return swapped.ok() ? swapped : KeepOthers(swapped);
}

absl::Status KernelDatapath::OpenMaps(PlanSizes sizes) {
  std::vector<std::string> notes;
  absl::StatusOr<OpenedPlan> plan = OpenPlan(pins_, options_.limits, sizes, &notes);
  for (std::string& note : notes) Note(std::move(note));
  if (!plan.ok()) return plan.status();
  plan_ = *std::move(plan);
  return absl::OkStatus();
}

absl::Status KernelDatapath::OpenRows() {
  absl::StatusOr<Tables> tables = plan_.maps.OpenTables();
  if (!tables.ok()) return tables.status();
  absl::StatusOr<std::unique_ptr<TableDatapath>> rows = TableDatapath::Open(*std::move(tables), *grace_);
  if (!rows.ok()) return rows.status();
  rows_ = *std::move(rows);
  rows_->SetInside(options_.inside);
  // Before the programs are in force, so that none of them misses what is bypassed.
  absl::StatusOr<std::unique_ptr<Scopes>> scopes = Scopes::OpenPinned(plan_.maps, cgroup_.path, options_.bypass);
  if (!scopes.ok()) return scopes.status();
  scopes_ = *std::move(scopes);
  return absl::OkStatus();
}

absl::Status KernelDatapath::LoadPrograms() {
  absl::StatusOr<BpfObject> object = LoadObject(options_, plan_.maps, Beside::kThoseThatFindAllRows);
  if (!object.ok()) return object.status();
  if (options_.packets.has_value()) {
    const absl::StatusOr<shunt_config> config = ConfigOf(options_);
    if (!config.ok()) return config.status();
    absl::StatusOr<std::unique_ptr<PacketPath>> packets =
        PacketPath::Load(*options_.packets, plan_.maps, plan_.pins, *config);
    if (!packets.ok()) return packets.status();
    packets_ = *std::move(packets);
    packets_->Listen([this](const DeviceHookChanges& changes) {
      if (on_devices_ != nullptr) on_devices_(changes);
    });
  }
  object_ = *std::move(object);
  return absl::OkStatus();
}

// The packet path begins, or is this build's instead of an earlier one's, when it can serve everything.
void KernelDatapath::FollowDevices(FollowWhat what) {
  if (packets_ == nullptr || !applied_all_ || !programs_current()) return;
  absl::Status status;
  if (!packets_->started()) {
    status = packets_->Start(pins_, tables());
    if (status.ok()) status = WriteFeatures(plan_.pins.memory, FeaturesInForce());
  } else if (what == FollowWhat::kAnnounced) {
    packets_->Follow();
  } else {
    packets_->Check();
  }
  std::vector<std::string> problems = packets_->Problems();
  packets_frozen_ = !packets_->started() && packets_->OtherPlanServes(pins_);
  if (!status.ok()) {
    const char* how = packets_frozen_ ? "packets are translated by an earlier agent's programs, with what that agent "
                                        "applied last, because this build's cannot begin: "
                                      : "packets are not translated: ";
    problems.push_back(absl::StrCat(how, status.message()));
  }
  report::DeviceReport devices = packets_->devices();
  const std::lock_guard lock(mutex_);
  packet_problems_ = std::move(problems);
  devices_ = std::move(devices);
}

uint64_t KernelDatapath::FeaturesInForce() const {
  uint64_t packets = packets_ != nullptr && packets_->started() ? SHUNT_FEATURE_PACKETS : 0;
  // Until this agent's packet path begins, that of the agent before goes on.
  shunt_meta found{};
  if (options_.packets.has_value() && tables().meta->Load(0, MutableBytesOf(found)).ok()) {
    packets |= found.features & SHUNT_FEATURE_PACKETS;
  }
  return SHUNT_FEATURE_SOCKETS | packets | (options_.observe ? SHUNT_FEATURE_OBSERVE : 0);
}

// Keeps hold of what is pinned and in force, for CheckHooks. Programs of an earlier layout are pinned elsewhere.
void KernelDatapath::LookAfterPinned() {
  programs_ = AttachedPrograms();
  if (LayoutsInForce(pins_).empty()) {
    programs_ = AttachedPrograms::FindPinned(pins_, TopmostCgroup(cgroup_.path));
  }
}

// This build's programs cannot be put in force. Goes on with those that are, and with their maps if this build can
// write those. Returns `why` if there are none, or if a hook lacks its program and cannot get it back.
absl::Status KernelDatapath::KeepOthers(const absl::Status& why) {
  LookAfterPinned();
  std::vector<std::string> healed;
  const absl::Status complete = programs_.Heal(pins_, cgroup_, &healed);
  for (const std::string& program : healed) {
    Note(absl::StrCat(program, " of an earlier agent was not attached as that agent left it, and is again"));
  }
  if (programs_.empty() || !complete.ok()) {
    pins_.RemoveUnreachable(std::nullopt).IgnoreError();
    if (programs_.empty()) return why;
    return absl::Status(
        why.code(),
        absl::StrCat(why.message(), "; and what an earlier agent pinned is not whole: ", complete.message()));
  }
  if (rows_ == nullptr && !plan_.takes_over_from.empty()) {
    if (absl::Status status = OpenMaps(PlanSizes::kAsFound); !status.ok()) return status;
  }
  SetNotInForce(why);
  return absl::OkStatus();
}

void KernelDatapath::SetNotInForce(const absl::Status& why) {
  std::string what;
  switch (stage_) {
    case Stage::kBefore:
      what = absl::StrCat("this build's programs are not in force, the pinned ones of an earlier agent are",
                          plan_.takes_over_from.empty() ? "" : ", with what that agent applied last");
      break;
    case Stage::kInPlace:
      what = absl::StrCat("this build's programs are in force where those of an earlier agent were, and not on ",
                          cgroup_.path);
      break;
    case Stage::kBetween:
      what =
          "the programs in force are this build's for the time of a take-over, which serve what this agent applies, "
          "and not yet those that are to stay";
      break;
    case Stage::kDone:
      what = "this build's programs are in force, and their settings are not";
      break;
  }
  SetProblem(absl::StrCat(what, ": ", why.message()));
}

absl::Status KernelDatapath::TakeOver() {
  retries_ = true;
  if (programs_current()) return absl::OkStatus();
  if (!object_.has_value()) return absl::FailedPreconditionError("this build's programs could not be loaded");
  if (absl::Status status = Swap(); !status.ok()) {
    next_take_over_ = std::chrono::steady_clock::now() + PauseAfter(++failed_take_overs_);
    LookAfterPinned();
    SetNotInForce(status);
    return status;
  }
  // Until now sockets may have been led to what Apply had taken away.
  if (on_removals_ != nullptr) on_removals_({.tcp = true, .udp = true});
  if (on_taken_over_ != nullptr) {
    const std::vector<std::string> all = notes();
    on_taken_over_({all.begin() + told_notes_, all.end()});
  }
  FollowDevices(FollowWhat::kAll);
  return absl::OkStatus();
}

// Replaces the programs. When the hooks that undo translations are new and those that make them are old, `current` is
// made to name the plan: so whatever a program has remembered can be found again, wherever this ends.
absl::Status KernelDatapath::Swap() {
  const auto put_in_force = [this] {
    Step();
    absl::Status status = pins_.PutInForce(plan_.pins);
    Step();
    return status;
  };
  const bool moves = AttachedPrograms::AreElsewhere(pins_, cgroup_);
  if (absl::Status status = moves ? Move(put_in_force) : Meet(put_in_force); !status.ok()) return status;
  absl::StatusOr<AttachedPrograms> programs = AttachedPrograms::Attach(pins_, *object_, cgroup_, put_in_force);
  if (!programs.ok()) return programs.status();
  programs_ = *std::move(programs);
  Reach(Stage::kDone);
  if (absl::Status status = rows_->SetStaleAfter(options_.stale_after); !status.ok()) return status;
  Step();
  object_.reset();
  SetProblem("");
  RemoveOthers();
  return absl::OkStatus();
}

// From here on, whatever happens, all that is in force is of this plan.
void KernelDatapath::Reach(Stage stage) {
  plan_.takes_over_from.clear();
  stage_ = stage;
}

// The programs in force may be of a time when the previous rows were all there were. A socket must have one state, and
// it runs several of the programs, which are replaced one by one. So before the first of them claims a new row, each
// is replaced by one that finds all rows and claims a previous one.
absl::Status KernelDatapath::Meet(const std::function<absl::Status()>& put_in_force) {
  absl::StatusOr<bool> open = PreviousRowsAreOpen(plan_.maps);
  if (!open.ok()) return open.status();
  if (!*open) return absl::OkStatus();
  const absl::StatusOr<BpfObject> object = LoadObject(options_, plan_.maps, Beside::kThoseWithPreviousRows);
  if (!object.ok()) return object.status();
  absl::Status attached = AttachedPrograms::Attach(pins_, *object, cgroup_, put_in_force).status();
  if (attached.ok()) Reach(Stage::kBetween);
  Step();
  return attached;
}

// No program in force claims a previous row now. If that cannot be told of those before them, the next start replaces
// all programs once more, as this one has.
absl::Status KernelDatapath::CloseRows() const {
  absl::StatusOr<bool> open = PreviousRowsAreOpen(plan_.maps);
  if (!open.ok()) return open.status();
  if (!*open) return absl::OkStatus();
  const std::function<absl::Status()> wait = ChooseKernelGrace();
  if (wait == nullptr) return absl::OkStatus();
  if (absl::Status status = wait(); !status.ok()) return status;
  return ClosePreviousRows(plan_.maps);
}

// Moves the hooks to the configured cgroup. If that is above or below the one before, the programs of both run for a
// socket of the lower one until the old link is detached, and no order of the steps avoids it. So until then both are
// programs to which a second run is nothing. Returns an error before anything is changed if the kernel would refuse
// them on the new one.
absl::Status KernelDatapath::Move(const std::function<absl::Status()>& put_in_force) {
  if (absl::Status status = AttachedPrograms::TryAttach(pins_, cgroup_); !status.ok()) return status;
  const absl::StatusOr<BpfObject> patient = LoadObject(options_, plan_.maps, Beside::kThoseOfAnotherCgroup);
  if (!patient.ok()) return patient.status();
  absl::Status replaced = AttachedPrograms::ReplaceInPlace(pins_, *patient, put_in_force);
  if (!replaced.ok()) return replaced;
  Reach(Stage::kInPlace);
  Step();
  const absl::StatusOr<AttachedPrograms> moved = AttachedPrograms::Attach(pins_, *patient, cgroup_);
  if (!moved.ok()) return moved.status();
  Reach(Stage::kBetween);
  if (const uint64_t from = moved->moved_from(); from != 0) {
    const std::string was_on = FindCgroupById(TopmostCgroup(cgroup_.path), from);
    Note(absl::StrCat("the programs were on ", was_on.empty() ? absl::StrCat("cgroup ", from) : was_on, " and are on ",
                      cgroup_.path, " now: processes outside it are no longer served"));
  }
  Step();
  return absl::OkStatus();
}

// Removes what is in force or pinned beside this build's programs. A failure leaves it to the next start.
void KernelDatapath::RemoveOthers() {
  std::vector<std::string> notes;
  const DeviceLinks devices = options_.packets.has_value() ? DeviceLinks::kLeave : DeviceLinks::kDetach;
  absl::Status status = DetachUnknownLinks(pins_, devices, &notes);
  Step();
  status.Update(RemoveEarlierLayouts(pins_, &notes));
  const bool are_detached = status.ok();
  Step();
  status.Update(pins_.RemoveUnreachable(plan_.pins));
  status.Update(WriteFeatures(plan_.pins.memory, FeaturesInForce()));
  Step();
  // What is still attached may claim a previous row.
  if (are_detached) status.Update(CloseRows());
  Step();
  for (std::string& note : notes) Note(std::move(note));
  if (!status.ok()) Note(absl::StrCat("what is left of an earlier agent cannot be removed: ", status.message()));
}

void KernelDatapath::SetProblem(std::string problem) {
  const std::lock_guard lock(mutex_);
  programs_current_ = problem.empty();
  problem_ = std::move(problem);
}

void KernelDatapath::Note(std::string note) {
  const std::lock_guard lock(mutex_);
  notes_.push_back(std::move(note));
}

bool KernelDatapath::programs_current() const {
  const std::lock_guard lock(mutex_);
  return programs_current_;
}

std::vector<report::StatusProblem> KernelDatapath::named_problems() const {
  const std::lock_guard lock(mutex_);
  std::vector<report::StatusProblem> problems = {
      {"take-over", problem_}, {"hooks", hook_problem_}, {"agents", nested_problem_}, {"leftovers", leftover_problem_}};
  std::erase_if(problems, [](const report::StatusProblem& problem) { return problem.what.empty(); });
  for (const std::string& problem : packet_problems_) problems.push_back({"packets", problem});
  for (std::string& problem : scopes_->Problems()) problems.push_back({"bypass", std::move(problem)});
  return problems;
}

std::vector<std::string> KernelDatapath::problems() const {
  std::vector<std::string> problems;
  for (report::StatusProblem& problem : named_problems()) problems.push_back(std::move(problem.what));
  return problems;
}

// Two agents on one path of cgroups are no reason not to serve, but nearly always a mistake.
void KernelDatapath::FindNested() {
  std::string found = nested_agents_.Find();
  {
    const std::lock_guard lock(mutex_);
    if (nested_problem_ == found) return;
    nested_problem_ = found;
  }
  if (on_others_ != nullptr) on_others_({}, found);
}

// What an agent that is gone has left here is detached when these programs serve everything: until then, or while a
// hook lacks its program and cannot have it back, it may be all that serves.
void KernelDatapath::FindLeftovers(bool hooks_in_order) {
  const bool serves_all = applied_all_ && programs_current() && hooks_in_order;
  const Leftovers::Then then = serves_all ? Leftovers::Then::kDetach : Leftovers::Then::kLater;
  const Leftovers::Found left = leftovers_.Look(pins_, cgroup_, programs_.LinkIds(), then);
  for (const std::string& note : left.notes) Note(note);
  const std::string problem = left.Problem();
  bool is_new = false;
  {
    const std::lock_guard lock(mutex_);
    is_new = leftover_problem_ != problem;
    leftover_problem_ = problem;
  }
  if (on_others_ != nullptr && (is_new || !left.notes.empty())) on_others_(left.notes, is_new ? problem : "");
}

void KernelDatapath::ListenForTakeOver(TakeOverListener listener) {
  on_taken_over_ = std::move(listener);
  told_notes_ = std::ssize(notes());
}

report::DeviceReport KernelDatapath::devices() const {
  const std::lock_guard lock(mutex_);
  return devices_;
}

std::vector<std::string> KernelDatapath::notes() const {
  const std::lock_guard lock(mutex_);
  return notes_;
}

// Another process may have removed the cgroup, which the programs do not survive, and made it again.
absl::Status KernelDatapath::FollowCgroup() {
  if (IsThere(cgroup_)) return absl::OkStatus();
  absl::StatusOr<Cgroup> again = OpenCgroup(cgroup_.path);
  if (!again.ok()) {
    return absl::NotFoundError(absl::StrCat("cgroup ", cgroup_.path,
                                            ", which this agent serves, has been removed: make ",
                                            "it again, or start the agent with another --cgroup"));
  }
  absl::StatusOr<AgentLock> lock = AgentLock::TakeCgroup(cgroup_.path);
  if (!lock.ok()) return lock.status();
  locks_.back() = *std::move(lock);
  programs_.Follow(cgroup_.id, again->id);
  cgroup_ = *std::move(again);
  nested_agents_ = NestedAgents(cgroup_.path);
  Tell(absl::StrCat("cgroup ", cgroup_.path, " was removed and made again: its processes are served again"));
  return absl::OkStatus();
}

// Another agent that is gone may have left its pins in the file system that covers this one's: they are what the next
// agent there takes over, and its programs may be in force.
absl::Status KernelDatapath::CheckPinsAreOurs() const {
  const absl::StatusOr<std::optional<PlanPins>> current = pins_.Current();
  if (!current.ok()) return current.status();
  absl::Status ours = plan_.maps.CheckPins(plan_.pins);
  if (ours.ok() && current->has_value() && (*current)->plan.path != plan_.pins.plan.path) {
    ours = absl::FailedPreconditionError(absl::StrCat((*current)->plan.path, " is another agent's plan"));
  }
  if (!absl::IsFailedPrecondition(ours)) return ours;
  return absl::FailedPreconditionError(
      absl::StrCat("a file system with pins of another agent covers this agent's in ", pins_.path(), ": ",
                   ours.message(), "; unmount it, or, if that agent is not to return, remove its pins (rm -r ",
                   pins_.path(), "): until then the next start does not find what this agent serves"));
}

// Another process may have removed the pins, or mounted another BPF file system over them. The next agent has to find
// what this one holds by its descriptors. Before the programs are this build's, what is in force is not of this plan.
absl::Status KernelDatapath::RestorePins() {
  if (!programs_current()) return absl::OkStatus();
  const bool were_there = pins_.Holds(plan_.pins);
  if (!were_there) {
    if (absl::Status status = CheckBpffs(options_.bpffs, BpffsUse::kPin); !status.ok()) return status;
    if (absl::Status status = pins_.MakeRoot(); !status.ok()) return status;
  }
  // Nothing is written before this agent has the directory, and has found nothing of another one in it.
  if (!locks_.front().IsOf(pins_.path())) {
    absl::StatusOr<std::vector<AgentLock>> locks = LockPins(pins_, AgentLock::Purpose::kServe);
    if (!locks.ok()) return locks.status();
    if (absl::Status status = CheckPinsAreOurs(); !status.ok()) return status;
    locks->push_back(std::move(locks_.back()));  // the cgroup's
    locks_ = *std::move(locks);
  }
  if (!were_there) {
    if (absl::Status status = pins_.Restore(plan_.pins); !status.ok()) return status;
  }
  if (absl::Status status = plan_.maps.Pin(plan_.pins); !status.ok()) return status;
  if (!were_there) Tell(absl::StrCat("the pins in ", pins_.path(), " were gone: everything is pinned there again"));
  return absl::OkStatus();
}

void KernelDatapath::Tell(const std::string& note) {
  Note(note);
  if (on_others_ != nullptr) on_others_({note}, "");
}

void KernelDatapath::CheckHooks() {
  const auto now = std::chrono::steady_clock::now();
  next_check_ = now + kCheckPace;
  // The problem says why it failed.
  if (!programs_current() && retries_ && object_.has_value() && now >= next_take_over_) TakeOver().IgnoreError();
  std::vector<std::string> healed;
  absl::Status status = FollowCgroup();
  status.Update(RestorePins());
  if (status.ok()) status = programs_.Heal(pins_, cgroup_, &healed);
  healed_.insert(healed_.end(), healed.begin(), healed.end());
  bool is_new = false;
  {
    const std::lock_guard lock(mutex_);
    is_new = hook_problem_ != status.message();
    hook_problem_ = std::string(status.message());
  }
  if (on_healed_ != nullptr && (!healed.empty() || is_new)) on_healed_(healed, status);
  FindNested();
  FindLeftovers(status.ok());
  FollowDevices(FollowWhat::kAll);
}

void KernelDatapath::Reclaim() {
  rows_->Reclaim();
  if (std::chrono::steady_clock::now() >= next_check_) CheckHooks();
}

std::vector<ServiceFailure> KernelDatapath::Apply(absl::Span<const model::ServicePlan* const> plans, ApplyScope scope) {
  std::vector<ServiceFailure> failures = rows_->Apply(plans, scope);
  const bool is_first = scope == ApplyScope::kAll && !applied_all_;
  applied_all_ |= is_first;
  TellRemovals();
  if (is_first) FollowDevices(FollowWhat::kAll);
  // A loop that is busy does not call Reclaim.
  if (std::chrono::steady_clock::now() >= next_check_) CheckHooks();
  return failures;
}

Inspected KernelDatapath::Inspect(size_t rows, PlanOf plan_of) {
  const Inspected rows_inspected = rows_->Inspect(rows, plan_of);
  return rows_inspected == Inspected::kAgrees && !healed_.empty() ? Inspected::kDiffers : rows_inspected;
}

absl::StatusOr<Drift> KernelDatapath::Audit(absl::Span<const model::ServicePlan* const> plans,
                                            absl::Span<const NodeAddress> addresses) {
  CheckHooks();
  absl::StatusOr<Drift> drift = rows_->Audit(plans, addresses);
  if (drift.ok()) drift->hooks = std::exchange(healed_, {});
  TellRemovals();
  return drift;
}

void KernelDatapath::TellRemovals() {
  const Removals removals = rows_->TakeRemovals();
  if (on_removals_ != nullptr && (removals.tcp || removals.udp)) on_removals_(removals);
}

absl::StatusOr<std::unique_ptr<SocketEnder>> KernelDatapath::OpenSocketEnder(const SocketEnderOptions& options) const {
  return SocketEnder::Open(plan_.maps, options);
}

absl::Status KernelDatapath::SetNodeAddresses(absl::Span<const NodeAddress> addresses) {
  return rows_->SetNodeAddresses(addresses);
}

absl::Status KernelDatapath::GiveSignOfLife(std::chrono::milliseconds boot_time) {
  const std::chrono::milliseconds stale_after = options_.stale_after;
  const bool lapsed = stale_after.count() > 0 && boot_time - rows_->LastSignOfLife() > stale_after;
  // Programs of another plan that could not be replaced use endpoints that no agent keeps up to date.
  const bool frozen = applied_all_ && (packets_frozen_ || (!plan_.takes_over_from.empty() && !programs_current()));
  return (applied_all_ || !lapsed) && !frozen ? rows_->GiveSignOfLife(boot_time) : absl::OkStatus();
}

bool KernelDatapath::Serves() const {
  if (!plan_.takes_over_from.empty()) return true;
  bool any = false;
  const absl::Status status =
      MapReader(tables()).Dump("service_ports", [&any](const report::MapRow&) { return any = true, false; });
  return status.ok() && any;
}

}  // namespace shunt::datapath
