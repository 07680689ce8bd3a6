// SPDX-License-Identifier: Apache-2.0
#include "tests/scenarios/map_text.h"

#include <algorithm>
#include <cmath>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "userspace/datapath/map_reader.h"

namespace shunt::scenarios {
namespace {

std::string Text(const report::ServicePortRow& row) {
  return absl::StrCat(row.service.ToString(), row.port_name.empty() ? "" : ":", row.port_name, " ", row.port, "/",
                      model::ProtocolName(row.protocol), row.family == model::IpFamily::kV4 ? " IPv4" : " IPv6");
}

std::string Text(const model::SocketAddress& address) {
  return address.address.ToStringWithPort(address.port);
}

// The numbers of ids in the text; an id that leads nowhere has a conspicuous name.
class Numbers {
 public:
  void Add(uint32_t id) { numbers_.try_emplace(id, numbers_.size() + 1); }
  bool Has(uint32_t id) const { return numbers_.count(id) > 0; }
  std::string Of(uint32_t id) const {
    const auto number = numbers_.find(id);
    return number == numbers_.end() ? "WHICH IS NOT THERE" : absl::StrCat(number->second);
  }

 private:
  std::map<uint32_t, size_t> numbers_;
};

struct Numbering {
  Numbers service_ports;
  Numbers pools;
  Numbers backends;
};

template <typename Row, typename Key>
void NumberBy(const std::map<uint32_t, Row>& rows, const Key& key, Numbers* numbers) {
  std::vector<uint32_t> ids;
  for (const auto& [id, row] : rows) ids.push_back(id);
  std::sort(ids.begin(), ids.end(), [&](uint32_t a, uint32_t b) { return key(rows.at(a)) < key(rows.at(b)); });
  for (const uint32_t id : ids) numbers->Add(id);
}

Numbering Number(const MapRows& rows) {
  Numbering numbering;
  NumberBy(
      rows.service_ports,
      [](const report::ServicePortRow& row) {
        return std::make_tuple(row.service, row.port_name, row.protocol, row.port, row.family);
      },
      &numbering.service_ports);
  NumberBy(rows.backends, [](const report::BackendRow& row) { return row.address; }, &numbering.backends);
  for (const report::FrontendRow& row : rows.frontends) {
    if (row.about_address) continue;
    for (const uint32_t pool : {row.internal_pool, row.external_pool}) {
      if (rows.pools.count(pool) > 0) numbering.pools.Add(pool);
    }
  }
  return numbering;
}

// Which frontends masquerade is the planner's matter, and would stand at almost every one here.
std::string FlagsText(const MapRows& rows, const report::FrontendRow& row) {
  report::FrontendFlags flags = row.flags;
  flags.snat = flags.snat_inside = false;
  std::string text = absl::StrJoin(report::FlagNames(flags), " ");
  if (row.source_list == 0) return text;
  const auto list = rows.source_lists.find(row.source_list);
  const bool empty = list == rows.source_lists.end();
  return absl::StrCat(text, " (", empty ? "no client" : absl::StrJoin(list->second, " "), ")");
}

std::string FrontendText(const MapRows& rows, const report::FrontendRow& row, const Numbering& numbering) {
  const std::string flags = FlagsText(rows, row);
  if (row.about_address) {
    return absl::StrCat("frontend ", row.address.address.ToString(), " address ", flags, "\n");
  }
  std::string text =
      absl::StrCat("frontend ", row.address.ToString(), " ", model::FrontendKindName(row.kind), " -> service port ",
                   numbering.service_ports.Of(row.service_port), ", pool ", numbering.pools.Of(row.internal_pool));
  if (row.external_pool != row.internal_pool) {
    absl::StrAppend(&text, ", from outside pool ", numbering.pools.Of(row.external_pool));
  }
  if (row.affinity_timeout_s != 0) absl::StrAppend(&text, ", affinity ", row.affinity_timeout_s, " s");
  return absl::StrCat(text, flags.empty() ? "" : ", ", flags, "\n");
}

std::string SlotText(const report::SlotRow& slot, const Numbers& backends) {
  std::string text = absl::StrCat("backend ", backends.Of(slot.backend));
  if (slot.alias == slot.backend) return text;
  const double own = 100 * slot.threshold / std::exp2(32);
  return absl::StrCat(text, " (or ", backends.Of(slot.alias), absl::StrFormat(" beyond %.2f%%)", own));
}

std::string PoolText(const MapRows& rows, const report::PoolRow& pool, const Numbers& backends) {
  std::vector<std::string> slots;
  if (pool.empty.has_value()) slots.emplace_back(report::EmptyPoolName(*pool.empty));
  for (uint32_t i = 0; i < pool.slot_count; ++i) {
    const auto slot = rows.slots.find(pool.first_slot + i);
    slots.push_back(slot == rows.slots.end() ? "a slot WHICH IS NOT THERE" : SlotText(slot->second, backends));
  }
  return absl::StrJoin(slots, ", ");
}

// Only ServicePorts that a frontend names: an id in its grace period may be reused for another.
std::map<std::string, uint32_t> ServicePortIds(const MapRows& rows) {
  std::map<std::string, uint32_t> ids;
  for (const report::FrontendRow& frontend : rows.frontends) {
    const auto row = rows.service_ports.find(frontend.service_port);
    if (!frontend.about_address && row != rows.service_ports.end()) ids[Text(row->second)] = row->first;
  }
  return ids;
}

// Only backends that a pool's slot names.
std::map<std::string, uint32_t> BackendIds(const MapRows& rows) {
  std::map<std::string, uint32_t> ids;
  for (const auto& [id, slot] : rows.slots) {
    const auto row = rows.backends.find(slot.backend);
    if (row != rows.backends.end()) ids[Text(row->second.address)] = row->first;
  }
  return ids;
}

template <typename Row>
absl::Status Collect(const datapath::MapReader& reader, absl::string_view map,
                     const std::function<void(const Row&)>& take) {
  bool foreign = false;
  absl::Status status = reader.Dump(map, [&](const report::MapRow& row) {
    const Row* typed = std::get_if<Row>(&row);
    foreign |= typed == nullptr;
    if (typed != nullptr) take(*typed);
    return true;
  });
  if (status.ok() && foreign) return absl::DataLossError(absl::StrCat("dump map ", map, ": a row of another map"));
  return status;
}

}  // namespace

absl::StatusOr<MapRows> ReadMapRows(const datapath::Tables& tables) {
  const datapath::MapReader reader(tables);
  MapRows rows;
  std::vector<uint32_t> indexed;
  std::vector<uint32_t> held;
  absl::Status status = Collect<report::FrontendRow>(
      reader, "frontend_index", [&](const report::FrontendRow& row) { indexed.push_back(row.row); });
  status.Update(Collect<report::FrontendRow>(reader, "frontend_rows", [&](const report::FrontendRow& row) {
    held.push_back(row.row);
    rows.frontends.push_back(row);
  }));
  status.Update(Collect<report::ServicePortRow>(
      reader, "service_ports", [&](const report::ServicePortRow& row) { rows.service_ports[row.service_port] = row; }));
  status.Update(
      Collect<report::PoolRow>(reader, "pools", [&](const report::PoolRow& row) { rows.pools[row.pool] = row; }));
  status.Update(
      Collect<report::SlotRow>(reader, "slots", [&](const report::SlotRow& row) { rows.slots[row.slot] = row; }));
  status.Update(Collect<report::BackendRow>(reader, "backends",
                                            [&](const report::BackendRow& row) { rows.backends[row.backend] = row; }));
  status.Update(Collect<report::SourceRangeRow>(reader, "source_ranges", [&](const report::SourceRangeRow& row) {
    rows.source_lists[row.list].push_back(row.prefix);
  }));
  if (!status.ok()) return status;

  std::sort(indexed.begin(), indexed.end());
  if (indexed != held) return absl::DataLossError("frontend_index and frontend_rows name different rows");
  std::sort(rows.frontends.begin(), rows.frontends.end(), [](const auto& a, const auto& b) {
    return std::tie(a.address.address, b.about_address, a.address) <
           std::tie(b.address.address, a.about_address, b.address);
  });
  return rows;
}

std::string MapText(const MapRows& rows) {
  Numbering numbering = Number(rows);
  std::string text;
  for (const report::FrontendRow& row : rows.frontends) absl::StrAppend(&text, FrontendText(rows, row, numbering));

  const auto in_order = [](const auto& table, const Numbers& numbers, const auto& line) {
    std::map<size_t, std::string> lines;
    for (const auto& [id, row] : table) {
      if (numbers.Has(id)) lines[std::stoul(numbers.Of(id))] = line(row);
    }
    std::string all;
    for (const auto& [number, rest] : lines) absl::StrAppend(&all, rest, "\n");
    return all;
  };
  absl::StrAppend(&text, in_order(rows.service_ports, numbering.service_ports, [&](const auto& row) {
    return absl::StrCat("service port ", numbering.service_ports.Of(row.service_port), " ", Text(row));
  }));
  absl::StrAppend(&text, in_order(rows.pools, numbering.pools, [&](const auto& row) {
    return absl::StrCat("pool ", numbering.pools.Of(row.pool), ": ", PoolText(rows, row, numbering.backends));
  }));
  for (const auto& [id, row] : rows.pools) {
    if (numbering.pools.Has(id)) continue;
    absl::StrAppend(&text, "unused pool: ", PoolText(rows, row, numbering.backends), "\n");
  }
  absl::StrAppend(&text, in_order(rows.backends, numbering.backends, [&](const auto& row) {
    return absl::StrCat("backend ", numbering.backends.Of(row.backend), " ", Text(row.address));
  }));
  return text.empty() ? "nothing\n" : text;
}

std::vector<std::string> ChangedIds(const MapRows& before, const MapRows& after) {
  std::vector<std::string> changes;
  const auto compare = [&](const std::map<std::string, uint32_t>& old_ids,
                           const std::map<std::string, uint32_t>& new_ids) {
    for (const auto& [name, id] : new_ids) {
      const auto old = old_ids.find(name);
      if (old == old_ids.end() || old->second == id) continue;
      changes.push_back(absl::StrCat(name, " was number ", old->second, " and is now ", id));
    }
  };
  compare(ServicePortIds(before), ServicePortIds(after));
  compare(BackendIds(before), BackendIds(after));
  return changes;
}

}  // namespace shunt::scenarios
