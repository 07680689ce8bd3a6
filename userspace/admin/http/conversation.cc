// SPDX-License-Identifier: Apache-2.0
#include "userspace/admin/http/conversation.h"

#include <utility>

namespace shunt::admin::http {

size_t Conversation::Room() const {
  return ends_ ? 0 : kHeadBytesMax - input_.size();
}

void Conversation::Receive(absl::string_view bytes) {
  input_.append(bytes.data(), bytes.size());
}

bool Conversation::Answer(const Handler& handler, int64_t date_s) {
  if (ends_ || !Unsent().empty()) return false;
  const ParsedRequest parsed = ParseRequest(input_);
  if (parsed.outcome == ParsedRequest::Outcome::kIncomplete) return false;
  Framing framing{.date_s = date_s};
  Response response;
  if (parsed.outcome == ParsedRequest::Outcome::kComplete) {
    framing.keep_alive = parsed.request.keep_alive;
    framing.without_body = parsed.request.method == "HEAD";
    response = handler(parsed.request);
    input_.erase(0, parsed.head_bytes);
  } else {
    response = StatusResponse(parsed.status);
  }
  ends_ = !framing.keep_alive;
  if (ends_) input_ = std::string();
  output_ = Serialize(response, framing);
  sent_ = 0;
  return true;
}

void Conversation::Sent(size_t count) {
  sent_ += count;
  // Frees the memory of a large metrics page; the next answer is probably small.
  if (sent_ == output_.size()) {
    output_ = std::string();
    sent_ = 0;
  }
}

}  // namespace shunt::admin::http
