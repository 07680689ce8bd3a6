// SPDX-License-Identifier: Apache-2.0
// Tells which manifests of one directory may have changed, by inotify.
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

// A file that is still being written is not named until it is closed, so that no half of it is read. A link's target
// outside the directory is not watched, except in a mounted ConfigMap.
class DirectoryWatch {
 public:
  // `directory` outlives the watch.
  static absl::StatusOr<DirectoryWatch> Open(const Directory& directory);

  // Readable when there is something to take.
  int fd() const { return fd_.get(); }
  // Adds to `changes` what has happened since the last call. Never blocks.
  void Take(DirectoryChanges* changes);

 private:
  DirectoryWatch(posix::FileDescriptor fd, const Directory* directory);
  // Returns whether a file that was just created is complete already.
  bool IsComplete(const char* name) const;

  posix::FileDescriptor fd_;
  const Directory* directory_;
};

}  // namespace shunt::sources

#endif  // SHUNT_SOURCES_MANIFEST_DIRECTORY_WATCH_H_
