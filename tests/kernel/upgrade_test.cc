// SPDX-License-Identifier: Apache-2.0
// Agents change and programs are replaced while applications dial, and no connect fails.
#include <chrono>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "tests/kernel/dialler.h"
#include "tests/kernel/history.h"
#include "tests/kernel/kernel_test.h"
#include "tests/sandbox/netlink.h"
#include "userspace/datapath/kernel/kernel_datapath.h"
#include "userspace/datapath/kernel/pinned_reader.h"

namespace shunt::kernel_test {
namespace {

using Clock = std::chrono::steady_clock;

// A slow machine takes longer.
constexpr std::chrono::seconds kAtLeast{10};
constexpr int kUpgrades = 5;
constexpr int64_t kConnects = 10'000;

class UpgradeTest : public KernelTest {
 protected:
  void SetUp() override {
    KernelTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    const sandbox::InNamespace inside(world().host());
    ASSERT_TRUE(sandbox::AddLocalPrefix(History::kPrefix).ok());
    for (int frontend = 0; frontend < History::kFrontends; ++frontend) NewSet(frontend);
  }

  void NewSet(int frontend) {
    const uint32_t set = history_.Begin(frontend, true);
    ServiceStory story("upgraded-" + std::to_string(frontend));
    story.ClusterIp(History::ClusterIp(frontend)).Port(53, kUdp, 8081).Port(80, kTcp, 8080);
    for (int member = 0; member < 8; ++member) story.Endpoint({.address = History::Backend(frontend, set, member)});
    Apply({story});
    history_.Finish(frontend);
  }

  std::vector<std::string> Tags() {
    std::vector<std::string> tags;
    const auto pins = datapath::PinnedReader::Open(bpffs());
    EXPECT_TRUE(pins.ok()) << pins.status();
    if (!pins.ok()) return tags;
    for (const report::ProgramStatus& program : (*pins)->Programs()) tags.push_back(program.tag);
    return tags;
  }

  History history_;
};

TEST_F(UpgradeTest, ReplacingTheProgramsByARebuiltObjectFailsNoConnect) {
  const std::vector<std::string> built_in = Tags();
  datapath::KernelOptions rebuilt = Options();
  rebuilt.object_path = SHUNT_REBUILT_OBJECT;
  Dialler dialler(history_, world().host());
  int upgrades = 0;
  for (const auto start = Clock::now();
       Clock::now() - start < kAtLeast || upgrades < kUpgrades || dialler.connects() < kConnects; ++upgrades) {
    if (dialler.failures() > 0) break;
    Reopen(upgrades % 2 == 0 ? rebuilt : Options());
    ASSERT_TRUE(kernel_datapath().programs_current());
    if (upgrades % 2 == 0) {
      EXPECT_NE(Tags(), built_in) << "another build has other instructions";
    } else {
      EXPECT_EQ(Tags(), built_in);
    }
    NewSet(upgrades % History::kFrontends);
  }
  dialler.Stop();
  std::printf("%d upgrades, %lld connects\n", upgrades, static_cast<long long>(dialler.connects()));
  EXPECT_EQ(dialler.failures(), 0) << ::testing::PrintToString(dialler.complaints());
}

// The maps of flows are others, and with them the memory; those for sockets are the same.
TEST_F(UpgradeTest, APacketPathThatComesAndGoesFailsNoConnect) {
  Dialler dialler(history_, world().host());
  int changes = 0;
  for (const uint32_t flows : {1024u, 2048u, 0u, 1024u}) {
    datapath::KernelOptions options = Options();
    options.limits.flows = flows;
    Reopen(options);
    ASSERT_TRUE(kernel_datapath().programs_current());
    NewSet(changes++ % History::kFrontends);
    for (const int64_t start = dialler.connects(); dialler.connects() < start + 1'000 && dialler.failures() == 0;) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }
  dialler.Stop();
  EXPECT_EQ(dialler.failures(), 0) << ::testing::PrintToString(dialler.complaints());
}

TEST_F(UpgradeTest, AnObjectThatCannotBeLoadedLeavesTheOldProgramsInForce) {
  datapath::KernelOptions broken = Options();
  broken.object_path = "/proc/self/exe";
  Dialler dialler(history_, world().host());
  const std::vector<std::string> before = Tags();
  Reopen(broken);
  EXPECT_FALSE(kernel_datapath().programs_current());
  EXPECT_THAT(kernel_datapath().problems(), ::testing::Not(::testing::IsEmpty()));
  EXPECT_EQ(Tags(), before);
  NewSet(0);
  for (const int64_t start = dialler.connects(); dialler.connects() < start + 1'000;) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  dialler.Stop();
  EXPECT_EQ(dialler.failures(), 0) << ::testing::PrintToString(dialler.complaints());
}

}  // namespace
}  // namespace shunt::kernel_test
