// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/manifest/directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "userspace/posix/file_bytes.h"
#include "userspace/sources/manifest/manifest.h"

namespace shunt::sources {
namespace {

constexpr int kDirectoryFlags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
// O_NONBLOCK: opening a FIFO for reading would otherwise wait for its writer.
constexpr int kFileFlags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;

}  // namespace

Directory::Directory(posix::FileDescriptor fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

absl::StatusOr<Directory> Directory::Open(const std::string& path) {
  posix::FileDescriptor fd(open(path.c_str(), kDirectoryFlags));
  if (fd.ok()) return Directory(std::move(fd), path);
  const std::string message = absl::StrCat("open manifest directory ", path, ": ", strerror(errno));
  return errno == ENOENT || errno == ENOTDIR ? absl::NotFoundError(message) : absl::UnavailableError(message);
}

bool Directory::IsStillAtPath() const {
  struct stat open = {};
  struct stat present = {};
  return fstat(fd_.get(), &open) == 0 && stat(path_.c_str(), &present) == 0 && open.st_dev == present.st_dev &&
         open.st_ino == present.st_ino;
}

absl::StatusOr<std::set<std::string>> Directory::ManifestNames() const {
  // A separate descriptor, because reading a directory moves the position that duplicates share.
  const int fd = openat(fd_.get(), ".", kDirectoryFlags);
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(fd < 0 ? nullptr : fdopendir(fd), closedir);
  if (stream == nullptr) {
    const int error = errno;
    if (fd >= 0) close(fd);
    return absl::UnavailableError(absl::StrCat("cannot be listed: ", strerror(error)));
  }
  std::set<std::string> names;
  errno = 0;
  while (const dirent* entry = readdir(stream.get())) {
    if (IsManifestName(entry->d_name)) names.insert(entry->d_name);
  }
  if (errno != 0) return absl::UnavailableError(absl::StrCat("cannot be listed: ", strerror(errno)));
  return names;
}

absl::StatusOr<std::string> Directory::Read(const std::string& name) const {
  posix::FileDescriptor fd(openat(fd_.get(), name.c_str(), kFileFlags));
  struct stat entry = {};
  if (!fd.ok() && errno == ENOENT && fstatat(fd_.get(), name.c_str(), &entry, AT_SYMLINK_NOFOLLOW) == 0) {
    if (S_ISLNK(entry.st_mode)) {
      return absl::FailedPreconditionError("cannot be opened: it is a symbolic link to a file that does not exist");
    }
    // It was created after the first attempt.
    fd = posix::FileDescriptor(openat(fd_.get(), name.c_str(), kFileFlags));
  }
  if (!fd.ok()) {
    const int error = errno;
    const std::string message = absl::StrCat("cannot be opened: ", strerror(error));
    return error == ENOENT ? absl::NotFoundError(message) : absl::UnavailableError(message);
  }
  struct stat status = {};
  if (fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return absl::InvalidArgumentError("cannot be read: not a regular file");
  }
  std::optional<std::string> bytes = posix::ReadUpTo(fd.get(), kManifestBytesMax + 1);
  if (!bytes.has_value()) return absl::UnavailableError(absl::StrCat("cannot be read: ", strerror(errno)));
  return *std::move(bytes);
}

}  // namespace shunt::sources
