// SPDX-License-Identifier: Apache-2.0
// Any bytes as a watch of any kind: no crash, the same events wherever the bytes are cut.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "userspace/sources/kubernetes/testing/round_trip.h"
#include "userspace/sources/kubernetes/wire/stream.h"
#include "userspace/sources/kubernetes/wire/watch_event.h"

namespace shunt::sources::kubernetes {
namespace {

constexpr ObjectKind kKinds[] = {ObjectKind::kService, ObjectKind::kEndpointSlice, ObjectKind::kNode};

void Try(absl::string_view frame) {
  for (const ObjectKind kind : kKinds) {
    const absl::StatusOr<WatchEvent> event = DecodeWatchEvent(kind, frame);
    Require(event.ok() || event.status().code() == absl::StatusCode::kInvalidArgument);
    if (!event.ok()) continue;
    if (event->object.has_value()) RequireRoundTrip(*event->object);
    if (event->unusable.has_value()) RequireDescribed(kind, *event->unusable);
    const bool carries = event->type != WatchEventType::kBookmark && event->type != WatchEventType::kError;
    Require(carries == (event->object.has_value() != event->unusable.has_value()));
  }
}

std::vector<std::string> Split(absl::string_view bytes, size_t cut) {
  std::vector<std::string> frames;
  const auto keep = [&frames](absl::string_view frame) {
    frames.emplace_back(frame);
    return absl::OkStatus();
  };
  FrameSplitter splitter;
  if (splitter.Append(bytes.substr(0, cut), keep).ok()) splitter.Append(bytes.substr(cut), keep).IgnoreError();
  return frames;
}

}  // namespace
}  // namespace shunt::sources::kubernetes

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace shunt::sources::kubernetes;  // NOLINT
  const absl::string_view input(reinterpret_cast<const char*>(bytes), size);
  Try(input);
  const std::vector<std::string> frames = Split(input, 0);
  for (const std::string& frame : frames) Try(frame);
  Require(Split(input, size / 3) == frames);
  return 0;
}
