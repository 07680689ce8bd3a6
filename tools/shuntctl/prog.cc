// SPDX-License-Identifier: Apache-2.0
// shuntctl prog: the programs at their hooks.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tools/shuntctl/command.h"
#include "tools/shuntctl/document.h"
#include "tools/shuntctl/table.h"
#include "tools/shuntctl/wording.h"

namespace shunt::shuntctl {
namespace {

absl::StatusOr<Answer> List(const Request& request) {
  const absl::StatusOr<v1::AgentStatus> status = request.reader.Status();
  if (!status.ok()) return status.status();
  if (absl::Status pins = CheckPinsWereRead(*status); !pins.ok()) return pins;
  if (request.options.IsDocument()) {
    return Answer{PrintList("ProgramList", status->programs(), request.options.format), ""};
  }
  std::vector<std::string> headers = {"NAME", "HOOK", "ATTACHED-TO", "RUNS", "NS-PER-RUN"};
  if (request.options.IsWide()) headers.insert(headers.end(), {"TAG", "JITED"});
  Table table(std::move(headers));
  const auto any = [&](bool (*of)(const v1::Program&)) {
    return std::any_of(status->programs().begin(), status->programs().end(), of);
  };
  const bool counting = any([](const v1::Program& program) { return program.runs_counted(); });
  const bool counted = counting || any([](const v1::Program& program) { return program.runs() != 0; });
  for (const v1::Program& program : status->programs()) {
    std::vector<std::string> cells = {program.name(), program.hook(),
                                      program.attached() ? program.attach_point() : "not attached",
                                      counted ? absl::StrCat(program.runs()) : "",
                                      program.runs() == 0 ? "" : absl::StrCat(program.run_time_ns() / program.runs())};
    if (request.options.IsWide()) cells.insert(cells.end(), {program.tag(), BytesText(program.jited_bytes())});
    table.Add(std::move(cells));
  }
  if (table.empty()) return Answer{"", "no program is attached: nothing is translated on this node"};
  Answer answer{.text = table.ToString(request.options.headers), .note = ""};
  if (!counting) {
    answer.note =
        absl::StrCat(counted ? "RUNS are of an earlier time, and are not counted now: " : "RUNS are not counted: ",
                     "`sysctl kernel.bpf_stats_enabled=1` makes the kernel count.");
  }
  return answer;
}

}  // namespace

Object ProgObject() {
  return {
      .name = "prog",
      .aliases = {"progs", "program", "programs"},
      .summary = "Programs: hook, attach point, runs",
      .commands = {{.name = "list",
                    .aliases = {"ls", "show", "get"},
                    .summary = "All programs, in the order in which a connection meets them",
                    .details = {"RUNS and NS-PER-RUN are counted only while the kernel is told to, at a small cost:",
                                "  sysctl kernel.bpf_stats_enabled=1"},
                    .examples = {"shuntctl prog list", "shuntctl prog list -o wide --offline"},
                    .run = &List}}};
}

}  // namespace shunt::shuntctl
