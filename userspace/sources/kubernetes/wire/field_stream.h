// SPDX-License-Identifier: Apache-2.0
// One protobuf message that arrives in pieces and is too large to be held.
#ifndef SHUNT_SOURCES_KUBERNETES_WIRE_FIELD_STREAM_H_
#define SHUNT_SOURCES_KUBERNETES_WIRE_FIELD_STREAM_H_

#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace shunt::sources::kubernetes {

class FieldStream {
 public:
  // Calls `field` for every field of bytes that is now complete; the view lives for the call. Numbers are passed over.
  // kInvalidArgument: no message goes on like this, a field above kFrameBytesMax, or what `field` returned; the stream
  // is then of no more use.
  absl::Status Append(absl::string_view bytes,
                      absl::FunctionRef<absl::Status(int number, absl::string_view bytes)> field);
  // Whether the message may end here.
  bool AtBoundary() const { return partial_.empty(); }

 private:
  std::string partial_;
};

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_WIRE_FIELD_STREAM_H_
