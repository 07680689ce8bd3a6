// SPDX-License-Identifier: Apache-2.0
// Chooses the API server that all reflectors ask. They ask the same one while it works, so that they see one state.
#ifndef SHUNT_SOURCES_KUBERNETES_FOLLOW_API_SERVERS_H_
#define SHUNT_SOURCES_KUBERNETES_FOLLOW_API_SERVERS_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "userspace/report/reflector_status.h"
#include "userspace/sources/kubernetes/client/transport.h"

namespace shunt::sources::kubernetes {

// Not thread-safe. Servers are named by their base URL.
class ApiServers {
 public:
  // For this long, a server that we left is retried only after the reflector's delay.
  static constexpr std::chrono::seconds kAvoidedFor{30};
  // For this long, a server that has come back may still refuse what it will allow: it reads its rules.
  static constexpr std::chrono::seconds kComingBack{30};

  // The first one is asked first. REQUIRES: at least one.
  explicit ApiServers(std::vector<ApiServer> configured);

  const ApiServer& current() const { return servers_[current_].address; }
  // Returns whether the current server has answered since it was last silent.
  bool reachable() const { return servers_[current_].answers; }

  // Notes that `server` has sent a response's status line.
  void NoteAnswer(const std::string& server, int http_status, SteadyTime now);
  // Notes that a request to `server` has ended without an answer.
  void NoteNoAnswer(const std::string& server, SteadyTime now);
  // Notes that a connection to `server` broke after it had answered.
  void NoteBreak(const std::string& server, SteadyTime now);
  // Fails over from `server`, which is silent, fails or lags: if it is the current one, the server that was left the
  // longest ago takes its place; without another one it stays. Returns true if the current server is another one that
  // was not left recently, so that it should be tried without delay.
  bool Avoid(const std::string& server, SteadyTime now);
  // Notes that the server's connection went silent after it had answered.
  void NoteSilence(const std::string& server, SteadyTime now);
  // Returns whether the server was away a moment ago: it did not answer, broke off, went silent, or answered 5xx.
  bool IsComingBack(const std::string& server, SteadyTime now) const;

  // Replaces the servers that were discovered in the cluster; the configured ones stay and come first. A discovered
  // server's certificate must have the first configured server's TLS server name or, if that has none,
  // kubernetes.default.svc: every API server that pods call by its DNS name has that name, but not all have their own
  // address. Has no effect if the first configured server is reached without TLS, as through `kubectl proxy`.
  void SetDiscovered(const std::vector<std::string>& urls);

  // Returns how often each server has answered with each HTTP status.
  std::vector<report::RequestCount> requests() const;

 private:
  struct Server {
    ApiServer address;
    bool discovered = false;
    bool answers = false;
    std::optional<SteadyTime> avoided_at;
    std::optional<SteadyTime> away_at;  // the last time
  };

  Server* Find(const std::string& url);
  void Count(const std::string& server, const std::string& code);
  void ChooseCurrent();

  std::vector<Server> servers_;
  size_t current_ = 0;
  std::map<std::pair<std::string, std::string>, uint64_t> requests_;  // (host, code)
};

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_FOLLOW_API_SERVERS_H_
