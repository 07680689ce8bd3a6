// SPDX-License-Identifier: Apache-2.0
// Small files that others replace while we run: tokens, certificates, kubeconfigs.
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

// Which file this is and in which state: another one after every write, and after the swap of links with which the
// kubelet replaces a mounted volume.
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

// Errors name the path. What open and read say; kInvalidArgument: not a regular file, or one above kTextFileBytesMax.
// Never blocks on a FIFO or a device.
absl::StatusOr<TextFile> ReadTextFile(const std::string& path);

// Nothing: there is no such file, or it is out of reach.
std::optional<FileStamp> StampOf(const std::string& path);

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_CLIENT_TEXT_FILE_H_
