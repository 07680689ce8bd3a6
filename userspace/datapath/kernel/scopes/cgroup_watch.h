// SPDX-License-Identifier: Apache-2.0
// Which cgroups match patterns, while cgroups come and go.
#ifndef SHUNT_DATAPATH_KERNEL_SCOPES_CGROUP_WATCH_H_
#define SHUNT_DATAPATH_KERNEL_SCOPES_CGROUP_WATCH_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "userspace/datapath/bypass_settings.h"
#include "userspace/posix/file_descriptor.h"

namespace shunt::datapath {

// Returns a cgroup's id, which is the inode number of its directory; 0 if there is no such directory.
uint64_t CgroupIdAt(const std::string& directory);

// Listens by inotify to those directories alone that a pattern goes through: of "kubepods*/pod*" the root and each
// kubepods*. So what containers do below their own cgroups is no event here. Not thread-safe.
class CgroupWatch {
 public:
  // `root` is the directory of the cgroup below which paths are matched. Nothing is read before the first Walk.
  CgroupWatch(std::string root, std::vector<CgroupPattern> patterns);

  // A non-blocking descriptor for poll(2), readable when Follow has something to do. Negative if the kernel gives
  // none, or if there is no pattern: then there are only walks.
  int fd() const { return inotify_.get(); }

  // Reads all directories that patterns go through. It finds what no event has told. Returns an error if the root is
  // gone, or if one of them cannot be read; matches() is then what it was.
  absl::Status Walk();
  // Consumes the events. Walks if some were lost. Returns an error if a new directory cannot be read: a walk finds what
  // matches below it.
  absl::Status Follow();

  // The ids of the cgroups that match, by path, which begins with a slash. A cgroup below one that matches is not among
  // them by that alone.
  const std::map<std::string, uint64_t>& matches() const { return matches_; }

  // Why new cgroups are found only by a walk; empty if that is not so.
  const std::string& problem() const { return problem_; }

 private:
  // What of one directory patterns ask for, given the components of its path.
  struct Interest {
    bool matches = false;
    bool goes_through = false;  // a pattern may match below it
  };
  Interest InterestIn(const std::vector<std::string>& components) const;

  absl::Status Visit(const std::string& path, std::vector<std::string>& components);
  absl::Status VisitChildren(const std::string& path, std::vector<std::string>& components);
  void Forget(const std::string& path);
  void Listen(const std::string& path);

  std::string root_;
  std::vector<CgroupPattern> patterns_;
  posix::FileDescriptor inotify_;
  std::map<std::string, uint64_t> matches_;
  std::map<int, std::string> listened_;  // paths by watch descriptor; "" is the root
  std::string problem_;
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_SCOPES_CGROUP_WATCH_H_
