// SPDX-License-Identifier: Apache-2.0
// shuntctl status: the agent on one page.
#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tools/shuntctl/command.h"
#include "tools/shuntctl/document.h"
#include "tools/shuntctl/map_room.h"
#include "tools/shuntctl/printable.h"
#include "tools/shuntctl/source_page.h"
#include "tools/shuntctl/table.h"
#include "tools/shuntctl/wording.h"

namespace shunt::shuntctl {
namespace {

void AppendField(absl::string_view name, absl::string_view value, std::string& out) {
  if (!value.empty()) absl::StrAppendFormat(&out, "%-11s%s\n", absl::StrCat(name, ":"), Printable(value));
}

std::string AgentText(const v1::AgentStatus& status) {
  if (status.pid() == 0) return "not asked: this is read from the pins";
  return absl::StrCat("shuntd ", status.version(), ", pid ", status.pid(), ", since ", TimeText(status.start_time()));
}

std::string ProgramsText(const v1::AgentStatus& status) {
  if (!CheckPinsWereRead(status).ok()) return "not known, because the pins cannot be read";
  const auto attached = std::count_if(status.programs().begin(), status.programs().end(),
                                      [](const v1::Program& program) { return program.attached(); });
  std::string text = absl::StrCat(attached, " of ", status.programs_size(), " attached");
  if (!status.cgroup().empty()) absl::StrAppend(&text, " to ", status.cgroup());
  if (status.pid() != 0 && !status.programs_current()) absl::StrAppend(&text, ", of an earlier build");
  return text;
}

std::string ServicesText(const v1::AgentStatus& status) {
  std::string text =
      absl::StrCat(CountText(status.services(), "Service"), ", ", CountText(status.frontends(), "frontend"), ", ",
                   CountText(status.backends(), "backend"));
  if (status.failed_services() != 0) absl::StrAppend(&text, "; ", status.failed_services(), " failed");
  return text;
}

std::string AppliedText(const v1::AgentStatus& status) {
  if (status.pid() == 0) return "";
  if (!status.has_last_apply_time()) return "not yet";
  return absl::StrCat(CountText(status.applies(), "time"), ", last at ", TimeText(status.last_apply_time()));
}

std::string SocketsText(const v1::SocketSweeps& sweeps) {
  if (sweeps.protocols().empty() || sweeps.protocols() == "off") return "";
  std::string text = absl::StrCat(sweeps.ended_udp(), " UDP");
  if (sweeps.protocols() == "all") absl::StrAppend(&text, " and ", sweeps.ended_tcp(), " TCP");
  absl::StrAppend(&text, " ended because their backend was gone");
  if (!sweeps.has_last_sweep_time()) return text;
  absl::StrAppend(&text, "; ", CountText(sweeps.namespaces(), "namespace"), " searched at ",
                  TimeText(sweeps.last_sweep_time()));
  if (sweeps.namespaces_not_entered() != 0) {
    absl::StrAppend(&text, ", ", sweeps.namespaces_not_entered(), " not entered");
  }
  return text;
}

std::string PacketsText(const v1::AgentStatus& status) {
  if (!status.has_packet_path()) return "";
  const v1::PacketPath& path = status.packet_path();
  std::string text = absl::StrCat("programs at ", CountText(path.devices_in_force(), "device"));
  if (path.devices_missing() != 0) absl::StrAppend(&text, ", missing at ", path.devices_missing());
  const double fill =
      path.flows_limit() == 0 ? 0 : 100 * static_cast<double>(path.flows()) / static_cast<double>(path.flows_limit());
  return absl::StrCat(text, "; ", path.flows(), " of ", path.flows_limit(), " flows (", PercentText(fill), ")");
}

std::string AuditText(const v1::AuditReport& audit) {
  if (!audit.has_time()) return "not yet";
  const std::string when = TimeText(audit.time());
  if (!audit.problem().empty()) return absl::StrCat(when, ", not made: ", audit.problem());
  return absl::StrCat(when, ", ", DriftText(audit));
}

// Describes the map that will be full first, of those whose fill says how much more fits.
std::string FullestText(const v1::AgentStatus& status) {
  const v1::MapFill* fullest = nullptr;
  for (const v1::MapFill& map : status.maps()) {
    const MapRoom* const room = FindMapRoom(map.name());
    if (map.capacity() == 0 || room == nullptr || room->when_full == WhenFull::kNothing) continue;
    if (fullest == nullptr || FillOf(map) > FillOf(*fullest)) fullest = &map;
  }
  if (fullest == nullptr) return "";
  return absl::StrCat("fullest is ", fullest->name(), ", ", fullest->used(), " of ", fullest->capacity(), " (",
                      PercentText(100 * FillOf(*fullest)), ")");
}

// A call that has nothing to do with a Service is no connection that was not translated.
std::string ReasonSections(const v1::AgentStatus& status, bool wide) {
  Table not_translated({"REASON", "COUNT", "MEANING"});
  Table nothing({"REASON", "COUNT", "MEANING"});
  for (const v1::Reason& reason : status.reasons()) {
    if (reason.count() == 0 && !wide) continue;
    Table& table = reason.kind() == v1::REASON_KIND_NOTHING_TO_TRANSLATE ? nothing : not_translated;
    table.Add({reason.name(), absl::StrCat(reason.count()), reason.meaning()});
  }
  // The counts outlive the agent that shows them, and a change of its mode.
  constexpr absl::string_view kSince = ", since the maps were created:\n";
  return absl::StrCat(
      not_translated.empty() ? "" : absl::StrCat("\nNot translated", kSince), not_translated.ToString(true, "  "),
      nothing.empty() ? "" : absl::StrCat("\nNothing to translate", kSince), nothing.ToString(true, "  "));
}

std::string ProblemSections(const v1::AgentStatus& status) {
  Table problems({"WHERE", "WHAT"});
  for (const v1::Problem& problem : status.problems()) problems.Add({problem.where(), problem.what()});
  if (const std::string& problem = status.socket_sweeps().problem(); !problem.empty()) {
    problems.Add({"sockets", problem});
  }
  Table warnings({"SERVICE", "KIND", "WHAT"});
  for (const v1::ServiceWarning& warning : status.service_warnings()) {
    const bool further = !warning.has_service();
    warnings.Add({NameText(warning.service()), further ? "" : WarningKindText(warning.kind()), warning.what()});
  }
  return absl::StrCat(problems.empty() ? "" : "\nProblems:\n", problems.ToString(true, "  "),
                      warnings.empty() ? "" : "\nWarnings of Services:\n", warnings.ToString(true, "  "));
}

std::string StatusPage(const v1::AgentStatus& status, bool wide) {
  std::string out;
  AppendField("Agent", AgentText(status), out);
  AppendField("Node", status.node_name(), out);
  if (status.pid() != 0) {
    AppendField("Source", absl::StrCat(status.source(), status.synced() ? ", synced" : ", not synced yet"), out);
  }
  AppendField("Server", ServerText(status), out);
  AppendField("Pins", absl::StrCat(status.pin_directory(), ", ABI ", status.abi_version()), out);
  AppendField("Programs", ProgramsText(status), out);
  if (status.observing()) {
    AppendField("Mode",
                "observing: nothing is translated, refused or ended; would_translate and would_refuse count what "
                "would have been, since the maps were created",
                out);
  }
  AppendField("Silence", SilenceText(status.sign_of_life()), out);
  AppendField("Serving", ServicesText(status), out);
  AppendField("Packets", PacketsText(status), out);
  AppendField("Applied", AppliedText(status), out);
  AppendField("Sockets", SocketsText(status.socket_sweeps()), out);
  AppendField("Maps", FullestText(status), out);
  if (status.pid() != 0) AppendField("Audit", AuditText(status.last_audit()), out);

  if (Table watched = WatchedTable(status, wide); !watched.empty()) {
    absl::StrAppend(&out, "\nWatched:\n", watched.ToString(true, "  "));
  }
  absl::StrAppend(&out, ReasonSections(status, wide), ProblemSections(status));
  return out;
}

absl::StatusOr<Answer> Show(const Request& request) {
  const absl::StatusOr<v1::AgentStatus> status = request.reader.Status();
  if (!status.ok()) return status.status();
  if (request.options.IsDocument()) {
    return Answer{PrintMessage("AgentStatus", *status, request.options.format), ""};
  }
  return Answer{StatusPage(*status, request.options.IsWide()), ""};
}

}  // namespace

Object StatusObject() {
  return {.name = "status",
          .summary = "The agent, what it serves, and what is wrong",
          .commands = {{.summary = "The agent, what it serves, why destinations were not translated, and what is wrong",
                        .examples = {"shuntctl status", "shuntctl status -o wide", "shuntctl -p status --offline"},
                        .run = &Show}}};
}

}  // namespace shunt::shuntctl
