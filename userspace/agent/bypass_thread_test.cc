// SPDX-License-Identifier: Apache-2.0
#include "userspace/agent/bypass_thread.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "userspace/datapath/codec.h"
#include "userspace/datapath/tables.h"
#include "userspace/datapath/testing/memory_table.h"

namespace shunt::agent {
namespace {

TEST(BypassThreadTest, ANewCgroupIsBypassedWithoutAWalk) {
  std::string name = absl::StrCat(::testing::TempDir(), "/cgroups.XXXXXX");
  const std::string root = mkdtemp(name.data());
  datapath::MemoryMaps maps(datapath::Limits{}, 1);
  datapath::Tables tables = maps.Open();
  const datapath::Tables readers = maps.Open();
  auto scopes = datapath::Scopes::Open(std::move(tables.scopes), std::move(tables.scope_filter), root,
                                       *datapath::ParseBypass({"kubepods/pod*"}));
  ASSERT_TRUE(scopes.ok()) << scopes.status();
  const auto cgroups = [&readers] {
    shunt_scope_filter filter = {};
    EXPECT_TRUE(readers.scope_filter->Load(0, datapath::MutableBytesOf(filter)).ok());
    return filter.cgroups;
  };
  {
    const BypassThread thread(**scopes);
    std::filesystem::create_directories(root + "/kubepods/pod1");
    // A walk comes only after a minute. The time limits a failure alone.
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (cgroups() == 0 && std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    EXPECT_EQ(cgroups(), 1u);
  }
  EXPECT_EQ(cgroups(), 1u) << "without an agent it stays";
  std::filesystem::remove_all(root);
}

}  // namespace
}  // namespace shunt::agent
