// SPDX-License-Identifier: Apache-2.0
// A node on which packets meet the real programs, the real maps and the kernel's real routes, but are not sent: devices
// and routes are those of node A in tests/sandbox/cluster_network.h, and every neighbour is known.
//
//     eth0       192.0.2.10, 2001:db8::10     router 192.0.2.1, node B 192.0.2.11; the default route
//     eth1       198.18.0.10, 2001:db8:3::10  router 198.18.0.1
//     flannel.1  10.244.1.0, fd00:244:1::     to the pods of node B, 10.244.2.0/24 and fd00:244:2::/64
//     pod1, pod2                              pods 10.244.1.2 and .3, fd00:244:1::2 and ::3
//     cni0       10.244.1.65, fd00:244:1:0:b::1   with ports br1 and br2: pods 10.244.1.66 and .67, ...:b::2 and ::3
#ifndef SHUNT_PACKETS_PACKET_NODE_H_
#define SHUNT_PACKETS_PACKET_NODE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "tests/packets/packet.h"
#include "tests/packets/packet_programs.h"
#include "tests/sandbox/network_namespace.h"

namespace shunt::packets {

enum class Hook { kIngress, kEgress };

// What has become of a packet.
struct Fate {
  int verdict = 0;  // TC_ACT_*
  Bytes bytes;
  Packet packet;
  std::vector<std::string> faults;   // of the packet, as Parse() finds them
  std::vector<std::string> reasons;  // that the programs have counted for it, by their names in the metrics
};

class PacketNode {
 public:
  // REQUIRES: a bpffs directory and a cgroup of the test's own. Moves the calling thread into the node's namespace for
  // as long as this lives.
  static absl::StatusOr<std::unique_ptr<PacketNode>> Create(const std::string& bpffs, const std::string& cgroup,
                                                            const ProgramOptions& options = {});
  PacketNode(const PacketNode&) = delete;
  PacketNode& operator=(const PacketNode&) = delete;

  // To serve Services, and to forget flows. Its devices are told.
  PacketPrograms& programs() { return *programs_; }

  // Gives the packet the MAC addresses with which it would come by the device from its neighbour there.
  Packet Arriving(absl::string_view device, Packet packet) const;
  // Gives it those with which it leaves by the device to the neighbour that has this address.
  Packet Leaving(absl::string_view device, absl::string_view neighbour, Packet packet) const;

  // Returns kInvalidArgument if the kernel takes no such packet for a test run.
  absl::StatusOr<Fate> TryRun(Hook hook, absl::string_view device, const Bytes& bytes);
  // Aborts if the kernel refuses the packet.
  Fate Run(Hook hook, absl::string_view device, const Bytes& bytes);
  Fate Run(Hook hook, absl::string_view device, const Packet& packet) { return Run(hook, device, ToBytes(packet)); }

 private:
  explicit PacketNode(sandbox::NetworkNamespace node, sandbox::NetworkNamespace others)
      : node_(std::move(node)), others_(std::move(others)), inside_(node_) {}
  absl::Status AddDevices();
  absl::Status AddDevice(const std::string& name, const Mac& mac);
  absl::Status AddNeighbours();
  absl::Status TellDevices();

  sandbox::NetworkNamespace node_;
  sandbox::NetworkNamespace others_;  // with the other ends of the devices
  sandbox::InNamespace inside_;
  std::unique_ptr<PacketPrograms> programs_;
  std::map<std::string, Mac, std::less<>> macs_;        // by device
  std::map<std::string, Mac, std::less<>> neighbours_;  // by address
};

}  // namespace shunt::packets

#endif  // SHUNT_PACKETS_PACKET_NODE_H_
