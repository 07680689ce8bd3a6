// SPDX-License-Identifier: Apache-2.0
// A transport whose time and answers the test controls.
#ifndef SHUNT_SOURCES_KUBERNETES_TESTING_SCRIPTED_TRANSPORT_H_
#define SHUNT_SOURCES_KUBERNETES_TESTING_SCRIPTED_TRANSPORT_H_

#include <algorithm>
#include <utility>
#include <vector>

#include "userspace/sources/kubernetes/client/transport.h"

namespace shunt::sources::kubernetes {

class ScriptedTransport final : public Transport {
 public:
  struct Sent {
    RequestId id;
    HttpRequest request;
    ResponseHandler* handler;  // null: the exchange is over
    SteadyTime at;
  };

  RequestId Start(HttpRequest request, ResponseHandler& handler) override {
    sent.push_back({sent.size() + 1, std::move(request), &handler, now});
    return sent.back().id;
  }
  void Cancel(RequestId request) override { sent[request - 1].handler = nullptr; }
  SteadyTime Wait(SteadyTime until) override { return now = std::max(now, until); }
  void Wake() override {}
  void RefreshCredentials() override { ++refreshes; }

  std::vector<Sent> sent;
  int refreshes = 0;
  SteadyTime now{std::chrono::hours(1)};
};

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_TESTING_SCRIPTED_TRANSPORT_H_
