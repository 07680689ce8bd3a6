// SPDX-License-Identifier: Apache-2.0
#include "tools/shuntctl/map_table.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tools/shuntctl/table.h"
#include "tools/shuntctl/wording.h"

namespace shunt::shuntctl {
namespace {

namespace v1 = admin::v1;
using Cells = std::vector<std::string>;

// The columns of the maps that hold one kind of row.
struct RowView {
  v1::MapRow::RowCase kind;
  Cells headers;
  Cells (*cells)(const v1::MapRow& row);
};

std::string Seconds(uint32_t seconds) {
  return seconds == 0 ? "" : absl::StrCat(seconds, "s");
}

// The age of the agent's last sign of life.
std::string AgeText(int64_t age_ms) {
  return age_ms < 0 ? "none" : absl::StrCat(age_ms, "ms");
}

Cells MetaCells(const v1::MapRow& of) {
  const v1::MetaRow& row = of.meta();
  return {absl::StrCat(row.memory_version()),
          absl::StrCat(row.generation()),
          row.storage_in_use() ? "yes" : "no",
          absl::StrJoin(row.features(), ","),
          AgeText(row.age_ms()),
          row.stale_after_ms() == 0 ? "" : absl::StrCat(row.stale_after_ms(), "ms")};
}

Cells SourceVersionCells(const v1::MapRow& of) {
  const v1::SourceVersionRow& row = of.source_version();
  return {row.resource(), row.version(), absl::StrCat(row.objects())};
}

Cells FrontendCells(const v1::MapRow& of) {
  const v1::FrontendRow& row = of.frontend();
  const std::string flags = absl::StrJoin(row.flags(), ",");
  if (row.about_address()) {
    return {absl::StrCat(row.row()), row.address().address(), "", "about the address", "", "", "", "", "", "", flags};
  }
  return {absl::StrCat(row.row()),
          AddressText(row.address()),
          ProtocolText(row.protocol()),
          FrontendKindText(row.kind()),
          absl::StrCat(row.service_port()),
          absl::StrCat(row.internal_pool()),
          absl::StrCat(row.external_pool()),
          Seconds(row.affinity_timeout_s()),
          Seconds(row.udp_idle_s()),
          row.source_list() == 0 ? "" : absl::StrCat(row.source_list()),
          flags};
}

Cells PoolCells(const v1::MapRow& of) {
  const v1::PoolRow& row = of.pool();
  return {absl::StrCat(row.pool()), row.slot_count() == 0 ? "" : absl::StrCat(row.first_slot()),
          absl::StrCat(row.slot_count()), absl::StrCat(row.generation()), row.empty()};
}

// The share of the slot that its own backend keeps; the alias gets the rest.
Cells SlotCells(const v1::MapRow& of) {
  const v1::SlotRow& row = of.slot();
  const double own = row.backend() == row.alias() ? 100.0 : 100.0 * row.threshold() / 4294967296.0;
  return {absl::StrCat(row.slot()), absl::StrCat(row.backend()), absl::StrCat(row.alias()),
          absl::StrCat(row.threshold()), PercentText(own)};
}

Cells BackendCells(const v1::MapRow& of) {
  return {absl::StrCat(of.backend().backend()), AddressText(of.backend().address())};
}

Cells ServicePortCells(const v1::MapRow& of) {
  const v1::ServicePortRow& row = of.service_port();
  return {absl::StrCat(row.service_port()), row.service().namespace_name(), row.service().name(),    row.port_name(),
          absl::StrCat(row.port()),         ProtocolText(row.protocol()),   FamilyText(row.family())};
}

Cells SocketStateCells(const v1::MapRow& of) {
  const v1::SocketStateRow& row = of.socket_state();
  const std::string flags = absl::StrJoin(row.flags(), ",");
  const auto has = [&row](const char* flag) {
    return std::find(row.flags().begin(), row.flags().end(), flag) != row.flags().end();
  };
  if (has("exempt")) return {absl::StrCat(row.cookie()), "the agent's own socket", "never translated", "", "", flags};
  if (!has("translated")) return {absl::StrCat(row.cookie()), "", "", "", "", flags};
  return {absl::StrCat(row.cookie()), AddressText(row.dialled()),  AddressText(row.backend_address()),
          absl::StrCat(row.pool()),   absl::StrCat(row.backend()), flags};
}

Cells SocketPeerCells(const v1::MapRow& of) {
  const v1::SocketPeerRow& row = of.socket_peer();
  return {absl::StrCat(row.cookie()), row.direction(),          AddressText(row.from()),
          AddressText(row.to()),      absl::StrCat(row.pool()), absl::StrCat(row.backend())};
}

Cells PeerCountCells(const v1::MapRow& of) {
  return {absl::StrCat(of.peer_count().row()), absl::StrCat(of.peer_count().destinations())};
}

Cells AffinityCells(const v1::MapRow& of) {
  const v1::AffinityRow& row = of.affinity();
  return {row.client(), absl::StrCat(row.service_port()), absl::StrCat(row.backend()),
          absl::StrCat(row.idle_ms(), "ms")};
}

Cells ServiceCountersCells(const v1::MapRow& of) {
  const v1::ServiceCountersRow& row = of.service_counters();
  return {absl::StrCat(row.service_port()), absl::StrCat(row.translated()), absl::StrCat(row.no_endpoints()),
          absl::StrCat(row.local_misses())};
}

Cells BackendCountersCells(const v1::MapRow& of) {
  return {absl::StrCat(of.backend_counters().backend()), absl::StrCat(of.backend_counters().chosen())};
}

Cells ReasonCells(const v1::MapRow& of) {
  return {of.reason().name(), absl::StrCat(of.reason().count()), of.reason().meaning()};
}

Cells FilterCells(const v1::MapRow& of) {
  const double fill = of.filter().bits() == 0 ? 0 : 100.0 * of.filter().bits_set() / of.filter().bits();
  return {absl::StrCat(of.filter().bits_set()), absl::StrCat(of.filter().bits()), PercentText(fill)};
}

Cells FlowEntryCells(const v1::MapRow& of) {
  const v1::FlowEntryRow& row = of.flow_entry();
  return {absl::StrCat(row.bucket()), absl::StrCat(row.row()), row.reverse() ? "reverse" : "forward"};
}

Cells FlowCells(const v1::MapRow& of) {
  const v1::FlowRow& row = of.flow();
  return {absl::StrCat(row.row()),
          ProtocolText(row.protocol()),
          AddressText(row.client()),
          AddressText(row.frontend()),
          AddressText(row.backend_address()),
          AddressText(row.source()),
          row.mode(),
          absl::StrJoin(row.flags(), ","),
          absl::StrJoin(row.state(), ","),
          row.idle_ms() < 0 ? "" : absl::StrCat(row.idle_ms(), "ms"),
          absl::StrCat(row.service_port()),
          absl::StrCat(row.pool()),
          absl::StrCat(row.backend()),
          row.forward_device() == 0 ? "" : absl::StrCat(row.forward_device()),
          absl::StrCat(row.reverse_device())};
}

Cells SnatSetCells(const v1::MapRow& of) {
  const v1::SnatSetRow& row = of.snat_set();
  const double fill = row.ports() == 0 ? 0 : 100.0 * row.ports_taken() / row.ports();
  return {absl::StrCat(row.set()), absl::StrCat(row.ports_taken()), absl::StrCat(row.ports()), PercentText(fill)};
}

// "open=7,closed=2", without kinds of which there is none.
std::string KindsText(const v1::FlowLevelRow& row, uint64_t (v1::FlowKindCount::*count)() const) {
  Cells kinds;
  for (const v1::FlowKindCount& kind : row.kinds()) {
    if ((kind.*count)() != 0) kinds.push_back(absl::StrCat(kind.kind(), "=", (kind.*count)()));
  }
  return absl::StrJoin(kinds, ",");
}

Cells FlowLevelCells(const v1::MapRow& of) {
  const v1::FlowLevelRow& row = of.flow_level();
  return {
      absl::StrCat(row.pressure()), absl::StrCat(row.rows_taken()),           absl::StrCat(row.next_row()),
      absl::StrCat(row.rounds()),   KindsText(row, &v1::FlowKindCount::rows), KindsText(row, &v1::FlowKindCount::ends)};
}

Cells PortRangeCells(const v1::MapRow& of) {
  const v1::PortRangeRow& row = of.port_range();
  return {ProtocolText(row.protocol()), absl::StrCat(row.first()), absl::StrCat(row.last())};
}

Cells ScopeCells(const v1::MapRow& of) {
  const v1::ScopeRow& row = of.scope();
  std::vector<std::string> origins;
  if (row.configured()) origins.emplace_back("configured");
  if (row.added()) origins.emplace_back("added");
  return {row.kind(), row.id() == 0 ? "" : absl::StrCat(row.id()), absl::StrJoin(origins, ","), row.name()};
}

Cells SourceRangeCells(const v1::MapRow& of) {
  return {absl::StrCat(of.source_range().list()), of.source_range().prefix()};
}

Cells DeviceCells(const v1::MapRow& of) {
  const v1::DeviceRow& row = of.device();
  return {absl::StrCat(row.ifindex()),
          row.role(),
          absl::StrCat(row.link_header()),
          row.mac(),
          absl::StrCat(row.mtu()),
          row.master() == 0 ? "" : absl::StrCat(row.master()),
          row.source_v4(),
          row.source_v6()};
}

Cells FragmentCells(const v1::MapRow& of) {
  const v1::FragmentRow& row = of.fragment();
  return {AddressText(row.source()), AddressText(row.destination()), ProtocolText(row.protocol()),
          absl::StrCat(row.id())};
}

// ViewOf() for the packet path's maps, whose rows are of one kind each.
std::optional<RowView> PacketViewOf(const std::string& map) {
  if (map == "flow_index") return RowView{v1::MapRow::kFlowEntry, {"BUCKET", "ROW", "DIRECTION"}, &FlowEntryCells};
  if (map == "flow_rows") {
    return RowView{v1::MapRow::kFlow,
                   {"ROW", "PROTO", "CLIENT", "FRONTEND", "BACKEND-ADDRESS", "SOURCE", "MODE", "FLAGS", "STATE", "IDLE",
                    "SERVICE-PORT", "POOL", "BACKEND", "FORWARD-DEVICE", "REVERSE-DEVICE"},
                   &FlowCells};
  }
  if (map == "snat_ports") {
    return RowView{v1::MapRow::kSnatSet, {"SET", "PORTS-TAKEN", "PORTS", "FILL"}, &SnatSetCells};
  }
  if (map == "flow_level") {
    return RowView{
        v1::MapRow::kFlowLevel, {"PRESSURE", "ROWS-TAKEN", "NEXT-ROW", "ROUNDS", "KINDS", "ENDED"}, &FlowLevelCells};
  }
  if (map == "node_ports") return RowView{v1::MapRow::kPortRange, {"PROTO", "FIRST", "LAST"}, &PortRangeCells};
  if (map == "source_ranges") return RowView{v1::MapRow::kSourceRange, {"LIST", "PREFIX"}, &SourceRangeCells};
  if (map == "devices") {
    return RowView{v1::MapRow::kDevice,
                   {"DEVICE", "ROLE", "LINK-HEADER", "MAC", "MTU", "BRIDGE", "SOURCE-IPV4", "SOURCE-IPV6"},
                   &DeviceCells};
  }
  if (map == "fragments") {
    return RowView{v1::MapRow::kFragment, {"SOURCE", "DESTINATION", "PROTO", "ID"}, &FragmentCells};
  }
  return std::nullopt;
}

RowView ViewOf(const std::string& map) {
  if (const std::optional<RowView> view = PacketViewOf(map)) return *view;
  if (map == "meta") {
    return {v1::MapRow::kMeta,
            {"MEMORY-VERSION", "GENERATION", "STORAGE-IN-USE", "FEATURES", "LAST-SIGN-OF-LIFE", "STALE-AFTER"},
            &MetaCells};
  }
  if (map == "source_versions") {
    return {v1::MapRow::kSourceVersion, {"RESOURCE", "VERSION", "OBJECTS"}, &SourceVersionCells};
  }
  if (map == "prefix_filter" || map == "socket_taken" || map == "scope_filter" || map == "endpoint_filter" ||
      map == "flow_taken")
    return {v1::MapRow::kFilter, {"BITS-SET", "BITS", "FILL"}, &FilterCells};
  if (map == "pools") {
    return {v1::MapRow::kPool, {"POOL", "FIRST-SLOT", "SLOTS", "GENERATION", "EMPTY"}, &PoolCells};
  }
  if (map == "slots") return {v1::MapRow::kSlot, {"SLOT", "BACKEND", "ALIAS", "THRESHOLD", "OWN-PART"}, &SlotCells};
  if (map == "backends") return {v1::MapRow::kBackend, {"BACKEND", "ADDRESS"}, &BackendCells};
  if (map == "service_ports") {
    return {v1::MapRow::kServicePort,
            {"SERVICE-PORT", "NAMESPACE", "NAME", "PORT-NAME", "PORT", "PROTO", "FAMILY"},
            &ServicePortCells};
  }
  if (map == "socket_state") {
    return {v1::MapRow::kSocketState,
            {"COOKIE", "DIALLED", "BACKEND-ADDRESS", "POOL", "BACKEND", "FLAGS"},
            &SocketStateCells};
  }
  if (map == "socket_peers") {
    return {v1::MapRow::kSocketPeer, {"COOKIE", "DIRECTION", "FROM", "TO", "POOL", "BACKEND"}, &SocketPeerCells};
  }
  if (map == "socket_peer_counts") return {v1::MapRow::kPeerCount, {"ROW", "DESTINATIONS"}, &PeerCountCells};
  if (map == "affinities") {
    return {v1::MapRow::kAffinity, {"CLIENT", "SERVICE-PORT", "BACKEND", "IDLE"}, &AffinityCells};
  }
  if (map == "service_counters") {
    return {v1::MapRow::kServiceCounters,
            {"SERVICE-PORT", "TRANSLATED", "NO-ENDPOINTS", "LOCAL-MISSES"},
            &ServiceCountersCells};
  }
  if (map == "backend_counters") {
    return {v1::MapRow::kBackendCounters, {"BACKEND", "CHOSEN"}, &BackendCountersCells};
  }
  if (map == "scopes") return {v1::MapRow::kScope, {"KIND", "ID", "ORIGIN", "NAME"}, &ScopeCells};
  if (map == "reasons") return {v1::MapRow::kReason, {"REASON", "COUNT", "MEANING"}, &ReasonCells};
  return {v1::MapRow::kFrontend,
          {"ROW", "ADDRESS", "PROTO", "KIND", "SERVICE-PORT", "INTERNAL-POOL", "EXTERNAL-POOL", "AFFINITY", "UDP-IDLE",
           "SOURCES", "FLAGS"},
          &FrontendCells};
}

}  // namespace

const std::vector<std::string>& DumpableMaps() {
  static const auto* const kMaps = new std::vector<std::string>{"meta",
                                                                "source_versions",
                                                                "prefix_filter",
                                                                "frontend_index",
                                                                "frontend_rows",
                                                                "pools",
                                                                "slots",
                                                                "backends",
                                                                "service_ports",
                                                                "socket_state",
                                                                "socket_taken",
                                                                "socket_peers",
                                                                "socket_peer_counts",
                                                                "affinities",
                                                                "scopes",
                                                                "scope_filter",
                                                                "service_counters",
                                                                "backend_counters",
                                                                "reasons",
                                                                "node_ports",
                                                                "endpoint_filter",
                                                                "source_ranges",
                                                                "devices",
                                                                "flow_index",
                                                                "flow_rows",
                                                                "flow_taken",
                                                                "snat_ports",
                                                                "flow_level",
                                                                "fragments"};
  return *kMaps;
}

std::string MapTable(const std::string& map, const std::vector<v1::MapRow>& rows, bool with_headers) {
  const RowView view = ViewOf(map);
  Table table(view.headers);
  for (const v1::MapRow& row : rows) {
    if (row.row_case() == view.kind) table.Add(view.cells(row));
  }
  return table.ToString(with_headers);
}

}  // namespace shunt::shuntctl
