// SPDX-License-Identifier: Apache-2.0
// The addresses of the agent's network namespace, on which NodePorts answer, and notification of their changes.
#ifndef SHUNT_DATAPATH_KERNEL_NODE_ADDRESSES_H_
#define SHUNT_DATAPATH_KERNEL_NODE_ADDRESSES_H_

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "userspace/datapath/datapath.h"
#include "userspace/datapath/kernel/route_socket.h"
#include "userspace/posix/file_descriptor.h"

namespace shunt::datapath {

// Devices to which a service proxy that uses IPVS gives the addresses of all Services, so that the kernel takes their
// packets in: kube-proxy's and kube-router's. These are addresses of Services, not of the node: a NodePort does not
// answer there, and a ClusterIP there is not taken from its Service.
inline constexpr std::array<const char*, 2> kServiceDevices = {"kube-ipvs0", "kube-dummy-if"};

// Bound to the network namespace in which it was opened. Not thread-safe.
class NodeAddressWatch {
 public:
  // Announces changes from now on, so call it before Read.
  static absl::StatusOr<NodeAddressWatch> Open();

  // A non-blocking descriptor for poll(2), readable when addresses may have changed. Owned by this object.
  int fd() const { return notifications_.get(); }

  // Consumes the announcements. Returns true if what Read returns may have changed, also if announcements were lost. A
  // device of kServiceDevices that the last Read found does not count: there, each change of a Service is announced.
  absl::StatusOr<bool> Drain();

  // Returns the present addresses, sorted, each once. Of loopback addresses these are only 127.0.0.1 and ::1, marked
  // host_only. Link-local IPv6 addresses are left out, and those that duplicate detection has not cleared. So are those
  // that only a device of kServiceDevices has.
  // Returns kUnavailable if addresses changed while being read: try again.
  absl::StatusOr<std::vector<NodeAddress>> Read();
  // Returns whether the last Read found a device of kServiceDevices. Then what listens on the unspecified address also
  // listens on addresses of Services.
  bool has_service_device() const { return !service_devices_.empty(); }

 private:
  explicit NodeAddressWatch(posix::FileDescriptor notifications) : notifications_(std::move(notifications)) {}

  posix::FileDescriptor notifications_;
  std::vector<uint32_t> service_devices_;  // their indices, as the last Read found them
};

struct InterfaceAddress {
  uint32_t interface = 0;  // its index
  NodeAddress address;
  uint8_t prefix_length = 0;  // in bits of its family
  bool global = false;        // of scope universe: it is good for talking to others
  // Of IPv4 a further address of the same subnet; of IPv6 a temporary or deprecated one.
  bool secondary = false;
};

// The kernel's answer to a dump of addresses, as far as it has been read. A device's addresses are in the kernel's
// order, which is that of its preference.
struct AddressDump : RouteDump {
  std::vector<InterfaceAddress> addresses;
};

// Returns the addresses of this thread's network namespace, except those that ParseAddressMessages leaves out:
// link-local IPv6 addresses, loopback ones but the first, and those that duplicate detection has not cleared. Returns
// kUnavailable if addresses changed while being read: try again.
absl::StatusOr<std::vector<InterfaceAddress>> ReadAddresses();

// Appends one datagram to `dump`. Returns an error if the kernel answered with one.
absl::Status ParseAddressMessages(const char* bytes, size_t length, AddressDump* dump);
// Returns whether a datagram of announcements is about addresses of these interfaces and of no other.
bool IsOnlyAbout(const std::vector<uint32_t>& interfaces, const char* bytes, size_t length);
// Returns the addresses, sorted, each once, except those that only interfaces in `left_out` have.
std::vector<NodeAddress> AddressesBut(const std::vector<uint32_t>& left_out,
                                      const std::vector<InterfaceAddress>& addresses);

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_NODE_ADDRESSES_H_
