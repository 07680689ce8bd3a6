// SPDX-License-Identifier: Apache-2.0
// A handler that records its calls, and a wait for its last one.
#ifndef SHUNT_SOURCES_KUBERNETES_TESTING_RECORDER_H_
#define SHUNT_SOURCES_KUBERNETES_TESTING_RECORDER_H_

#include <functional>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "userspace/sources/kubernetes/client/transport.h"

namespace shunt::sources::kubernetes {

class Recorder final : public ResponseHandler {
 public:
  void OnHead(const ResponseHead& head) override {
    response_head = head;
    if (on_head) on_head();
  }
  void OnBody(absl::string_view bytes) override {
    body.append(bytes.data(), bytes.size());
    if (on_body) on_body();
  }
  void OnEnd(const absl::Status& status) override {
    end = status;
    ++ends;
    if (on_end) on_end();
  }
  // Returns 0 if there was no head.
  int status() const { return response_head.has_value() ? response_head->status : 0; }

  std::optional<ResponseHead> response_head;
  std::string body;
  std::optional<absl::Status> end;
  int ends = 0;
  std::function<void()> on_head;
  std::function<void()> on_body;
  std::function<void()> on_end;
};

// Until `done`, at most a minute, which only a hanging test reaches.
template <typename Done>
void WaitUntil(Transport& transport, const Done& done) {
  const SteadyTime until = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (!done() && transport.Wait(until) < until) continue;
}

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_TESTING_RECORDER_H_
