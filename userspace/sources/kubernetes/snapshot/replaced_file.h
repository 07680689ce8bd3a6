// SPDX-License-Identifier: Apache-2.0
// Replaces a file as a whole or not at all, whatever happens in between.
#ifndef SHUNT_SOURCES_KUBERNETES_SNAPSHOT_REPLACED_FILE_H_
#define SHUNT_SOURCES_KUBERNETES_SNAPSHOT_REPLACED_FILE_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "userspace/posix/file_descriptor.h"

namespace shunt::sources::kubernetes {

// Writes to PATH.new (mode 0600), which replaces PATH when all of it is on the disk. Only one writer may run at a time.
// Errors are those of the system calls and name the file.
class ReplacedFile {
 public:
  // Creates the directory (mode 0700) if only that is missing. Overwrites a PATH.new that a crash has left.
  static absl::StatusOr<ReplacedFile> Create(const std::string& path);
  // Removes PATH.new if it was not committed.
  ~ReplacedFile();
  ReplacedFile(ReplacedFile&& other) noexcept;
  ReplacedFile& operator=(ReplacedFile&&) = delete;

  absl::Status Append(absl::string_view bytes);
  // Overwrites the bytes at `offset`.
  absl::Status WriteAt(int64_t offset, absl::string_view bytes);
  // Replaces the file. The last call.
  absl::Status Commit();

 private:
  ReplacedFile(std::string path, posix::FileDescriptor file);
  absl::Status Failure(absl::string_view operation, int error) const;

  std::string path_;
  std::string new_path_;  // empty: nothing to remove
  posix::FileDescriptor file_;
  int64_t size_ = 0;
};

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_SNAPSHOT_REPLACED_FILE_H_
