// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/kubernetes/snapshot/replaced_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"

namespace shunt::sources::kubernetes {
namespace {

std::string DirectoryOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

ReplacedFile::ReplacedFile(std::string path, posix::FileDescriptor file)
    : path_(std::move(path)), new_path_(path_ + ".new"), file_(std::move(file)) {}

ReplacedFile::ReplacedFile(ReplacedFile&& other) noexcept
    : path_(std::move(other.path_)),
      new_path_(std::exchange(other.new_path_, "")),
      file_(std::move(other.file_)),
      size_(other.size_) {}

ReplacedFile::~ReplacedFile() {
  if (!new_path_.empty()) unlink(new_path_.c_str());
}

absl::StatusOr<ReplacedFile> ReplacedFile::Create(const std::string& path) {
  const std::string directory = DirectoryOf(path);
  if (mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
    return absl::ErrnoToStatus(errno, absl::StrCat("create directory ", directory));
  }
  const std::string new_path = path + ".new";
  // Removed first, so that a link or a file of another mode is not written to.
  unlink(new_path.c_str());
  posix::FileDescriptor file(open(new_path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file.ok()) return absl::ErrnoToStatus(errno, absl::StrCat("create ", new_path));
  return ReplacedFile(path, std::move(file));
}

absl::Status ReplacedFile::Failure(absl::string_view operation, int error) const {
  return absl::ErrnoToStatus(error, absl::StrCat(operation, " ", new_path_));
}

absl::Status ReplacedFile::Append(absl::string_view bytes) {
  const absl::Status status = WriteAt(size_, bytes);
  size_ += static_cast<int64_t>(bytes.size());
  return status;
}

absl::Status ReplacedFile::WriteAt(int64_t offset, absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = pwrite(file_.get(), bytes.data(), bytes.size(), offset);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return Failure("write", errno);
    bytes.remove_prefix(static_cast<size_t>(written));
    offset += written;
  }
  return absl::OkStatus();
}

absl::Status ReplacedFile::Commit() {
  if (fsync(file_.get()) != 0) return Failure("fsync", errno);
  if (rename(new_path_.c_str(), path_.c_str()) != 0) {
    return Failure(absl::StrCat("rename to ", path_, " from"), errno);
  }
  new_path_.clear();
  // The new name is on the disk only once its directory is.
  const std::string directory = DirectoryOf(path_);
  const posix::FileDescriptor opened(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!opened.ok() || fsync(opened.get()) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("fsync directory ", directory));
  }
  return absl::OkStatus();
}

}  // namespace shunt::sources::kubernetes
