// SPDX-License-Identifier: Apache-2.0
// shuntctl check: is everything as it should be, and if not, what can be done?
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "shunt_version.h"
#include "tools/shuntctl/command.h"
#include "tools/shuntctl/document.h"
#include "tools/shuntctl/map_room.h"
#include "tools/shuntctl/source_page.h"
#include "tools/shuntctl/table.h"
#include "tools/shuntctl/wording.h"

namespace shunt::shuntctl {
namespace {

enum class Verdict { kOk, kUnknown, kWarning, kWrong };

constexpr double kFillWarning = 0.80;
constexpr double kFillWrong = 0.95;  // an update needs its new rows beside the old ones

struct Finding {
  std::string what;
  Verdict verdict = Verdict::kOk;
  std::string detail;
};

struct Inspection {
  std::vector<Finding> findings;
  bool drift = false;  // an audit found differences

  void Add(std::vector<Finding> more) {
    for (Finding& finding : more) findings.push_back(std::move(finding));
  }
};

absl::string_view VerdictWord(Verdict verdict) {
  switch (verdict) {
    case Verdict::kOk:
      return "ok";
    case Verdict::kUnknown:
      return "unknown";
    case Verdict::kWarning:
      return "warning";
    case Verdict::kWrong:
      return "WRONG";
  }
  return "";
}

absl::string_view WarningSentence(v1::WarningKind kind) {
  switch (kind) {
    case v1::WARNING_KIND_CONFLICT:
      return "lack a frontend that another Service holds";
    case v1::WARNING_KIND_DEAD:
      return "have a port without any endpoint that can be used";
    case v1::WARNING_KIND_PROTOCOL:
      return "have a port whose protocol is not served here";
    default:
      return "have warnings about their objects";
  }
}

// A Service's own faults are its owner's to mend: the node is well, so they are warnings. One row per kind, because any
// tenant may have any number of them.
std::vector<Finding> CheckServices(const v1::AgentStatus& status) {
  constexpr size_t kNamesMax = 5;
  std::vector<Finding> findings;
  for (const v1::WarnedServices& warned : status.warned_services()) {
    std::vector<std::string> names;
    for (const v1::ServiceWarning& warning : status.service_warnings()) {
      const std::string name = NameText(warning.service());
      if (warning.kind() != warned.kind() || name.empty() || names.size() == kNamesMax) continue;
      if (names.empty() || names.back() != name) names.push_back(name);
    }
    const size_t others = warned.services() - std::min<size_t>(warned.services(), names.size());
    findings.push_back({WarningKindText(warned.kind()), Verdict::kWarning,
                        absl::StrCat("Services that ", WarningSentence(warned.kind()), ": ", absl::StrJoin(names, ", "),
                                     others == 0     ? ""
                                     : names.empty() ? absl::StrCat(others)
                                                     : absl::StrCat(" and ", others, " more"),
                                     "; see `shuntctl service show`")});
  }
  return findings;
}

std::vector<Finding> CheckAgent(const v1::AgentStatus& status) {
  std::vector<Finding> findings;
  findings.push_back({"agent", status.version() == kVersion ? Verdict::kOk : Verdict::kWarning,
                      absl::StrCat("shuntd ", status.version(), ", pid ", status.pid(),
                                   status.version() == kVersion ? "" : absl::StrCat("; this shuntctl is ", kVersion))});
  findings.push_back({"sources", status.synced() ? Verdict::kOk : Verdict::kWrong,
                      status.synced() ? absl::StrCat("synced: ", status.source())
                                      : absl::StrCat("not synced yet, nothing new is programmed: ", status.source())});
  if (status.has_source_state()) {
    const bool reachable = status.source_state().reachable();
    findings.push_back({"server", reachable ? Verdict::kOk : Verdict::kWarning, ServerText(status)});
  }
  for (const v1::SourceResource& resource : status.source_state().resources()) {
    if (!resource.list_held_back()) continue;
    findings.push_back({resource.resource(), Verdict::kWarning,
                        absl::StrCat("a list would remove ", resource.removals_held_back(), " of ", resource.objects(),
                                     ": it waits for a second one to confirm it")});
  }
  findings.push_back(
      {"services", status.failed_services() == 0 ? Verdict::kOk : Verdict::kWrong,
       status.failed_services() == 0
           ? absl::StrCat("the kernel holds all ", status.services())
           : absl::StrCat("the kernel did not take the plan of ", CountText(status.failed_services(), "Service"),
                          "; it holds ", status.services(),
                          ", with those that keep an earlier plan: see `shuntctl service list`")});
  if (const v1::SocketSweeps& sweeps = status.socket_sweeps(); !sweeps.problem().empty()) {
    findings.push_back({"sockets", Verdict::kWarning, sweeps.problem()});
  }
  for (const v1::Problem& problem : status.problems()) {
    findings.push_back({problem.where(), problem.advice() ? Verdict::kWarning : Verdict::kWrong, problem.what()});
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
    return {"programs", Verdict::kWrong,
            absl::StrCat("not attached: ", missing, "; shuntd attaches them again or logs why it cannot")};
  if (status.pid() != 0 && !status.programs_current()) {
    return {"programs", Verdict::kWrong, "those of an earlier build are in force: see take-over"};
  }
  return {"programs", Verdict::kOk, absl::StrCat("all ", status.programs_size(), " attached to ", status.cgroup())};
}

// A map that only makes sockets slower is a warning however full it is: any tenant may have that many sockets.
std::vector<Finding> CheckRoom(const v1::AgentStatus& status) {
  std::vector<Finding> findings;
  for (const v1::MapFill& map : status.maps()) {
    const MapRoom* const room = FindMapRoom(map.name());
    const double fill = FillOf(map);
    if (room == nullptr || room->when_full == WhenFull::kNothing || fill < kFillWarning) continue;
    const bool wrong = fill >= kFillWrong && room->when_full == WhenFull::kRefuses;
    findings.push_back(
        {absl::StrCat("map ", map.name()), wrong ? Verdict::kWrong : Verdict::kWarning, RoomAdvice(map, *room)});
  }
  if (findings.empty()) {
    findings.push_back(
        {"map room", Verdict::kOk,
         absl::StrCat(CountText(status.maps_size(), "map"), ", and none that could be full is above 80 %")});
  }
  return findings;
}

std::vector<Finding> CheckMode(const v1::AgentStatus& status) {
  if (!status.observing()) return {};
  return {{"mode", Verdict::kWarning,
           "the programs only observe: nothing is translated; start shuntd without --observe to serve"}};
}

std::vector<Finding> CheckSilence(const v1::AgentStatus& status) {
  if (!IsSilent(status.sign_of_life())) return {};
  return {{"silence", Verdict::kWrong, absl::StrCat(SilenceText(status.sign_of_life()), "; see that shuntd runs")}};
}

std::vector<Finding> CheckReasons(const v1::AgentStatus& status) {
  std::vector<Finding> findings;
  for (const v1::Reason& reason : status.reasons()) {
    if (reason.count() == 0 || reason.kind() != v1::REASON_KIND_SUSPECT) continue;
    findings.push_back({absl::StrCat("reason ", reason.name()), Verdict::kWarning,
                        absl::StrCat(CountText(reason.count(), "time"), ": ", reason.meaning())});
  }
  return findings;
}

// Asks the agent to compare the maps with its plan.
Finding CheckMaps(StateReader& reader, bool synced, bool& drift) {
  const absl::StatusOr<v1::AuditReport> audit = reader.Audit();
  if (absl::IsUnimplemented(audit.status())) {
    return {"maps", Verdict::kUnknown, "not compared with a plan: an audit needs a running shuntd of this version"};
  }
  if (!audit.ok()) return {"maps", Verdict::kWrong, absl::StrCat("no audit: ", audit.status().message())};
  if (!audit->problem().empty()) {
    return {"maps", synced ? Verdict::kWrong : Verdict::kUnknown, absl::StrCat("no audit: ", audit->problem())};
  }
  drift = HasDrift(*audit);
  return {"maps",
          !drift                     ? Verdict::kOk
          : audit->unrepaired() == 0 ? Verdict::kWarning
                                     : Verdict::kWrong,
          DriftText(*audit)};
}

// kInvalidArgument if the path of the agent's socket is malformed.
absl::StatusOr<Inspection> Inspect(const Request& request) {
  Inspection found;
  std::unique_ptr<StateReader> pins;
  absl::StatusOr<v1::AgentStatus> status = request.reader.Status();
  if (absl::IsInvalidArgument(status.status())) return status.status();
  if (!status.ok() && !request.options.offline) {
    found.Add({{"agent", Verdict::kWrong, std::string(status.status().message())}});
    pins = request.open_pins();
    status = pins->Status();
  }
  if (!status.ok()) {
    found.Add({{"pins", Verdict::kWrong, std::string(status.status().message())}});
    return found;
  }
  if (status->pid() != 0) found.Add(CheckAgent(*status));
  if (!CheckPinsWereRead(*status).ok()) {
    // The agent says why in its problem `maps`. It still compares what it holds open.
    Finding rows = CheckMaps(request.reader, status->synced(), found.drift);
    rows.what = "rows";
    found.Add({{"programs", Verdict::kUnknown, "not looked at, because the pins cannot be read: see maps"}, rows});
    found.Add(CheckServices(*status));
    return found;
  }
  // Maps of another layout could not have been opened.
  found.Add({{"pins", Verdict::kOk, absl::StrCat(status->pin_directory(), " is complete, ABI ", status->abi_version())},
             CheckPrograms(*status),
             CheckMaps(pins != nullptr ? *pins : request.reader, status->synced(), found.drift)});
  found.Add(CheckRoom(*status));
  found.Add(CheckServices(*status));
  found.Add(CheckMode(*status));
  found.Add(CheckSilence(*status));
  found.Add(CheckReasons(*status));
  return found;
}

absl::StatusOr<Answer> Check(const Request& request) {
  const absl::StatusOr<Inspection> found = Inspect(request);
  if (!found.ok()) return found.status();
  size_t wrong = 0;
  Table table({"VERDICT", "WHAT", "DETAIL"});
  Json document = NewDocument("CheckResult");
  Json& items = document["items"] = Json::array();
  for (const Finding& finding : found->findings) {
    wrong += finding.verdict == Verdict::kWrong;
    const std::string verdict(VerdictWord(finding.verdict));
    table.Add({verdict, finding.what, finding.detail});
    items.push_back({{"verdict", verdict}, {"what", finding.what}, {"detail", finding.detail}});
  }
  Answer answer;
  answer.text =
      request.options.IsDocument() ? Print(document, request.options.format) : table.ToString(request.options.headers);
  if (wrong > 0) {
    answer.complaint = absl::StrCat(wrong, wrong == 1 ? " thing is" : " things are", " wrong");
  } else if (found->drift) {
    answer.complaint = "the maps were not as planned";
    answer.complaint_status = kExitDrift;
  }
  return answer;
}

}  // namespace

Object CheckObject() {
  return {.name = "check",
          .summary = "Is everything as it should be?",
          .commands = {{.summary = "Looks at the agent, its programs, its maps and its problems; says what is wrong",
                        .details = {"Asks the agent to compare every row of the maps with its plan, and to repair what",
                                    "differs. What is wrong with a Service by its owner's doing is a warning. Exit",
                                    "status 1 if something is WRONG, else 4 if rows differed. With --offline, or when",
                                    "no agent answers: are the pins complete and of this version, and are the programs",
                                    "attached? (`shuntd check` asks whether this host can run Shunt at all.)"},
                        .examples = {"shuntctl check", "shuntctl check --bpffs /run/other/bpf"},
                        .run = &Check}}};
}

}  // namespace shunt::shuntctl
