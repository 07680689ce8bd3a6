// SPDX-License-Identifier: Apache-2.0
// Which of several API servers is asked. All reflectors ask the same one while it works, so that they see one state.
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
  // So long a server that was left is not tried at once; only after the reflector's own delay.
  static constexpr std::chrono::seconds kAvoidedFor{30};

  // The first one is asked first. REQUIRES: at least one.
  explicit ApiServers(std::vector<ApiServer> configured);

  const ApiServer& current() const { return servers_[current_].address; }
  // The current server has answered since it was last silent.
  bool reachable() const { return servers_[current_].answers; }

  // A response's status line came from `server`.
  void NoteAnswer(const std::string& server, int http_status);
  // A request to `server` ended without an answer.
  void NoteNoAnswer(const std::string& server);
  // `server` is silent, fails or lags: if it is the current one, the server that was left the longest ago takes its
  // place (it may be the same, if there is no other). True: the current server is another one that was not left
  // lately, worth a try without delay.
  bool Avoid(const std::string& server, SteadyTime now);
  // Its connection went silent after it had answered.
  void NoteSilence(const std::string& server);

  // Replaces the servers that were learned from the cluster itself; the configured ones stay, and come first. The
  // learned ones' certificates have to bear the first configured one's TLS server name or, if it has none,
  // kubernetes.default.svc: every API server that pods may call by its DNS name bears that, whereas not all bear their
  // own address. Nothing is learned if the first configured server is reached in the clear, as through `kubectl proxy`.
  void Learn(const std::vector<std::string>& urls);

  // How often each HTTP status came from each server.
  std::vector<report::RequestCount> requests() const;

 private:
  struct Server {
    ApiServer address;
    bool learned = false;
    bool answers = false;
    std::optional<SteadyTime> avoided_at;
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
