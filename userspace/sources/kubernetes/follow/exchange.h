// SPDX-License-Identifier: Apache-2.0
// One request of a reflector and its result so far. The transport's calls are only recorded here; Reflector::Advance
// decides what follows from them.
#ifndef SHUNT_SOURCES_KUBERNETES_FOLLOW_EXCHANGE_H_
#define SHUNT_SOURCES_KUBERNETES_FOLLOW_EXCHANGE_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "userspace/sources/kubernetes/client/transport.h"
#include "userspace/sources/kubernetes/wire/api_error.h"
#include "userspace/sources/kubernetes/wire/list_decoder.h"
#include "userspace/sources/kubernetes/wire/stream.h"
#include "userspace/sources/kubernetes/wire/watch_event.h"

namespace shunt::sources::kubernetes {

// How an exchange ended.
struct Outcome {
  enum class Kind {
    kComplete,   // 200 and a complete body
    kRefused,    // the server refused the request: `error`
    kBroken,     // no answer, or only part of one: `status`
    kMalformed,  // 200 and a body that cannot be read: `status`
  };
  Kind kind = Kind::kComplete;
  ApiError error;
  absl::Status status;
};

class Exchange : public ResponseHandler {
 public:
  void OnHead(const ResponseHead& head) final;
  void OnBody(absl::string_view bytes) final;
  void OnEnd(const absl::Status& status) final;

  // Returns the HTTP status of the answer, and 0 before it has come.
  int http_status() const { return head_.status; }
  // Set once nothing useful can follow. The transport may still be running the exchange (after a malformed body):
  // cancel it.
  const std::optional<Outcome>& outcome() const { return outcome_; }

 protected:
  // Called with a piece of a 200's body. Returns kInvalidArgument if the body cannot be read.
  virtual absl::Status OnContent(absl::string_view bytes) = 0;
  // Called when the 200's body has ended. Returns kInvalidArgument if it is cut short.
  virtual absl::Status OnContentEnd() = 0;
  // Notes that the server has refused in the middle of a 200.
  void Refuse(ApiError error);

 private:
  ResponseHead head_;
  std::string error_body_;
  std::optional<Outcome> outcome_;
};

// A list, or one page of it.
class ListExchange final : public Exchange {
 public:
  // `items` receives every object as it arrives, in OnBody.
  ListExchange(ObjectKind kind, ListItems items) : decoder_(kind), items_(std::move(items)) {}

  // Known when complete.
  const std::string& version() const { return decoder_.version(); }
  const std::string& continue_token() const { return decoder_.continue_token(); }

 private:
  absl::Status OnContent(absl::string_view bytes) override;
  absl::Status OnContentEnd() override;

  ListDecoder decoder_;
  const ListItems items_;
};

class WatchExchange final : public Exchange {
 public:
  explicit WatchExchange(ObjectKind kind) : kind_(kind) {}

  // Returns the events since the last call, in order; kError is never among them, because it is an outcome.
  std::vector<WatchEvent> TakeEvents();

 private:
  absl::Status OnContent(absl::string_view bytes) override;
  absl::Status OnContentEnd() override;
  absl::Status OnFrame(absl::string_view frame);

  ObjectKind kind_;
  FrameSplitter splitter_;
  std::vector<WatchEvent> events_;
};

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_FOLLOW_EXCHANGE_H_
