// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/packet_filters.h"

#include <arpa/inet.h>

#include "bpf/packet_abi.h"
#include "userspace/datapath/codec.h"

namespace shunt::datapath {
namespace {

uint32_t BitOf(const shunt_frontend_key& key) {
  return shunt_node_port_bit(key.protocol, ntohs(key.port));
}

// Fragments but the first have no ports, so each filter has a bit for them, under port 0.
uint32_t FragmentsBitOf(const shunt_frontend_key& key) {
  return shunt_node_port_bit(key.protocol, 0);
}

uint32_t BitOf(const model::SocketAddress& backend) {
  const shunt_backend row = EncodeBackend(backend);
  return shunt_endpoint_bit(&row.address, row.port);
}

uint32_t FragmentsBitOf(const model::SocketAddress& backend) {
  return BitOf(model::SocketAddress{backend.address, 0});
}

}  // namespace

absl::Status PacketFilters::ReadBack() {
  if (absl::Status status = node_ports_.ReadBack(); !status.ok()) return status;
  return endpoints_.ReadBack();
}

absl::Status PacketFilters::SetFrontend(const shunt_frontend_key& key, model::FrontendKind kind) {
  if (kind == model::FrontendKind::kClusterIp) return absl::OkStatus();
  if (absl::Status status = node_ports_.Set(FragmentsBitOf(key)); !status.ok()) return status;
  return node_ports_.Set(BitOf(key));
}

absl::Status PacketFilters::SetBackend(const model::SocketAddress& backend) {
  if (absl::Status status = endpoints_.Set(FragmentsBitOf(backend)); !status.ok()) return status;
  return endpoints_.Set(BitOf(backend));
}

void PacketFilters::AdoptFrontend(const shunt_frontend_key& key, model::FrontendKind kind) {
  if (kind == model::FrontendKind::kClusterIp) return;
  node_ports_.Adopt(FragmentsBitOf(key));
  node_ports_.Adopt(BitOf(key));
}

void PacketFilters::AdoptBackend(const model::SocketAddress& backend) {
  endpoints_.Adopt(FragmentsBitOf(backend));
  endpoints_.Adopt(BitOf(backend));
}

absl::Status PacketFilters::Repair() {
  if (absl::Status status = node_ports_.Repair(); !status.ok()) return status;
  return endpoints_.Repair();
}

}  // namespace shunt::datapath
