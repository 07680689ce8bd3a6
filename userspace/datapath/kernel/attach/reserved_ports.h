// SPDX-License-Identifier: Apache-2.0
// The ports that the packet path lends to flows are kept from the node's own sockets: the kernel gives a port in
// net.ipv4.ip_local_reserved_ports to no socket that leaves the choice to it.
//
// The list belongs to the network namespace and to everybody on the node, so ports are added to it and only those are
// taken away again. Which ones these are is remembered in the pin BPFFS/shunt/reserved_ports, which ends with the
// kernel, as the list does.
#ifndef SHUNT_DATAPATH_KERNEL_ATTACH_RESERVED_PORTS_H_
#define SHUNT_DATAPATH_KERNEL_ATTACH_RESERVED_PORTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "userspace/datapath/kernel/object/pins.h"

namespace shunt::datapath {

struct PortRange {
  uint16_t first = 0;
  uint16_t last = 0;  // inclusive; not below `first`
};

// Reserves those ports of `range` that are not reserved yet, in the calling thread's network namespace, and reads the
// list back. Returns how many it has added: 0 if all is in order. Everybody may write the list at any time, so call it
// now and then: ports that are missing are added again, and what another process has written stays as it is. A list
// without some of the ports that were added here has been written as a whole by another process, so all that is in it
// belongs to that one.
//
// Ports of an earlier call that are outside `range` are released.
//
// Returns kPermissionDenied if the list cannot be written here; the message says what to do. REQUIRES: the caller has
// the lock of the pins, and CAP_BPF and CAP_NET_ADMIN.
absl::StatusOr<uint32_t> ReservePorts(const PinDirectory& pins, PortRange range);

// Returns the path of the pin.
std::string ReservedPortsPin(const PinDirectory& pins);

// Takes away what ReservePorts has added, and the pin, and appends a text for each to `removed`, unless that is null.
// Returns OK if there is no pin. In another network namespace than ReservePorts it removes the pin alone. If the list
// cannot be written, the ports stay reserved, which does no harm beyond their number, and the pin stays too. REQUIRES:
// as above.
absl::Status ReleasePorts(const PinDirectory& pins, std::vector<std::string>* removed);

// Returns the list that the ports of an agent with these pins need if the present one does not contain them, for
// `sysctl -w`; an empty string if it does. Where no ReservePorts in this network namespace has left a record that can
// be read, these ports are `otherwise`. It only reads.
absl::StatusOr<std::string> MissingReservation(const PinDirectory& pins, PortRange otherwise);

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_ATTACH_RESERVED_PORTS_H_
