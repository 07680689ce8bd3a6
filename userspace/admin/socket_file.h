// SPDX-License-Identifier: Apache-2.0
// A listening unix socket at a path of the file system.
#ifndef SHUNT_ADMIN_SOCKET_FILE_H_
#define SHUNT_ADMIN_SOCKET_FILE_H_

#include <sys/types.h>

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "userspace/posix/file_descriptor.h"

namespace shunt::admin {

// Owns the descriptor and, until another process replaces it, the file.
class SocketFile {
 public:
  // AdminServer::Start says what happens at `path`, and the errors. The file is owned by this process's user and has
  // mode 0600 regardless of the umask.
  static absl::StatusOr<SocketFile> Listen(const std::string& path);
  // Returns what Listen would refuse, as far as it can be known without taking the path. Makes missing directories.
  static absl::Status Check(const std::string& path);
  SocketFile(SocketFile&& other) noexcept = default;
  SocketFile& operator=(SocketFile&&) = delete;
  // Closes the socket and removes the file, unless another process has replaced it.
  ~SocketFile();

  int fd() const { return fd_.get(); }

 private:
  SocketFile(std::string path, posix::FileDescriptor fd, dev_t device, ino_t inode)
      : path_(std::move(path)), fd_(std::move(fd)), device_(device), inode_(inode) {}

  std::string path_;
  posix::FileDescriptor fd_;
  dev_t device_;
  ino_t inode_;
};

}  // namespace shunt::admin

#endif  // SHUNT_ADMIN_SOCKET_FILE_H_
