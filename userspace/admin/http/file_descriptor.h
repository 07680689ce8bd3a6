// SPDX-License-Identifier: Apache-2.0
// A file descriptor that is closed with its owner.
#ifndef SHUNT_ADMIN_HTTP_FILE_DESCRIPTOR_H_
#define SHUNT_ADMIN_HTTP_FILE_DESCRIPTOR_H_

#include <unistd.h>

#include <utility>

namespace shunt::admin::http {

class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}
  ~FileDescriptor() { Close(); }
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }

  bool ok() const { return fd_ >= 0; }
  int get() const { return fd_; }
  void Close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_ = -1;
};

}  // namespace shunt::admin::http

#endif  // SHUNT_ADMIN_HTTP_FILE_DESCRIPTOR_H_
