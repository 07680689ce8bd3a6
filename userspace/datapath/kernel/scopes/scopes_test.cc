// SPDX-License-Identifier: Apache-2.0
// Patterns and what they follow, in a directory that stands for the hierarchy of cgroups: a cgroup's id is its
// directory's inode number. What programs do with it is tested in tests/kernel.
#include "userspace/datapath/kernel/scopes/scopes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "userspace/datapath/codec.h"
#include "userspace/datapath/testing/memory_table.h"

namespace shunt::datapath {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Key;
using ::testing::UnorderedElementsAre;

std::vector<CgroupPattern> Patterns(const std::vector<std::string>& texts) {
  std::vector<CgroupPattern> patterns;
  for (const std::string& text : texts) patterns.push_back(*CgroupPattern::Parse(text));
  return patterns;
}

class CgroupTree : public ::testing::Test {
 protected:
  CgroupTree() {
    std::string name = absl::StrCat(::testing::TempDir(), "/cgroups.XXXXXX");
    root_ = mkdtemp(name.data());
  }
  ~CgroupTree() override { std::filesystem::remove_all(root_); }

  void Make(const std::string& path) { std::filesystem::create_directories(root_ + "/" + path); }
  void Remove(const std::string& path) { std::filesystem::remove_all(root_ + "/" + path); }

  std::string root_;
};

using CgroupWatchTest = CgroupTree;

TEST(CgroupPatternTest, ComponentsMatchAsInAShell) {
  const CgroupPattern pattern = *CgroupPattern::Parse("/kubepods*/*/pod[0-9]?/");
  EXPECT_EQ(pattern.depth(), 3u);
  EXPECT_EQ(pattern.ToString(), "/kubepods*/*/pod[0-9]?");
  EXPECT_TRUE(pattern.Matches(0, "kubepods.slice"));
  EXPECT_FALSE(pattern.Matches(0, "system.slice"));
  EXPECT_TRUE(pattern.Matches(2, "pod1a"));
  EXPECT_FALSE(pattern.Matches(2, "podx1"));
  const BypassSettings settings = *ParseBypass({"kernel", "/pods", "a/b"});
  EXPECT_EQ(settings, (BypassSettings{.cgroups = Patterns({"pods", "a/b"}), .pods = false, .kernel = true}));
  for (const char* wrong : {"", "/", "a//b", "a/../b", "./a"}) {
    EXPECT_THAT(CgroupPattern::Parse(wrong).status().message(), HasSubstr("expected a cgroup's path")) << wrong;
  }
}

TEST_F(CgroupWatchTest, AWalkFindsTheTopmostThatMatch) {
  Make("kubepods.slice/burstable/pod1/container");
  Make("kubepods.slice/pod2");
  Make("system.slice/pod3");
  CgroupWatch watch(root_, Patterns({"kubepods*/pod*", "kubepods*/*/pod*", "none"}));
  ASSERT_TRUE(watch.Walk().ok());
  EXPECT_THAT(watch.matches(),
              UnorderedElementsAre(Key("/kubepods.slice/burstable/pod1"), Key("/kubepods.slice/pod2")));
  EXPECT_EQ(watch.problem(), "");
}

TEST_F(CgroupWatchTest, EventsTellWhatComesAndGoesAtEveryLevel) {
  CgroupWatch watch(root_, Patterns({"kubepods*/*/pod*"}));
  ASSERT_TRUE(watch.Walk().ok());
  Make("kubepods.slice/burstable/pod1");  // the events of the lower ones may never come: they are found by reading
  ASSERT_TRUE(watch.Follow().ok());
  EXPECT_THAT(watch.matches(), ElementsAre(Key("/kubepods.slice/burstable/pod1")));
  Make("kubepods.slice/burstable/pod2");
  Make("kubepods.slice/burstable/other");
  ASSERT_TRUE(watch.Follow().ok());
  EXPECT_EQ(watch.matches().size(), 2u);
  Remove("kubepods.slice/burstable/pod1");
  ASSERT_TRUE(watch.Follow().ok());
  EXPECT_THAT(watch.matches(), ElementsAre(Key("/kubepods.slice/burstable/pod2")));
  Remove("kubepods.slice");
  ASSERT_TRUE(watch.Follow().ok());
  EXPECT_THAT(watch.matches(), IsEmpty());
  Make("kubepods.slice/burstable/pod2");
  ASSERT_TRUE(watch.Follow().ok());
  EXPECT_THAT(watch.matches(), ElementsAre(Key("/kubepods.slice/burstable/pod2")));
}

TEST_F(CgroupWatchTest, ACgroupThatIsMadeAgainHasAnotherId) {
  Make("a");
  Make("keep");
  CgroupWatch watch(root_, Patterns({"a"}));
  ASSERT_TRUE(watch.Walk().ok());
  const uint64_t before = watch.matches().at("/a");
  std::filesystem::rename(root_ + "/a", root_ + "/keep/a");  // keeps its inode, so that the next one has another
  ASSERT_TRUE(watch.Walk().ok());
  EXPECT_THAT(watch.matches(), IsEmpty());
  Make("a");
  ASSERT_TRUE(watch.Follow().ok());
  EXPECT_NE(watch.matches().at("/a"), before);
}

TEST_F(CgroupWatchTest, MoreEventsThanTheKernelKeepsAreNoLoss) {
  CgroupWatch watch(root_, Patterns({"pod*"}));
  ASSERT_TRUE(watch.Walk().ok());
  // The kernel keeps 16,384 by default (fs.inotify.max_queued_events) and drops the rest.
  const std::string link = root_ + "/link";
  for (int i = 0; i < 8200; ++i) {
    ASSERT_EQ(symlink("x", link.c_str()), 0);
    ASSERT_EQ(unlink(link.c_str()), 0);
  }
  Make("pod1");
  ASSERT_TRUE(watch.Follow().ok());
  EXPECT_THAT(watch.matches(), ElementsAre(Key("/pod1")));
}

TEST_F(CgroupWatchTest, ARootThatIsGoneIsAnErrorAndIsFoundAgain) {
  Make("a");
  CgroupWatch watch(root_, Patterns({"a"}));
  ASSERT_TRUE(watch.Walk().ok());
  std::filesystem::remove_all(root_);
  EXPECT_THAT(watch.Walk().message(), HasSubstr(root_));
  Make("a");
  ASSERT_TRUE(watch.Walk().ok());
  EXPECT_THAT(watch.matches(), ElementsAre(Key("/a")));
}

// Takes all descriptors that the process may have, while it lives.
class NoMoreDescriptors {
 public:
  NoMoreDescriptors() {
    getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit none = {0, before_.rlim_max};
    setrlimit(RLIMIT_NOFILE, &none);
  }
  ~NoMoreDescriptors() { setrlimit(RLIMIT_NOFILE, &before_); }
  NoMoreDescriptors(const NoMoreDescriptors&) = delete;
  NoMoreDescriptors& operator=(const NoMoreDescriptors&) = delete;

 private:
  rlimit before_ = {};
};

TEST_F(CgroupWatchTest, ADirectoryThatCannotBeReadTakesNothingAway) {
  Make("kubepods/pod1");
  CgroupWatch watch(root_, Patterns({"kubepods/pod*"}));
  ASSERT_TRUE(watch.Walk().ok());
  {
    const NoMoreDescriptors scarce;
    EXPECT_THAT(watch.Walk().message(), HasSubstr(root_));
    EXPECT_THAT(watch.matches(), ElementsAre(Key("/kubepods/pod1")));
  }
  Make("kubepods/pod2");
  ASSERT_TRUE(watch.Follow().ok()) << "it still listens";
  EXPECT_THAT(watch.matches(), ElementsAre(Key("/kubepods/pod1"), Key("/kubepods/pod2")));
}

TEST_F(CgroupWatchTest, ANewDirectoryThatCannotBeReadIsAnErrorAndAWalkFindsWhatIsInIt) {
  CgroupWatch watch(root_, Patterns({"kubepods/pod*"}));
  ASSERT_TRUE(watch.Walk().ok());
  Make("kubepods/pod1");
  {
    const NoMoreDescriptors scarce;
    EXPECT_THAT(watch.Follow().message(), HasSubstr("/kubepods"));
  }
  ASSERT_TRUE(watch.Walk().ok());
  EXPECT_THAT(watch.matches(), ElementsAre(Key("/kubepods/pod1")));
}

class ScopesTest : public CgroupTree {
 protected:
  std::unique_ptr<Scopes> Open(const BypassSettings& settings) {
    Tables tables = maps_.Open();
    auto scopes = Scopes::Open(std::move(tables.scopes), std::move(tables.scope_filter), root_, settings);
    EXPECT_TRUE(scopes.ok()) << scopes.status();
    return *std::move(scopes);
  }
  std::vector<std::string> Names() {
    std::vector<std::string> names;
    for (const auto& [key, value] : maps_.rows("scopes")->hash) {
      names.emplace_back(FromBytes<shunt_scope>({reinterpret_cast<const std::byte*>(value.data()), value.size()}).name);
    }
    return names;
  }

  MemoryMaps maps_{Limits{}, 1};
};

TEST_F(ScopesTest, APodIsFoundByItsUidUnderEitherDriver) {
  Make("kubepods/burstable/pod1f-2e");
  Make("kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod3d_4c.slice");
  Make("kubepods.slice/kubepods-pod5b_6a.slice");
  const std::unique_ptr<Scopes> scopes = Open({});
  for (const char* uid : {"1f-2e", "3d-4c", "5b-6a"}) {
    EXPECT_TRUE(scopes->Add({.pod_uid = uid}).ok()) << uid;
  }
  EXPECT_THAT(Names(),
              UnorderedElementsAre("/kubepods/burstable/pod1f-2e", "/kubepods.slice/kubepods-pod5b_6a.slice",
                                   "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod3d_4c.slice"));
  EXPECT_THAT(scopes->Add({.pod_uid = "77"}).message(), HasSubstr("metadata.uid"));
  EXPECT_TRUE(scopes->Delete({.pod_uid = "1f-2e"}).ok());
  EXPECT_EQ(Names().size(), 2u);
}

TEST_F(ScopesTest, APodIsFoundWhileOtherCgroupsComeAndGo) {
  const std::unique_ptr<Scopes> scopes = Open({});
  Make("kubepods/burstable/pod1f-2e");
  std::atomic<bool> done = false;
  std::thread others([&] {
    while (!done) {
      for (int i = 0; i < 20; ++i) Make(absl::StrCat("kubepods/burstable/pod", i, "/container"));
      for (int i = 0; i < 20; ++i) Remove(absl::StrCat("kubepods/burstable/pod", i));
    }
  });
  absl::Status failure;
  for (int i = 0; i < 2000; ++i) failure.Update(scopes->Add({.pod_uid = "1f-2e"}));
  done = true;
  others.join();
  EXPECT_TRUE(failure.ok()) << failure;
}

TEST_F(ScopesTest, APathIsTakenBelowTheRootOrWhole) {
  Make("a/b");
  const std::unique_ptr<Scopes> scopes = Open({});
  EXPECT_TRUE(scopes->Add({.cgroup = root_ + "/a/b"}).ok());
  EXPECT_TRUE(scopes->Add({.cgroup = "/a/b"}).ok());
  EXPECT_THAT(Names(), ElementsAre("/a/b"));
  EXPECT_EQ(scopes->Add({.cgroup = "/a/c"}).code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(scopes->Add({.cgroup = "/"}).code(), absl::StatusCode::kInvalidArgument) << "that would be everything";
  EXPECT_EQ(scopes->Add({.cgroup = "../b"}).code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(ScopesTest, WhatWasAddedGoesWithItsCgroup) {
  Make("a");
  const std::unique_ptr<Scopes> scopes = Open({});
  ASSERT_TRUE(scopes->Add({.cgroup = "a"}).ok());
  ASSERT_TRUE(scopes->Add({.network_namespace = 7, .name = "/run/netns/x"}).ok());
  scopes->Walk();
  EXPECT_EQ(Names().size(), 2u);
  Remove("a");
  scopes->Walk();
  EXPECT_THAT(Names(), ElementsAre("/run/netns/x"));
}

TEST_F(ScopesTest, ARootThatCannotBeReadTakesNothingAwayAndIsAProblem) {
  Make("a");
  const std::unique_ptr<Scopes> scopes = Open({.cgroups = Patterns({"a"})});
  EXPECT_THAT(scopes->Problems(), IsEmpty());
  Remove("");
  scopes->Walk();
  EXPECT_THAT(Names(), ElementsAre("/a"));
  EXPECT_THAT(scopes->Problems(), ElementsAre(HasSubstr(root_)));
}

}  // namespace
}  // namespace shunt::datapath
