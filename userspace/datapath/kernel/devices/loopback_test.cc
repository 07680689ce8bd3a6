// SPDX-License-Identifier: Apache-2.0
// In a network namespace of the test's own. That packets which are cut then arrive is tested in tests/packets.
#include "userspace/datapath/kernel/devices/loopback.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "tests/sandbox/network_namespace.h"

namespace shunt::datapath {
namespace {

std::string Setting(const std::string& name) {
  std::ifstream file("/proc/sys/net/ipv4/conf/" + name);
  std::string text;
  file >> text;
  return text;
}

TEST(LoopbackTest, TakesOwnSourcesAndNothingElseChanges) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root: a network namespace";
  const auto node = sandbox::NetworkNamespace::Create();
  ASSERT_TRUE(node.ok()) << node.status();
  const sandbox::InNamespace inside(*node);
  const std::string filter = Setting("lo/rp_filter"), forwarding = Setting("lo/forwarding");
  ASSERT_EQ(Setting("lo/accept_local"), "0");
  for (const bool changes : {true, false}) {
    const absl::StatusOr<bool> changed = AcceptOwnSources();
    ASSERT_TRUE(changed.ok()) << changed.status();
    EXPECT_EQ(*changed, changes);
    EXPECT_EQ(Setting("lo/accept_local"), "1");
  }
  EXPECT_EQ(Setting("all/accept_local"), "0");
  EXPECT_EQ(Setting("default/accept_local"), "0");
  EXPECT_EQ(Setting("lo/rp_filter"), filter);
  EXPECT_EQ(Setting("lo/forwarding"), forwarding);
}

}  // namespace
}  // namespace shunt::datapath
