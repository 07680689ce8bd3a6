// SPDX-License-Identifier: Apache-2.0
// The command line: options may come before, between and after the words.
#ifndef SHUNT_TOOLS_SHUNTCTL_OPTIONS_H_
#define SHUNT_TOOLS_SHUNTCTL_OPTIONS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace shunt::shuntctl {

enum class Format { kTable, kWide, kJson, kPrettyJson, kYaml };

// Returns $SHUNT_BPFFS, which a container's manifest sets, or else /sys/fs/bpf.
std::string DefaultBpffs();

// Which flows are meant; what is empty leaves out none.
struct FlowOptions {
  std::string service;  // NS/NAME
  std::string backend;  // ADDRESS:PORT
  std::string client;   // ADDRESS
  std::string state;
  uint32_t limit = 0;  // 0: all
};

struct Options {
  Format format = Format::kTable;
  bool headers = true;
  bool watch = false;
  absl::Duration interval = absl::Seconds(2);  // between two reads with `watch`
  std::string socket = "/run/shunt/admin.sock";
  bool offline = false;
  std::string bpffs = DefaultBpffs();
  std::string namespace_name;  // empty: all namespaces
  FlowOptions flows;
  std::vector<std::string> narrowed_by;  // names of the options of `flows` that were given
  bool help = false;
  bool version = false;

  bool IsDocument() const { return format >= Format::kJson; }
  bool IsWide() const { return format == Format::kWide; }
};

struct CommandLine {
  Options options;
  std::vector<std::string> words;  // OBJECT COMMAND ARGUMENTS
};

// Parses the arguments after the program's name. kInvalidArgument names the argument and says what is wrong with it.
absl::StatusOr<CommandLine> ParseCommandLine(const std::vector<std::string>& arguments);

struct KnownOption {
  char letter = 0;  // 0 if it has none
  std::string name;
  bool takes_value = false;
  std::string description;
};
std::vector<KnownOption> KnownOptions();

// Returns the options and what they do, for the help; ends in a newline.
std::string DescribeOptions();

}  // namespace shunt::shuntctl

#endif  // SHUNT_TOOLS_SHUNTCTL_OPTIONS_H_
