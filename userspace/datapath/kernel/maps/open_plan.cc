// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/maps/open_plan.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "bpf/abi.h"
#include "userspace/datapath/codec.h"
#include "userspace/datapath/flow_sizes.h"
#include "userspace/datapath/kernel/maps/map_sizes.h"
#include "userspace/datapath/kernel/maps/plan_copy.h"
#include "userspace/datapath/kernel/maps/previous_rows.h"
#include "userspace/datapath/kernel/object/bpf_object.h"
#include "userspace/datapath/table.h"

namespace shunt::datapath {
namespace {

// Without these three the rest of a memory means nothing.
constexpr const char* kCoreOfMemory[] = {"meta", "socket_state", "socket_taken"};
// These are one table. The ports of fragments come and go with it, because one limit tells both sizes.
constexpr const char* kMapsOfFlows[] = {"flow_index", "flow_rows", "flow_taken", "snat_ports", "flow_level"};

void RemoveFlows(MapSet& maps) {
  for (const char* map : kMapsOfFlows) maps.Remove(map);
  maps.Remove("fragments");
}

absl::StatusOr<bool> HasFlows(const MapSet& maps) {
  absl::StatusOr<std::unique_ptr<Table>> taken = maps.OpenTable("flow_taken");
  if (!taken.ok()) return taken.status();
  for (uint32_t i = 0; i < (*taken)->capacity(); ++i) {
    uint64_t word = 0;
    if (absl::Status status = (*taken)->Load(i, MutableBytesOf(word)); !status.ok()) return status;
    if (word != 0) return true;
  }
  return false;
}

// One call of OpenPlan.
class Opening {
 public:
  Opening(const PinDirectory& pins, const Limits& limits, PlanSizes sizes, std::vector<std::string>* notes)
      : pins_(pins), limits_(limits), sizes_(sizes), notes_(*notes) {}

  absl::StatusOr<OpenedPlan> Run();

 private:
  // What is found of the plan in force.
  struct Found {
    MapSet maps;
    std::string unusable;  // why its rows cannot be read; empty if they can
    std::string differs;   // what keeps it from being used as it is; empty if nothing does
  };

  absl::Status ReadLayout();
  absl::StatusOr<std::optional<MapDirectory>> UseMemory();
  std::string WhyMemoryIsUnusable();
  absl::Status FitRows();
  void FitPeers();
  void LeaveOutOddFlows(MapSet& maps);
  absl::Status FitFlows();
  void MemoryDiffers(absl::string_view how);
  Found ReadPlan() const;
  void CompareSizes(Found& found) const;
  absl::StatusOr<OpenedPlan> Adopt(Found found);
  absl::StatusOr<OpenedPlan> Make(const std::optional<MapDirectory>& memory, Found found);
  absl::StatusOr<bool> Fill(const Found& found, const MapSet& fresh);

  const PinDirectory& pins_;
  Limits limits_;
  const PlanSizes sizes_;
  std::vector<std::string>& notes_;
  std::vector<MapSpec> plan_specs_, memory_specs_;
  uint32_t cpus_ = 0;
  std::optional<PlanPins> current_;
  MapSet memory_;
  std::string memory_differs_;  // what keeps the memory in force from being used as it is; empty if nothing does
};

absl::Status Opening::ReadLayout() {
  if (absl::Status status = CheckLimits(limits_); !status.ok()) return status;
  absl::StatusOr<BpfObject> object = BpfObject::OpenBuiltIn();
  if (!object.ok()) return object.status();
  for (MapSpec& spec : object->Maps())
    (IsMemoryMap(spec.name) ? memory_specs_ : plan_specs_).push_back(std::move(spec));
  absl::StatusOr<uint32_t> cpus = PossibleCpus();
  if (!cpus.ok()) return cpus.status();
  cpus_ = *cpus;
  return absl::OkStatus();
}

// Opens the maps of the memory in force into memory_. Returns why that cannot be used, or an empty string.
std::string Opening::WhyMemoryIsUnusable() {
  const MapDirectory& directory = current_->memory;
  if (directory.path.empty()) return "the plan in force names none";
  if (directory.version != SHUNT_MEMORY_VERSION) {
    return absl::StrCat("its version is ", directory.version, ", this build's is ", SHUNT_MEMORY_VERSION);
  }
  std::vector<std::string> missing;
  absl::StatusOr<MapSet> maps = MapSet::OpenPinned(*current_, memory_specs_, PinAccess::kReadWrite, &missing);
  if (!maps.ok()) return std::string(maps.status().message());
  for (const char* core : kCoreOfMemory) {
    if (absl::c_linear_search(missing, core)) return absl::StrCat("its map ", core, " is missing");
  }
  LeaveOutOddFlows(*maps);
  Limits limits = limits_;
  limits.sockets = maps->Capacity("socket_state");
  limits.flows = maps->SizesFound().flows;
  if (const uint32_t peers = maps->Capacity("socket_peers"); peers != 0) limits.socket_peers = peers;
  absl::Status status = maps->CheckTogether(memory_specs_, limits);
  if (!status.ok()) return std::string(status.message());
  memory_ = *std::move(maps);
  if (!missing.empty()) {
    notes_.push_back(absl::StrCat("maps were missing in ", directory.path,
                                  " and have been created: ", absl::StrJoin(missing, ", ")));
  }
  return "";
}

// Gives memory_ the rows for sockets that are configured. Sockets that have rows keep them, and while those are of two
// sizes already, there is no third.
absl::Status Opening::FitRows() {
  const uint32_t rows = memory_.Capacity("socket_state");
  const bool may_change = sizes_ == PlanSizes::kConfigured;
  if (may_change && memory_.HasPreviousRows()) {
    absl::StatusOr<bool> done = PreviousRowsAreDone(memory_);
    if (!done.ok()) return done.status();
    if (*done) {
      MemoryDiffers(absl::StrCat("with ", memory_.Capacity("previous_state"), " previous rows that no socket has"));
      memory_.Remove("previous_state");
      memory_.Remove("previous_taken");
    }
  }
  if (rows == limits_.sockets) return absl::OkStatus();
  if (may_change && !memory_.HasPreviousRows()) {
    MemoryDiffers(absl::StrCat("map socket_state with ", rows, " rows instead of ", limits_.sockets));
    return MakeRowsPrevious(memory_);
  }
  if (may_change) {
    notes_.push_back(absl::StrCat("map socket_state keeps its ", rows, " rows: the ", limits_.sockets,
                                  " that are configured apply at the first start without a socket that has one of the ",
                                  memory_.Capacity("previous_state"),
                                  " rows of before (`shuntctl map list`), or after `shuntd cleanup`: a row whose "
                                  "socket ended unseen is never free"));
  }
  limits_.sockets = rows;
  return absl::OkStatus();
}

void Opening::FitPeers() {
  const uint32_t rows = memory_.Capacity("socket_peers");
  if (rows == 0 || rows == limits_.socket_peers) return;
  notes_.push_back(absl::StrCat("map socket_peers keeps the ", rows, " rows that it was created with; configured are ",
                                limits_.socket_peers, ", which apply after `shuntd cleanup`"));
  limits_.socket_peers = rows;
}

// Leaves the maps of flows out of `maps` if some are missing or are of different tables: the sockets go on without.
void Opening::LeaveOutOddFlows(MapSet& maps) {
  Limits found = limits_;
  found.flows = maps.SizesFound().flows;
  if (!CheckLimits(found).ok()) found.flows = 0;
  const auto there = [&maps](absl::string_view map) { return maps.Fd(std::string(map)) >= 0; };
  const auto fits = [&](const MapSpec& spec) {
    return maps.Capacity(spec.name) == RowsOf(spec.name, found, cpus_).value_or(spec.max_entries);
  };
  const auto is_odd = [&](const MapSpec& spec) {
    return absl::c_linear_search(kMapsOfFlows, spec.name) ? !fits(spec)
                                                          : spec.name == "fragments" && there(spec.name) && !fits(spec);
  };
  if (absl::c_none_of(kMapsOfFlows, there) || absl::c_none_of(memory_specs_, is_odd)) return;
  RemoveFlows(maps);
  MemoryDiffers("with maps of flows that do not go together");
}

// Gives memory_ the table of flows that is configured, unless flows live in the one that it has. Flows that begin after
// this look at it, before programs are replaced, are not known afterwards.
absl::Status Opening::FitFlows() {
  if (memory_.Fd("flow_rows") < 0) return absl::OkStatus();  // to be made with the configured size
  const uint32_t flows = memory_.SizesFound().flows;
  if (flows == limits_.flows) return absl::OkStatus();
  absl::StatusOr<bool> live = HasFlows(memory_);
  if (!live.ok()) return live.status();
  if (sizes_ == PlanSizes::kConfigured && !*live) {
    MemoryDiffers(absl::StrCat("map flow_rows with ", memory_.Capacity("flow_rows"), " rows instead of ",
                               FlowSizesOf(limits_.flows).rows));
    RemoveFlows(memory_);
    return absl::OkStatus();
  }
  if (sizes_ == PlanSizes::kConfigured) {
    notes_.push_back(absl::StrCat("map flow_rows keeps its ", flows, " rows, because it holds flows: the ",
                                  limits_.flows,
                                  " that are configured apply at the first start that finds none, or after `shuntd "
                                  "cleanup`, which breaks them"));
  }
  limits_.flows = flows;
  return absl::OkStatus();
}

void Opening::MemoryDiffers(absl::string_view how) {
  absl::StrAppend(&memory_differs_, memory_differs_.empty() ? "" : ", ", how);
}

// Opens in memory_ what the plan shall use of the memory in force. Returns that if it can be used as it is, or nullopt
// if a new one has to be made.
absl::StatusOr<std::optional<MapDirectory>> Opening::UseMemory() {
  if (!current_.has_value()) return std::nullopt;
  const std::string why = WhyMemoryIsUnusable();
  if (!why.empty()) {
    notes_.push_back(absl::StrCat("what programs remember in ", current_->memory.path, " cannot be used: ", why,
                                  "; sockets that were translated before show their pod's address"));
    memory_ = MapSet();
    memory_differs_.clear();
    return std::nullopt;
  }
  FitPeers();
  if (absl::Status status = FitRows(); !status.ok()) return status;
  if (absl::Status status = FitFlows(); !status.ok()) return status;
  if (!memory_differs_.empty()) return std::nullopt;
  return current_->memory;
}

Opening::Found Opening::ReadPlan() const {
  Found found;
  if (!current_.has_value()) return found;
  found.differs = memory_differs_;
  const MapDirectory& plan = current_->plan;
  std::vector<std::string> missing;
  if (plan.version != SHUNT_PLAN_VERSION) {
    found.unusable = absl::StrCat("its version is ", plan.version, ", this build's is ", SHUNT_PLAN_VERSION);
    // Its maps may be anything. Only the filters are read, of which a bit too many does no harm.
    absl::StatusOr<MapSet> maps = MapSet::OpenPinned(*current_, plan_specs_, PinAccess::kReadOnly, &missing);
    if (maps.ok()) found.maps = *std::move(maps);
    return found;
  }
  absl::StatusOr<MapSet> maps = MapSet::OpenPinned(*current_, plan_specs_, PinAccess::kReadWrite, &missing);
  if (!maps.ok()) {
    found.unusable = std::string(maps.status().message());
    return found;
  }
  found.maps = *std::move(maps);
  if (memory_.maps().empty()) found.unusable = "its memory cannot be used";
  const auto append = [&found](const char* what, const std::vector<std::string>& names) {
    absl::StrAppend(&found.differs, found.differs.empty() ? "" : ", ", what, absl::StrJoin(names, ", "));
  };
  if (!missing.empty()) append("without ", missing);
  std::vector<std::string> unknown = plan.MapNames();
  std::erase_if(unknown, [&](const std::string& name) {
    return absl::c_any_of(plan_specs_, [&](const MapSpec& spec) { return spec.name == name; });
  });
  if (!unknown.empty()) append("with ", unknown);
  if (found.differs.empty()) CompareSizes(found);
  return found;
}

// Compares a plan that has all maps with the limits, which become those found if they are to be kept.
void Opening::CompareSizes(Found& found) const {
  for (const MapSpec& spec : plan_specs_) {
    const uint32_t rows = found.maps.Capacity(spec.name);
    const uint64_t wanted = RowsOf(spec.name, limits_, cpus_).value_or(spec.max_entries);
    if (rows != wanted) {
      absl::StrAppend(&found.differs, found.differs.empty() ? "" : ", ", "map ", spec.name, " with ", rows,
                      " rows instead of ", wanted);
    }
  }
}

absl::StatusOr<OpenedPlan> Opening::Adopt(Found found) {
  for (const MapSpec& spec : memory_specs_) {
    if (absl::Status status = found.maps.Share(memory_, spec.name); !status.ok()) return status;
  }
  absl::Status fits = found.maps.CheckTogether(plan_specs_, found.maps.SizesFound());
  if (!fits.ok()) return fits;
  absl::StatusOr<MapSet> maps = MapSet::Complete(std::move(found.maps), limits_);
  if (!maps.ok()) return maps.status();
  if (absl::Status status = maps->Pin(*current_); !status.ok()) return status;
  return OpenedPlan{.pins = *current_, .maps = *std::move(maps), .takes_over_from = "", .may_serve = true};
}

// Fills a new plan from what is found. Returns whether it has everything that the plan in force has.
absl::StatusOr<bool> Opening::Fill(const Found& found, const MapSet& fresh) {
  if (found.unusable.empty()) {
    absl::StatusOr<bool> complete = CopyPlan(found.maps, fresh);
    if (complete.ok()) return complete;
    notes_.push_back(
        absl::StrCat("the rows of ", current_->plan.path, " cannot be copied: ", complete.status().message()));
  }
  if (absl::Status status = CopyBackendFilters(found.maps, fresh); !status.ok()) return status;
  return false;
}

absl::StatusOr<OpenedPlan> Opening::Make(const std::optional<MapDirectory>& memory, Found found) {
  MapSet given;
  for (const MapSpec& spec : memory_specs_) {
    if (absl::Status status = given.Share(memory_, spec.name); !status.ok()) return status;
  }
  for (const MapSpec& spec : plan_specs_) {
    const bool same = found.unusable.empty() &&
                      found.maps.Capacity(spec.name) == RowsOf(spec.name, limits_, cpus_).value_or(spec.max_entries);
    if (!same || !IsShareable(spec.name)) continue;
    if (absl::Status status = given.Share(found.maps, spec.name); !status.ok()) return status;
  }
  absl::StatusOr<MapSet> maps = MapSet::Complete(std::move(given), limits_);
  if (!maps.ok()) return maps.status();
  OpenedPlan plan;
  if (current_.has_value()) {
    for (const MapSpec& spec : memory_specs_) {
      if (absl::Status status = found.maps.Share(*maps, spec.name); !status.ok()) return status;
    }
    for (const MapSpec& spec : plan_specs_) {
      if (found.maps.Fd(spec.name) >= 0 || !MayBeginEmpty(spec.name)) continue;
      if (absl::Status status = found.maps.Share(*maps, spec.name); !status.ok()) return status;
    }
    absl::StatusOr<bool> complete = Fill(found, *maps);
    if (!complete.ok()) return complete.status();
    plan.takes_over_from = current_->plan.path;
    plan.may_serve = *complete;
  }
  absl::StatusOr<PlanPins> pins = pins_.NewPlan(memory);
  if (!pins.ok()) return pins.status();
  if (absl::Status status = maps->Pin(*pins); !status.ok()) return status;
  plan.pins = *std::move(pins);
  plan.maps = *std::move(maps);
  if (current_.has_value()) {
    const char* const comma = found.unusable.empty() || found.differs.empty() ? "" : ", ";
    notes_.push_back(absl::StrCat(
        plan.takes_over_from, " (", found.unusable, comma, found.differs, ") gives way to ", plan.pins.plan.path,
        plan.may_serve ? ", which has all its rows" : ", whose programs take over once everything is applied"));
  }
  return plan;
}

absl::StatusOr<OpenedPlan> Opening::Run() {
  if (absl::Status status = ReadLayout(); !status.ok()) return status;
  absl::StatusOr<std::optional<PlanPins>> current = pins_.Current();
  if (!current.ok()) return current.status();
  current_ = *std::move(current);
  if (absl::Status status = pins_.RemoveUnreachable(current_); !status.ok()) return status;
  absl::StatusOr<std::optional<MapDirectory>> memory = UseMemory();
  if (!memory.ok()) return memory.status();
  Found found = ReadPlan();
  const bool adopt =
      current_.has_value() && found.unusable.empty() && (found.differs.empty() || sizes_ == PlanSizes::kAsFound);
  return adopt ? Adopt(std::move(found)) : Make(*memory, std::move(found));
}

}  // namespace

absl::StatusOr<OpenedPlan> OpenPlan(const PinDirectory& pins, const Limits& limits, PlanSizes sizes,
                                    std::vector<std::string>* notes) {
  return Opening(pins, limits, sizes, notes).Run();
}

}  // namespace shunt::datapath
