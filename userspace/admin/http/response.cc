// SPDX-License-Identifier: Apache-2.0
#include "userspace/admin/http/response.h"

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

namespace shunt::admin::http {

absl::string_view ReasonPhrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Unknown";
  }
}

Response StatusResponse(int status) {
  return {.status = status, .body = absl::StrCat(status, " ", ReasonPhrase(status), "\n")};
}

std::string HttpDate(int64_t seconds) {
  return absl::FormatTime("%a, %d %b %E4Y %H:%M:%S GMT", absl::FromUnixSeconds(seconds), absl::UTCTimeZone());
}

std::string Serialize(const Response& response, const Framing& framing) {
  std::string bytes = absl::StrCat("HTTP/1.1 ", response.status, " ", ReasonPhrase(response.status), "\r\n");
  absl::StrAppend(&bytes, "Date: ", HttpDate(framing.date_s), "\r\nContent-Type: ", response.content_type,
                  "\r\nContent-Length: ", response.body.size(), "\r\nX-Content-Type-Options: nosniff\r\n");
  for (const auto& [name, value] : response.headers) absl::StrAppend(&bytes, name, ": ", value, "\r\n");
  if (!framing.keep_alive) absl::StrAppend(&bytes, "Connection: close\r\n");
  absl::StrAppend(&bytes, "\r\n");
  if (!framing.without_body) absl::StrAppend(&bytes, response.body);
  return bytes;
}

}  // namespace shunt::admin::http
