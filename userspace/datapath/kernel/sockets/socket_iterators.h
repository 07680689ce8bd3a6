// SPDX-License-Identifier: Apache-2.0
// The programs of bpf/socket/sock_iter.bpf.c, ready to run.
#ifndef SHUNT_DATAPATH_KERNEL_SOCKETS_SOCKET_ITERATORS_H_
#define SHUNT_DATAPATH_KERNEL_SOCKETS_SOCKET_ITERATORS_H_

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bpf/socket/sock_iter.h"
#include "userspace/datapath/kernel/maps/map_set.h"
#include "userspace/model/service_plan.h"
#include "userspace/posix/file_descriptor.h"

namespace shunt::datapath {

class SocketIterators {
 public:
  enum class Method {
    kEnd,     // bpf_sock_destroy(), from Linux 6.5 on
    kReport,  // the caller ends the sockets that are reported
  };

  // Loads the programs over `maps` through the verifier. They hold the maps, so `maps` need not outlive this object.
  // Returns kPermissionDenied without CAP_PERFMON. Returns the verifier's error for kEnd on a kernel without
  // bpf_sock_destroy().
  static absl::StatusOr<SocketIterators> Load(const MapSet& maps, Method method);

  Method method() const { return method_; }
  // Returns the sockets of the calling thread's network namespace that have to end; with kEnd they have ended.
  // Thread-safe.
  absl::StatusOr<std::vector<shunt_gone_socket>> Visit(model::Protocol protocol) const;

 private:
  explicit SocketIterators(Method method) : method_(method) {}

  Method method_;
  posix::FileDescriptor udp_;  // links; each holds its program
  posix::FileDescriptor tcp_;
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_SOCKETS_SOCKET_ITERATORS_H_
