// SPDX-License-Identifier: Apache-2.0
// shuntd, the agent: leads each connection to a Service straight to a pod.
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include "userspace/agent/host_verbs.h"
#include "userspace/agent/process/exit_status.h"
#include "userspace/agent/run.h"
#include "userspace/agent/settings/options.h"

namespace {

using namespace shunt::agent;  // NOLINT(build/namespaces): this is its main

Environment ReadEnvironment() {
  Environment environment;
  environment.in_pod = std::getenv("KUBERNETES_SERVICE_HOST") != nullptr;
  if (const char* name = std::getenv("NODE_NAME"); name != nullptr) environment.node_name = name;
  char host[256] = {};
  if (::gethostname(host, sizeof(host) - 1) == 0) environment.host_name = host;
  return environment;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const absl::StatusOr<CommandLine> command = ParseCommandLine(arguments, ReadEnvironment());
  if (!command.ok()) {
    std::cerr << "shuntd: " << command.status().message() << "\nTry `" << HelpFor(arguments) << "`.\n";
    return kExitUsage;
  }
  switch (command->verb) {
    case Verb::kRun:
      return Run(command->options);
    case Verb::kCleanup:
      return CleanUp(command->options, std::cout, std::cerr);
    case Verb::kCheck:
      return Check(command->options, std::cout);
    case Verb::kVersion:
      PrintVersion(std::cout);
      return kExitOk;
    case Verb::kHelp:
      std::cout << command->help;
      return kExitOk;
  }
  return kExitFailed;
}
