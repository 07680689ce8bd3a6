// SPDX-License-Identifier: Apache-2.0
// HTTP as the reflectors need it: streams of bytes that can end anywhere. In production it is libcurl; tests put
// recorded and deliberately broken streams behind the same interface.
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

// Where an API server is, and the name that its certificate has to bear.
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
  // From the start of the request to the response's head; then the exchange ends with kDeadlineExceeded.
  std::chrono::milliseconds head_timeout{30'000};
  // From the start of the request to the end of its body, likewise.
  std::chrono::milliseconds total_timeout{60'000};
};

// The response's status line and what its headers say that matters here.
struct ResponseHead {
  int status = 0;                                   // 200; informational responses are not shown
  std::string content_type;                         // as sent, may be empty
  std::optional<std::chrono::seconds> retry_after;  // Retry-After in its form of seconds
};

// What becomes of one request. All calls come from Transport::Wait, in its thread, in the order OnHead, OnBody...,
// OnEnd.
class ResponseHandler {
 public:
  virtual ~ResponseHandler() = default;
  // At most once.
  virtual void OnHead(const ResponseHead& head) = 0;
  // Without the transfer's chunking; any number of pieces of any size. `bytes` lives for the call.
  virtual void OnBody(absl::string_view bytes) = 0;
  // Last call, exactly once unless the request is cancelled. OK: the body is complete. kUnavailable: the server could
  // not be reached, or the connection broke; kUnauthenticated: TLS: a certificate was not accepted, by us or by the
  // server, or what we would show to it cannot be read; kDeadlineExceeded: a timeout of the request, or a connection
  // that is half open; kInvalidArgument: the answer is no HTTP that we take. The message names server and cause.
  virtual void OnEnd(const absl::Status& status) = 0;
};

// Not thread-safe, but for Wake.
class Transport {
 public:
  using RequestId = uint64_t;  // never 0, never used twice

  virtual ~Transport() = default;

  // Begins an exchange; nothing is called before the next Wait. `handler` must live until its OnEnd, or until Cancel.
  virtual RequestId Start(HttpRequest request, ResponseHandler& handler) = 0;
  // The handler is not called again. May be called from within a handler. No such request: no effect.
  virtual void Cancel(RequestId request) = 0;
  // Moves all exchanges forward and calls their handlers, until something has been called, `until` has come or Wake was
  // called, whichever is first. Returns the time then.
  virtual SteadyTime Wait(SteadyTime until) = 0;
  // Makes the present or the next Wait return at once. Thread-safe.
  virtual void Wake() = 0;
  // The server did not accept who we are: reads token and certificates anew before the next request.
  virtual void RefreshCredentials() = 0;
  // What is wrong here and now, though requests go on; empty: nothing. For people.
  virtual std::vector<std::string> problems() const { return {}; }
};

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_CLIENT_TRANSPORT_H_
