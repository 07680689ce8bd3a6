// SPDX-License-Identifier: Apache-2.0
// shuntctl map: the kernel's maps, by size and row by row.
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tools/shuntctl/command.h"
#include "tools/shuntctl/document.h"
#include "tools/shuntctl/map_room.h"
#include "tools/shuntctl/map_table.h"
#include "tools/shuntctl/table.h"
#include "tools/shuntctl/wording.h"
#include "tools/shuntctl/words.h"

namespace shunt::shuntctl {
namespace {

std::string FillText(const v1::MapFill& map) {
  return map.capacity() == 0 ? "" : PercentText(100 * FillOf(map));
}

absl::StatusOr<Answer> List(const Request& request) {
  const absl::StatusOr<v1::AgentStatus> status = request.reader.Status();
  if (!status.ok()) return status.status();
  if (absl::Status pins = CheckPinsWereRead(*status); !pins.ok()) return pins;
  if (request.options.IsDocument()) {
    return Answer{PrintList("MapList", status->maps(), request.options.format), ""};
  }
  Table table({"NAME", "TYPE", "USED", "CAPACITY", "FILL", "MEMORY"});
  for (const v1::MapFill& map : status->maps()) {
    // No process can list the rows that are in the sockets.
    table.Add({map.name(), map.type(), map.type() == "sk_storage" ? "" : absl::StrCat(map.used()),
               map.capacity() == 0 ? "" : absl::StrCat(map.capacity()), FillText(map),
               map.memory_bytes() == 0 ? "" : BytesText(map.memory_bytes())});
  }
  return Answer{table.ToString(request.options.headers), ""};
}

// A map's name may be shortened like any other word. `frontends` is what frontend_index and frontend_rows hold.
absl::StatusOr<std::string> FindMap(const std::string& word, StateReader& reader) {
  if (word == "frontends") return std::string("frontend_rows");
  std::vector<Word> words;
  for (const std::string& name : DumpableMaps()) words.push_back({name});
  const absl::StatusOr<size_t> index = MatchWord("map", word, words);
  if (index.ok()) return DumpableMaps()[*index];
  const absl::StatusOr<v1::AgentStatus> status = reader.Status();
  if (!status.ok()) return index.status();
  for (const v1::MapFill& map : status->maps()) {
    if (map.name() != word) continue;
    return absl::InvalidArgumentError(
        map.type() == "sk_storage"
            ? "this map cannot be dumped: its rows are in the sockets, where the kernel lists them to nobody"
            : "this map cannot be dumped: `map list` shows its size and use");
  }
  return index.status();
}

absl::StatusOr<Answer> Dump(const Request& request) {
  const absl::StatusOr<std::string> map = FindMap(request.arguments[0], request.reader);
  if (!map.ok()) return map.status();
  std::vector<v1::MapRow> rows;
  if (absl::Status status = request.reader.DumpMap(*map, [&](v1::MapRow row) { rows.push_back(std::move(row)); });
      !status.ok()) {
    return status;
  }
  if (!request.options.IsDocument()) {
    if (rows.empty()) return Answer{.text = "", .note = absl::StrCat("No rows found in map ", *map, ".")};
    return Answer{MapTable(*map, rows, request.options.headers), ""};
  }
  Json document = NewDocument("MapDump");
  document["map"] = *map;
  Json& items = document["items"] = Json::array();
  for (const v1::MapRow& row : rows) {
    // All rows of a map are of one kind, so each row would only repeat the name of the kind.
    Json wrapped = ToJson(row);
    if (!wrapped.empty()) items.push_back(wrapped.begin().value());
  }
  return Answer{Print(document, request.options.format), ""};
}

}  // namespace

Object MapObject() {
  return {.name = "map",
          .aliases = {"maps"},
          .summary = "Maps: how full, and what is in them",
          .commands = {{.name = "list",
                        .aliases = {"ls", "show", "get"},
                        .summary = "All maps: rows in use, capacity, kernel memory",
                        .examples = {"shuntctl map list"},
                        .run = &List},
                       {.name = "dump",
                        .arguments = "NAME",
                        .argument_count = 1,
                        .summary = "The rows of one map, in the words of docs/maps.md, one line each",
                        .details = {absl::StrCat("NAME is one of ", absl::StrJoin(DumpableMaps(), ", "), ";"),
                                    "or frontends, for frontend_rows. It may be shortened while it is unique:",
                                    "`po` is pools, and `s` could be slots, service_ports or others."},
                        .examples = {"shuntctl map dump frontends", "shuntctl map dump pools -j",
                                     "shuntctl map dump slots --offline --no-headers"},
                        .run = &Dump}}};
}

}  // namespace shunt::shuntctl
