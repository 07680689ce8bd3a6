// SPDX-License-Identifier: Apache-2.0
// Ends connected sockets whose backend no longer serves their Service, in every network namespace that can be entered.
// bpf/socket/socket_end.h tells which sockets these are; docs/operations.md tells what this needs and what the
// application sees.
#ifndef SHUNT_DATAPATH_KERNEL_SOCKETS_SOCKET_ENDER_H_
#define SHUNT_DATAPATH_KERNEL_SOCKETS_SOCKET_ENDER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "userspace/datapath/kernel/maps/map_set.h"
#include "userspace/datapath/kernel/sockets/network_namespaces.h"
#include "userspace/datapath/kernel/sockets/socket_iterators.h"
#include "userspace/posix/file_descriptor.h"
#include "userspace/report/socket_sweep.h"

namespace shunt::datapath {

struct SocketEnderOptions {
  bool tcp = false;        // end TCP sockets too, besides UDP ones
  bool netlink = false;    // use netlink even if the programs could end sockets
  NamespacePlaces places;  // where pods' namespaces are found, besides the caller's own
};

class SocketEnder {
 public:
  // Returns an error if the programs cannot be loaded: kPermissionDenied without CAP_PERFMON.
  // REQUIRES: the calling thread is in the host's network namespace.
  static absl::StatusOr<std::unique_ptr<SocketEnder>> Open(const MapSet& maps, const SocketEnderOptions& options);

  // Visits every socket once. The calling thread enters one namespace after another and comes back, so it should be a
  // thread that makes no sockets. A namespace that fails is left out, and the result counts it and says why.
  // Not thread-safe.
  report::SocketSweep Sweep();

  // How sockets are ended: "bpf_sock_destroy" or "SOCK_DESTROY".
  std::string method() const;

 private:
  SocketEnder(SocketIterators iterators, posix::FileDescriptor home, const SocketEnderOptions& options)
      : iterators_(std::move(iterators)), home_(std::move(home)), options_(options) {}
  absl::Status SweepHere(report::SocketSweep& sweep) const;
  absl::Status SweepHere(model::Protocol protocol, uint64_t& ended) const;
  absl::Status SweepThere(const NamedNamespace& place, report::SocketSweep& sweep) const;

  SocketIterators iterators_;
  posix::FileDescriptor home_;
  SocketEnderOptions options_;
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_SOCKETS_SOCKET_ENDER_H_
