// SPDX-License-Identifier: Apache-2.0
// A network namespace that lives as long as this object, and a scope in which a thread is in it.
#ifndef SHUNT_SANDBOX_NETWORK_NAMESPACE_H_
#define SHUNT_SANDBOX_NETWORK_NAMESPACE_H_

#include <cstdint>
#include <utility>

#include "absl/status/statusor.h"
#include "userspace/posix/file_descriptor.h"

namespace shunt::sandbox {

// It has no name in the file system, so it ends with the last descriptor, socket or thread in it.
class NetworkNamespace {
 public:
  // Creates a namespace with its loopback device up. The calling thread stays where it is.
  static absl::StatusOr<NetworkNamespace> Create();
  // Returns the namespace that the calling thread is in.
  static absl::StatusOr<NetworkNamespace> Current();

  int fd() const { return fd_.get(); }
  // Moves the calling thread into the namespace, where it stays until it enters another one.
  absl::Status Enter() const;
  // Returns the kernel's cookie of the namespace, as programs see it; 0 on error.
  uint64_t Cookie() const;

 private:
  explicit NetworkNamespace(posix::FileDescriptor fd) : fd_(std::move(fd)) {}
  posix::FileDescriptor fd_;
};

// Keeps the calling thread in `target` while this lives; sockets created meanwhile stay there. Aborts the process if
// the kernel refuses, because a test must never go on in the wrong namespace.
class InNamespace {
 public:
  explicit InNamespace(const NetworkNamespace& target);
  ~InNamespace();
  InNamespace(const InNamespace&) = delete;
  InNamespace& operator=(const InNamespace&) = delete;

 private:
  const posix::FileDescriptor previous_;
};

}  // namespace shunt::sandbox

#endif  // SHUNT_SANDBOX_NETWORK_NAMESPACE_H_
