// SPDX-License-Identifier: Apache-2.0
// Which files of one directory may have changed: inotify, in the words of somebody who reads whole files.
#ifndef SHUNT_SOURCES_MANIFEST_DIRECTORY_WATCH_H_
#define SHUNT_SOURCES_MANIFEST_DIRECTORY_WATCH_H_

#include <set>
#include <string>

#include "absl/status/statusor.h"

namespace shunt::sources {

struct DirectoryChanges {
  std::set<std::string> names;  // written and closed, moved, linked or removed
  bool all = false;             // look at every file: events were lost, or a ConfigMap was swapped
  bool directory_gone = false;  // the watch is over; make another when the directory is back
};

// A file that is still being written is not named until it is closed, so nobody reads half of it.
class DirectoryWatch {
 public:
  // kNotFound if there is no such directory.
  static absl::StatusOr<DirectoryWatch> Open(const std::string& directory);
  ~DirectoryWatch();
  DirectoryWatch(DirectoryWatch&& other) noexcept;
  DirectoryWatch& operator=(DirectoryWatch&&) = delete;

  // Readable when there is something to take.
  int fd() const { return fd_; }
  // Adds what has happened since the last call to `changes`; never blocks.
  void Take(DirectoryChanges* changes);

 private:
  DirectoryWatch(int fd, std::string directory);

  int fd_;
  std::string directory_;
};

}  // namespace shunt::sources

#endif  // SHUNT_SOURCES_MANIFEST_DIRECTORY_WATCH_H_
