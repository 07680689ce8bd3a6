// SPDX-License-Identifier: Apache-2.0
// shunt-playground, which `make run` starts: a sandbox with pods, an agent on the examples, real connections.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/playground/dial.h"
#include "tests/playground/narrator.h"
#include "tests/playground/pod.h"
#include "tests/playground/shop.h"
#include "tests/playground/tour.h"
#include "tests/playground/world.h"

namespace shunt::playground {
namespace {

std::atomic<bool> interrupted = false;

void OnSignal(int) {
  interrupted = true;
}

// Makes Ctrl-C a request, so that everything is taken down in order.
void CatchSignals() {
  struct sigaction action = {};
  action.sa_handler = &OnSignal;  // without SA_RESTART, so that blocking calls return
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::sigaction(signal, &action, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
}

void WaitForSignal() {
  sigset_t watched, before;
  ::sigemptyset(&watched);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::sigaddset(&watched, signal);
  ::sigprocmask(SIG_BLOCK, &watched, &before);
  while (!interrupted) ::sigsuspend(&before);
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
}

int RunPod(const std::string& name, int ready_fd, const std::vector<std::string>& listeners) {
  Pod pod{name, {}};
  for (const std::string& text : listeners) {
    const auto listener = ParseListener(text);
    if (!listener.has_value()) {
      std::cerr << "pod " << name << ": " << text << ": expected ADDRESS:PORT/PROTOCOL\n";
      return 2;
    }
    pod.listeners.push_back(*listener);
  }
  ::fcntl(ready_fd, F_SETFD, FD_CLOEXEC);
  std::cerr << ServePod(pod, ready_fd).message() << "\n";
  return 1;
}

int Dial(const std::string& to, int count) {
  const auto target = ParseListener(to);
  if (!target.has_value() || target->protocol == model::Protocol::kSctp) {
    std::cerr << "shunt-playground dial: " << to << ": expected ADDRESS:PORT or ADDRESS:PORT/udp\n";
    return 2;
  }
  const bool tcp = target->protocol == model::Protocol::kTcp;
  Tally tally;
  Visit visit;
  for (int i = 0; i < count && !interrupted; ++i) {
    visit = tcp ? VisitTcp(target->address) : VisitUdp(target->address);
    ++tally[TallyKey(visit)];
  }
  for (const auto& [answer, times] : tally) std::cout << answer << "  " << times << "\n";
  if (visit.error != 0) {
    std::cout << "the last one failed in " << visit.failed_at << "\n";
    return 1;
  }
  std::cout << (tcp ? "getpeername" : "recvfrom") << " says " << visit.peer.address.ToStringWithPort(visit.peer.port)
            << "\n";
  return 0;
}

// Whether the Services are those of which the tour speaks.
bool IsOfTheTour(const Shop& shop) {
  return std::any_of(shop.services.begin(), shop.services.end(),
                     [](const model::Service& service) { return service.name == model::ObjectName{"shop", "cart"}; });
}

int Play(const Paths& paths, bool once) {
  CatchSignals();
  Narrator narrator;
  narrator.Line("Shunt's playground: a node of its own, in namespaces of this process.\n");
  absl::StatusOr<std::unique_ptr<World>> world = World::Build(paths, narrator);
  if (!world.ok()) {
    narrator.Line(absl::StrCat("\nshunt-playground: ", std::string(world.status().message())));
    return 1;
  }
  const bool toured = IsOfTheTour((*world)->shop());
  if (toured) {
    GiveTour(**world, narrator, interrupted);
  } else {
    narrator.Line(absl::StrCat("\nNo tour: it is about the Services of examples/shop, and ", paths.examples,
                               " has no Service shop/cart."));
  }
  const int broken = narrator.broken_promises();
  if (interrupted) {
    narrator.Line("\nInterrupted.");
  } else {
    if (toured) {
      narrator.Line(broken == 0 ? "\nEverything was as promised." : absl::StrCat("\n", broken, " not as promised."));
    }
    if (!once) {
      ExplainShell(**world, narrator);
      narrator.Line("\nCtrl-C ends it and leaves nothing behind.");
      WaitForSignal();
    }
  }
  narrator.Line("");
  absl::Status ended = narrator.Step("taking everything down", [&] {
    world->reset();
    return absl::OkStatus();
  });
  return broken == 0 && ended.ok() && !(once && (interrupted || !toured)) ? 0 : 1;
}

}  // namespace
}  // namespace shunt::playground

int main(int argc, char** argv) {
  shunt::playground::Paths paths{.self = std::filesystem::read_symlink("/proc/self/exe"),
                                 .shuntd = SHUNT_SHUNTD,
                                 .shuntctl = SHUNT_SHUNTCTL,
                                 .examples = SHUNT_EXAMPLES};
  bool once = ::isatty(STDOUT_FILENO) == 0;
  CLI::App app("A small node of its own: pods, an agent on the examples, real connections.", "shunt-playground");
  app.add_flag("--once", once, "end after the tour (the default if standard output is not a terminal)");
  app.add_option("--examples", paths.examples, "directory of manifests")->type_name("DIR");
  app.add_option("--shuntd", paths.shuntd, "the agent")->type_name("FILE");
  app.add_option("--shuntctl", paths.shuntctl, "the command line tool")->type_name("FILE");

  std::string to;
  int count = 1;
  CLI::App& dial = *app.add_subcommand("dial", "inside: connect, and say which pod answered");
  dial.add_option("ADDRESS:PORT[/udp]", to)->required();
  dial.add_option("COUNT", count)->check(CLI::Range(1, 1'000'000));

  std::string pod;
  int ready_fd = -1;
  std::vector<std::string> listeners;
  CLI::App& run_pod = *app.add_subcommand("pod")->group("");  // the playground starts its pods by it
  run_pod.add_option("name", pod)->required();
  run_pod.add_option("ready_fd", ready_fd)->required();
  run_pod.add_option("listeners", listeners)->required();

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  if (run_pod.parsed()) return shunt::playground::RunPod(pod, ready_fd, listeners);
  if (dial.parsed()) return shunt::playground::Dial(to, count);
  return shunt::playground::Play(paths, once);
}
