// SPDX-License-Identifier: Apache-2.0
// Whose sockets are left alone: what the settings say, which follows cgroups as they come and go, and what was added
// beside them, which no call of the admin API asks for yet.
#ifndef SHUNT_DATAPATH_KERNEL_SCOPES_SCOPES_H_
#define SHUNT_DATAPATH_KERNEL_SCOPES_SCOPES_H_

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "userspace/datapath/bypass_settings.h"
#include "userspace/datapath/kernel/maps/map_set.h"
#include "userspace/datapath/kernel/scopes/cgroup_watch.h"
#include "userspace/datapath/scope_rows.h"
#include "userspace/datapath/table.h"

namespace shunt::datapath {

// Returns shunt_config.bypass.
uint8_t ConfigBits(const BypassSettings& settings);

// What may be added beside the settings. Exactly one of the first three is set.
struct BypassTarget {
  std::string cgroup;              // a path below the cgroup that is served, or of the file system; no pattern
  std::string pod_uid;             // of a pod on this node: its cgroup
  uint64_t network_namespace = 0;  // its cookie
  std::string name;                // of a network namespace: what people know it by
};

// Thread-safe. Its destructor leaves the rows as they are, and the programs go by them.
class Scopes {
 public:
  // Takes over the rows that the maps have. What was added stays, across agents and builds, until it is
  // deleted, its cgroup is gone, or the node starts again. What other settings have left goes, and what these say is
  // there when the call returns: no program that is attached later misses it. `root` is the directory of the cgroup
  // that is served. Returns an error if the maps cannot be read or written; a root that cannot be read is a problem.
  static absl::StatusOr<std::unique_ptr<Scopes>> Open(std::unique_ptr<Table> scopes, std::unique_ptr<Table> filter,
                                                      std::string root, const BypassSettings& settings);

  // The same over the maps of a plan.
  static absl::StatusOr<std::unique_ptr<Scopes>> OpenPinned(const MapSet& maps, const std::string& root,
                                                            const BypassSettings& settings);

  // Readable when Follow has something to do; negative if cgroups are found by walks alone. Never changes.
  int fd() const { return fd_; }
  // Follows the cgroups that have come and gone since.
  void Follow();
  // Looks at everything: finds what no event has told, removes what has no cgroup now, and puts right what another
  // process has changed in the maps. For a call now and then.
  void Walk();

  // Returns kNotFound if there is no such cgroup or pod, kInvalidArgument if it is no path, kResourceExhausted if the
  // map is full. Sockets that are translated already stay so.
  absl::Status Add(const BypassTarget& target);
  // Returns kNotFound if it was not added, and kFailedPrecondition if the settings ask for it.
  absl::Status Delete(const BypassTarget& target);

  // What keeps a wanted scope from being in force, a sentence each: what the last Follow or Walk has found. Waits for
  // neither.
  std::vector<std::string> Problems() const;

 private:
  // A scope that a target names.
  struct Named {
    ScopeKey key;
    std::string name;
  };

  Scopes(std::unique_ptr<Table> scopes, std::unique_ptr<Table> filter, std::string root,
         const BypassSettings& settings);

  void FollowSettings() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void KeepProblems() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void DropGoneCgroups() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Returns the path below the root.
  absl::StatusOr<std::string> PathOf(const BypassTarget& target) const;
  absl::StatusOr<std::string> FindPod(const std::string& uid) const;

  const std::unique_ptr<Table> scopes_, filter_;
  const std::string root_;
  const bool pods_, kernel_;
  int fd_ = -1;

  mutable std::mutex mutex_;
  ScopeRows rows_ ABSL_GUARDED_BY(mutex_);
  CgroupWatch watch_ ABSL_GUARDED_BY(mutex_);
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);  // of the last call that followed something

  mutable std::mutex problems_mutex_;  // never held over a call of the kernel
  std::vector<std::string> problems_ ABSL_GUARDED_BY(problems_mutex_);
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_SCOPES_SCOPES_H_
