// SPDX-License-Identifier: Apache-2.0
// An HTTP/1.1 response, and its bytes. Pure.
#ifndef SHUNT_ADMIN_HTTP_RESPONSE_H_
#define SHUNT_ADMIN_HTTP_RESPONSE_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace shunt::admin::http {

struct Response {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  // Headers besides Date, Content-Type, Content-Length, Connection and X-Content-Type-Options.
  // REQUIRES: names and values have no control characters.
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

// Returns a response whose body is the status with its name: "404 Not Found".
Response StatusResponse(int status);

// Returns "Not Found" and the like; "Unknown" for a status that this server never sends.
absl::string_view ReasonPhrase(int status);

// "Thu, 26 Nov 2026 23:04:13 GMT" (RFC 9110, 5.6.7), regardless of the locale. `seconds` are since 1970.
std::string HttpDate(int64_t seconds);

struct Framing {
  bool without_body = false;  // for HEAD: only the head of the answer to GET
  bool keep_alive = false;    // false: the response announces the end of the connection
  int64_t date_s = 0;         // since 1970
};
std::string Serialize(const Response& response, const Framing& framing);

}  // namespace shunt::admin::http

#endif  // SHUNT_ADMIN_HTTP_RESPONSE_H_
