// SPDX-License-Identifier: Apache-2.0
// Plays every story on the kernel's maps, with the programs attached, in a bpffs and a cgroup of the test's own.
#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include "tests/scenarios/play.h"
#include "userspace/datapath/kernel/kernel_datapath.h"
#include "userspace/datapath/kernel/testing/sandbox_fixture.h"

namespace shunt::scenarios {
namespace {

class KernelFloor final : public Floor {
 public:
  explicit KernelFloor(datapath::KernelOptions options) : options_(std::move(options)) {}

  absl::StatusOr<std::unique_ptr<datapath::Datapath>> Open() override {
    auto opened = datapath::KernelDatapath::Open(options_);
    if (opened.ok()) opened_ = opened->get();
    return opened;
  }
  const datapath::Tables& tables() const override { return opened_->tables(); }
  void LetGracePass() override { std::this_thread::sleep_for(std::chrono::milliseconds(2)); }

 private:
  const datapath::KernelOptions options_;
  const datapath::KernelDatapath* opened_ = nullptr;  // the last one
};

class KernelScenario : public datapath::SandboxTest, public testing::WithParamInterface<std::string> {};

TEST_P(KernelScenario, ComesOutAsTold) {
  datapath::KernelOptions options;
  options.bpffs = bpffs_;
  options.cgroup = cgroup_;
  options.limits = {.frontends = 512,
                    .service_ports = 128,
                    .pools = 256,
                    .slots = 1024,
                    .backends = 256,
                    .sockets = 64,
                    .socket_peers = 64,
                    .affinities = 64};
  KernelFloor floor(std::move(options));
  PlayStory(GetParam(), floor, Goldens::kCompare);
}

INSTANTIATE_TEST_SUITE_P(Stories, KernelScenario, testing::ValuesIn(AllStories()), TestName);

}  // namespace
}  // namespace shunt::scenarios
