// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/kubernetes/testing/reflector_fixture.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "userspace/sources/kubernetes/testing/query_parameter.h"

namespace shunt::sources::kubernetes {
void ReflectorTest::Follow(const Remembered& remembered, std::vector<ApiServer> urls) {
  servers.emplace(std::move(urls));
  reflector.emplace(kKind, "node-1", remembered, seed, *servers, transport);
  Advance();
}

void ReflectorTest::Pass(std::chrono::milliseconds time) {
  const SteadyTime end = transport.now + time;
  while (reflector->NextWake() <= end) {
    const SteadyTime wake = reflector->NextWake();
    transport.now = std::max(transport.now, wake);
    Advance();
    ASSERT_GT(reflector->NextWake(), wake) << "it asks to be woken again and again";
  }
  transport.now = end;
  Advance();
}

std::string ReflectorTest::Asked() const {
  const std::string& target = Newest().request.target;
  const std::string version = QueryParameter(target, "resourceVersion").value_or("");
  const std::optional<std::string> limit = QueryParameter(target, "limit");
  const std::string at = absl::StrCat(" at ", std::string(absl::StripPrefix(Newest().request.server.url, "https://")));
  if (QueryParameter(target, "watch")) return absl::StrCat("watch ", version, at);
  if (const auto token = QueryParameter(target, "continue")) return absl::StrCat("page ", *token, at);
  if (version.empty()) return absl::StrCat("list newest ", limit.value_or("all"), at);
  if (version == "0") return absl::StrCat("list any", at);
  return absl::StrCat(absl::StrContains(target, "/namespaces/") ? "probe " : "list >=", version, at);
}

size_t ReflectorTest::NewRequests() {
  return transport.sent.size() - std::exchange(requests_seen_, transport.sent.size());
}

ResponseHandler& ReflectorTest::Handler() {
  EXPECT_TRUE(IsOpen()) << "no request is open";
  return *Newest().handler;
}

void ReflectorTest::Advance() {
  reflector->Advance(transport.now);
  std::vector<sources::Event> events = reflector->TakeEvents();
  if (!events.empty()) events_.clear();
  for (const sources::Event& event : events) {
    if (const auto* const remove = std::get_if<Remove>(&event)) {
      events_.push_back("-" + remove->name.ToString());
    } else {
      events_.push_back("+" + Identify(std::get<Upsert>(event).object).name.ToString());
    }
  }
}

void ReflectorTest::List(const std::vector<KnownObject>& objects, absl::string_view version, absl::string_view token) {
  ResponseHandler& handler = Handler();
  handler.OnHead({.status = 200});
  handler.OnBody(ListBody(kKind, SmallObjects(kKind, objects), version, token));
  Break(absl::OkStatus());
}

void ReflectorTest::ListAround(const std::vector<std::string>& messages, const std::vector<KnownObject>& objects,
                               absl::string_view version) {
  ResponseHandler& handler = Handler();
  handler.OnHead({.status = 200});
  handler.OnBody(ListBodyAround(kKind, messages, SmallObjects(kKind, objects), version));
  Break(absl::OkStatus());
}

std::string ReflectorTest::BrokenService(absl::string_view name, absl::string_view version, absl::string_view uid) {
  return MessageOf(SmallObject(kKind, Service(name, version, uid))) + "\x12\x01x";
}

void ReflectorTest::Refuse(const ApiError& error) {
  Handler().OnHead({.status = error.code, .content_type = "application/vnd.kubernetes.protobuf"});
  Handler().OnBody(StatusBody(error));
  Break(absl::OkStatus());
}

void ReflectorTest::Break(const absl::Status& status) {
  ResponseHandler& handler = Handler();
  transport.sent.back().handler = nullptr;
  handler.OnEnd(status);
  Advance();
}

void ReflectorTest::Accept() {
  Handler().OnHead({.status = 200});
  Advance();
}

void ReflectorTest::Send(const std::string& bytes) {
  Handler().OnBody(bytes);
  Advance();
}

void ReflectorTest::Event(absl::string_view type, const KnownObject& object) {
  Send(EventFrame(type, SmallObject(kKind, object)));
}

void ReflectorTest::Bookmark(absl::string_view version) {
  Send(BookmarkFrame(kKind, version));
}

void ReflectorTest::EndWatch() {
  Break(absl::OkStatus());
}

void ReflectorTest::Sync(const std::vector<KnownObject>& objects) {
  List(objects, "7");
  Accept();
  NewRequests();
}

KnownObject ReflectorTest::Service(absl::string_view name, absl::string_view version, absl::string_view uid) {
  return {{"ns", std::string(name)}, std::string(uid), std::string(version)};
}

std::vector<KnownObject> ReflectorTest::Services(int count, absl::string_view version) {
  std::vector<KnownObject> services;
  for (int i = 0; i < count; ++i) services.push_back(Service(absl::StrCat("s", i), version));
  return services;
}

std::vector<std::string> ReflectorTest::Events() {
  return std::exchange(events_, {});
}

std::string ReflectorTest::ProblemText() const {
  std::string text;
  for (const SourceProblem& problem : reflector->problems()) absl::StrAppend(&text, problem.where, ": ", problem.what);
  return text;
}

}  // namespace shunt::sources::kubernetes
