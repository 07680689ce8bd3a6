// SPDX-License-Identifier: Apache-2.0
// shuntctl snat: the source ports that this node lends to flows.
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

// Maximum number of backends in a table's cell; `-o wide` shows all.
constexpr int kUsersInTable = 3;

// "10.244.1.5:8080/TCP from 10.0.0.1 (7)".
std::string UsersText(const v1::SnatSet& set, bool all) {
  std::vector<std::string> users;
  for (const v1::SnatUser& user : set.users()) {
    if (!all && static_cast<int>(users.size()) == kUsersInTable) {
      users.push_back(absl::StrCat("+", set.users_size() - kUsersInTable));
      break;
    }
    users.push_back(absl::StrCat(AddressText(user.backend()), "/", ProtocolText(user.protocol()), " from ",
                                 user.source(), " (", user.flows(), ")"));
  }
  return absl::StrJoin(users, ", ");
}

absl::StatusOr<Answer> List(const Request& request) {
  const absl::StatusOr<v1::ListSnatSetsResponse> response = request.reader.SnatSets();
  if (!response.ok()) return response.status();
  if (request.options.IsDocument()) {
    return Answer{PrintList("SnatSetList", response->sets(), request.options.format), ""};
  }
  Table table({"SET", "USED", "PORTS", "FILL", "BACKENDS"});
  for (const v1::SnatSet& set : response->sets()) {
    const double fill = set.ports() == 0 ? 0 : 100.0 * set.ports_taken() / set.ports();
    table.Add({absl::StrCat(set.set()), absl::StrCat(set.ports_taken()), absl::StrCat(set.ports()), PercentText(fill),
               UsersText(set, request.options.IsWide())});
  }
  if (table.empty()) return Answer{.text = "", .note = "No source ports are lent."};
  return Answer{table.ToString(request.options.headers), ""};
}

}  // namespace

Object SnatObject() {
  return {.name = "snat",
          .summary = "Source ports that this node lends to flows",
          .commands = {{.name = "list",
                        .aliases = {"ls", "show", "get"},
                        .summary = "Sets of ports with one in use, the fullest first, and the backends that share each",
                        .details = {"A number behind a backend says how many flows have a port towards it. A full set",
                                    "refuses new flows to all its backends: reason snat_ports_full."},
                        .examples = {"shuntctl snat list", "shuntctl snat list -o wide --offline"},
                        .run = &List}}};
}

}  // namespace shunt::shuntctl
