// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/kubernetes/client/text_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "userspace/posix/file_bytes.h"
#include "userspace/posix/file_descriptor.h"

namespace shunt::sources::kubernetes {
namespace {

int64_t Nanoseconds(const timespec& time) {
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

FileStamp Stamp(const struct stat& state) {
  return {state.st_dev, state.st_ino, state.st_size, Nanoseconds(state.st_mtim), Nanoseconds(state.st_ctim)};
}

}  // namespace

absl::StatusOr<TextFile> ReadTextFile(const std::string& path) {
  const posix::FileDescriptor fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat state{};
  if (!fd.ok() || fstat(fd.get(), &state) != 0) return absl::ErrnoToStatus(errno, absl::StrCat("read ", path));
  if (!S_ISREG(state.st_mode)) return absl::InvalidArgumentError(absl::StrCat("read ", path, ": not a regular file"));
  std::optional<std::string> text = posix::ReadUpTo(fd.get(), kTextFileBytesMax + 1);
  if (!text.has_value()) return absl::ErrnoToStatus(errno, absl::StrCat("read ", path));
  if (text->size() > kTextFileBytesMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("read ", path, ": larger than ", kTextFileBytesMax >> 20, " MiB: is it the right file?"));
  }
  return TextFile{*std::move(text), Stamp(state)};
}

std::optional<FileStamp> StampOf(const std::string& path) {
  struct stat state{};
  if (stat(path.c_str(), &state) != 0) return std::nullopt;
  return Stamp(state);
}

}  // namespace shunt::sources::kubernetes
