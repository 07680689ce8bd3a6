// SPDX-License-Identifier: Apache-2.0
#include "userspace/agent/snapshot_thread.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "userspace/sources/kubernetes/snapshot/snapshot_reader.h"
#include "userspace/sources/kubernetes/testing/scratch_directory.h"

namespace shunt::agent {
namespace {

namespace kubernetes = sources::kubernetes;
using testing::ElementsAre;
using testing::HasSubstr;

// One Service at `version`, its slice and the node.
SnapshotContent ContentAt(int version) {
  SnapshotContent content;
  model::Service service;
  service.name = {"shop", absl::StrCat("at-", version)};
  model::EndpointSlice slice;
  slice.name = {"shop", "cart-x1"};
  model::Node node;
  node.name = "node-a";
  content.view = {.services = {std::make_shared<model::Service>(service)},
                  .slices = {std::make_shared<model::EndpointSlice>(slice)},
                  .node = std::make_shared<model::Node>(node)};
  content.versions[0] = {.version = absl::StrCat(version), .objects = 1};
  return content;
}

class SnapshotThreadTest : public testing::Test {
 protected:
  void Start(const std::string& path) { thread_.emplace(path, "node-a"); }
  // Until `done` or 10 s: no test takes that long unless it fails.
  template <typename Condition>
  [[nodiscard]] bool Eventually(Condition done) {
    for (int i = 0; i < 10'000 && !done(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return done();
  }

  kubernetes::ScratchDirectory scratch_;
  const std::string path_ = absl::StrCat(scratch_.path(), "/state/snapshot");
  std::optional<SnapshotThread> thread_;
};

TEST_F(SnapshotThreadTest, WritesWhatItIsOfferedWithWhatIsKnownOfIt) {
  Start(path_);
  EXPECT_EQ(thread_->saved_ms(), 0);
  thread_->SetApiServers({"https://10.0.0.1:6443"});
  thread_->Offer(ContentAt(7));
  ASSERT_TRUE(Eventually([&] { return thread_->saved_ms() != 0; })) << thread_->problem();
  const auto snapshot = kubernetes::ReadSnapshot(path_);
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_EQ(snapshot->summary.node_name, "node-a");
  EXPECT_EQ(snapshot->summary.saved_ms, thread_->saved_ms());
  EXPECT_THAT(snapshot->summary.api_servers, ElementsAre("https://10.0.0.1:6443"));
  EXPECT_EQ(snapshot->summary.resources.at(0),
            (kubernetes::SnapshotResource{.kind = sources::ObjectKind::kService, .version = "7", .object_count = 1}));
  EXPECT_EQ(snapshot->objects.size(), 3u);
}

TEST_F(SnapshotThreadTest, TheNewestOfferIsOnTheDiskWhenItIsGone) {
  Start(path_);
  for (int version = 1; version <= 100; ++version) thread_->Offer(ContentAt(version));
  thread_.reset();
  const auto snapshot = kubernetes::ReadSnapshot(path_);
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_EQ(snapshot->summary.resources.at(0).version, "100");
  EXPECT_EQ(sources::NameOf(snapshot->objects.at(0)).name, "at-100");
}

TEST_F(SnapshotThreadTest, NothingOfferedNothingWritten) {
  Start(path_);
  thread_->SetApiServers({"https://10.0.0.1:6443"});
  thread_.reset();
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(SnapshotThreadTest, WhatCannotBeWrittenIsAProblemUntilItCanAndTheOldFileStays) {
  Start(path_);
  thread_->Offer(ContentAt(1));
  ASSERT_TRUE(Eventually([&] { return thread_->saved_ms() != 0; }));
  const int64_t first_saved = thread_->saved_ms();
  // Not even root can create a file of that name.
  const std::string obstacle = path_ + ".new";
  std::filesystem::create_directory(obstacle);
  thread_->Offer(ContentAt(2));
  ASSERT_TRUE(Eventually([&] { return !thread_->problem().empty(); }));
  EXPECT_THAT(thread_->problem(), HasSubstr(obstacle));
  EXPECT_EQ(thread_->saved_ms(), first_saved);
  EXPECT_EQ(kubernetes::ReadSnapshot(path_)->summary.resources.at(0).version, "1");

  std::filesystem::remove(obstacle);
  thread_->Offer(ContentAt(3));
  ASSERT_TRUE(Eventually([&] { return thread_->problem().empty(); }));
  thread_.reset();
  EXPECT_EQ(kubernetes::ReadSnapshot(path_)->summary.resources.at(0).version, "3");
}

TEST_F(SnapshotThreadTest, ADirectoryWhoseParentIsMissingIsAProblem) {
  Start(absl::StrCat(scratch_.path(), "/none/state/snapshot"));
  thread_->Offer(ContentAt(1));
  ASSERT_TRUE(Eventually([&] { return !thread_->problem().empty(); }));
  EXPECT_THAT(thread_->problem(), HasSubstr("/none/state"));
  EXPECT_EQ(thread_->saved_ms(), 0);
}

}  // namespace
}  // namespace shunt::agent
