// SPDX-License-Identifier: Apache-2.0
#include "userspace/admin/http/response.h"

#include <gtest/gtest.h>

namespace shunt::admin::http {
namespace {

TEST(ResponseTest, BytesAreHeadAndBody) {
  const Response response{
      .status = 503, .content_type = "application/json", .headers = {{"X-Weight", "0"}}, .body = "{}"};
  EXPECT_EQ(Serialize(response, {.keep_alive = true, .date_s = 1'785'020'653}),
            "HTTP/1.1 503 Service Unavailable\r\nDate: Sat, 25 Jul 2026 23:04:13 GMT\r\n"
            "Content-Type: application/json\r\nContent-Length: 2\r\nX-Content-Type-Options: nosniff\r\n"
            "X-Weight: 0\r\n\r\n{}");
}

TEST(ResponseTest, HeadHasTheLengthOfTheBodyThatItDoesNotSend) {
  const std::string bytes = Serialize(StatusResponse(200), {.without_body = true});
  EXPECT_NE(bytes.find("Content-Length: 7\r\n"), std::string::npos) << bytes;
  EXPECT_NE(bytes.find("Connection: close\r\n"), std::string::npos) << bytes;
  EXPECT_EQ(bytes.substr(bytes.size() - 4), "\r\n\r\n");
}

TEST(ResponseTest, DatesAreInEnglishAndUtc) {
  EXPECT_EQ(HttpDate(0), "Thu, 01 Jan 1970 00:00:00 GMT");
}

TEST(ResponseTest, EveryStatusThatIsSentHasItsName) {
  for (const int status : {200, 400, 404, 405, 431, 500, 503, 505})
    EXPECT_NE(ReasonPhrase(status), "Unknown") << status;
  EXPECT_EQ(StatusResponse(404).body, "404 Not Found\n");
}

}  // namespace
}  // namespace shunt::admin::http
