// SPDX-License-Identifier: Apache-2.0
// Ending single sockets by netlink, for kernels whose programs cannot.
#ifndef SHUNT_DATAPATH_KERNEL_SOCKETS_SOCKET_DIAG_H_
#define SHUNT_DATAPATH_KERNEL_SOCKETS_SOCKET_DIAG_H_

#include "absl/status/statusor.h"
#include "bpf/socket/sock_iter.h"
#include "userspace/model/service_plan.h"
#include "userspace/posix/unique_fd.h"

namespace shunt::datapath {

class SocketDiag {
 public:
  // For the sockets of the calling thread's network namespace, wherever the thread goes afterwards.
  static absl::StatusOr<SocketDiag> Open();

  // Ends the socket if it still has this cookie, these addresses and this peer. False: it has not, or is gone.
  // kPermissionDenied: without CAP_NET_ADMIN over the namespace. kUnimplemented: a kernel without
  // CONFIG_INET_DIAG_DESTROY, or whose udp_diag or tcp_diag cannot be loaded.
  absl::StatusOr<bool> End(const shunt_gone_socket& socket, model::Protocol protocol) const;

 private:
  explicit SocketDiag(UniqueFd fd) : fd_(std::move(fd)) {}

  UniqueFd fd_;
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_SOCKETS_SOCKET_DIAG_H_
