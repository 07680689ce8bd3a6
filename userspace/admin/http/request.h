// SPDX-License-Identifier: Apache-2.0
// Parses the head of an HTTP/1.x request (RFC 9112), as far as a server that answers only GET needs it. Pure.
#ifndef SHUNT_ADMIN_HTTP_REQUEST_H_
#define SHUNT_ADMIN_HTTP_REQUEST_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace shunt::admin::http {

// A longer head is refused: those of probes and scrapes have a few hundred bytes.
inline constexpr size_t kHeadBytesMax = 8192;

struct Request {
  std::string method;       // a token, as it was sent: "GET"
  std::string path;         // "/healthz": the target without its query, not decoded; "*" for OPTIONS *
  bool keep_alive = false;  // the client intends to send another request; always false for HTTP/1.0
  bool has_body = false;    // a body follows, which is not read, so the connection ends after the answer
};

struct ParsedRequest {
  enum class Outcome {
    kIncomplete,  // the head has not ended yet, and no error was found so far
    kComplete,
    kRefused,
  };
  Outcome outcome = Outcome::kIncomplete;
  size_t head_bytes = 0;  // kComplete: how much of `received` the head is
  Request request;        // kComplete
  int status = 0;         // kRefused: 400 if not HTTP, 431 if longer than kHeadBytesMax, 505 if not HTTP/1.x
};

// Parses the first request in `received`. Lines may end in a bare LF, for probes written by hand. The result does not
// depend on the pieces in which the head arrived.
ParsedRequest ParseRequest(absl::string_view received);

}  // namespace shunt::admin::http

#endif  // SHUNT_ADMIN_HTTP_REQUEST_H_
