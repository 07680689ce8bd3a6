// SPDX-License-Identifier: Apache-2.0
// The API server's bytes (application/vnd.kubernetes.protobuf) as values of the model. Everything here takes hostile
// input: any bytes give a value or an error, never more memory than the caps below allow.
#ifndef SHUNT_SOURCES_KUBERNETES_WIRE_DECODER_H_
#define SHUNT_SOURCES_KUBERNETES_WIRE_DECODER_H_

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "userspace/model/endpoint_slice.h"
#include "userspace/model/node.h"
#include "userspace/model/service.h"
#include "userspace/sources/object.h"
#include "userspace/sources/source.h"

namespace shunt::sources::kubernetes {

// Of one watch event and of one item of a list; client-go has the same.
inline constexpr size_t kFrameBytesMax = 16 << 20;
// Of one list, or of one page of it; several times the largest cluster that Kubernetes is tested with.
inline constexpr size_t kListItemsMax = 500'000;
// Of an error's body, and of what is kept of its texts.
inline constexpr size_t kStatusBytesMax = 1 << 20;
inline constexpr size_t kErrorTextBytesMax = 4096;

// Why the API server said no: metav1.Status, whatever its encoding.
struct ApiError {
  int code = 0;         // as an HTTP status
  std::string reason;   // "Expired", "Forbidden"; may be empty
  std::string message;  // for people; may be empty
  std::optional<std::chrono::seconds> retry_after;
  bool version_too_large = false;  // the resourceVersion asked for is not known to this server yet
};

enum class WatchEventType { kAdded, kModified, kDeleted, kBookmark, kError };

struct WatchEvent {
  WatchEventType type = WatchEventType::kAdded;
  std::optional<Object> object;  // kAdded, kModified, kDeleted: the last state
  std::string version;           // metadata.resourceVersion; empty for kError
  // kBookmark: everything that existed when the watch began has been sent (only if the request asked for that).
  bool initial_events_end = false;
  ApiError error;  // kError
};

// Cuts a watch's body into its frames (4 bytes of length, big-endian, then a WatchEvent); HTTP's pieces are not frames.
class FrameSplitter {
 public:
  // Calls `frame` for every frame that is now complete; the view lives for the call. kInvalidArgument: a frame above
  // kFrameBytesMax, or what `frame` returned; the splitter is then of no more use.
  absl::Status Append(absl::string_view bytes, const std::function<absl::Status(absl::string_view)>& frame);

 private:
  std::string partial_;
};

// kInvalidArgument: not a WatchEvent, or one whose object is not of `kind`.
absl::StatusOr<WatchEvent> DecodeWatchEvent(ObjectKind kind, absl::string_view frame);

// Decodes a list while it arrives: an item is given away as soon as it is complete, so the body, which may be hundreds
// of megabytes, is never held.
class ListDecoder {
 public:
  explicit ListDecoder(ObjectKind kind);
  ~ListDecoder();

  // kInvalidArgument: not a list of that kind, or one beyond kListItemsMax; the decoder is then of no more use.
  absl::Status Append(absl::string_view bytes, const std::function<void(Object)>& item);
  // After the last piece. kInvalidArgument: the list is cut short.
  absl::Status Finish() const;

  // Of the list's metadata; known after Finish.
  const std::string& version() const;
  const std::string& continue_token() const;  // empty: this was the last page

 private:
  class Parser;
  std::unique_ptr<Parser> parser_;
};

// The Status in the body of an answer that is not 200. Never fails: what cannot be read is described.
ApiError DecodeError(int http_status, absl::string_view content_type, absl::string_view body);

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_WIRE_DECODER_H_
