// SPDX-License-Identifier: Apache-2.0
// What is said on one connection, without the connection: bytes in, bytes out. No socket, no clock.
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

// Not thread-safe. One answer is under way at a time: a client that sends many requests at once has them read one
// after the other, each when the answer before is gone, so what is kept is bounded by one head and one answer.
class Conversation {
 public:
  // How many bytes Receive takes now; 0 after the last request.
  size_t Room() const;
  // REQUIRES: bytes.size() <= Room().
  void Receive(absl::string_view bytes);

  // If nothing is unsent and a request is complete, or is none: makes the answer, by `handler` unless the request is
  // refused. True if there is an answer now.
  bool Answer(const Handler& handler, int64_t date_s);

  absl::string_view Unsent() const { return absl::string_view(output_).substr(sent_); }
  // REQUIRES: count <= Unsent().size().
  void Sent(size_t count);

  // The answer that was made last is the last one: the connection ends once it is sent.
  bool Ends() const { return ends_; }

 private:
  std::string input_;
  std::string output_;
  size_t sent_ = 0;
  bool ends_ = false;
};

}  // namespace shunt::admin::http

#endif  // SHUNT_ADMIN_HTTP_CONVERSATION_H_
