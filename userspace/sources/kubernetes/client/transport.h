// SPDX-License-Identifier: Apache-2.0
// HTTP as the reflectors need it: streams of bytes that can end anywhere. In production it is libcurl; tests implement
// the same interface with recorded and deliberately broken streams.
#ifndef SHUNT_SOURCES_KUBERNETES_CLIENT_TRANSPORT_H_
#define SHUNT_SOURCES_KUBERNETES_CLIENT_TRANSPORT_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace shunt::sources::kubernetes {

using SteadyTime = std::chrono::steady_clock::time_point;

// An API server's URL, and the name that its certificate must have.
struct ApiServer {
  std::string url;              // without a trailing slash: "https://10.0.0.1:6443"; may have a path
  std::string tls_server_name;  // empty: the URL's host

  friend bool operator==(const ApiServer&, const ApiServer&) = default;
};

// One GET to one API server.
struct HttpRequest {
  ApiServer server;
  std::string target;  // path and query, already escaped
  std::string accept;
  // The longest time from the request's start to the response's head; the exchange then ends with kDeadlineExceeded.
  std::chrono::milliseconds head_timeout{30'000};
  // The longest time from the request's start to the end of the body; it ends the exchange likewise.
  std::chrono::milliseconds total_timeout{60'000};
};

// The response's status and the headers that matter here.
struct ResponseHead {
  int status = 0;                                   // 200; informational responses are not shown
  std::string content_type;                         // as sent, may be empty
  std::optional<std::chrono::seconds> retry_after;  // Retry-After, if it is in seconds
};

// Receives the response to one request. All calls come from Transport::Wait, in its thread, in the order OnHead,
// OnBody..., OnEnd.
class ResponseHandler {
 public:
  virtual ~ResponseHandler() = default;
  // Called at most once.
  virtual void OnHead(const ResponseHead& head) = 0;
  // Called any number of times with a piece of any size, without the transfer's chunking. `bytes` lives for the call.
  virtual void OnBody(absl::string_view bytes) = 0;
  // The last call; made exactly once unless the request is cancelled. The status is OK if the body is complete;
  // kUnavailable if the server could not be reached or the connection broke; kUnauthenticated if TLS failed because we
  // or the server did not accept a certificate, or if our credentials cannot be read; kDeadlineExceeded after a timeout
  // of the request or if the connection is half open; kInvalidArgument if the answer is not the HTTP that we accept.
  // The message names the server and the cause.
  virtual void OnEnd(const absl::Status& status) = 0;
};

// Not thread-safe, except for Wake.
class Transport {
 public:
  using RequestId = uint64_t;  // never 0, never used twice

  virtual ~Transport() = default;

  // Begins an exchange; no handler is called before the next Wait. `handler` must live until its OnEnd or until Cancel.
  virtual RequestId Start(HttpRequest request, ResponseHandler& handler) = 0;
  // Ends the exchange without calling its handler again. May be called from within a handler. Has no effect if the
  // exchange has ended.
  virtual void Cancel(RequestId request) = 0;
  // Advances all exchanges and calls their handlers, until a handler was called, `until` has come or Wake was called,
  // whichever is first. Returns the current time.
  virtual SteadyTime Wait(SteadyTime until) = 0;
  // Makes the current or the next Wait return at once. Thread-safe.
  virtual void Wake() = 0;
  // Called when the server has not accepted our credentials: reads token and certificates again before the next
  // request.
  virtual void RefreshCredentials() = 0;
  // Returns, for people, current problems that do not stop requests; empty if all is well.
  virtual std::vector<std::string> problems() const { return {}; }
};

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_CLIENT_TRANSPORT_H_
