// SPDX-License-Identifier: Apache-2.0
// shuntctl check: is everything as it should be, and if not, what to do?
#include "tools/shuntctl/check.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "shunt_version.h"
#include "tools/shuntctl/command.h"
#include "tools/shuntctl/document.h"
#include "tools/shuntctl/table.h"
#include "tools/shuntctl/wording.h"

namespace shunt::shuntctl {
namespace {

enum class Verdict { kOk, kWarning, kWrong };

struct Finding {
  std::string what;
  Verdict verdict = Verdict::kOk;
  std::string detail;
};

constexpr double kFillWarning = 0.80;
constexpr double kFillWrong = 0.95;  // an update needs its new rows beside the old ones

absl::string_view VerdictWord(Verdict verdict) {
  return verdict == Verdict::kOk ? "ok" : verdict == Verdict::kWarning ? "warning" : "WRONG";
}

std::vector<Finding> CheckAgent(const v1::AgentStatus& status) {
  std::vector<Finding> findings;
  findings.push_back({"agent", status.version() == kVersion ? Verdict::kOk : Verdict::kWarning,
                      absl::StrCat("shuntd ", status.version(), ", pid ", status.pid(),
                                   status.version() == kVersion ? "" : absl::StrCat("; this shuntctl is ", kVersion))});
  findings.push_back({"sources", status.synced() ? Verdict::kOk : Verdict::kWrong,
                      status.synced() ? absl::StrCat("synced: ", status.source())
                                      : absl::StrCat("not synced yet, nothing new is programmed: ", status.source())});
  findings.push_back({"services", status.failed_services() == 0 ? Verdict::kOk : Verdict::kWrong,
                      status.failed_services() == 0
                          ? absl::StrCat("the kernel holds all ", status.services())
                          : absl::StrCat("the kernel does not hold ", status.failed_services(), " of ",
                                         status.services(), ": see `shuntctl service list`")});
  if (status.observing()) {
    findings.push_back({"mode", Verdict::kWarning,
                        "shuntd only observes: nothing is translated; start it without --observe to serve"});
  }
  if (const v1::SocketSweeps& sweeps = status.socket_sweeps(); !sweeps.problem().empty()) {
    findings.push_back({"sockets", Verdict::kWarning, sweeps.problem()});
  }
  for (const v1::Problem& problem : status.problems()) {
    findings.push_back({problem.where(), Verdict::kWrong, problem.what()});
  }
  return findings;
}

Finding CheckPrograms(const v1::AgentStatus& status) {
  std::string missing;
  for (const v1::Program& program : status.programs()) {
    if (!program.attached()) absl::StrAppend(&missing, missing.empty() ? "" : ", ", program.name());
  }
  if (status.programs().empty()) {
    return {"programs", Verdict::kWrong, "none is attached, or not all: nothing is translated; start shuntd"};
  }
  if (!missing.empty())
    return {"programs", Verdict::kWrong, absl::StrCat("not attached: ", missing, "; restart shuntd")};
  if (status.pid() != 0 && !status.programs_current()) {
    return {"programs", Verdict::kWrong, "those of an earlier build are in force: see shuntd's log for why"};
  }
  return {"programs", Verdict::kOk, absl::StrCat("all ", status.programs_size(), " attached to ", status.cgroup())};
}

std::vector<Finding> CheckMaps(const v1::AgentStatus& status) {
  std::vector<Finding> findings;
  for (const v1::MapFill& map : status.maps()) {
    // The kernel evicts from an LRU hash, and what finds its row of socket_state taken has another place.
    if (map.capacity() == 0 || map.type() == "lru_hash" || map.name() == "socket_state") continue;
    const double fill = static_cast<double>(map.used()) / static_cast<double>(map.capacity());
    if (fill < kFillWarning) continue;
    findings.push_back({absl::StrCat("map ", map.name()), fill < kFillWrong ? Verdict::kWarning : Verdict::kWrong,
                        absl::StrCat(map.used(), " of ", map.capacity(),
                                     " rows in use; raise its limit in shuntd's "
                                     "configuration, then `shuntd cleanup` and start again")});
  }
  if (findings.empty()) {
    findings.push_back({"maps", Verdict::kOk, absl::StrCat(status.maps_size(), " maps, none above 80 %")});
  }
  return findings;
}

std::vector<Finding> CheckReasons(const v1::AgentStatus& status) {
  std::vector<Finding> findings;
  for (const v1::Reason& reason : status.reasons()) {
    const std::vector<absl::string_view>& suspects = SuspectReasons();
    if (reason.count() == 0 || std::find(suspects.begin(), suspects.end(), reason.name()) == suspects.end()) continue;
    findings.push_back({absl::StrCat("reason ", reason.name()), Verdict::kWarning,
                        absl::StrCat(reason.count(), " times: ", reason.meaning())});
  }
  return findings;
}

std::vector<Finding> CheckAll(const v1::AgentStatus& status) {
  std::vector<Finding> findings;
  const auto add = [&](std::vector<Finding> more) {
    for (Finding& finding : more) findings.push_back(std::move(finding));
  };
  if (status.pid() != 0) add(CheckAgent(status));
  // Maps of another layout would not have been opened at all.
  findings.push_back(
      {"pins", Verdict::kOk, absl::StrCat(status.pin_directory(), " is complete, ABI ", status.abi_version())});
  findings.push_back(CheckPrograms(status));
  add(CheckMaps(status));
  add(CheckReasons(status));
  return findings;
}

absl::StatusOr<Answer> Check(const Request& request) {
  const absl::StatusOr<v1::AgentStatus> status = request.reader.Status();
  if (!status.ok()) return status.status();
  const std::vector<Finding> findings = CheckAll(*status);
  size_t wrong = 0;
  Table table({"VERDICT", "WHAT", "DETAIL"});
  Json document = NewDocument("CheckResult");
  Json& items = document["items"] = Json::array();
  for (const Finding& finding : findings) {
    wrong += finding.verdict == Verdict::kWrong;
    const std::string verdict(VerdictWord(finding.verdict));
    table.Add({verdict, finding.what, finding.detail});
    items.push_back({{"verdict", verdict}, {"what", finding.what}, {"detail", finding.detail}});
  }
  Answer answer;
  answer.text =
      request.options.IsDocument() ? Print(document, request.options.format) : table.ToString(request.options.headers);
  if (wrong > 0) answer.complaint = absl::StrCat(wrong, wrong == 1 ? " thing is" : " things are", " wrong");
  return answer;
}

}  // namespace

const std::vector<absl::string_view>& SuspectReasons() {
  static const std::vector<absl::string_view> suspects = {"dangling", "state_lost", "peers_full"};
  return suspects;
}

Object CheckObject() {
  return {.name = "check",
          .summary = "Is everything as it should be?",
          .commands = {{.summary = "Looks at the agent, its programs, its maps and its problems; says what is wrong",
                        .details = {"Exit status 1 if something is WRONG. With --offline: are the pins complete and of",
                                    "this version, and are the programs attached? (`shuntd check` asks whether this",
                                    "host can run Shunt at all.)"},
                        .examples = {"shuntctl check", "shuntctl check --offline --bpffs /run/other/bpf"},
                        .run = &Check}}};
}

}  // namespace shunt::shuntctl
