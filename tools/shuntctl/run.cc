// SPDX-License-Identifier: Apache-2.0
#include "tools/shuntctl/run.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tools/shuntctl/command.h"
#include "tools/shuntctl/completion.h"
#include "tools/shuntctl/kubectl.h"
#include "tools/shuntctl/printable.h"
#include "tools/shuntctl/words.h"

namespace shunt::shuntctl {
namespace {

constexpr char kHelp[] = "help";
// Moves the cursor to the top left corner, and erases the screen and what was scrolled off it.
constexpr char kClearScreen[] = "\033[H\033[2J\033[3J";

// What the words ask for: a command to run, or help to print.
struct Invocation {
  const Object* object = nullptr;
  const Command* command = nullptr;
  std::vector<std::string> arguments;
  std::string help;  // not empty: print this
};

absl::Status WhichObject() {
  std::string names;
  for (const Object& object : Objects()) {
    const bool last = &object == &Objects().back();
    absl::StrAppend(&names, names.empty() ? "" : last ? " or " : ", ", object.name);
  }
  return absl::InvalidArgumentError(absl::StrCat("which object? ", names));
}

// Returns `otherwise`, unless the word is one of those to come.
absl::Status Unknown(const std::string& word, const std::vector<std::string>& to_come, absl::Status otherwise) {
  if (std::find(to_come.begin(), to_come.end(), word) == to_come.end()) return otherwise;
  return absl::InvalidArgumentError(
      absl::StrCat("`", word, "` is not in this version",
                   word == "explain" ? "; `shuntctl service show NS/NAME` says where a Service leads, and why" : ""));
}

absl::StatusOr<const Object*> FindObject(const std::string& word) {
  std::vector<Word> words;
  for (const Object& object : Objects()) words.push_back({object.name, object.aliases});
  const absl::StatusOr<size_t> index = MatchWord("object", word, words);
  if (!index.ok()) return Unknown(word, ObjectsToCome(), index.status());
  return &Objects()[*index];
}

// Returns null if the word is `help`.
absl::StatusOr<const Command*> FindCommand(const Object& object, const std::string& word) {
  std::vector<Word> words;
  for (const Command& command : object.commands) words.push_back({command.name, command.aliases});
  words.push_back({kHelp});
  const absl::StatusOr<size_t> index = MatchWord(absl::StrCat(object.name, " command"), word, words);
  if (!index.ok()) return Unknown(word, object.commands_to_come, index.status());
  return *index < object.commands.size() ? &object.commands[*index] : nullptr;
}

// Returns what `show` without a name means: the list.
const Command* WithoutArguments(const Object& object, const Command& command) {
  for (const Command& other : object.commands) {
    if (!command.without_arguments.empty() && other.name == command.without_arguments) return &other;
  }
  return &command;
}

std::string NameOf(const Object& object, const Command& command) {
  return command.name.empty() ? object.name : absl::StrCat(object.name, " ", command.name);
}

// `help` and `-h` take precedence over everything that follows them.
absl::StatusOr<Invocation> ParseInvocation(std::vector<std::string> words, const Options& options) {
  bool help = options.help;
  if (!words.empty() && words.front() == kHelp) {
    words.erase(words.begin());
    help = true;
  }
  if (words.empty()) {
    if (help) return Invocation{.help = ProgramHelp()};
    return WhichObject();
  }
  const absl::StatusOr<const Object*> object = FindObject(words[0]);
  if (!object.ok()) return object.status();
  Invocation invocation{.object = *object, .command = &(*object)->commands.front()};
  size_t next = 1;
  if (invocation.object->HasCommands() && words.size() > 1) {
    const absl::StatusOr<const Command*> command = FindCommand(*invocation.object, words[1]);
    if (!command.ok()) return command.status();
    if (*command == nullptr) return Invocation{.help = ObjectHelp(*invocation.object)};
    invocation.command = *command;
    next = 2;
  } else if (help) {
    return Invocation{.help = ObjectHelp(*invocation.object)};
  }
  if (help || (words.size() == next + 1 && words[next] == kHelp)) {
    return Invocation{.help = CommandHelp(*invocation.object, *invocation.command)};
  }
  invocation.arguments.assign(words.begin() + static_cast<std::ptrdiff_t>(next), words.end());
  if (invocation.arguments.empty()) invocation.command = WithoutArguments(*invocation.object, *invocation.command);
  const std::string name = NameOf(*invocation.object, *invocation.command);
  if (invocation.arguments.size() < invocation.command->argument_count) {
    return absl::InvalidArgumentError(absl::StrCat(name, " needs ", invocation.command->arguments));
  }
  if (!options.namespace_name.empty() && !invocation.command->by_namespace) {
    return absl::InvalidArgumentError(absl::StrCat(name, " is about the whole node: it takes no --namespace"));
  }
  for (const std::string& option : options.narrowed_by) {
    const std::vector<std::string>& takes = invocation.command->narrowed_by;
    if (std::find(takes.begin(), takes.end(), option) != takes.end()) continue;
    return absl::InvalidArgumentError(absl::StrCat(name, " takes no --", option));
  }
  if (invocation.arguments.size() > invocation.command->argument_count) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": unexpected argument '", invocation.arguments[invocation.command->argument_count], "'"));
  }
  return invocation;
}

class Session {
 public:
  Session(const Options& options, const Invocation& invocation, const Environment& environment)
      : options_(options), invocation_(invocation), environment_(environment) {}

  int RunOnce() {
    const absl::StatusOr<Answer> answer = Ask();
    if (!answer.ok()) return Fail(answer.status());
    environment_.out << answer->text << std::flush;
    if (!environment_.out) return Complain("cannot write the answer");
    Note(answer->note);
    if (answer->complaint.empty()) return kExitOk;
    Complain(answer->complaint);
    return answer->complaint_status;
  }

  // Ends by itself only if the first read fails or the output cannot be written.
  int Watch() {
    std::string shown;
    std::string complained;
    std::string noted;
    for (bool first = true;; first = false) {
      const absl::StatusOr<Answer> answer = Ask();
      if (!answer.ok() && first) return Fail(answer.status());
      const std::string complaint(answer.ok() ? absl::string_view(answer->complaint) : answer.status().message());
      if (answer.ok() && (first || answer->text != shown)) {
        shown = answer->text;
        environment_.out << Separator(first) << shown << std::flush;
        if (!environment_.out) return Complain("cannot write the answer");
      }
      if (!complaint.empty() && complaint != complained) Complain(complaint);
      complained = complaint;
      const std::string note = answer.ok() ? answer->note : "";
      if (note != noted) Note(note);
      noted = note;
      if (!environment_.wait(options_.interval)) return kExitOk;
    }
  }

 private:
  absl::StatusOr<Answer> Ask() {
    const std::unique_ptr<StateReader> reader = environment_.open(options_);
    const auto open_pins = [this] {
      Options offline = options_;
      offline.offline = true;
      return environment_.open(offline);
    };
    return invocation_.command->run(
        {.options = options_, .arguments = invocation_.arguments, .reader = *reader, .open_pins = open_pins});
  }

  std::string Separator(bool first) const {
    if (environment_.out_is_terminal && !options_.IsDocument()) return kClearScreen;
    if (first) return "";
    return options_.format == Format::kYaml ? "---\n" : options_.IsDocument() ? "" : "\n";
  }

  int Fail(const absl::Status& status) const {
    Complain(status.message());
    return absl::IsInvalidArgument(status) ? kExitUsage : kExitFailed;
  }

  void Note(absl::string_view what) const {
    if (!what.empty()) environment_.err << Printable(what) << std::endl;
  }

  int Complain(absl::string_view what) const {
    std::string command = NameOf(*invocation_.object, *invocation_.command);
    if (!invocation_.arguments.empty()) absl::StrAppend(&command, " ", absl::StrJoin(invocation_.arguments, " "));
    environment_.err << "shuntctl: " << Printable(command) << ": " << Printable(what) << std::endl;
    return kExitFailed;
  }

  const Options& options_;
  const Invocation& invocation_;
  const Environment& environment_;
};

// Points at the help of the object that `words` name, or else at the program's.
int RefuseUsage(const absl::Status& status, const std::vector<std::string>& words, const Environment& environment) {
  std::string help = "shuntctl help";
  const auto word = std::find_if(words.begin(), words.end(), [](const std::string& w) { return w != kHelp; });
  if (word != words.end()) {
    if (const absl::StatusOr<const Object*> object = FindObject(*word); object.ok()) {
      absl::StrAppend(&help, " ", (*object)->name);
    }
  }
  environment.err << "shuntctl: " << Printable(status.message()) << "\nTry `" << help << "`." << std::endl;
  return kExitUsage;
}

}  // namespace

// The scripts for the shells ask this way; it is no command for people. Returns nullopt for other lines.
std::optional<int> RunCompletion(const std::vector<std::string>& arguments, const Environment& environment) {
  if (arguments.size() < 3 || arguments[0] != "completion" || arguments[1] != "words" || arguments[2] != "--") {
    return std::nullopt;
  }
  const std::vector<std::string> words(arguments.begin() + 3, arguments.end());
  for (const std::string& word : Complete(words, environment.open)) environment.out << word << "\n";
  environment.out << std::flush;
  return kExitOk;
}

int RunShuntctl(const std::vector<std::string>& arguments, const Environment& environment) {
  if (const std::optional<int> completed = RunCompletion(arguments, environment)) return *completed;
  if (NamesNode(arguments)) {
    const absl::StatusOr<NodeLine> node = ParseNodeLine(arguments);
    return node.ok() ? RunOnNode(*node, environment.err) : RefuseUsage(node.status(), {}, environment);
  }
  absl::StatusOr<CommandLine> line = ParseCommandLine(arguments);
  if (!line.ok()) return RefuseUsage(line.status(), {}, environment);
  if (line->options.version && line->words.empty()) line->words = {"version"};
  const absl::StatusOr<Invocation> invocation = ParseInvocation(line->words, line->options);
  if (!invocation.ok()) return RefuseUsage(invocation.status(), line->words, environment);
  if (!invocation->help.empty()) {
    environment.out << invocation->help << std::flush;
    return environment.out ? kExitOk : kExitFailed;
  }
  Session session(line->options, *invocation, environment);
  return line->options.watch ? session.Watch() : session.RunOnce();
}

}  // namespace shunt::shuntctl
