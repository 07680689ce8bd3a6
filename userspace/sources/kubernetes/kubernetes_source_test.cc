// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/kubernetes/kubernetes_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "userspace/sources/kubernetes/testing/api_bytes.h"
#include "userspace/sources/kubernetes/testing/small_objects.h"

namespace shunt::sources::kubernetes {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

ObjectKind KindAsked(const std::string& target) {
  if (absl::StrContains(target, "/services?")) return ObjectKind::kService;
  return absl::StrContains(target, "/nodes?") ? ObjectKind::kNode : ObjectKind::kEndpointSlice;
}

// One API server that answers every list at once and leaves every watch open. When there is nothing to answer it asks
// the test for the next step. Time passes only during waits.
class OneServer final : public Transport {
 public:
  struct Open {
    ObjectKind kind;
    bool is_watch;
    ResponseHandler* handler;
    bool accepted = false;
  };

  RequestId Start(HttpRequest request, ResponseHandler& handler) override {
    open[++last_] = {KindAsked(request.target), absl::StrContains(request.target, "&watch=1"), &handler};
    return last_;
  }
  void Cancel(RequestId request) override { open.erase(request); }
  SteadyTime Wait(SteadyTime until) override {
    if (until < now) return now;
    for (auto& [id, request] : open) {
      if (!std::exchange(request.accepted, true)) {
        Answer(id);
        return now;
      }
    }
    if (on_idle) on_idle();
    return now;
  }
  void Wake() override { ++wakes; }
  void RefreshCredentials() override {}
  std::vector<std::string> problems() const override { return present_problems; }

  ResponseHandler& Watch(ObjectKind kind) {
    for (auto& [id, request] : open) {
      if (request.kind == kind && request.is_watch) return *request.handler;
    }
    ADD_FAILURE() << "no watch is open";
    std::abort();
  }

  std::map<ObjectKind, std::vector<KnownObject>> objects;
  std::map<ObjectKind, ApiError> refusals;
  std::map<RequestId, Open> open;
  std::function<void()> on_idle;
  std::vector<std::string> present_problems;
  SteadyTime now{std::chrono::hours(1)};
  int wakes = 0;

 private:
  void Answer(RequestId id) {
    const Open request = open[id];
    const auto refusal = refusals.find(request.kind);
    request.handler->OnHead({.status = refusal == refusals.end() ? 200 : refusal->second.code});
    if (request.is_watch && refusal == refusals.end()) return;
    open.erase(id);
    const std::vector<Object> items = SmallObjects(request.kind, objects[request.kind]);
    request.handler->OnBody(refusal == refusals.end() ? ListBody(request.kind, items, "7")
                                                      : StatusBody(refusal->second));
    request.handler->OnEnd(absl::OkStatus());
  }

  RequestId last_ = 0;
};

// Records every call.
class NotingSink final : public Sink {
 public:
  void Deliver(std::vector<Event> events) override { notes.push_back(absl::StrCat("deliver ", events.size())); }
  void Synced() override { notes.push_back("synced"); }
  void Progress(ObjectKind kind, std::string version, size_t count) override {
    notes.push_back(absl::StrCat(std::string(ResourceName(kind)), " ", version, " ", count));
  }
  void Report(std::vector<SourceProblem> problems) override {
    for (const SourceProblem& problem : problems) notes.push_back("problem: " + problem.what);
    if (problems.empty()) notes.push_back("no problem");
  }

  std::vector<std::string> TakeNotes() { return std::exchange(notes, {}); }
  std::vector<std::string> notes;
};

class KubernetesSourceTest : public ::testing::Test {
 protected:
  // Runs until the steps are used up; one is taken each time that the server has nothing to answer.
  void Play(KubernetesSourceOptions options, std::vector<std::function<void()>> steps) {
    options.node_name = "node-1";
    options.servers = {{.url = "https://a"}};
    auto transport = std::make_unique<OneServer>();
    server = transport.get();
    std::swap(server->objects, objects);
    server->refusals = refusals;
    std::stop_source stop;
    size_t step = 0;
    server->on_idle = [&] {
      if (step == steps.size()) {
        stop.request_stop();
      } else {
        steps[step++]();
      }
    };
    source.emplace(std::move(options), std::move(transport));
    EXPECT_EQ(source->Run(sink, stop.get_token()), absl::OkStatus());
    EXPECT_EQ(step, steps.size());
    EXPECT_GE(server->wakes, 1) << "a stop does not wait for the server";
  }

  std::map<ObjectKind, std::vector<KnownObject>> objects;
  std::map<ObjectKind, ApiError> refusals;
  NotingSink sink;
  OneServer* server = nullptr;  // source owns it
  std::optional<KubernetesSource> source;
};

std::string Added(ObjectKind kind, const KnownObject& object) {
  return EventFrame("ADDED", SmallObject(kind, object));
}

TEST_F(KubernetesSourceTest, DeliversAllThreeResourcesAndThenIsSyncedOnce) {
  objects = {{ObjectKind::kService, {{{"ns", "a"}, "u1", "2"}, {{"ns", "b"}, "u2", "3"}}},
             {ObjectKind::kEndpointSlice, {{{"ns", "a-1"}, "u3", "4"}}},
             {ObjectKind::kNode, {{{"", "node-1"}, "u4", "5"}}}};
  Play({.snapshot_time_ms = 42}, {[&] {
         EXPECT_THAT(sink.TakeNotes(), ElementsAre("deliver 2", "services 7 2", "deliver 1", "endpointslices 7 1",
                                                   "deliver 1", "nodes 7 1", "synced"));
         const report::SourceStatus status = source->status();
         EXPECT_THAT(status.reflectors, ElementsAre(Field(&report::ReflectorStatus::objects, 2),
                                                    Field(&report::ReflectorStatus::objects, 1),
                                                    Field(&report::ReflectorStatus::objects, 1)));
         EXPECT_EQ(status.server, "https://a");
         EXPECT_TRUE(status.reachable);
         EXPECT_EQ(status.snapshot_time_ms, 0);
         EXPECT_NEAR(static_cast<double>(status.reflectors[0].last_event_time_ms), 1000.0 * std::time(nullptr), 60'000);
       }});
  EXPECT_THAT(sink.notes, ElementsAre());
}

TEST_F(KubernetesSourceTest, EventsThatCameTogetherAreDeliveredTogetherAndALoneOneAtOnce) {
  constexpr ObjectKind kKind = ObjectKind::kService;
  Play({}, {[&] {
              sink.TakeNotes();
              server->Watch(kKind).OnBody(Added(kKind, {{"ns", "a"}, "u", "8"}));
              server->Watch(kKind).OnBody(Added(kKind, {{"ns", "b"}, "u", "9"}));
            },
            [&] {
              EXPECT_THAT(sink.TakeNotes(), ElementsAre("deliver 2", "services 9 2"));
              server->Watch(kKind).OnBody(Added(kKind, {{"ns", "c"}, "u", "10"}));
            },
            [&] { EXPECT_THAT(sink.TakeNotes(), ElementsAre("deliver 1", "services 10 3")); }});
}

TEST_F(KubernetesSourceTest, IsNotSyncedWhileOneResourceIsForbiddenAndSaysSoOnce) {
  refusals = {{ObjectKind::kNode, {.code = 403, .reason = "Forbidden"}}};
  Play({.snapshot_time_ms = 42},
       {[&] {
          EXPECT_THAT(sink.TakeNotes(),
                      ElementsAre("services 7 0", "endpointslices 7 0", HasSubstr("resources [\"nodes\"]")));
          EXPECT_EQ(source->status().snapshot_time_ms, 42);
          server->now += seconds(2);
        },
        [&] {
          EXPECT_THAT(sink.TakeNotes(), ElementsAre());
          server->refusals.clear();
          server->now += seconds(4);
        },
        [&] { EXPECT_THAT(sink.TakeNotes(), ElementsAre("nodes 7 0", "synced", "no problem")); }});
}

TEST_F(KubernetesSourceTest, NoProgressIsSaidWhileAListIsHeldBack) {
  Play({.endpoint_slices = {.version = "3", .count = 5}}, {[&] {
         EXPECT_THAT(sink.TakeNotes(),
                     UnorderedElementsAre("services 7 0", "nodes 7 0", HasSubstr("a list lacks 5 objects")));
         EXPECT_TRUE(source->status().reflectors[1].list_held_back);
       }});
}

TEST_F(KubernetesSourceTest, WhatIsWrongWithTheTransportIsReportedUntilItIsOver) {
  Play({}, {[&] {
              sink.TakeNotes();
              server->present_problems = {"the token: gone"};
            },
            [&] {
              EXPECT_THAT(sink.TakeNotes(), ElementsAre(HasSubstr("the token: gone")));
              server->present_problems.clear();
            },
            [&] { EXPECT_THAT(sink.TakeNotes(), ElementsAre("no problem")); }});
}

// The slice in which API servers name themselves.
Object ApiServersSlice() {
  model::EndpointSlice slice{.name = {"default", "kubernetes"}, .uid = "u", .resource_version = "8"};
  slice.labels = {{"kubernetes.io/service-name", "kubernetes"}};
  slice.endpoints = {{.address = "10.0.0.1"}};
  slice.ports = {{.name = "https", .port = 6443}};
  return slice;
}

TEST_F(KubernetesSourceTest, ServersThatTheClusterNamesAreHandedOn) {
  std::vector<std::string> discovered;
  Play({.on_servers_discovered = [&](const std::vector<std::string>& urls) { discovered = urls; }},
       {[&] { server->Watch(ObjectKind::kEndpointSlice).OnBody(EventFrame("ADDED", ApiServersSlice())); }, [] {}});
  EXPECT_THAT(discovered, ElementsAre("https://10.0.0.1:6443"));
}

TEST_F(KubernetesSourceTest, WithoutCertificatesNobodyIsAskedWhoWasNotConfigured) {
  std::vector<std::string> discovered;
  refusals = {{ObjectKind::kNode, {.code = 503, .reason = "ServiceUnavailable"}}};
  Play({.discovered_servers = {"https://10.0.0.2:6443"},
        .discovers_servers = false,
        .on_servers_discovered = [&](const std::vector<std::string>& urls) { discovered = urls; }},
       {[&] { server->Watch(ObjectKind::kEndpointSlice).OnBody(EventFrame("ADDED", ApiServersSlice())); },
        [&] { server->now += seconds(2); },
        [&] { EXPECT_EQ(source->status().server, "https://a") << "though it fails"; }});
  EXPECT_THAT(discovered, ElementsAre());
}

TEST(KubernetesSourceStatusTest, TheSnapshotsAgeIsThereBeforeTheFirstTurn) {
  KubernetesSourceOptions options{.node_name = "node-1", .servers = {{.url = "https://a"}}, .snapshot_time_ms = 42};
  const KubernetesSource source(std::move(options), std::make_unique<OneServer>());
  EXPECT_EQ(source.status().snapshot_time_ms, 42);
}

}  // namespace
}  // namespace shunt::sources::kubernetes
