// SPDX-License-Identifier: Apache-2.0
// A directory that is held open: its manifests can be listed and read, whatever becomes of its path.
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
  // False once the path leads to another directory or to none: it was removed, renamed, or mounted over, or a link on
  // the way points elsewhere now.
  bool IsStillAtPath() const;

  // Of the files that are manifests by their name.
  absl::StatusOr<std::set<std::string>> ManifestNames() const;
  // The file's bytes; of one larger than kManifestBytesMax only so many that DecodeManifest can tell. kNotFound if it
  // is gone (or a link to nothing); never blocks on a file that is not a regular one.
  absl::StatusOr<std::string> Read(const std::string& name) const;

 private:
  Directory(posix::FileDescriptor fd, std::string path);

  posix::FileDescriptor fd_;
  std::string path_;
};

}  // namespace shunt::sources

#endif  // SHUNT_SOURCES_MANIFEST_DIRECTORY_H_
