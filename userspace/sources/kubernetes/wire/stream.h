// SPDX-License-Identifier: Apache-2.0
// Bytes that arrive in pieces, cut into the fields of a message or into the frames of a watch. HTTP's pieces are
// neither.
#ifndef SHUNT_SOURCES_KUBERNETES_WIRE_STREAM_H_
#define SHUNT_SOURCES_KUBERNETES_WIRE_STREAM_H_

#include <cstddef>
#include <functional>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace shunt::sources::kubernetes {

// The largest watch event, and the largest item of a list, that is accepted; client-go has the same limit.
inline constexpr size_t kFrameBytesMax = 16 << 20;

// Reads one protobuf message that is too large to be held in memory.
class FieldStream {
 public:
  // Calls `field` for every length-delimited field that is now complete; the view lives for the call. Fields that hold
  // a number are skipped. Returns kInvalidArgument if no message continues with these bytes or if a field is larger
  // than kFrameBytesMax, and otherwise the first error of `field`; the stream is unusable after an error.
  absl::Status Append(absl::string_view bytes,
                      absl::FunctionRef<absl::Status(int number, absl::string_view bytes)> field);
  // Returns whether the message may end here.
  bool AtBoundary() const { return partial_.empty(); }

 private:
  std::string partial_;
};

// Cuts a watch's body into its frames: 4 bytes of length, big-endian, then a WatchEvent.
class FrameSplitter {
 public:
  // Calls `frame` for every frame that is now complete; the view lives for the call. Returns kInvalidArgument if a
  // frame is larger than kFrameBytesMax, and otherwise the first error of `frame`; the splitter is unusable after an
  // error.
  absl::Status Append(absl::string_view bytes, const std::function<absl::Status(absl::string_view)>& frame);

 private:
  std::string partial_;
};

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_WIRE_STREAM_H_
