// SPDX-License-Identifier: Apache-2.0
// Ends single sockets by netlink, for kernels whose programs cannot do it.
#ifndef SHUNT_DATAPATH_KERNEL_SOCKETS_SOCKET_DIAG_H_
#define SHUNT_DATAPATH_KERNEL_SOCKETS_SOCKET_DIAG_H_

#include "absl/status/statusor.h"
#include "bpf/socket/sock_iter.h"
#include "userspace/model/service_plan.h"
#include "userspace/posix/file_descriptor.h"

namespace shunt::datapath {

class SocketDiag {
 public:
  // Opens a connection for the sockets of the calling thread's network namespace. The thread may leave it afterwards.
  static absl::StatusOr<SocketDiag> Open();

  // Ends the socket if it still has this cookie, these addresses and this peer; returns false if not, or if it is gone.
  // Returns kPermissionDenied without CAP_NET_ADMIN in the namespace, and kUnimplemented if the kernel was built
  // without CONFIG_INET_DIAG_DESTROY or its udp_diag or tcp_diag cannot be loaded.
  absl::StatusOr<bool> End(const shunt_gone_socket& socket, model::Protocol protocol) const;

 private:
  explicit SocketDiag(posix::FileDescriptor fd) : fd_(std::move(fd)) {}

  posix::FileDescriptor fd_;
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_SOCKETS_SOCKET_DIAG_H_
