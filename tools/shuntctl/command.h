// SPDX-License-Identifier: Apache-2.0
// The grammar: OBJECT { COMMAND | help }. Each object is defined in the file of its name; command.cc lists them.
#ifndef SHUNT_TOOLS_SHUNTCTL_COMMAND_H_
#define SHUNT_TOOLS_SHUNTCTL_COMMAND_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tools/shuntctl/exit_status.h"
#include "tools/shuntctl/options.h"
#include "tools/shuntctl/state_reader.h"

namespace shunt::shuntctl {

struct Request {
  const Options& options;
  const std::vector<std::string>& arguments;  // as many as the command requires
  StateReader& reader;
  // Opens the pins, for what they can tell when the agent does not answer. Never null.
  std::function<std::unique_ptr<StateReader>()> open_pins;
};

struct Answer {
  std::string text;
  // If not empty: printed after the text, on standard error, and the exit status is complaint_status although the text
  // is complete.
  std::string complaint = "";
  int complaint_status = kExitFailed;
  // If not empty: printed on standard error, as kubectl's "No resources found"; it is no failure.
  std::string note = "";
};

struct Command {
  std::string name;  // empty for the only command of an object like `status`
  std::vector<std::string> aliases = {};
  std::string arguments = "";  // as in "NS/NAME[:PORT]"; empty: none. All are required.
  size_t argument_count = 0;
  bool by_namespace = false;                  // whether --namespace narrows its answer; if not, the option is refused
  std::vector<std::string> narrowed_by = {};  // names of the options of flows that it takes; it refuses the others
  // The command of the object that runs instead if there are no arguments; empty: none does.
  std::string without_arguments = "";
  std::string summary;                // a phrase without a full stop
  std::vector<std::string> details;   // lines of the command's own help
  std::vector<std::string> examples;  // whole command lines
  // kInvalidArgument if an argument is malformed (exit status 2).
  absl::StatusOr<Answer> (*run)(const Request& request) = nullptr;
};

struct Object {
  std::string name;
  std::vector<std::string> aliases = {};
  std::string summary;
  std::vector<Command> commands;                   // the first runs if none is named
  std::vector<std::string> commands_to_come = {};  // announced for a later version

  bool HasCommands() const { return !commands.front().name.empty(); }
};

Object ServiceObject();
Object BackendObject();
Object MapObject();
Object ProgObject();
Object DeviceObject();
Object FlowObject();
Object SnatObject();
Object StatusObject();
Object CheckObject();
Object VersionObject();
Object CompletionObject();

// All objects, in the order in which the help lists them.
const std::vector<Object>& Objects();

// Words that are announced for a later version: as objects.
const std::vector<std::string>& ObjectsToCome();

// The help for the program, for one object, for one of its commands. Each ends in a newline.
std::string ProgramHelp();
std::string ObjectHelp(const Object& object);
std::string CommandHelp(const Object& object, const Command& command);

}  // namespace shunt::shuntctl

#endif  // SHUNT_TOOLS_SHUNTCTL_COMMAND_H_
