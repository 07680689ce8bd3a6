// SPDX-License-Identifier: Apache-2.0
#include "userspace/agent/bypass_thread.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "userspace/datapath/codec.h"
#include "userspace/datapath/tables.h"
#include "userspace/datapath/testing/memory_table.h"

namespace shunt::agent {
namespace {

class BypassThreadTest : public ::testing::Test {
 protected:
  BypassThreadTest() {
    // Maps in memory are their writer's alone, so the one that writes reads.
    maps_.hooks().after = [this](absl::string_view table) {
      shunt_scope_filter filter = {};
      if (table != "scope_filter" || !readers_.scope_filter->Load(0, datapath::MutableBytesOf(filter)).ok()) return;
      cgroups_ = filter.cgroups;
    };
    std::string name = absl::StrCat(::testing::TempDir(), "/cgroups.XXXXXX");
    root_ = mkdtemp(name.data());
    datapath::Tables tables = maps_.Open();
    auto scopes = datapath::Scopes::Open(std::move(tables.scopes), std::move(tables.scope_filter), root_,
                                         *datapath::ParseBypass({"kubepods/pod*"}));
    EXPECT_TRUE(scopes.ok()) << scopes.status();
    scopes_ = *std::move(scopes);
  }
  ~BypassThreadTest() override { std::filesystem::remove_all(root_); }

  // As the last write to `scope_filter` has left it.
  uint32_t Cgroups() const { return cgroups_; }

  std::string root_;
  std::atomic<uint32_t> cgroups_ = 0;
  datapath::MemoryMaps maps_{datapath::Limits{}, 1};
  const datapath::Tables readers_ = maps_.Open();
  std::unique_ptr<datapath::Scopes> scopes_;
};

// The time limits a failure alone.
constexpr std::chrono::seconds kPatience(30);

TEST_F(BypassThreadTest, ANewCgroupIsBypassedWithoutAWalk) {
  {
    const BypassThread thread(*scopes_);
    std::filesystem::create_directories(root_ + "/kubepods/pod1");
    // A walk comes only after a minute.
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while (Cgroups() == 0 && std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    EXPECT_EQ(Cgroups(), 1u);
  }
  EXPECT_EQ(Cgroups(), 1u) << "without an agent it stays";
}

TEST_F(BypassThreadTest, EventsThatNeverCeaseDoNotKeepTheWalkAway) {
  std::filesystem::create_directories(root_ + "/kubepods/pod1");
  scopes_->Walk();
  ASSERT_EQ(Cgroups(), 1u);
  // Another process has changed the map, which no event tells.
  const shunt_scope_filter none = {};
  ASSERT_TRUE(readers_.scope_filter->Store(0, datapath::BytesOf(none)).ok());
  // Events come much more often than the walk.
  const BypassThread thread(*scopes_, std::chrono::milliseconds(500));
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (Cgroups() == 0 && std::chrono::steady_clock::now() < end) {
    std::filesystem::create_directory(root_ + "/other");
    std::filesystem::remove(root_ + "/other");
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_EQ(Cgroups(), 1u);
}

}  // namespace
}  // namespace shunt::agent
