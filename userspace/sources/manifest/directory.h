// SPDX-License-Identifier: Apache-2.0
// An open directory: its manifests can be listed and read, whatever happens to its path.
#ifndef SHUNT_SOURCES_MANIFEST_DIRECTORY_H_
#define SHUNT_SOURCES_MANIFEST_DIRECTORY_H_

#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "userspace/posix/file_descriptor.h"

namespace shunt::sources {

class Directory {
 public:
  static absl::StatusOr<Directory> Open(const std::string& path);

  int fd() const { return fd_.get(); }
  // Returns false once the path leads to another directory or to none: the directory was removed, renamed or mounted
  // over, or a link in the path has changed.
  bool IsStillAtPath() const;

  // Returns the names of the files that are manifests by their name.
  absl::StatusOr<std::set<std::string>> ManifestNames() const;
  // Returns the file's bytes; of a file that is larger than kManifestBytesMax, just enough for DecodeManifest to refuse
  // it. Returns kNotFound if the file is gone, and kFailedPrecondition if it is a link to nothing. Never blocks on a
  // file that is not a regular one.
  absl::StatusOr<std::string> Read(const std::string& name) const;

 private:
  Directory(posix::FileDescriptor fd, std::string path);

  posix::FileDescriptor fd_;
  std::string path_;
};

}  // namespace shunt::sources

#endif  // SHUNT_SOURCES_MANIFEST_DIRECTORY_H_
