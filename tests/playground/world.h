// SPDX-License-Identifier: Apache-2.0
// The playground itself: a node inside one process, with namespaces, a cgroup and a bpffs of its own, pods that listen,
// and an agent that serves a copy of the examples. It does not touch the machine's own, and nothing of it is left when
// the process ends, even by a crash.
#ifndef SHUNT_PLAYGROUND_WORLD_H_
#define SHUNT_PLAYGROUND_WORLD_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tests/playground/child.h"
#include "tests/playground/dial.h"
#include "tests/playground/narrator.h"
#include "tests/playground/shop.h"
#include "tests/sandbox/network_namespace.h"
#include "tests/sandbox/sandbox.h"
#include "userspace/model/service_plan.h"

namespace shunt::playground {

// The absolute paths of programs and manifests.
struct Paths {
  std::string self;  // this program
  std::string shuntd;
  std::string shuntctl;
  std::string examples;  // directory of manifests
};

class World {
 public:
  // Builds it step by step. An error ends with the last lines of the agent's log, if it has any. REQUIRES: the process
  // is root's and has one thread.
  static absl::StatusOr<std::unique_ptr<World>> Build(const Paths& paths, Narrator& narrator);
  // Stops the agent and the pods, and returns the process to where it was.
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  const Shop& shop() const { return shop_; }
  const Paths& paths() const { return paths_; }
  // The copy that the agent serves, which may be edited.
  const std::string& manifests() const { return manifests_; }
  const std::string& agent_log() const { return agent_log_; }
  // A script inside that runs a shell, or a command, where connections are translated.
  const std::string& shell() const { return shell_; }
  // Dials by TCP from a network of its own, whose only way to the node is the node's device eth0: no hook of a socket
  // sees it. REQUIRES: the process has one thread.
  absl::StatusOr<Visit> DialFromOutside(const model::SocketAddress& to) const;
  // Returns an error once the agent has ended by itself.
  absl::Status AgentIsWell();

 private:
  explicit World(Paths paths) : paths_(std::move(paths)) {}
  absl::Status MakeSandbox();
  absl::Status AddOutside();
  absl::Status WriteShell() const;
  absl::Status StartPods();
  // Starts the pod and waits until it listens, which it reports by a byte into the pipe whose ends these are. Closes
  // `ready_write_fd`; `ready_read_fd` stays the caller's.
  absl::Status StartPod(const Pod& pod, int ready_read_fd, int ready_write_fd);
  absl::Status StartAgent();

  Paths paths_;
  Shop shop_;
  std::vector<Pod> listening_;
  std::string cgroup_;
  std::string manifests_;
  std::string agent_log_;
  std::string shell_;
  std::unique_ptr<sandbox::Sandbox> sandbox_;
  std::optional<sandbox::NetworkNamespace> outside_;
  std::vector<Child> pods_;
  std::optional<Child> agent_;
};

}  // namespace shunt::playground

#endif  // SHUNT_PLAYGROUND_WORLD_H_
