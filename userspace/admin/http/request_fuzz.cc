// SPDX-License-Identifier: Apache-2.0
// Sends any bytes in any pieces, as a client might. The answers must be whole responses, the same as if the bytes
// arrived at once, and at most one head may be buffered.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "userspace/admin/http/conversation.h"

namespace shunt::admin::http {
namespace {

Response Echo(const Request& request) {
  if (request.method.empty() || request.path.empty()) std::abort();
  return {.body = request.method + " " + request.path};
}

void TakeAnswers(Conversation& conversation, std::string& answers) {
  while (conversation.Answer(Echo, 0)) {
    answers.append(conversation.Unsent().data(), conversation.Unsent().size());
    conversation.Sent(conversation.Unsent().size());
  }
}

// `piece` determines the length of each piece.
template <typename Piece>
std::string AnswersTo(absl::string_view bytes, Piece piece) {
  Conversation conversation;
  std::string answers;
  while (!bytes.empty() && conversation.Room() > 0) {
    const size_t length = std::min({bytes.size(), conversation.Room(), piece()});
    conversation.Receive(bytes.substr(0, length));
    bytes.remove_prefix(length);
    TakeAnswers(conversation, answers);
  }
  if (conversation.Room() == 0 && !conversation.Ends()) std::abort();  // it would wait without end
  return answers;
}

}  // namespace
}  // namespace shunt::admin::http

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using shunt::admin::http::AnswersTo;
  if (size == 0) return 0;
  uint32_t state = bytes[0];
  const absl::string_view text(reinterpret_cast<const char*>(bytes), size);
  const std::string at_once = AnswersTo(text, [] { return SIZE_MAX; });
  const std::string in_pieces = AnswersTo(text, [&state]() -> size_t {
    state = state * 1'664'525 + 1'013'904'223;
    return 1 + (state >> 24) % 40;
  });
  if (at_once != in_pieces) std::abort();
  if (!at_once.empty() && at_once.substr(0, 9) != "HTTP/1.1 ") std::abort();
  return 0;
}
