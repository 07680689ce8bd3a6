// SPDX-License-Identifier: Apache-2.0
// The HTTP exchange of one connection as bytes in and bytes out, without a socket or a clock.
#ifndef SHUNT_ADMIN_HTTP_CONVERSATION_H_
#define SHUNT_ADMIN_HTTP_CONVERSATION_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "absl/strings/string_view.h"
#include "userspace/admin/http/request.h"
#include "userspace/admin/http/response.h"

namespace shunt::admin::http {

using Handler = std::function<Response(const Request&)>;

// Not thread-safe. One answer is in progress at a time: requests that a client sends at once are read one after the
// other, each when the previous answer has been sent. So at most one head and one answer are in memory.
class Conversation {
 public:
  // Returns how many bytes Receive accepts now; 0 after the last request.
  size_t Room() const;
  // REQUIRES: bytes.size() <= Room().
  void Receive(absl::string_view bytes);

  // If no output is pending and a request has been fully received or is malformed, makes the answer: by `handler`,
  // unless the request is refused. Returns whether there is an answer now.
  bool Answer(const Handler& handler, int64_t date_s);

  absl::string_view Unsent() const { return absl::string_view(output_).substr(sent_); }
  // REQUIRES: count <= Unsent().size().
  void Sent(size_t count);

  // True if the answer that was made last is the last one: the connection ends once it is sent.
  bool Ends() const { return ends_; }

 private:
  std::string input_;
  std::string output_;
  size_t sent_ = 0;
  bool ends_ = false;
};

}  // namespace shunt::admin::http

#endif  // SHUNT_ADMIN_HTTP_CONVERSATION_H_
