// SPDX-License-Identifier: Apache-2.0
// The playground itself: a node that exists for one process. Namespaces, a cgroup and a bpffs of its own, pods
// that listen, an agent that serves a copy of the examples. Nothing of the machine's is touched, and nothing is left
// when the process ends, however it ends.
#ifndef SHUNT_PLAYGROUND_WORLD_H_
#define SHUNT_PLAYGROUND_WORLD_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tests/playground/child.h"
#include "tests/playground/narrator.h"
#include "tests/playground/shop.h"
#include "tests/sandbox/sandbox.h"

namespace shunt::playground {

// Programs and manifests, by absolute path.
struct Places {
  std::string self;  // this program
  std::string shuntd;
  std::string shuntctl;
  std::string examples;  // directory of manifests
};

class World {
 public:
  // Builds it step by step. REQUIRES: root, one thread. On an error the message ends with the agent's last words if
  // it had any.
  static absl::StatusOr<std::unique_ptr<World>> Build(const Places& places, Narrator& narrator);
  // Stops the agent and the pods and goes back to where the process was.
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  const Shop& shop() const { return shop_; }
  const Places& places() const { return places_; }
  // The copy that the agent serves: to be edited.
  const std::string& manifests() const { return manifests_; }
  const std::string& agent_log() const { return agent_log_; }
  // A script inside that takes a shell, or a command, to where everything is served.
  const std::string& shell() const { return shell_; }
  // Non-OK once the agent has ended by itself.
  absl::Status AgentIsWell();

 private:
  explicit World(Places places) : places_(std::move(places)) {}
  absl::Status MakeRoom();
  absl::Status WriteShell() const;
  absl::Status StartPods();
  // `told_by` is closed here; the pod says on it that it listens.
  absl::Status StartPod(const Pod& pod, int word, int told_by);
  absl::Status StartAgent();

  Places places_;
  Shop shop_;
  std::vector<Pod> listening_;
  std::string cgroup_;
  std::string manifests_;
  std::string agent_log_;
  std::string shell_;
  std::unique_ptr<sandbox::Sandbox> sandbox_;
  std::vector<Child> pods_;
  std::optional<Child> agent_;
};

}  // namespace shunt::playground

#endif  // SHUNT_PLAYGROUND_WORLD_H_
