// SPDX-License-Identifier: Apache-2.0
#include "tools/shuntctl/kubectl.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "tools/shuntctl/exit_status.h"
#include "tools/shuntctl/printable.h"

namespace shunt::shuntctl {
namespace {

using Json = nlohmann::json;

// As the DaemonSet of manifests/ has them.
constexpr char kLabel[] = "app.kubernetes.io/name=shunt";
constexpr char kContainer[] = "shuntd";

std::vector<char*> ToArgv(const std::vector<std::string>& words) {
  std::vector<char*> argv;
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  return argv;
}

std::vector<std::string> KubectlWords(const NodeLine& line) {
  std::vector<std::string> words = {"kubectl"};
  words.insert(words.end(), line.kubectl_options.begin(), line.kubectl_options.end());
  return words;
}

std::string ReadAll(int fd) {
  std::string text;
  char buffer[4096];
  for (ssize_t got; (got = read(fd, buffer, sizeof(buffer))) > 0 || (got < 0 && errno == EINTR);) {
    if (got > 0) text.append(buffer, static_cast<size_t>(got));
  }
  return text;
}

// Returns the program's standard output. Its errors go to standard error, unless they are not `wanted`.
absl::StatusOr<std::string> OutputOf(const std::vector<std::string>& words, bool errors_wanted) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return absl::ErrnoToStatus(errno, "cannot make a pipe");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  if (!errors_wanted) posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  pid_t pid = 0;
  const int error = posix_spawnp(&pid, words[0].c_str(), &actions, nullptr, ToArgv(words).data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  std::string text = error == 0 ? ReadAll(ends[0]) : "";
  close(ends[0]);
  if (error != 0) return absl::UnavailableError(absl::StrCat("cannot run ", words[0], ": ", strerror(error)));
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (status == 0) return text;
  return absl::InternalError(absl::StrCat("kubectl failed with exit status ", WEXITSTATUS(status)));
}

bool IsReady(const Json& pod_status) {
  const Json conditions = pod_status.value("conditions", Json::array());
  return std::any_of(conditions.begin(), conditions.end(), [](const Json& condition) {
    return condition.value("type", "") == "Ready" && condition.value("status", "") == "True";
  });
}

// Returns the name of the pod to ask among those of the node: one that runs, rather one that is ready, and of those
// rather one that is not being deleted.
absl::StatusOr<std::string> ChoosePod(const Json& pods, const NodeLine& line) {
  std::string best;
  int best_rank = 0;
  std::string other;
  for (const Json& pod : pods.value("items", Json::array())) {
    const Json metadata = pod.value("metadata", Json::object());
    const std::string name = metadata.value("name", "");
    const Json status = pod.value("status", Json::object());
    const std::string phase = status.value("phase", "");
    if (phase != "Running") {
      other = absl::StrCat("the agent's pod ", name, " on node ", line.node, " is ", phase, ": `kubectl -n ",
                           line.agent_namespace, " describe pod ", name, "` says why");
      continue;
    }
    const int rank = 1 + (metadata.contains("deletionTimestamp") ? 0 : 1) + (IsReady(status) ? 2 : 0);
    if (rank > best_rank) {
      best = name;
      best_rank = rank;
    }
  }
  if (best_rank > 0) return best;
  if (!other.empty()) return absl::UnavailableError(other);
  return absl::NotFoundError(absl::StrCat("no pod of the agent is on node ", line.node, ": none in namespace ",
                                          line.agent_namespace, " has the label ", kLabel,
                                          " there; if it runs in another namespace, say --agent-namespace"));
}

absl::StatusOr<std::string> FindPod(const NodeLine& line) {
  std::vector<std::string> words = KubectlWords(line);
  words.insert(words.end(), {"-n", line.agent_namespace, "get", "pods", "-l", kLabel, "--field-selector",
                             absl::StrCat("spec.nodeName=", line.node), "-o", "json"});
  const absl::StatusOr<std::string> output = OutputOf(words, /*errors_wanted=*/true);
  if (!output.ok()) return output.status();
  const Json pods = Json::parse(*output, nullptr, /*allow_exceptions=*/false);
  if (!pods.is_object()) return absl::InternalError("kubectl printed no list of pods");
  absl::StatusOr<std::string> pod = ChoosePod(pods, line);
  if (!absl::IsNotFound(pod.status())) return pod;
  std::vector<std::string> node_words = KubectlWords(line);
  node_words.insert(node_words.end(), {"get", "nodes", "-o", "name"});
  const absl::StatusOr<std::string> nodes = OutputOf(node_words, /*errors_wanted=*/false);
  // Who may not list nodes is told about the pod.
  if (!nodes.ok()) return pod;
  const std::vector<absl::string_view> names = absl::StrSplit(*nodes, '\n');
  if (std::find(names.begin(), names.end(), absl::StrCat("node/", line.node)) != names.end()) return pod;
  return absl::NotFoundError(absl::StrCat("there is no node ", line.node, "; `kubectl get nodes` lists them"));
}

// The options that go with --node. Returns the name of the one that `argument` is, or none.
std::optional<std::string> NodeOption(absl::string_view argument) {
  for (const char* name : {"node", "agent-namespace", "context", "kubeconfig"}) {
    const std::string dashed = absl::StrCat("--", name);
    if (argument == dashed || absl::StartsWith(argument, dashed + "=")) return name;
  }
  return std::nullopt;
}

}  // namespace

bool NamesNode(const std::vector<std::string>& arguments) {
  for (const std::string& argument : arguments) {
    if (argument == "--") break;
    if (NodeOption(argument) == "node") return true;
  }
  return false;
}

absl::StatusOr<NodeLine> ParseNodeLine(const std::vector<std::string>& arguments) {
  NodeLine line;
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == "--") {
      line.arguments.insert(line.arguments.end(), arguments.begin() + static_cast<std::ptrdiff_t>(i), arguments.end());
      break;
    }
    const std::optional<std::string> option = NodeOption(arguments[i]);
    if (!option.has_value()) {
      line.arguments.push_back(arguments[i]);
      continue;
    }
    const std::string shown = absl::StrCat("--", *option);
    std::string value;
    if (arguments[i].size() > shown.size()) {
      value = arguments[i].substr(shown.size() + 1);
    } else if (i + 1 < arguments.size()) {
      value = arguments[++i];
    }
    if (value.empty()) return absl::InvalidArgumentError(absl::StrCat("option ", shown, " needs a value"));
    if (absl::StartsWith(value, "--")) {
      return absl::InvalidArgumentError(absl::StrCat("option ", shown, " needs a value, but ", value, " follows"));
    }
    if (option == "node") {
      line.node = value;
    } else if (option == "agent-namespace") {
      line.agent_namespace = value;
    } else {
      line.kubectl_options.push_back(absl::StrCat(shown, "=", value));
    }
  }
  return line;
}

int RunOnNode(const NodeLine& line, std::ostream& err) {
  const auto complain = [&](absl::string_view what) {
    err << "shuntctl: --node " << Printable(line.node) << ": " << Printable(what) << std::endl;
    return kExitFailed;
  };
  const absl::StatusOr<std::string> pod = FindPod(line);
  if (!pod.ok()) return complain(pod.status().message());
  std::vector<std::string> words = KubectlWords(line);
  words.insert(words.end(), {"-n", line.agent_namespace, "exec"});
  // A terminal in the pod takes standard error for standard output, so all three must be this terminal.
  if (isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1 && isatty(STDERR_FILENO) == 1) words.emplace_back("-it");
  words.insert(words.end(), {*pod, "-c", kContainer, "--", "shuntctl"});
  words.insert(words.end(), line.arguments.begin(), line.arguments.end());
  execvp(words[0].c_str(), ToArgv(words).data());
  return complain(absl::StrCat("cannot run kubectl: ", strerror(errno)));
}

std::vector<std::string> NodeNames(const std::vector<std::string>& arguments) {
  std::vector<std::string> names;
  const absl::StatusOr<NodeLine> line = ParseNodeLine(arguments);
  if (!line.ok()) return names;
  std::vector<std::string> words = KubectlWords(*line);
  words.insert(words.end(), {"get", "nodes", "-o", "name"});
  const absl::StatusOr<std::string> output = OutputOf(words, /*errors_wanted=*/false);
  if (!output.ok()) return names;
  for (const absl::string_view name : absl::StrSplit(*output, '\n', absl::SkipEmpty())) {
    names.emplace_back(absl::StripPrefix(name, "node/"));
  }
  return names;
}

}  // namespace shunt::shuntctl
