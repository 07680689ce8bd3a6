// SPDX-License-Identifier: Apache-2.0
// One reflector, the server's side of its requests and the consumer's side of its events, all in virtual time.
#ifndef SHUNT_SOURCES_KUBERNETES_TESTING_REFLECTOR_FIXTURE_H_
#define SHUNT_SOURCES_KUBERNETES_TESTING_REFLECTOR_FIXTURE_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "userspace/sources/kubernetes/follow/api_servers.h"
#include "userspace/sources/kubernetes/follow/reflector.h"
#include "userspace/sources/kubernetes/testing/api_bytes.h"
#include "userspace/sources/kubernetes/testing/scripted_transport.h"
#include "userspace/sources/kubernetes/testing/small_objects.h"

namespace shunt::sources::kubernetes {

class ReflectorTest : public ::testing::Test {
 protected:
  static constexpr ObjectKind kKind = ObjectKind::kService;

  // Starts a reflector that follows Services with these servers.
  void Follow(const Remembered& remembered = {}, std::vector<ApiServer> servers_asked = {{"https://a"}});
  // Lets time pass; the reflector is woken when it asks to be, and at the end.
  void Pass(std::chrono::milliseconds time);

  // The newest request, which the next calls answer.
  const ScriptedTransport::Sent& Newest() const { return transport.sent.back(); }
  bool IsOpen() const { return Newest().handler != nullptr; }
  // "list any", "list >=7", "list newest 500", "list newest all", "page TOKEN", "probe 7", "watch 7", with " at
  // SERVER" behind it.
  std::string Asked() const;
  // Returns the number of requests since the last call.
  size_t NewRequests();

  void List(const std::vector<KnownObject>& objects, absl::string_view version, absl::string_view token = "");
  // A list that also has items of these bytes.
  void ListAround(const std::vector<std::string>& messages, const std::vector<KnownObject>& objects,
                  absl::string_view version);
  // Returns the message of a Service whose metadata can be read and whose spec cannot.
  static std::string BrokenService(absl::string_view name, absl::string_view version, absl::string_view uid = "u");
  void Refuse(const ApiError& error);
  // Returns whether the newest request has no answer yet or is a watch.
  void Break(const absl::Status& status);
  void Accept();  // a watch: 200
  void Send(const std::string& bytes);
  void Event(absl::string_view type, const KnownObject& object);
  void Bookmark(absl::string_view version);
  void EndWatch();
  // The first list, at version "7", and the head of the watch that follows.
  void Sync(const std::vector<KnownObject>& objects);

  static KnownObject Service(absl::string_view name, absl::string_view version, absl::string_view uid = "u");
  static std::vector<KnownObject> Services(int count, absl::string_view version);
  // Returns the events of the last answer in order: "+ns/a" for Upsert, "-ns/a" for Remove.
  std::vector<std::string> Events();
  std::string ProblemText() const;
  report::ReflectorStatus Status() const { return reflector->status(transport.now, 1'000'000'000); }

  uint64_t seed = 1;  // of the next Follow
  ScriptedTransport transport;
  std::optional<ApiServers> servers;
  std::optional<Reflector> reflector;

 private:
  ResponseHandler& Handler();
  void Advance();

  std::vector<std::string> events_;
  size_t requests_seen_ = 0;
};

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_TESTING_REFLECTOR_FIXTURE_H_
