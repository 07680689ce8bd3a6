// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/kubernetes/follow/exchange.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace shunt::sources::kubernetes {

void Exchange::OnHead(const ResponseHead& head) {
  head_ = head;
}

void Exchange::OnBody(absl::string_view bytes) {
  if (outcome_) return;
  if (head_.status != 200) {
    const absl::string_view wanted = bytes.substr(0, kStatusBytesMax - error_body_.size());
    error_body_.append(wanted.data(), wanted.size());
    return;
  }
  absl::Status read = OnContent(bytes);
  if (!read.ok() && !outcome_) outcome_ = {.kind = Outcome::Kind::kMalformed, .status = std::move(read)};
}

void Exchange::OnEnd(const absl::Status& status) {
  if (outcome_) return;
  if (head_.status != 0 && head_.status != 200) {
    // If the connection broke, the part of the error's body that came is still the best description.
    ApiError error = DecodeError(head_.status, head_.content_type, error_body_);
    error.code = head_.status;
    if (head_.retry_after) error.retry_after = std::max(error.retry_after, head_.retry_after);
    return Refuse(std::move(error));
  }
  if (!status.ok()) {
    outcome_ = {.kind = Outcome::Kind::kBroken, .status = status};
    return;
  }
  absl::Status read = OnContentEnd();
  const Outcome::Kind kind = read.ok() ? Outcome::Kind::kComplete : Outcome::Kind::kMalformed;
  outcome_ = {.kind = kind, .status = std::move(read)};
}

void Exchange::Refuse(ApiError error) {
  outcome_ = {.kind = Outcome::Kind::kRefused, .error = std::move(error)};
}

absl::Status ListExchange::OnContent(absl::string_view bytes) {
  return decoder_.Append(bytes, items_);
}

absl::Status ListExchange::OnContentEnd() {
  if (absl::Status finished = decoder_.Finish(); !finished.ok()) return finished;
  if (decoder_.version().empty()) return absl::InvalidArgumentError("a list without a resourceVersion");
  return absl::OkStatus();
}

std::vector<WatchEvent> WatchExchange::TakeEvents() {
  return std::exchange(events_, {});
}

absl::Status WatchExchange::OnContent(absl::string_view bytes) {
  return splitter_.Append(bytes, [this](absl::string_view frame) { return OnFrame(frame); });
}

absl::Status WatchExchange::OnContentEnd() {
  // A frame that is cut off counts for nothing: the next watch begins with its event.
  return absl::OkStatus();
}

absl::Status WatchExchange::OnFrame(absl::string_view frame) {
  absl::StatusOr<WatchEvent> event = DecodeWatchEvent(kind_, frame);
  if (!event.ok()) return event.status();
  if (event->type == WatchEventType::kError) {
    Refuse(std::move(event->error));
    return absl::CancelledError("the server ended the watch");
  }
  if (event->version.empty() && !event->unusable) {
    return absl::InvalidArgumentError("a watch event without a resourceVersion");
  }
  events_.push_back(*std::move(event));
  return absl::OkStatus();
}

}  // namespace shunt::sources::kubernetes
