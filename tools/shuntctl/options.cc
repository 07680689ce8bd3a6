// SPDX-License-Identifier: Apache-2.0
#include "tools/shuntctl/options.h"

#include <cstdlib>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tools/shuntctl/words.h"

namespace shunt::shuntctl {
namespace {

struct Option {
  char letter;  // 0 if it has none
  const char* name;
  const char* value;  // the name of its value; null if it has none
  const char* description;
  absl::Status (*set)(const std::string& value, Options& options);
};

template <bool Options::* kMember, bool kTo = true>
absl::Status SetFlag(const std::string&, Options& options) {
  options.*kMember = kTo;
  return absl::OkStatus();
}

template <std::string Options::* kMember>
absl::Status SetText(const std::string& value, Options& options) {
  if (value.empty()) return absl::InvalidArgumentError("must have a value");
  options.*kMember = value;
  return absl::OkStatus();
}

template <std::string FlowOptions::* kMember>
absl::Status SetFlowText(const std::string& value, Options& options) {
  if (value.empty()) return absl::InvalidArgumentError("must have a value");
  options.flows.*kMember = value;
  return absl::OkStatus();
}

absl::Status SetLimit(const std::string& value, Options& options) {
  if (!absl::SimpleAtoi(value, &options.flows.limit) || options.flows.limit == 0) {
    return absl::InvalidArgumentError("must be a number from 1");
  }
  return absl::OkStatus();
}

template <Format kFormat>
absl::Status SetFormat(const std::string&, Options& options) {
  options.format = kFormat;
  return absl::OkStatus();
}

absl::Status ParseFormat(const std::string& value, Options& options) {
  constexpr std::pair<absl::string_view, Format> kFormats[] = {
      {"table", Format::kTable}, {"wide", Format::kWide}, {"json", Format::kPrettyJson}, {"yaml", Format::kYaml}};
  for (const auto& [name, format] : kFormats) {
    if (value == name) {
      options.format = format;
      return absl::OkStatus();
    }
  }
  return absl::InvalidArgumentError("must be one of table, wide, json, yaml");
}

absl::Status ParseInterval(const std::string& value, Options& options) {
  double seconds = 0;
  // At most a day: a longer interval is a typing error.
  if (!absl::SimpleAtod(value, &seconds) || !(seconds >= 0.1 && seconds <= 86'400)) {
    return absl::InvalidArgumentError("must be a number of seconds from 0.1 to 86400");
  }
  options.interval = absl::Seconds(seconds);
  return absl::OkStatus();
}

absl::Status SetEveryNamespace(const std::string&, Options& options) {
  options.namespace_name.clear();
  return absl::OkStatus();
}

// A user who names the pins wants them read.
absl::Status SetBpffs(const std::string& value, Options& options) {
  options.offline = true;
  return SetText<&Options::bpffs>(value, options);
}

// A line with --node is for the program in the pod, and is not parsed here.
absl::Status GoesWithNode(const std::string&, Options&) {
  return absl::FailedPreconditionError("goes with --node NODE, which is missing");
}

constexpr Option kOptions[] = {
    {'o', "output", "FORMAT", "table (default), wide, json or yaml", &ParseFormat},
    {'j', "json", nullptr, "JSON on one line", &SetFormat<Format::kJson>},
    {'p', "pretty", nullptr, "JSON on many lines, as -o json", &SetFormat<Format::kPrettyJson>},
    {'w', "watch", nullptr, "print again whenever the answer changes", &SetFlag<&Options::watch>},
    {0, "interval", "SECONDS", "how often --watch reads (default 2)", &ParseInterval},
    {'n', "namespace", "NAME", "only this namespace, of services and backends", &SetText<&Options::namespace_name>},
    {'A', "all-namespaces", nullptr, "every namespace (default)", &SetEveryNamespace},
    {0, "service", "NS/NAME", "only this Service's, of flows", &SetFlowText<&FlowOptions::service>},
    {0, "backend", "ADDRESS:PORT", "only those to this backend, of flows", &SetFlowText<&FlowOptions::backend>},
    {0, "client", "ADDRESS", "only those of this client, of flows", &SetFlowText<&FlowOptions::client>},
    {0, "state", "STATE", "only those in this state, of flows", &SetFlowText<&FlowOptions::state>},
    {0, "limit", "NUMBER", "at most so many, of flows (default all)", &SetLimit},
    {0, "no-headers", nullptr, "print tables without headers", &SetFlag<&Options::headers, false>},
    {'s', "socket", "PATH", "the agent's socket (default /run/shunt/admin.sock)", &SetText<&Options::socket>},
    {0, "offline", nullptr, "read the pinned maps instead of asking the agent", &SetFlag<&Options::offline>},
    {0, "bpffs", "DIR", "where the pins are (default $SHUNT_BPFFS or /sys/fs/bpf); means --offline", &SetBpffs},
    {0, "node", "NODE", "ask the agent on this node of a cluster, by kubectl", &GoesWithNode},
    {0, "agent-namespace", "NAME", "the agent's, with --node (default kube-system)", &GoesWithNode},
    {0, "context", "NAME", "kubectl's, with --node", &GoesWithNode},
    {0, "kubeconfig", "FILE", "kubectl's, with --node", &GoesWithNode},
    {'h', "help", nullptr, "print help for the program, object or command", &SetFlag<&Options::help>},
    {'V', "version", nullptr, "print the version", &SetFlag<&Options::version>},
};

// Whether only the commands about flows take it.
bool IsOfFlows(const Option& option) {
  return option.set == &SetFlowText<&FlowOptions::service> || option.set == &SetFlowText<&FlowOptions::backend> ||
         option.set == &SetFlowText<&FlowOptions::client> || option.set == &SetFlowText<&FlowOptions::state> ||
         option.set == &SetLimit;
}

class Parser {
 public:
  explicit Parser(const std::vector<std::string>& arguments) : arguments_(arguments) {}

  absl::StatusOr<CommandLine> Parse() {
    while (next_ < arguments_.size()) {
      const std::string& argument = arguments_[next_++];
      absl::Status status;
      if (argument == "--") {
        line_.words.insert(line_.words.end(), arguments_.begin() + static_cast<std::ptrdiff_t>(next_),
                           arguments_.end());
        break;
      }
      if (absl::StartsWith(argument, "--")) {
        status = ParseLong(argument.substr(2));
      } else if (argument.size() > 1 && argument[0] == '-') {
        status = ParseLetters(argument.substr(1));
      } else {
        line_.words.push_back(argument);
      }
      if (!status.ok()) return status;
    }
    return std::move(line_);
  }

 private:
  // Parses "output=json", or "output", whose value is the next argument.
  absl::Status ParseLong(const std::string& text) {
    const size_t equals = text.find('=');
    const std::string name = text.substr(0, equals);
    std::optional<std::string> value;
    if (equals != std::string::npos) value = text.substr(equals + 1);
    std::vector<std::string> names;
    for (const Option& option : kOptions) {
      if (name == option.name) return Apply(option, "--" + name, std::move(value));
      names.emplace_back(option.name);
    }
    std::string message = absl::StrCat("unknown option --", name);
    if (const std::string near = Nearest(name, names); !near.empty()) {
      absl::StrAppend(&message, ": did you mean --", near, "?");
    }
    return absl::InvalidArgumentError(message);
  }

  // Parses "jw", "ojson", or "o", whose value is the next argument.
  absl::Status ParseLetters(const std::string& letters) {
    for (size_t i = 0; i < letters.size(); ++i) {
      const Option* found = nullptr;
      for (const Option& option : kOptions) {
        if (option.letter == letters[i]) found = &option;
      }
      const std::string shown = {'-', letters[i]};
      if (found == nullptr) return absl::InvalidArgumentError(absl::StrCat("unknown option ", shown));
      std::optional<std::string> rest;
      if (found->value != nullptr && i + 1 < letters.size()) rest = letters.substr(i + 1);
      if (absl::Status status = Apply(*found, shown, std::move(rest)); !status.ok()) return status;
      if (found->value != nullptr) break;
    }
    return absl::OkStatus();
  }

  absl::Status Apply(const Option& option, const std::string& shown, std::optional<std::string> value) {
    if (option.value == nullptr) {
      if (value.has_value()) return absl::InvalidArgumentError(absl::StrCat("option ", shown, " takes no value"));
      return option.set("", line_.options);
    }
    if (!value.has_value()) {
      if (next_ >= arguments_.size()) {
        return absl::InvalidArgumentError(absl::StrCat("option ", shown, " needs a value: ", option.value));
      }
      value = arguments_[next_++];
      if (absl::StartsWith(*value, "--")) {
        return absl::InvalidArgumentError(
            absl::StrCat("option ", shown, " needs a value, ", option.value, ", but ", *value, " follows"));
      }
    }
    const absl::Status status = option.set(*value, line_.options);
    if (status.ok()) {
      if (IsOfFlows(option)) line_.options.narrowed_by.emplace_back(option.name);
      return status;
    }
    if (absl::IsFailedPrecondition(status)) {  // whatever the value is
      return absl::InvalidArgumentError(absl::StrCat("option ", shown, " ", status.message()));
    }
    return absl::InvalidArgumentError(absl::StrCat("option ", shown, " ", status.message(), ", not '", *value, "'"));
  }

  const std::vector<std::string>& arguments_;
  size_t next_ = 0;
  CommandLine line_;
};

}  // namespace

std::string DefaultBpffs() {
  const char* const set = std::getenv("SHUNT_BPFFS");
  return set == nullptr || *set == '\0' ? "/sys/fs/bpf" : set;
}

absl::StatusOr<CommandLine> ParseCommandLine(const std::vector<std::string>& arguments) {
  return Parser(arguments).Parse();
}

std::vector<KnownOption> KnownOptions() {
  std::vector<KnownOption> known;
  for (const Option& option : kOptions) {
    known.push_back({option.letter, option.name, option.value != nullptr, option.description});
  }
  return known;
}

std::string DescribeOptions() {
  std::string out;
  for (const Option& option : kOptions) {
    const std::string letter = option.letter == 0 ? "   " : absl::StrFormat("-%c,", option.letter);
    const std::string name =
        absl::StrCat(option.name, option.value == nullptr ? "" : " ", option.value == nullptr ? "" : option.value);
    absl::StrAppendFormat(&out, "  %s --%-22s %s\n", letter, name, option.description);
  }
  return out;
}

}  // namespace shunt::shuntctl
