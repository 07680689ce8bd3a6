// SPDX-License-Identifier: Apache-2.0
// The addresses of the agent's network namespace, on which NodePorts answer, and word of their changes.
#ifndef SHUNT_DATAPATH_KERNEL_NODE_ADDRESSES_H_
#define SHUNT_DATAPATH_KERNEL_NODE_ADDRESSES_H_

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "userspace/datapath/datapath.h"
#include "userspace/posix/unique_fd.h"

namespace shunt::datapath {

// Bound to the network namespace in which it was opened. Not thread-safe.
class NodeAddressWatch {
 public:
  // Changes from now on are announced: open first, then Read.
  static absl::StatusOr<NodeAddressWatch> Open();

  // Readable when addresses may have changed; non-blocking, for poll(2). Owned by this object.
  int fd() const { return notifications_.get(); }

  // Consumes the announcements. True if addresses may have changed; losing announcements counts as that.
  absl::StatusOr<bool> Drain();

  // All addresses now, sorted, each once. Of loopback addresses only 127.0.0.1 and ::1, marked host_only;
  // no link-local IPv6 addresses, and none that duplicate detection has not cleared.
  // kUnavailable: they changed while being read; try again.
  absl::StatusOr<std::vector<NodeAddress>> Read() const;

 private:
  explicit NodeAddressWatch(UniqueFd notifications) : notifications_(std::move(notifications)) {}

  UniqueFd notifications_;
};

// One datagram of the kernel's answer to a dump of addresses.
struct AddressDump {
  std::vector<NodeAddress> addresses;
  bool done = false;         // this was the last
  bool interrupted = false;  // the addresses changed meanwhile: the dump is not one moment's
};

// Appends to `dump`. kInternal: an error answer of the kernel.
absl::Status ParseAddressMessages(const char* bytes, size_t length, AddressDump* dump);

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_NODE_ADDRESSES_H_
