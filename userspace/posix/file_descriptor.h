// SPDX-License-Identifier: Apache-2.0
// The owner of a file descriptor.
#ifndef SHUNT_POSIX_FILE_DESCRIPTOR_H_
#define SHUNT_POSIX_FILE_DESCRIPTOR_H_

#include <unistd.h>

#include <utility>

namespace shunt::posix {

// Closes its descriptor when it is destroyed or assigned to. Can be moved, not copied: a descriptor has one owner. It
// may be empty; get() is negative then. Not thread-safe, but get() may be used by every thread while nothing changes
// it.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  // Takes over the result of a call that returns a new descriptor, or a negative number if it failed. The number is
  // kept, because libbpf's is the negative errno; errno is left alone.
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(other.Release()) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    if (this != &other) {
      Close();
      fd_ = other.Release();
    }
    return *this;
  }
  ~FileDescriptor() { Close(); }

  bool ok() const { return fd_ >= 0; }
  int get() const { return fd_; }

  // Leaves it empty.
  void Close() {
    if (ok()) ::close(fd_);
    fd_ = -1;
  }
  // Returns the descriptor, which the caller owns from now on, and leaves this empty.
  int Release() { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

}  // namespace shunt::posix

#endif  // SHUNT_POSIX_FILE_DESCRIPTOR_H_
