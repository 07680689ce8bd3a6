// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/attach/leftovers.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <linux/capability.h>

#include <cerrno>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "userspace/datapath/kernel/attach/agent_lock.h"
#include "userspace/datapath/kernel/attach/cleanup.h"
#include "userspace/datapath/kernel/attach/host_config.h"
#include "userspace/datapath/kernel/attach/pin_search.h"
#include "userspace/datapath/kernel/kernel_error.h"
#include "userspace/datapath/kernel/object/bpf_fd.h"
#include "userspace/datapath/kernel/object/pin_removal.h"
#include "userspace/posix/file_descriptor.h"

namespace shunt::datapath {
namespace {

// How often places are looked for again: a mount may be taken away, and a cgroup be moved.
constexpr std::chrono::seconds kLocatePace{10};

std::string NamesOf(const std::vector<FoundLink>& links) {
  return absl::StrJoin(links, ", ", [](std::string* out, const FoundLink& link) {
    absl::StrAppend(out, link.hook.program, " (program ", link.program_id, ", link ", link.link_id, ")");
  });
}

// What a person runs as root to detach them.
std::string DetachCommand(const std::vector<FoundLink>& links) {
  const auto append_id = [](std::string* out, const FoundLink& link) { absl::StrAppend(out, link.link_id); };
  return absl::StrCat("for link in ", absl::StrJoin(links, " ", append_id), "; do bpftool link detach id $link; done");
}

std::string WhatToRun(const std::vector<FoundLink>& links, const std::string& bpffs) {
  if (!bpffs.empty()) return absl::StrCat("`shuntd cleanup --bpffs ", bpffs, "` removes them");
  return absl::StrCat("no BPF file system that is mounted here shows their pins, so as root on the node run `",
                      DetachCommand(links), "`");
}

// The kernel gives the id of a link that is gone to no other for a long time, but what is detached is not to depend on
// that: a link with another program than the one found is left alone.
absl::Status DetachByIds(const std::vector<FoundLink>& links) {
  for (const FoundLink& link : links) {
    const std::string what = absl::StrCat("detach link ", link.link_id);
    const posix::FileDescriptor fd(bpf_link_get_fd_by_id(link.link_id));
    if (!fd.ok() && fd.get() == -ENOENT) continue;
    if (!fd.ok()) return KernelError(fd.get(), what);
    const absl::StatusOr<bpf_link_info> facts = DescribeLink(fd.get(), what);
    if (!facts.ok()) return facts.status();
    if (facts->prog_id != link.program_id) continue;
    if (const int error = bpf_link_detach(fd.get()); error < 0) return KernelError(error, what);
  }
  return absl::OkStatus();
}

bool HasLink(const std::vector<FoundLink>& links, uint32_t id) {
  return absl::c_any_of(links, [id](const FoundLink& link) { return link.link_id == id; });
}

// Detaches those of the links that are pinned in the directory, in their order, and removes their pins.
absl::Status DetachByPins(const std::vector<FoundLink>& links, const PinDirectory& pins) {
  const absl::StatusOr<std::vector<AgentLock>> locks = LockPins(pins, AgentLock::Purpose::kCleanUp);
  if (!locks.ok()) return locks.status();
  const std::vector<PinnedLink> pinned = FindLinksIn(pins);
  for (const FoundLink& link : links) {
    for (const PinnedLink& pin : pinned) {
      if (pin.id != link.link_id) continue;
      DetachPinnedLink(pin.path);
      if (absl::Status status = RemoveOne(pin.path, nullptr); !status.ok()) return status;
    }
  }
  return absl::OkStatus();
}

// Detaches the links, which are all of one agent on one cgroup, and removes what is pinned beside them if that holds
// nothing on another cgroup. Says in `rest` what has become of that.
absl::Status Remove(const std::vector<FoundLink>& links, const std::string& bpffs, std::string* rest) {
  if (bpffs.empty()) return DetachByIds(links);
  const PinDirectory pins = PinDirectory::Unchecked(bpffs);
  const auto is_elsewhere = [&](const PinnedLink& pin) { return pin.on_cgroup && !HasLink(links, pin.id); };
  if (absl::c_any_of(FindLinksIn(pins), is_elsewhere)) {
    *rest = absl::StrCat("; what else is pinned in ", pins.path(), " stays, for programs on other cgroups");
    return DetachByPins(links, pins);
  }
  *rest = absl::StrCat("; all that was pinned in ", pins.path(), " is removed");
  std::vector<std::string> removed;
  return Cleanup(bpffs, &removed);
}

absl::Status FindAgentOf(const std::string& bpffs) {
  if (bpffs.empty()) return absl::OkStatus();
  return FindLockedPins(PinDirectory::Unchecked(bpffs), AgentLock::Purpose::kCleanUp);
}

std::string CannotLook(const absl::Status& why) {
  return absl::StrCat("programs that an agent that is gone has left attached cannot be looked for: ", why.message());
}

bool Contains(absl::Span<const uint32_t> ids, uint32_t id) {
  return absl::c_linear_search(ids, id);
}

}  // namespace

// Sets the places of the links, and forgets those of other links.
void Leftovers::Locate(const std::vector<FoundLink>& links, const Cgroup& cgroup) {
  const auto now = std::chrono::steady_clock::now();
  const std::map<uint32_t, Place> known = now < next_locate_ ? std::exchange(places_, {}) : std::map<uint32_t, Place>();
  if (now >= next_locate_) next_locate_ = now + kLocatePace;
  places_.clear();
  std::optional<std::map<uint32_t, std::string>> pinned;
  std::map<uint64_t, std::pair<Where, std::string>> cgroups = {{cgroup.id, {Where::kHere, cgroup.path}}};
  for (const FoundLink& link : links) {
    if (const auto before = known.find(link.link_id); before != known.end()) {
      places_.insert(*before);
      continue;
    }
    if (cgroups.size() == 1) {
      for (const std::string& path : CgroupsAbove(cgroup.path)) {
        if (const absl::StatusOr<Cgroup> above = OpenCgroup(path); above.ok()) {
          cgroups.emplace(above->id, std::pair(Where::kAbove, path));
        }
      }
    }
    auto at = cgroups.find(link.cgroup_id);
    if (at == cgroups.end()) {
      const std::string below = FindCgroupById(cgroup.path, link.cgroup_id);
      at = cgroups.emplace(link.cgroup_id, std::pair(below.empty() ? Where::kElsewhere : Where::kBelow, below)).first;
    }
    Place place{at->second.first, at->second.second, ""};
    if (place.where != Where::kElsewhere) {
      if (!pinned.has_value()) pinned = FindPinnedLinks();
      if (const auto pin = pinned->find(link.link_id); pin != pinned->end()) place.bpffs = pin->second;
    }
    places_.emplace(link.link_id, std::move(place));
  }
}

// Returns whether a running agent on another cgroup keeps what the programs use up to date.
bool Leftovers::IsAnswered(const Place& place) const {
  return place.where != Where::kHere && (IsServed(place.cgroup) || !FindAgentOf(place.bpffs).ok());
}

void Leftovers::Judge(const std::vector<FoundLink>& links, const Place& place, Then then, const Cgroup& cgroup,
                      Found* found) {
  const bool here = place.where == Where::kHere;
  const std::string relation =
      here ? "" : absl::StrCat(place.where == Where::kAbove ? ", above " : ", below ", cgroup.path);
  const std::string where = absl::StrCat("attached to cgroup ", place.cgroup, relation);
  const auto tell = [&](absl::string_view whose, absl::string_view what_to_do) {
    std::string& problem = here ? found->here : found->elsewhere;
    absl::StrAppend(&problem, problem.empty() ? "" : "; ", "programs of ", whose, " are ", where,
                    ", and translate by what it knew last: ", NamesOf(links), ": ", what_to_do);
  };
  if (!here)
    return tell("an agent that is gone", absl::StrCat("unless it is about to return: ", WhatToRun(links, place.bpffs)));
  if (absl::Status agent = FindAgentOf(place.bpffs); !agent.ok()) return tell("another agent", agent.message());
  const bool may_remove = !place.bpffs.empty() || HasCapability(CAP_SYS_ADMIN);
  if (then == Then::kTell || !may_remove) return tell("an agent that is gone", WhatToRun(links, place.bpffs));
  if (then == Then::kLater) {
    return tell("an agent that is gone", "this agent detaches them once its own are in force with everything applied");
  }
  std::string rest;
  if (absl::Status status = Remove(links, place.bpffs, &rest); !status.ok()) {
    return tell("an agent that is gone", absl::StrCat(status.message(), ": ", WhatToRun(links, place.bpffs)));
  }
  found->notes.push_back(absl::StrCat("programs of an agent that is gone were ", where, ", and are detached: ",
                                      NamesOf(links), rest, "; sockets that they translated show their pod's address"));
}

std::string Leftovers::Found::Problem() const {
  return absl::StrCat(here, here.empty() || elsewhere.empty() ? "" : "; ", elsewhere);
}

Leftovers::Found Leftovers::Look(const PinDirectory& pins, const Cgroup& cgroup, absl::Span<const uint32_t> own,
                                 Then then) {
  const bool first = !finder_.has_value();
  if (first) finder_ = LinkFinder::Load();
  if (!finder_->ok()) {
    Found nothing;
    if (first) nothing.notes.push_back(CannotLook(finder_->status()));
    return nothing;
  }
  absl::StatusOr<std::vector<FoundLink>> links = (*finder_)->Find();
  if (!links.ok()) return {.here = CannotLook(links.status()), .elsewhere = "", .notes = {}};
  std::erase_if(*links, [&](const FoundLink& link) { return Contains(own, link.link_id); });
  if (!links->empty()) {
    const std::vector<uint32_t> pinned = PinnedLinks(pins);
    std::erase_if(*links, [&](const FoundLink& link) { return Contains(pinned, link.link_id); });
  }
  Locate(*links, cgroup);
  Groups groups;
  for (const FoundLink& link : *links) {
    const Place& place = places_.at(link.link_id);
    if (place.where != Where::kElsewhere) groups[absl::StrCat(place.cgroup, "\n", place.bpffs)].push_back(link);
  }
  Found found;
  for (const auto& [key, group] : groups) {
    const Place& place = places_.at(group.front().link_id);
    if (!IsAnswered(place)) Judge(group, place, then, cgroup, &found);
  }
  return found;
}

absl::Status CleanUpCgroup(const std::string& bpffs, const std::string& cgroup, std::vector<std::string>* notes) {
  const absl::StatusOr<std::string> path = FindCgroup(cgroup);
  if (!path.ok()) return absl::OkStatus();
  const absl::StatusOr<Cgroup> at = OpenCgroup(*path);
  if (!at.ok()) return absl::OkStatus();
  const absl::StatusOr<AgentLock> lock = AgentLock::TakeCgroup(*path);
  if (!lock.ok()) {
    notes->push_back(absl::StrCat("programs stay attached: ", lock.status().message()));
    return absl::OkStatus();
  }
  Leftovers::Found found = Leftovers().Look(PinDirectory::Unchecked(bpffs), *at, {}, Leftovers::Then::kDetach);
  notes->insert(notes->end(), found.notes.begin(), found.notes.end());
  if (!found.elsewhere.empty()) notes->push_back(found.elsewhere);
  return found.here.empty() ? absl::OkStatus() : absl::FailedPreconditionError(found.here);
}

}  // namespace shunt::datapath
