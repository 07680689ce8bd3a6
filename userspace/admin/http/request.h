// SPDX-License-Identifier: Apache-2.0
// The head of an HTTP/1.x request, as RFC 9112 has it and as a server needs that answers GET and no more. Pure.
#ifndef SHUNT_ADMIN_HTTP_REQUEST_H_
#define SHUNT_ADMIN_HTTP_REQUEST_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace shunt::admin::http {

// A head that is longer is refused: probes and scrapes take a few hundred bytes.
inline constexpr size_t kHeadBytesMax = 8192;

struct Request {
  std::string method;       // a token, as it was sent: "GET"
  std::string path;         // "/healthz": the target without its query, not decoded; "*" for OPTIONS *
  bool keep_alive = false;  // the client means to send another request. HTTP/1.0 clients never do here
  bool has_body = false;    // a body follows; nobody reads it, so the connection cannot go on after the answer
};

struct ParsedRequest {
  enum class Outcome {
    kIncomplete,  // the head has not ended yet, and nothing is wrong so far that could be told
    kComplete,
    kRefused,
  };
  Outcome outcome = Outcome::kIncomplete;
  size_t head_bytes = 0;  // kComplete: how much of `received` the head is
  Request request;        // kComplete
  int status = 0;         // kRefused: 400 not HTTP, 431 longer than kHeadBytesMax, 505 not HTTP/1.x
};

// Reads the first request of what was received. Lines may end in a bare LF, for probes written by hand. What is
// judged depends on the head alone, not on the pieces in which it arrived.
ParsedRequest ParseRequest(absl::string_view received);

}  // namespace shunt::admin::http

#endif  // SHUNT_ADMIN_HTTP_REQUEST_H_
