// SPDX-License-Identifier: Apache-2.0
// The addresses of the agent's network namespace, on which NodePorts answer, and notification of their changes.
#ifndef SHUNT_DATAPATH_KERNEL_NODE_ADDRESSES_H_
#define SHUNT_DATAPATH_KERNEL_NODE_ADDRESSES_H_

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "userspace/datapath/datapath.h"
#include "userspace/posix/file_descriptor.h"

namespace shunt::datapath {

// Bound to the network namespace in which it was opened. Not thread-safe.
class NodeAddressWatch {
 public:
  // Announces changes from now on, so call it before Read.
  static absl::StatusOr<NodeAddressWatch> Open();

  // A non-blocking descriptor for poll(2), readable when addresses may have changed. Owned by this object.
  int fd() const { return notifications_.get(); }

  // Consumes the announcements. Returns true if addresses may have changed, also if announcements were lost.
  absl::StatusOr<bool> Drain();

  // Returns the present addresses, sorted, each once. Of loopback addresses these are only 127.0.0.1 and ::1, marked
  // host_only. Link-local IPv6 addresses are left out, and those that duplicate detection has not cleared.
  // Returns kUnavailable if addresses changed while being read: try again.
  absl::StatusOr<std::vector<NodeAddress>> Read() const;

 private:
  explicit NodeAddressWatch(posix::FileDescriptor notifications) : notifications_(std::move(notifications)) {}

  posix::FileDescriptor notifications_;
};

// One datagram of the kernel's answer to a dump of addresses.
struct AddressDump {
  std::vector<NodeAddress> addresses;
  bool done = false;         // this was the last datagram
  bool interrupted = false;  // the addresses changed meanwhile: the dump is inconsistent
};

// Appends to `dump`. Returns an error if the kernel answered with one.
absl::Status ParseAddressMessages(const char* bytes, size_t length, AddressDump* dump);

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_NODE_ADDRESSES_H_
