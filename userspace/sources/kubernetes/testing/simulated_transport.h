// SPDX-License-Identifier: Apache-2.0
// HTTP to the API servers of a simulated cluster, with all failures between and in them. Time is virtual: only waiting
// makes it pass.
#ifndef SHUNT_SOURCES_KUBERNETES_TESTING_SIMULATED_TRANSPORT_H_
#define SHUNT_SOURCES_KUBERNETES_TESTING_SIMULATED_TRANSPORT_H_

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "userspace/sources/kubernetes/client/transport.h"
#include "userspace/sources/kubernetes/testing/simulated_cluster.h"
#include "userspace/sources/kubernetes/wire/api_error.h"

namespace shunt::sources::kubernetes {

// The state that outlives one agent.
struct SimulatedWorld {
  SimulatedCluster cluster{3};
  std::mt19937 random;
  SteadyTime now{std::chrono::hours(1)};
  bool faulty = true;
  // Until then, lists of a resource whose objects the agent knows are empty.
  SteadyTime mistaken_until;
  std::array<bool, 3> agent_knows{};
  uint64_t turns = 0;
  std::function<void()> on_turn;
  std::array<std::vector<SteadyTime>, 3> requests;  // by ObjectKind

  bool Chance(uint32_t one_in) { return random() % one_in == 0; }
};

class SimulatedTransport final : public Transport {
 public:
  // The servers are https://0, https://1, ...
  explicit SimulatedTransport(SimulatedWorld& world) : world_(world) {}

  RequestId Start(HttpRequest request, ResponseHandler& handler) override;
  void Cancel(RequestId request) override { exchanges_.erase(request); }
  SteadyTime Wait(SteadyTime until) override;
  void Wake() override { woken_ = true; }
  void RefreshCredentials() override {}

  void BreakAll() { break_all_ = true; }

 private:
  struct Exchange {
    HttpRequest request;
    ResponseHandler* handler;
    ObjectKind kind;
    size_t server;
    bool answered = false;
    bool is_watch = false;
    std::string pending;  // of the body
    bool ends = false;    // after what is pending
    SteadyTime next_at;
    SteadyTime silent_until{};  // then the transport notices; not set: not silent
    uint64_t position = 0;      // a watch has sent everything up to here
    SteadyTime bookmark_at;
    SteadyTime watch_end;
  };

  // Each returns whether the handler was called; `over` then says whether that was its last call.
  bool Advance(Exchange& exchange, bool& over);
  bool End(Exchange& exchange, const absl::Status& status, bool& over);
  void Answer(Exchange& exchange);
  void AnswerList(Exchange& exchange);
  void AnswerWatch(Exchange& exchange);
  void Refuse(Exchange& exchange, const ApiError& error);
  void FillWatch(Exchange& exchange);
  bool SendPiece(Exchange& exchange);

  SimulatedWorld& world_;
  std::map<RequestId, Exchange> exchanges_;
  std::map<std::string, std::pair<std::string, std::vector<Object>>> pages_;  // continue token: version, rest
  RequestId last_ = 0;
  bool woken_ = false;
  bool break_all_ = false;
};

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_TESTING_SIMULATED_TRANSPORT_H_
