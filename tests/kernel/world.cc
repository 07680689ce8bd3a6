// SPDX-License-Identifier: Apache-2.0
#include "tests/kernel/world.h"

#include <sys/resource.h>

#include <utility>

namespace shunt::kernel_test {
namespace {

std::unique_ptr<World> world;
std::string why_not;

}  // namespace

World* World::Get() {
  if (world == nullptr && why_not.empty()) {
    auto made = std::make_unique<World>();
    if (absl::Status ready = made->SetUp(); ready.ok()) {
      world = std::move(made);
    } else {
      why_not = ready.ToString();
    }
  }
  return world.get();
}

const std::string& World::WhyNot() {
  return why_not;
}

void World::Destroy() {
  world.reset();
}

absl::Status World::SetUp() {
  const rlimit files = {.rlim_cur = 65'536, .rlim_max = 65'536};
  setrlimit(RLIMIT_NOFILE, &files);
  auto sandbox = sandbox::Sandbox::Create();
  if (!sandbox.ok()) return sandbox.status();
  sandbox_ = std::move(*sandbox);
  for (auto* pod : {&pod_, &other_pod_}) {
    auto made = sandbox_->NewPod();
    if (!made.ok()) return made.status();
    *pod = std::move(*made);
  }
  servers_ = std::make_unique<sandbox::EchoServer>();
  for (const sandbox::NetworkNamespace* where : {&host(), &pod(), &other_pod()}) {
    for (const uint16_t port : kPorts) {
      if (absl::Status listening = servers_->Listen(*where, port); !listening.ok()) return listening;
    }
  }
  return absl::OkStatus();
}

}  // namespace shunt::kernel_test
