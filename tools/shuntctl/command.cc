// SPDX-License-Identifier: Apache-2.0
#include "tools/shuntctl/command.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace shunt::shuntctl {
namespace {

std::string UsageOf(const Object& object, const Command& command) {
  std::string usage = absl::StrCat("shuntctl [OPTIONS] ", object.name);
  if (!command.name.empty()) absl::StrAppend(&usage, " ", command.name);
  if (!command.arguments.empty()) absl::StrAppend(&usage, " ", command.arguments);
  return usage;
}

void AppendExamples(const Command& command, std::string& out) {
  for (const std::string& example : command.examples) absl::StrAppend(&out, "  ", example, "\n");
}

}  // namespace

const std::vector<Object>& Objects() {
  static const auto* const kObjects = new std::vector<Object>{
      ServiceObject(), BackendObject(), FlowObject(),  SnatObject(),    DeviceObject(),    MapObject(),
      ProgObject(),    StatusObject(),  CheckObject(), VersionObject(), CompletionObject()};
  return *kObjects;
}

const std::vector<std::string>& ObjectsToCome() {
  static const auto* const kWords = new std::vector<std::string>{"bypass", "explain", "top", "trace"};
  return *kWords;
}

std::string ProgramHelp() {
  std::string out =
      "shuntctl shows what Shunt does on this node.\n"
      "\n"
      "Usage: shuntctl [OPTIONS] OBJECT { COMMAND | help }\n"
      "       shuntctl help [OBJECT [COMMAND]]\n"
      "\n"
      "Objects and commands may be shortened: `shuntctl se l` is `shuntctl service list`. Plurals, `svc`, `ls`, `get`\n"
      "and `show` work as in kubectl and bpftool.\n"
      "\n"
      "Objects:\n";
  for (const Object& object : Objects()) {
    std::string commands;
    for (const Command& command : object.commands) {
      if (!command.name.empty()) absl::StrAppend(&commands, commands.empty() ? "" : ", ", command.name);
    }
    absl::StrAppendFormat(&out, "  %-12s%-19s%s\n", object.name, commands, object.summary);
  }
  absl::StrAppend(&out, "\nOptions, anywhere on the command line:\n", DescribeOptions(),
                  "\nExamples:\n"
                  "  shuntctl service list -n shop\n"
                  "  shuntctl service show shop/cart:80\n"
                  "  shuntctl map dump frontends --offline\n"
                  "  shuntctl -j status | jq .problems\n"
                  "  kubectl shunt --node worker-1 check\n"
                  "\n"
                  "Exit status: 0 success, 1 failure or `check` found a fault, 2 bad usage, 4 `check` found only "
                  "repaired drift.\n");
  return out;
}

std::string ObjectHelp(const Object& object) {
  if (!object.HasCommands()) return CommandHelp(object, object.commands.front());
  std::string out = absl::StrCat("shuntctl ", object.name, ": ", object.summary, "\n\nUsage:\n");
  size_t width = 0;
  for (const Command& command : object.commands) width = std::max(width, UsageOf(object, command).size());
  for (const Command& command : object.commands) {
    absl::StrAppendFormat(&out, "  %-*s   %s\n", static_cast<int>(width), UsageOf(object, command), command.summary);
  }
  absl::StrAppend(&out, "\n`shuntctl ", object.name, "` alone is `shuntctl ", object.name, " ",
                  object.commands.front().name, "`.\n\nExamples:\n");
  for (const Command& command : object.commands) AppendExamples(command, out);
  absl::StrAppend(&out, "\n`shuntctl help` lists the options.\n");
  return out;
}

std::string CommandHelp(const Object& object, const Command& command) {
  std::string out = absl::StrCat("Usage: ", UsageOf(object, command), "\n\n", command.summary, "\n");
  for (const std::string& line : command.details) absl::StrAppend(&out, line, "\n");
  absl::StrAppend(&out, "\nExamples:\n");
  AppendExamples(command, out);
  absl::StrAppend(&out, "\n`shuntctl help` lists the options.\n");
  return out;
}

}  // namespace shunt::shuntctl
