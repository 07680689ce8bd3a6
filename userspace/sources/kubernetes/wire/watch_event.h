// SPDX-License-Identifier: Apache-2.0
// One event of a watch, decoded. All of it takes hostile input: any bytes give an event or an error.
#ifndef SHUNT_SOURCES_KUBERNETES_WIRE_WATCH_EVENT_H_
#define SHUNT_SOURCES_KUBERNETES_WIRE_WATCH_EVENT_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "userspace/sources/kubernetes/wire/api_error.h"
#include "userspace/sources/kubernetes/wire/object_decoder.h"
#include "userspace/sources/object.h"

namespace shunt::sources::kubernetes {

enum class WatchEventType { kAdded, kModified, kDeleted, kBookmark, kError };

struct WatchEvent {
  WatchEventType type = WatchEventType::kAdded;
  // kAdded, kModified, kDeleted: one of the two, the last state.
  std::optional<Object> object;
  std::optional<UnusableObject> unusable;
  std::string version;  // metadata.resourceVersion; empty for kError, and if `unusable` does not show it
  // kBookmark: everything that existed when the watch began has been sent (only if the request asked for that).
  bool initial_events_end = false;
  ApiError error;  // kError
};

// Decodes one frame of a watch on objects of `kind`. Returns kInvalidArgument if the frame is not a WatchEvent, or if
// its object is of another kind. An object of that kind that cannot be decoded is `unusable`, not an error.
absl::StatusOr<WatchEvent> DecodeWatchEvent(ObjectKind kind, absl::string_view frame);

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_WIRE_WATCH_EVENT_H_
