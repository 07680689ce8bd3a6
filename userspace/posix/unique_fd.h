// SPDX-License-Identifier: Apache-2.0
// A file descriptor with one owner.
#ifndef SHUNT_POSIX_UNIQUE_FD_H_
#define SHUNT_POSIX_UNIQUE_FD_H_

#include <unistd.h>

#include <utility>

namespace shunt::datapath {

class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) {
      Close();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  ~UniqueFd() { Close(); }

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }

 private:
  void Close() {
    if (fd_ >= 0) close(fd_);
  }

  int fd_ = -1;
};

}  // namespace shunt::datapath

#endif  // SHUNT_POSIX_UNIQUE_FD_H_
