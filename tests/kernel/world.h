// SPDX-License-Identifier: Apache-2.0
// The world that all kernel tests of one process share: the sandbox, two pods, and the servers at all pod addresses.
#ifndef SHUNT_TESTS_KERNEL_WORLD_H_
#define SHUNT_TESTS_KERNEL_WORLD_H_

#include <memory>
#include <optional>
#include <string>

#include "tests/sandbox/echo_server.h"
#include "tests/sandbox/sandbox.h"

namespace shunt::kernel_test {

class World {
 public:
  // Returns the world of this process, which the first call creates. Returns null if this machine cannot have one; then
  // WhyNot() says why.
  static World* Get();
  static const std::string& WhyNot();
  // Ends the world and returns the process to where it was. For the end of the suite.
  static void Destroy();

  sandbox::Sandbox& sandbox() { return *sandbox_; }
  const sandbox::NetworkNamespace& host() const { return sandbox_->host(); }
  const sandbox::NetworkNamespace& pod() const { return *pod_; }
  const sandbox::NetworkNamespace& other_pod() const { return *other_pod_; }

  // The servers listen on these ports, in every namespace and at every address: the backends' ports, and those that
  // clients dial, so that a destination that was not translated answers too, by its own name.
  static constexpr uint16_t kPorts[] = {53, 80, 443, 8080, 8081, 30080, 30443};

 private:
  absl::Status SetUp();

  std::unique_ptr<sandbox::Sandbox> sandbox_;
  std::optional<sandbox::NetworkNamespace> pod_;
  std::optional<sandbox::NetworkNamespace> other_pod_;
  std::unique_ptr<sandbox::EchoServer> servers_;  // outside the programs' cgroup
};

}  // namespace shunt::kernel_test

#endif  // SHUNT_TESTS_KERNEL_WORLD_H_
