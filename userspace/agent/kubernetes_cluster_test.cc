// SPDX-License-Identifier: Apache-2.0
// A cluster over real HTTP on loopback: when the snapshot is served, when not, and what takes its place.
#include "userspace/agent/kubernetes_cluster.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "userspace/sources/kubernetes/snapshot/snapshot_writer.h"
#include "userspace/sources/kubernetes/testing/api_bytes.h"
#include "userspace/sources/kubernetes/testing/scratch_directory.h"
#include "userspace/sources/kubernetes/testing/tls_server.h"

namespace shunt::agent {
namespace {

namespace kubernetes = sources::kubernetes;
using sources::ObjectKind;
using std::chrono::hours;
using std::chrono::milliseconds;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr int64_t kSavedMs = 1'700'000'000'000;
constexpr char kDiscovered[] = "http://192.0.2.1:6443";

model::Service Service(const std::string& name) {
  model::Service service;
  service.name = {"shop", name};
  service.uid = name;
  service.resource_version = "3";
  service.cluster_ips = {"10.96.0.1"};
  service.ports = {{.name = "web", .port = 80}};
  return service;
}

// "+saved", "-saved", "synced", "services 7 1".
class RecordingSink final : public sources::Sink {
 public:
  void Deliver(std::vector<sources::Event> events) override {
    for (const sources::Event& event : events) {
      const auto* upsert = std::get_if<sources::Upsert>(&event);
      Note(upsert != nullptr ? "+" + sources::NameOf(upsert->object).name
                             : "-" + std::get<sources::Remove>(event).name.name);
    }
  }
  void Synced() override { Note("synced"); }
  void Progress(ObjectKind kind, std::string version, size_t count) override {
    if (kind == ObjectKind::kService) Note(absl::StrCat("services ", version, " ", count));
  }
  void Report(std::vector<sources::SourceProblem>) override {}

  std::vector<std::string> notes() const {
    const std::lock_guard lock(mutex_);
    return notes_;
  }
  bool Has(const std::string& note) const {
    const std::vector<std::string> all = notes();
    return std::find(all.begin(), all.end(), note) != all.end();
  }

 private:
  void Note(std::string note) {
    const std::lock_guard lock(mutex_);
    notes_.push_back(std::move(note));
  }

  mutable std::mutex mutex_;
  std::vector<std::string> notes_;
};

class KubernetesClusterTest : public testing::Test {
 protected:
  ~KubernetesClusterTest() override { Stop(); }

  void SaveSnapshot(const std::string& node_name, std::vector<sources::Object> objects = {Service("saved")}) {
    kubernetes::Snapshot snapshot;
    snapshot.summary = {.node_name = node_name,
                        .saved_ms = kSavedMs,
                        .api_servers = {kDiscovered},
                        .resources = {{.kind = ObjectKind::kService, .version = "5", .object_count = 1}}};
    snapshot.objects = std::move(objects);
    ASSERT_EQ(kubernetes::WriteSnapshot(SnapshotPath(options_), snapshot), absl::OkStatus());
  }
  void Start(SourceEnvironment environment) {
    environment.on_servers_discovered = [this](std::vector<std::string> urls) { discovered_ = std::move(urls); };
    auto cluster = KubernetesCluster::Open(options_, std::move(environment));
    ASSERT_TRUE(cluster.ok()) << cluster.status();
    cluster_ = *std::move(cluster);
    thread_ = std::jthread([this](std::stop_token stop) { EXPECT_EQ(cluster_->Run(sink_, stop), absl::OkStatus()); });
  }
  void Stop() { thread_ = {}; }
  // Until `done` or 10 s: no test takes that long unless it fails.
  template <typename Condition>
  [[nodiscard]] static bool Eventually(Condition done) {
    for (int i = 0; i < 10'000 && !done(); ++i) std::this_thread::sleep_for(milliseconds(1));
    return done();
  }

  enum class Mode { kSilent, kRefuses, kRefusesSlices, kAnswers };

  // kAnswers: lists have one Service, watches stay open. kSilent: reads one request and never answers.
  void Serve(kubernetes::ServedConnection& connection) {
    for (std::string head = connection.ReadHead(); !head.empty(); head = connection.ReadHead()) {
      if (mode_ == Mode::kSilent) return connection.AwaitEnd();
      const bool slices = absl::StrContains(head, "/endpointslices");
      if (mode_ == Mode::kRefuses || (mode_ == Mode::kRefusesSlices && slices)) {
        connection.Answer("503 Service Unavailable",
                          kubernetes::StatusBody({.code = 503, .reason = "ServiceUnavailable"}));
        continue;
      }
      if (absl::StrContains(head, "watch=1")) {
        connection.Write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        return connection.AwaitEnd();
      }
      if (absl::StrContains(head, "/services")) {
        connection.Answer("200 OK", kubernetes::ListBody(ObjectKind::kService, {Service("listed")}, "7"));
      } else {
        const bool node = absl::StrContains(head, "/nodes");
        const ObjectKind kind = node ? ObjectKind::kNode : ObjectKind::kEndpointSlice;
        connection.Answer("200 OK", kubernetes::ListBody(kind, {}, "7"));
      }
    }
  }

  std::atomic<Mode> mode_ = Mode::kSilent;
  kubernetes::ScratchDirectory scratch_;
  RecordingSink sink_;
  std::vector<std::string> discovered_;  // read it when the thread has ended
  kubernetes::TlsServer server_{{}, [this](kubernetes::ServedConnection& connection) { Serve(connection); }};
  Options options_{.node_name = "node-a", .api_servers = {server_.url()}, .state_directory = scratch_.path()};
  std::unique_ptr<ClusterSource> cluster_;
  std::jthread thread_;
};

TEST_F(KubernetesClusterTest, WhileNoApiServerAnswersTheSnapshotIsServedWithItsAgeAndItsVersions) {
  SaveSnapshot("node-a");
  Start({.patience = milliseconds(1)});
  ASSERT_TRUE(Eventually([&] { return sink_.Has("synced"); }));
  EXPECT_THAT(sink_.notes(), ElementsAre("+saved", "services 5 1", "synced"));
  EXPECT_EQ(cluster_->status().snapshot_time_ms, kSavedMs);
  ASSERT_TRUE(Eventually([&] { return !cluster_->status().reflectors.empty(); }));
  EXPECT_EQ(cluster_->status().snapshot_time_ms, kSavedMs) << "also once an API server is asked again";
  Stop();
  EXPECT_THAT(discovered_, ElementsAre(kDiscovered)) << "the next snapshot has them too";
}

TEST_F(KubernetesClusterTest, AnObjectOfTheSnapshotThatCannotBeUsedIsLeftOutAndTold) {
  SaveSnapshot("node-a", {Service("Odd"), Service("saved")});
  Start({.patience = milliseconds(1)});
  ASSERT_TRUE(Eventually([&] { return sink_.Has("synced"); }));
  EXPECT_THAT(sink_.notes(), ElementsAre("+saved", "services 5 1", "synced"));
  ASSERT_TRUE(Eventually([&] { return !cluster_->status().reflectors.empty(); }));
  EXPECT_EQ(cluster_->status().reflectors[0].objects_left_out, 1);
}

TEST_F(KubernetesClusterTest, AnApiServerThatAnswersLaterTakesTheSnapshotsPlace) {
  SaveSnapshot("node-a");
  mode_ = Mode::kRefuses;
  Start({.patience = milliseconds(1)});
  ASSERT_TRUE(Eventually([&] { return sink_.Has("synced"); }));
  mode_ = Mode::kAnswers;
  ASSERT_TRUE(Eventually([&] { return sink_.Has("services 7 1"); }));
  ASSERT_TRUE(Eventually([&] { return cluster_->status().snapshot_time_ms == 0; }));
  EXPECT_THAT(sink_.notes(), testing::IsSupersetOf({"+listed", "-saved"}));
}

// A part of the cluster is not better than a snapshot of all of it, so nothing of the part is served before.
TEST_F(KubernetesClusterTest, AnApiServerThatDoesNotGiveEverythingIsNoReasonToWait) {
  SaveSnapshot("node-a");
  mode_ = Mode::kRefusesSlices;
  Start({.patience = milliseconds(300)});
  ASSERT_TRUE(Eventually([&] { return sink_.Has("synced"); }));
  ASSERT_FALSE(sink_.notes().empty());
  EXPECT_EQ(sink_.notes().front(), "+saved");
  Stop();
}

TEST_F(KubernetesClusterTest, AnApiServerThatAnswersInTimeNeedsNoSnapshot) {
  SaveSnapshot("node-a");
  mode_ = Mode::kAnswers;
  Start({.patience = hours(1)});
  ASSERT_TRUE(Eventually([&] { return sink_.Has("synced"); }));
  EXPECT_THAT(sink_.notes(), Contains("+listed"));
  EXPECT_THAT(sink_.notes(), testing::Not(Contains("+saved")));
  EXPECT_EQ(cluster_->status().snapshot_time_ms, 0);
  Stop();  // does not wait for the end of the patience
}

TEST_F(KubernetesClusterTest, WhatTheKernelServesIsNewerThanTheSnapshot) {
  SaveSnapshot("node-a");
  Start({.kernel_serves = true, .patience = milliseconds(0)});
  ASSERT_TRUE(Eventually([&] { return server_.heads().size() >= 3; })) << "all three resources are asked for";
  Stop();
  EXPECT_THAT(sink_.notes(), IsEmpty());
  EXPECT_EQ(server_.connections(), 3) << "no connection was made again";
}

TEST_F(KubernetesClusterTest, AnotherNodesSnapshotIsNotServed) {
  SaveSnapshot("node-b");
  mode_ = Mode::kRefuses;
  Start({.patience = milliseconds(1)});
  // The first attempt, which is abandoned, sends three requests.
  ASSERT_TRUE(Eventually([&] { return server_.heads().size() >= 4; }));
  Stop();
  EXPECT_THAT(sink_.notes(), IsEmpty());
}

TEST_F(KubernetesClusterTest, AStopWhileTheApiServerIsSilentIsHeardDuringThePatience) {
  SaveSnapshot("node-a");
  Start({.patience = hours(1)});
  ASSERT_TRUE(Eventually([&] { return server_.heads().size() >= 3; }));
  Stop();
  EXPECT_THAT(sink_.notes(), IsEmpty());
}

TEST_F(KubernetesClusterTest, WithoutAStateDirectoryThereIsNoSnapshot) {
  options_.state_directory.clear();
  EXPECT_EQ(SnapshotPath(options_), "");
  mode_ = Mode::kAnswers;
  Start({.patience = milliseconds(0)});
  ASSERT_TRUE(Eventually([&] { return sink_.Has("synced"); }));
  EXPECT_THAT(sink_.notes(), Contains("+listed"));
}

TEST_F(KubernetesClusterTest, ItIsCalledByTheServersItWasGiven) {
  options_.api_servers = {"https://a.example:6443", "https://b.example"};
  const auto cluster = KubernetesCluster::Open(options_, {});
  ASSERT_TRUE(cluster.ok()) << cluster.status();
  EXPECT_THAT((*cluster)->Description(), HasSubstr("kubernetes https://a.example:6443,https://b.example"));
}

}  // namespace
}  // namespace shunt::agent
