// SPDX-License-Identifier: Apache-2.0
// Which manifests of one directory may have changed: inotify, in the words of somebody who reads whole files.
#ifndef SHUNT_SOURCES_MANIFEST_DIRECTORY_WATCH_H_
#define SHUNT_SOURCES_MANIFEST_DIRECTORY_WATCH_H_

#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "userspace/posix/file_descriptor.h"
#include "userspace/sources/manifest/directory.h"

namespace shunt::sources {

struct DirectoryChanges {
  std::set<std::string> names;  // manifests that were written and closed, moved, linked or removed
  bool all = false;             // look at every file: events were lost, or a ConfigMap was swapped
  bool directory_gone = false;  // the watch is over; make another when the directory is back

  bool empty() const { return names.empty() && !all && !directory_gone; }
};

// A file that is still being written is not named until it is closed, so nobody reads half of it. A link's target
// outside of the directory is not watched, but for the way a ConfigMap is mounted.
class DirectoryWatch {
 public:
  // `directory` outlives the watch.
  static absl::StatusOr<DirectoryWatch> Open(const Directory& directory);

  // Readable when there is something to take.
  int fd() const { return fd_.get(); }
  // Adds what has happened since the last call to `changes`; never blocks.
  void Take(DirectoryChanges* changes);

 private:
  DirectoryWatch(posix::FileDescriptor fd, const Directory* directory);
  // Whether a file that just came into being is complete already.
  bool IsComplete(const char* name) const;

  posix::FileDescriptor fd_;
  const Directory* directory_;
};

}  // namespace shunt::sources

#endif  // SHUNT_SOURCES_MANIFEST_DIRECTORY_WATCH_H_
