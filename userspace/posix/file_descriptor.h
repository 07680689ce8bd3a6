// SPDX-License-Identifier: Apache-2.0
// A file descriptor that is closed with its owner.
#ifndef SHUNT_POSIX_FILE_DESCRIPTOR_H_
#define SHUNT_POSIX_FILE_DESCRIPTOR_H_

#include <unistd.h>

#include <utility>

namespace shunt::sources {

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  ~FileDescriptor() {
    if (fd_ >= 0) close(fd_);
  }
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&&) = delete;

  bool ok() const { return fd_ >= 0; }
  int get() const { return fd_; }

 private:
  int fd_;
};

}  // namespace shunt::sources

#endif  // SHUNT_POSIX_FILE_DESCRIPTOR_H_
