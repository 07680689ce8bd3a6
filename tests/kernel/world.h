// SPDX-License-Identifier: Apache-2.0
// What all kernel tests of one process share: the sandbox, two pods, and the servers at all pod addresses.
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
  // The world of this process, made at the first call. Null: this machine cannot have one; WhyNot() says why.
  static World* Get();
  static const std::string& WhyNot();
  // Ends it; the process is back where it was. For the end of the suite.
  static void Destroy();

  sandbox::Sandbox& sandbox() { return *sandbox_; }
  const sandbox::NetworkNamespace& host() const { return sandbox_->host(); }
  const sandbox::NetworkNamespace& pod() const { return *pod_; }
  const sandbox::NetworkNamespace& other_pod() const { return *other_pod_; }

  // The servers listen here, in every namespace and at every address: the backends' ports, and those that
  // clients dial, so that a destination nobody translated answers too, under its own name.
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
