// SPDX-License-Identifier: Apache-2.0
// Programs of Shunt beside those of the agent that serves a cgroup: an agent that is gone has left them, pinned where
// no later one looks. Connects go by the first of two programs at a hook, so what is gone would win for as long as the
// node runs.
#ifndef SHUNT_DATAPATH_KERNEL_ATTACH_LEFTOVERS_H_
#define SHUNT_DATAPATH_KERNEL_ATTACH_LEFTOVERS_H_

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "userspace/datapath/kernel/attach/cgroup_root.h"
#include "userspace/datapath/kernel/attach/link_finder.h"
#include "userspace/datapath/kernel/object/pins.h"

namespace shunt::datapath {

class Leftovers {
 public:
  // What is to become of those on the cgroup itself.
  enum class Then {
    kTell,   // they are told of
    kLater,  // the caller detaches them later, which is what to tell
    // They are detached. What is pinned beside them is removed, unless some of it is attached to another cgroup.
    // REQUIRES: the caller has the cgroup's lock.
    kDetach,
  };

  struct Found {
    std::string here;                // what stays attached to the cgroup itself, and what to do; "": nothing
    std::string elsewhere;           // the same above and below it
    std::vector<std::string> notes;  // what has been detached

    std::string Problem() const;  // both
  };

  // Looks for programs on `cgroup`, above it and below it whose links are neither among `own` nor pinned in `pins`.
  // Those above and below are never detached: they may serve a cluster within this node, whose agent is only away for a
  // moment. Those that a running agent answers for are passed over, unless they are on `cgroup` itself. The kernel
  // lets a process detach what it has the pin of, and everything if it has CAP_SYS_ADMIN. Where the kernel cannot be
  // asked, which a first note says, nothing is found.
  Found Look(const PinDirectory& pins, const Cgroup& cgroup, absl::Span<const uint32_t> own, Then then);

 private:
  enum class Where { kHere, kAbove, kBelow, kElsewhere };
  struct Place {
    Where where = Where::kElsewhere;
    std::string cgroup;
    std::string bpffs;  // where the link is pinned; "" if no BPF file system shows it
  };
  using Groups = std::map<std::string, std::vector<FoundLink>>;  // by cgroup and pins

  void Locate(const std::vector<FoundLink>& links, const Cgroup& cgroup);
  bool IsAnswered(const Place& place) const;
  void Judge(const std::vector<FoundLink>& links, const Place& place, Then then, const Cgroup& cgroup, Found* found);

  std::optional<absl::StatusOr<LinkFinder>> finder_;  // of the first look on
  std::map<uint32_t, Place> places_;                  // by the link's id, of those that the last look has found
  std::chrono::steady_clock::time_point next_locate_;
};

// Detaches the programs of Shunt that are attached to `cgroup` (empty: the host's root) although nothing below
// `bpffs`/shunt holds them, if no agent serves it. Appends what it has detached, and what it has seen above and below
// the cgroup, to `notes`, as sentences. Returns kFailedPrecondition if such programs stay on the cgroup; the message
// names them and says what to do. Does nothing where there is no such cgroup.
absl::Status CleanUpCgroup(const std::string& bpffs, const std::string& cgroup, std::vector<std::string>* notes);

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_ATTACH_LEFTOVERS_H_
