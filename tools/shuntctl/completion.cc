// SPDX-License-Identifier: Apache-2.0
#include "tools/shuntctl/completion.h"

#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "completion_scripts.h"
#include "tools/shuntctl/command.h"
#include "tools/shuntctl/kubectl.h"
#include "tools/shuntctl/map_table.h"
#include "tools/shuntctl/printable.h"
#include "tools/shuntctl/words.h"
#include "userspace/report/packet_rows.h"

namespace shunt::shuntctl {
namespace {

constexpr char kFiles[] = ":files";

class Completion {
 public:
  Completion(const std::vector<std::string>& words,
             const std::function<std::unique_ptr<StateReader>(const Options&)>& open)
      : open_(open), current_(words.empty() ? "" : words.back()) {
    if (!words.empty()) before_.assign(words.begin(), words.end() - 1);
  }

  std::vector<std::string> Find() {
    const std::vector<KnownOption> options = KnownOptions();
    std::vector<std::string> positional;
    const KnownOption* awaiting = nullptr;  // the option whose value the current word is
    for (const std::string& word : before_) {
      if (awaiting != nullptr) {
        awaiting = nullptr;
      } else if (!absl::StartsWith(word, "-")) {
        positional.push_back(word);
      } else {
        awaiting = AwaitsValue(word, options);
      }
    }
    if (awaiting != nullptr) {
      before_.pop_back();
      AddValues(awaiting->name, "");
    } else if (const size_t equals = current_.find('=');
               absl::StartsWith(current_, "--") && equals != std::string::npos) {
      AddValues(current_.substr(2, equals - 2), current_.substr(0, equals + 1));
    } else if (absl::StartsWith(current_, "-")) {
      for (const KnownOption& option : options) Add(absl::StrCat("--", option.name), option.description);
    } else {
      AddWords(positional);
    }
    return std::move(found_);
  }

 private:
  // Returns the option if `word` is one whose value is the next word.
  static const KnownOption* AwaitsValue(const std::string& word, const std::vector<KnownOption>& options) {
    for (const KnownOption& option : options) {
      if (!option.takes_value) continue;
      if (word == absl::StrCat("--", option.name)) return &option;
      // In "-jo" the value of -o follows; in "-ojson" it is there already.
      if (option.letter != 0 && !absl::StartsWith(word, "--") && word.back() == option.letter) return &option;
    }
    return nullptr;
  }

  void Add(const std::string& word, absl::string_view meaning = "") {
    // No name can move the terminal, or end a line of the answer.
    if (!absl::StartsWith(word, current_) || Printable(word) != word) return;
    found_.push_back(meaning.empty() ? word : absl::StrCat(word, "\t", meaning));
  }

  // Adds the values of the option, each behind `prefix`, which the current word begins with.
  void AddValues(const std::string& option, const std::string& prefix) {
    if (option == "output") {
      for (const char* format : {"table", "wide", "json", "yaml"}) Add(absl::StrCat(prefix, format));
    } else if (option == "namespace") {
      std::set<std::string> names;
      for (const v1::ObjectName& service : Services()) names.insert(service.namespace_name());
      for (const std::string& name : names) Add(absl::StrCat(prefix, name));
    } else if (option == "state") {
      for (size_t i = 0; i < report::kFlowKinds; ++i) {
        Add(absl::StrCat(prefix, report::FlowKindName(static_cast<report::FlowKind>(i))));
      }
    } else if (option == "service") {
      for (const v1::ObjectName& service : Services()) {
        Add(absl::StrCat(prefix, service.namespace_name(), "/", service.name()));
      }
    } else if (option == "node") {
      for (const std::string& node : NodeNames(before_)) Add(absl::StrCat(prefix, node));
    } else if (option == "socket" || option == "bpffs" || option == "kubeconfig") {
      found_ = {kFiles};
    }
  }

  void AddWords(std::vector<std::string> positional) {
    if (!positional.empty() && positional[0] == "help") positional.erase(positional.begin());
    if (positional.empty()) {
      for (const Object& object : Objects()) Add(object.name, object.summary);
      if (before_.empty()) Add("help", "Help for the program, an object or a command");
      return;
    }
    std::vector<Word> objects;
    for (const Object& object : Objects()) objects.push_back({object.name, object.aliases});
    const absl::StatusOr<size_t> index = MatchWord("object", positional[0], objects);
    if (!index.ok()) return;
    const Object& object = Objects()[*index];
    if (!object.HasCommands()) return;
    if (positional.size() == 1) {
      for (const Command& command : object.commands) Add(command.name, command.summary);
      Add("help");
    } else if (positional.size() == 2) {
      AddArguments(object, positional[1]);
    }
  }

  void AddArguments(const Object& object, const std::string& word) {
    std::vector<Word> commands;
    for (const Command& command : object.commands) commands.push_back({command.name, command.aliases});
    const absl::StatusOr<size_t> index = MatchWord("command", word, commands);
    if (!index.ok() || object.commands[*index].argument_count == 0) return;
    if (object.name == "map") {
      Add("frontends");
      for (const std::string& map : DumpableMaps()) Add(map);
    } else if (object.name == "service") {
      const bool in_namespace = !ParsedOptions().namespace_name.empty();
      for (const v1::ObjectName& service : Services()) {
        Add(in_namespace ? service.name() : absl::StrCat(service.namespace_name(), "/", service.name()));
      }
    }
  }

  // The options so far; what is wrong with them is not said while the line is being typed.
  Options ParsedOptions() const {
    const absl::StatusOr<CommandLine> line = ParseCommandLine(before_);
    return line.ok() ? line->options : Options();
  }

  // An agent behind --node is not asked: that takes seconds.
  std::vector<v1::ObjectName> Services() const {
    std::vector<v1::ObjectName> names;
    if (NamesNode(before_)) return names;
    const Options options = ParsedOptions();
    v1::ListServicesRequest wanted;
    wanted.set_namespace_name(options.namespace_name);
    const absl::StatusOr<v1::ListServicesResponse> response = open_(options)->Services(wanted);
    if (!response.ok()) return names;
    for (const v1::Service& service : response->services()) names.push_back(service.name());
    return names;
  }

  const std::function<std::unique_ptr<StateReader>(const Options&)>& open_;
  const std::string current_;
  std::vector<std::string> before_;
  std::vector<std::string> found_;
};

template <const char* kScript>
absl::StatusOr<Answer> PrintScript(const Request&) {
  return Answer{.text = kScript};
}

}  // namespace

std::vector<std::string> Complete(const std::vector<std::string>& words,
                                  const std::function<std::unique_ptr<StateReader>(const Options&)>& open) {
  return Completion(words, open).Find();
}

Object CompletionObject() {
  return {.name = "completion",
          .summary = "Completion of words, options and names for a shell",
          .commands = {{.name = "bash",
                        .summary = "The script for bash",
                        .examples = {". <(shuntctl completion bash)"},
                        .run = &PrintScript<kBashCompletion>},
                       {.name = "zsh",
                        .summary = "The script for zsh",
                        .examples = {"source <(shuntctl completion zsh)"},
                        .run = &PrintScript<kZshCompletion>},
                       {.name = "fish",
                        .summary = "The script for fish",
                        .examples = {"shuntctl completion fish | source"},
                        .run = &PrintScript<kFishCompletion>}}};
}

}  // namespace shunt::shuntctl
