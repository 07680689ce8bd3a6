// SPDX-License-Identifier: Apache-2.0
// The bitmaps by which the packet path tells at once that a packet is not for it: the ports of this node that lead to a
// service, and the addresses and ports of backends.
#ifndef SHUNT_DATAPATH_PACKET_FILTERS_H_
#define SHUNT_DATAPATH_PACKET_FILTERS_H_

#include <cstdint>

#include "absl/status/status.h"
#include "bpf/abi.h"
#include "userspace/datapath/mapped_bitmap.h"
#include "userspace/datapath/table.h"
#include "userspace/model/service_plan.h"

namespace shunt::datapath {

// Bits are only ever set. Not thread-safe.
class PacketFilters {
 public:
  // The tables must outlive this.
  PacketFilters(Table& node_ports, Table& endpoint_filter) : node_ports_(node_ports), endpoints_(endpoint_filter) {}

  absl::Status ReadBack();

  // Lets packets through that a client sends to this frontend. Every address may become one of this node's, so the port
  // of every frontend but a ClusterIP's counts. To be called before the frontend is published.
  absl::Status SetFrontend(const shunt_frontend_key& key, model::FrontendKind kind);
  // Lets packets through that the backend sends. To be called before a pool with the backend is published.
  absl::Status SetBackend(const model::SocketAddress& backend);

  // Say what an earlier agent has published.
  void AdoptFrontend(const shunt_frontend_key& key, model::FrontendKind kind);
  void AdoptBackend(const model::SocketAddress& backend);
  // Sets the bits that are missing. To be called after adoption.
  absl::Status Repair();
  bool Agrees() const { return node_ports_.Agrees() && endpoints_.Agrees(); }
  uint32_t repaired() const { return node_ports_.repaired() + endpoints_.repaired(); }

 private:
  MappedBitmap node_ports_;
  MappedBitmap endpoints_;
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_PACKET_FILTERS_H_
