// SPDX-License-Identifier: Apache-2.0
// shuntctl backend: where traffic is translated to, and which Services use it.
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tools/shuntctl/command.h"
#include "tools/shuntctl/document.h"
#include "tools/shuntctl/table.h"
#include "tools/shuntctl/wording.h"

namespace shunt::shuntctl {
namespace {

// Maximum number of Services in a table's cell; `-o wide` shows all.
constexpr int kServicesInTable = 3;

std::string ServicesText(const v1::Backend& backend, bool all) {
  std::vector<std::string> names;
  for (const v1::ObjectName& service : backend.services()) {
    if (!all && static_cast<int>(names.size()) == kServicesInTable) {
      names.push_back(absl::StrCat("+", backend.services_size() - kServicesInTable));
      break;
    }
    names.push_back(NameText(service));
  }
  return absl::StrJoin(names, ",");
}

absl::StatusOr<Answer> List(const Request& request) {
  v1::ListBackendsRequest wanted;
  wanted.set_namespace_name(request.options.namespace_name);
  const absl::StatusOr<v1::ListBackendsResponse> response = request.reader.Backends(wanted);
  if (!response.ok()) return response.status();
  if (request.options.IsDocument()) {
    return Answer{PrintList("BackendList", response->backends(), request.options.format), ""};
  }
  Table table({"ID", "ADDRESS", "CHOSEN", "SERVICES"});
  for (const v1::Backend& backend : response->backends()) {
    table.Add({absl::StrCat(backend.id()), AddressText(backend.address()), absl::StrCat(backend.chosen()),
               ServicesText(backend, request.options.IsWide())});
  }
  if (table.empty()) return Answer{.text = "", .note = NothingFound("backends", request.options.namespace_name)};
  return Answer{table.ToString(request.options.headers), ""};
}

}  // namespace

Object BackendObject() {
  return {.name = "backend",
          .aliases = {"backends"},
          .summary = "Backends: where traffic is translated to",
          .commands = {{.name = "list",
                        .aliases = {"ls", "show", "get"},
                        .by_namespace = true,
                        .summary = "All backends, how often each was chosen, and the Services that use it",
                        .details = {"CHOSEN counts connections and first datagrams, not packets."},
                        .examples = {"shuntctl backend list", "shuntctl backend list -n shop -j"},
                        .run = &List}},
          .commands_to_come = {"drain", "undrain", "weight"}};
}

}  // namespace shunt::shuntctl
