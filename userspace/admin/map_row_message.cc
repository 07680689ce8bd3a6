// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "userspace/admin/to_message.h"
#include "userspace/admin/utf8.h"

namespace shunt::admin {
namespace {

// One function per kind of row; each fills its alternative of the message.
struct FillRow {
  v1::MapRow& message;

  void operator()(const report::MetaRow& row) const {
    v1::MetaRow& out = *message.mutable_meta();
    out.set_memory_version(row.memory_version);
    out.set_generation(row.generation);
    out.set_storage_in_use(row.storage_in_use);
    for (const absl::string_view feature : report::FlagNames(row.features)) out.add_features(std::string(feature));
    out.set_stale_after_ms(row.sign_of_life.stale_after_ms);
    out.set_age_ms(row.sign_of_life.age_ms);
  }

  void operator()(const report::SourceVersionRow& row) const {
    v1::SourceVersionRow& out = *message.mutable_source_version();
    out.set_resource(row.resource);
    out.set_version(ValidUtf8(row.version));
    out.set_objects(row.objects);
  }

  void operator()(const report::FrontendRow& row) const {
    v1::FrontendRow& out = *message.mutable_frontend();
    out.set_row(row.row);
    *out.mutable_address() = ToMessage(row.address);
    out.set_about_address(row.about_address);
    if (!row.about_address) {
      out.set_protocol(ToMessage(row.address.protocol));
      out.set_kind(ToMessage(row.kind));
    }
    out.set_service_port(row.service_port);
    out.set_internal_pool(row.internal_pool);
    out.set_external_pool(row.external_pool);
    out.set_affinity_timeout_s(row.affinity_timeout_s);
    out.set_udp_idle_s(row.udp_idle_s);
    out.set_source_list(row.source_list);
    for (const absl::string_view flag : report::FlagNames(row.flags)) out.add_flags(std::string(flag));
  }

  void operator()(const report::PoolRow& row) const {
    v1::PoolRow& out = *message.mutable_pool();
    out.set_pool(row.pool);
    out.set_first_slot(row.first_slot);
    out.set_slot_count(row.slot_count);
    out.set_generation(row.generation);
    if (row.empty.has_value()) out.set_empty(std::string(report::EmptyPoolName(*row.empty)));
  }

  void operator()(const report::SlotRow& row) const {
    v1::SlotRow& out = *message.mutable_slot();
    out.set_slot(row.slot);
    out.set_backend(row.backend);
    out.set_alias(row.alias);
    out.set_threshold(row.threshold);
  }

  void operator()(const report::BackendRow& row) const {
    v1::BackendRow& out = *message.mutable_backend();
    out.set_backend(row.backend);
    *out.mutable_address() = ToMessage(row.address);
  }

  void operator()(const report::ServicePortRow& row) const {
    v1::ServicePortRow& out = *message.mutable_service_port();
    out.set_service_port(row.service_port);
    *out.mutable_service() = ToMessage(row.service);
    out.set_port_name(ValidUtf8(row.port_name));
    out.set_port(row.port);
    out.set_protocol(ToMessage(row.protocol));
    out.set_family(ToMessage(row.family));
  }

  void operator()(const report::SocketStateRow& row) const {
    v1::SocketStateRow& out = *message.mutable_socket_state();
    out.set_cookie(row.cookie);
    *out.mutable_dialled() = ToMessage(row.dialled);
    *out.mutable_backend_address() = ToMessage(row.backend_address);
    out.set_pool(row.pool);
    out.set_backend(row.backend);
    for (const absl::string_view flag : report::FlagNames(row.flags)) out.add_flags(std::string(flag));
  }

  void operator()(const report::SocketPeerRow& row) const {
    v1::SocketPeerRow& out = *message.mutable_socket_peer();
    out.set_cookie(row.cookie);
    out.set_direction(std::string(report::PeerDirectionName(row.direction)));
    *out.mutable_from() = ToMessage(row.from);
    *out.mutable_to() = ToMessage(row.to);
    out.set_pool(row.pool);
    out.set_backend(row.backend);
  }

  void operator()(const report::PeerCountRow& row) const {
    v1::PeerCountRow& out = *message.mutable_peer_count();
    out.set_row(row.row);
    out.set_destinations(row.destinations);
  }

  void operator()(const report::AffinityRow& row) const {
    v1::AffinityRow& out = *message.mutable_affinity();
    out.set_client(row.client);
    out.set_service_port(row.service_port);
    out.set_backend(row.backend);
    out.set_idle_ms(row.idle_ms);
  }

  void operator()(const report::ServiceCountersRow& row) const {
    v1::ServiceCountersRow& out = *message.mutable_service_counters();
    out.set_service_port(row.service_port);
    out.set_translated(row.translated);
    out.set_no_endpoints(row.no_endpoints);
    out.set_local_misses(row.local_misses);
  }

  void operator()(const report::BackendCountersRow& row) const {
    v1::BackendCountersRow& out = *message.mutable_backend_counters();
    out.set_backend(row.backend);
    out.set_chosen(row.chosen);
  }

  void operator()(const report::ReasonRow& row) const {
    v1::ReasonRow& out = *message.mutable_reason();
    out.set_name(row.name);
    out.set_meaning(row.meaning);
    out.set_count(row.count);
  }

  void operator()(const report::FilterRow& row) const {
    v1::FilterRow& out = *message.mutable_filter();
    out.set_bits_set(row.bits_set);
    out.set_bits(row.bits);
  }

  void operator()(const report::FlowEntryRow& row) const {
    v1::FlowEntryRow& out = *message.mutable_flow_entry();
    out.set_bucket(row.bucket);
    out.set_row(row.row);
    out.set_reverse(row.reverse);
  }

  void operator()(const report::FlowRow& row) const { *message.mutable_flow() = ToMessage(row); }

  void operator()(const report::SnatSetRow& row) const {
    v1::SnatSetRow& out = *message.mutable_snat_set();
    out.set_set(row.set);
    out.set_ports_taken(row.ports_taken);
    out.set_ports(row.ports);
  }

  void operator()(const report::FlowLevelRow& row) const {
    v1::FlowLevelRow& out = *message.mutable_flow_level();
    out.set_pressure(row.pressure);
    out.set_rows_taken(row.rows_taken);
    out.set_next_row(row.next_row);
    out.set_rounds(row.rounds);
    for (const report::FlowKindCount& kind : row.kinds) {
      v1::FlowKindCount& count = *out.add_kinds();
      count.set_kind(std::string(report::FlowKindName(kind.kind)));
      count.set_rows(kind.rows);
      count.set_ends(kind.ends);
    }
  }

  void operator()(const report::PortRangeRow& row) const {
    v1::PortRangeRow& out = *message.mutable_port_range();
    out.set_protocol(ToMessage(row.protocol));
    out.set_first(row.first);
    out.set_last(row.last);
  }

  void operator()(const report::ScopeRow& row) const {
    v1::ScopeRow& out = *message.mutable_scope();
    out.set_kind(std::string(report::ScopeKindName(row.kind)));
    out.set_id(row.id);
    out.set_configured(row.configured);
    out.set_added(row.added);
    out.set_name(ValidUtf8(row.name));
  }

  void operator()(const report::SourceRangeRow& row) const {
    v1::SourceRangeRow& out = *message.mutable_source_range();
    out.set_list(row.list);
    out.set_prefix(row.prefix);
  }

  void operator()(const report::DeviceRow& row) const {
    v1::DeviceRow& out = *message.mutable_device();
    out.set_ifindex(row.ifindex);
    out.set_role(std::string(report::DeviceRoleName(row.role)));
    out.set_link_header(row.link_header);
    out.set_mac(row.mac);
    out.set_mtu(row.mtu);
    out.set_master(row.master);
    if (row.source_v4.has_value()) out.set_source_v4(row.source_v4->ToString());
    if (row.source_v6.has_value()) out.set_source_v6(row.source_v6->ToString());
  }

  void operator()(const report::FragmentRow& row) const {
    v1::FragmentRow& out = *message.mutable_fragment();
    *out.mutable_source() = ToMessage(row.source);
    *out.mutable_destination() = ToMessage(row.destination);
    out.set_protocol(ToMessage(row.protocol));
    out.set_id(row.id);
  }
};

}  // namespace

v1::FlowRow ToMessage(const report::FlowRow& row) {
  v1::FlowRow out;
  out.set_row(row.row);
  out.set_protocol(ToMessage(row.protocol));
  *out.mutable_client() = ToMessage(row.client);
  *out.mutable_frontend() = ToMessage(row.frontend);
  *out.mutable_backend_address() = ToMessage(row.backend_address);
  *out.mutable_source() = ToMessage(row.source);
  out.set_mode(std::string(report::FlowModeName(row.mode)));
  for (const absl::string_view flag : report::FlagNames(row.flags)) out.add_flags(std::string(flag));
  for (const absl::string_view event : report::FlagNames(row.state)) out.add_state(std::string(event));
  out.set_idle_ms(row.idle_ms.has_value() ? static_cast<int64_t>(*row.idle_ms) : -1);
  out.set_service_port(row.service_port);
  out.set_pool(row.pool);
  out.set_backend(row.backend);
  out.set_forward_device(row.forward_device);
  out.set_reverse_device(row.reverse_device);
  out.set_kind(std::string(report::FlowKindName(row.kind)));
  out.set_forward_next_hop(report::HopText(row.forward_hop));
  out.set_reverse_next_hop(report::HopText(row.reverse_hop));
  if (row.snat_set.has_value()) out.set_snat_set(*row.snat_set);
  return out;
}

v1::MapRow ToMessage(const report::MapRow& row) {
  v1::MapRow message;
  std::visit(FillRow{message}, row);
  return message;
}

}  // namespace shunt::admin
