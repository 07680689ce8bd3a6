// SPDX-License-Identifier: Apache-2.0
// The devices of the agent's network namespace with their addresses, and notification of their changes.
#ifndef SHUNT_DATAPATH_KERNEL_DEVICES_LINK_LIST_H_
#define SHUNT_DATAPATH_KERNEL_DEVICES_LINK_LIST_H_

#include <linux/netlink.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "userspace/model/ip_address.h"
#include "userspace/posix/file_descriptor.h"

namespace shunt::datapath {

// An address by which others may know this node.
struct LinkAddress {
  model::IpAddress address;
  uint8_t prefix_length = 0;  // in bits of its family
  bool secondary = false;     // as in InterfaceAddress

  friend bool operator==(const LinkAddress&, const LinkAddress&) = default;
};

// A device, as rtnetlink describes it.
struct Link {
  uint32_t index = 0;
  std::string name;
  std::string kind;              // the driver's: "veth", "bridge", "vxlan"; empty of hardware and of loopback
  uint32_t master = 0;           // index of the device that it is a port of, or 0
  std::string master_kind;       // "bridge", "bond"; empty without a master
  std::array<uint8_t, 6> mac{};  // zero of a device whose addresses have another length
  uint32_t mtu = 0;
  uint16_t type = 0;  // ARPHRD_*: what its link-layer header is
  bool up = false;    // by its administrator, whatever its cable says
  bool loopback = false;
  bool peer_elsewhere = false;         // its other end or its lower device is in another network namespace
  std::vector<LinkAddress> addresses;  // of scope universe, in the kernel's order of preference

  friend bool operator==(const Link&, const Link&) = default;
};

// Returns the device that a message of type RTM_NEWLINK describes, without its addresses. Returns nullopt if the
// message is another one: a bridge announces its ports in messages of the same type.
std::optional<Link> ParseLink(const nlmsghdr& message);

// Bound to the network namespace in which it was opened, except Read. Not thread-safe.
class LinkWatch {
 public:
  // Announces changes from now on, so call it before Read.
  static absl::StatusOr<LinkWatch> Open();

  // A non-blocking descriptor for poll(2), readable when devices or addresses may have changed. Owned by this object.
  int fd() const { return announcements_.get(); }

  // Consumes the announcements. Returns true if what Read returns may have changed, also if announcements were lost.
  absl::StatusOr<bool> Drain();

 private:
  explicit LinkWatch(posix::FileDescriptor announcements) : announcements_(std::move(announcements)) {}

  posix::FileDescriptor announcements_;
};

// Returns the devices of the calling thread's network namespace, by index. Returns kUnavailable if they changed while
// being read: try again.
absl::StatusOr<std::vector<Link>> ReadLinks();

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_DEVICES_LINK_LIST_H_
