// SPDX-License-Identifier: Apache-2.0
// Reads small files that others replace while this process runs: tokens, certificates, kubeconfigs.
#ifndef SHUNT_SOURCES_KUBERNETES_CLIENT_TEXT_FILE_H_
#define SHUNT_SOURCES_KUBERNETES_CLIENT_TEXT_FILE_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"

namespace shunt::sources::kubernetes {

inline constexpr size_t kTextFileBytesMax = 1 << 20;

// Identifies a file's state: it changes with every write, and when the kubelet swaps links to replace a mounted volume.
struct FileStamp {
  dev_t device = 0;
  ino_t inode = 0;
  off_t size = 0;
  int64_t modified_ns = 0;  // since 1970, as the file system has it
  int64_t changed_ns = 0;

  friend bool operator==(const FileStamp&, const FileStamp&) = default;
};

struct TextFile {
  std::string text;
  FileStamp stamp;
};

// Returns the errors of open and read, and kInvalidArgument if the file is not a regular one or is larger than
// kTextFileBytesMax. Errors name the path. Never blocks on a FIFO or a device.
absl::StatusOr<TextFile> ReadTextFile(const std::string& path);

// Returns nothing if the file does not exist or cannot be reached.
std::optional<FileStamp> StampOf(const std::string& path);

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_CLIENT_TEXT_FILE_H_
