// SPDX-License-Identifier: Apache-2.0
#include "tools/shuntctl/run.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tools/shuntctl/command.h"
#include "tools/shuntctl/printable.h"
#include "tools/shuntctl/words.h"

namespace shunt::shuntctl {
namespace {

constexpr char kHelp[] = "help";
// To the top left corner; erase the screen and what was scrolled off it.
constexpr char kClearScreen[] = "\033[H\033[2J\033[3J";

// What the words ask for: a command to run, or help to print.
struct Wish {
  const Object* object = nullptr;
  const Command* command = nullptr;
  std::vector<std::string> arguments;
  std::string help;  // not empty: print this
};

absl::StatusOr<const Object*> FindObject(const std::string& word) {
  std::vector<std::string> names;
  for (const Object& object : Objects()) names.push_back(object.name);
  const absl::StatusOr<size_t> index = MatchWord("object", word, names);
  if (!index.ok()) return index.status();
  return &Objects()[*index];
}

// Null: the word is `help`.
absl::StatusOr<const Command*> FindCommand(const Object& object, const std::string& word) {
  std::vector<std::string> names;
  for (const Command& command : object.commands) names.push_back(command.name);
  names.emplace_back(kHelp);
  const absl::StatusOr<size_t> index = MatchWord(absl::StrCat(object.name, " command"), word, names);
  if (!index.ok()) return index.status();
  return *index < object.commands.size() ? &object.commands[*index] : nullptr;
}

std::string NameOf(const Object& object, const Command& command) {
  return command.name.empty() ? object.name : absl::StrCat(object.name, " ", command.name);
}

// `help` and `-h` win over everything that comes after them.
absl::StatusOr<Wish> Understand(std::vector<std::string> words, bool help) {
  if (!words.empty() && words.front() == kHelp) {
    words.erase(words.begin());
    help = true;
  }
  if (words.empty()) {
    if (help) return Wish{.help = ProgramHelp()};
    return absl::InvalidArgumentError("no object named");
  }
  const absl::StatusOr<const Object*> object = FindObject(words[0]);
  if (!object.ok()) return object.status();
  Wish wish{.object = *object, .command = &(*object)->commands.front()};
  size_t next = 1;
  if (wish.object->HasCommands() && words.size() > 1) {
    const absl::StatusOr<const Command*> command = FindCommand(*wish.object, words[1]);
    if (!command.ok()) return command.status();
    if (*command == nullptr) return Wish{.help = ObjectHelp(*wish.object)};
    wish.command = *command;
    next = 2;
  } else if (help) {
    return Wish{.help = ObjectHelp(*wish.object)};
  }
  if (help || (words.size() == next + 1 && words[next] == kHelp)) {
    return Wish{.help = CommandHelp(*wish.object, *wish.command)};
  }
  wish.arguments.assign(words.begin() + static_cast<std::ptrdiff_t>(next), words.end());
  const std::string name = NameOf(*wish.object, *wish.command);
  if (wish.arguments.size() < wish.command->argument_count) {
    return absl::InvalidArgumentError(absl::StrCat(name, " needs ", wish.command->arguments));
  }
  if (wish.arguments.size() > wish.command->argument_count) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", wish.arguments[wish.command->argument_count], "' is one word too many for ", name));
  }
  return wish;
}

class Session {
 public:
  Session(const Options& options, const Wish& wish, const Surroundings& surroundings)
      : options_(options), wish_(wish), surroundings_(surroundings) {}

  int RunOnce() {
    const absl::StatusOr<Answer> answer = Ask();
    if (!answer.ok()) return Fail(answer.status());
    surroundings_.out << answer->text << std::flush;
    if (!surroundings_.out) return Complain("cannot write the answer");
    if (answer->complaint.empty()) return kExitOk;
    Complain(answer->complaint);
    return answer->complaint_status;
  }

  // Ends by itself only if the first look fails or nobody can read any more.
  int Watch() {
    std::string shown;
    std::string complained;
    for (bool first = true;; first = false) {
      const absl::StatusOr<Answer> answer = Ask();
      if (!answer.ok() && first) return Fail(answer.status());
      const std::string complaint(answer.ok() ? absl::string_view(answer->complaint) : answer.status().message());
      if (answer.ok() && (first || answer->text != shown)) {
        shown = answer->text;
        surroundings_.out << Separator(first) << shown << std::flush;
        if (!surroundings_.out) return Complain("cannot write the answer");
      }
      if (!complaint.empty() && complaint != complained) Complain(complaint);
      complained = complaint;
      if (!surroundings_.wait(options_.interval)) return kExitOk;
    }
  }

 private:
  absl::StatusOr<Answer> Ask() {
    const std::unique_ptr<StateReader> reader = surroundings_.open(options_);
    const auto open_pins = [this] {
      Options offline = options_;
      offline.offline = true;
      return surroundings_.open(offline);
    };
    return wish_.command->run(
        {.options = options_, .arguments = wish_.arguments, .reader = *reader, .open_pins = open_pins});
  }

  std::string Separator(bool first) const {
    if (surroundings_.out_is_terminal && !options_.IsDocument()) return kClearScreen;
    if (first) return "";
    return options_.format == Format::kYaml ? "---\n" : options_.IsDocument() ? "" : "\n";
  }

  int Fail(const absl::Status& status) const {
    Complain(status.message());
    return absl::IsInvalidArgument(status) ? kExitUsage : kExitFailed;
  }

  int Complain(absl::string_view what) const {
    std::string command = NameOf(*wish_.object, *wish_.command);
    if (!wish_.arguments.empty()) absl::StrAppend(&command, " ", absl::StrJoin(wish_.arguments, " "));
    surroundings_.err << "shuntctl: " << Printable(command) << ": " << Printable(what) << std::endl;
    return kExitFailed;
  }

  const Options& options_;
  const Wish& wish_;
  const Surroundings& surroundings_;
};

int RefuseUsage(const absl::Status& status, const Surroundings& surroundings) {
  surroundings.err << "shuntctl: " << Printable(status.message()) << "\nTry `shuntctl help`." << std::endl;
  return kExitUsage;
}

}  // namespace

int RunShuntctl(const std::vector<std::string>& arguments, const Surroundings& surroundings) {
  absl::StatusOr<CommandLine> line = ParseCommandLine(arguments);
  if (!line.ok()) return RefuseUsage(line.status(), surroundings);
  if (line->options.version && line->words.empty()) line->words = {"version"};
  const absl::StatusOr<Wish> wish = Understand(std::move(line->words), line->options.help);
  if (!wish.ok()) return RefuseUsage(wish.status(), surroundings);
  if (!wish->help.empty()) {
    surroundings.out << wish->help << std::flush;
    return surroundings.out ? kExitOk : kExitFailed;
  }
  Session session(line->options, *wish, surroundings);
  return line->options.watch ? session.Watch() : session.RunOnce();
}

}  // namespace shunt::shuntctl
