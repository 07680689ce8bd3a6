// SPDX-License-Identifier: Apache-2.0
// One request of a reflector and what has come of it so far. The transport's calls only leave notes here; what follows
// from them is decided in Reflector::Advance.
#ifndef SHUNT_SOURCES_KUBERNETES_FOLLOW_EXCHANGE_H_
#define SHUNT_SOURCES_KUBERNETES_FOLLOW_EXCHANGE_H_

#include <functional>
#include <optional>
#include <string>
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
    kComplete,   // 200 and a body that ended where it should
    kRefused,    // the server said no: `error`
    kBroken,     // no answer, or only a part of one: `status`
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

  // HTTP status of the answer; 0: none has come.
  int http_status() const { return head_.status; }
  // Set once nothing more of use can come. The transport may still be at it (a malformed body): cancel it.
  const std::optional<Outcome>& outcome() const { return outcome_; }

 protected:
  // A piece of a 200's body. kInvalidArgument: it cannot be read.
  virtual absl::Status OnContent(absl::string_view bytes) = 0;
  // The 200's body is complete. kInvalidArgument: it is cut short.
  virtual absl::Status OnContentEnd() = 0;
  // The server said no in the middle of a 200.
  void Refuse(ApiError error);

 private:
  ResponseHead head_;
  std::string error_body_;
  std::optional<Outcome> outcome_;
};

// A list, or one page of it.
class ListExchange final : public Exchange {
 public:
  // `item` gets every object as it arrives, in OnBody.
  ListExchange(ObjectKind kind, std::function<void(Object)> item) : decoder_(kind), item_(std::move(item)) {}

  // Known when complete.
  const std::string& version() const { return decoder_.version(); }
  const std::string& continue_token() const { return decoder_.continue_token(); }

 private:
  absl::Status OnContent(absl::string_view bytes) override;
  absl::Status OnContentEnd() override;

  ListDecoder decoder_;
  std::function<void(Object)> item_;
};

class WatchExchange final : public Exchange {
 public:
  explicit WatchExchange(ObjectKind kind) : kind_(kind) {}

  // What came since the last call, in order; never kError, which is an outcome.
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
