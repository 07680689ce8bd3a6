// SPDX-License-Identifier: Apache-2.0
// Reads the head of an HTTP response, line by line, as curl passes it on.
#ifndef SHUNT_SOURCES_KUBERNETES_CLIENT_HEAD_READER_H_
#define SHUNT_SOURCES_KUBERNETES_CLIENT_HEAD_READER_H_

#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "userspace/sources/kubernetes/client/transport.h"

namespace shunt::sources::kubernetes {

// The most bytes of all heads of one response, informational ones included. An API server sends one or two thousand.
inline constexpr size_t kHeadBytesMax = 64 << 10;

class HeadReader {
 public:
  // Reads a line with its line end. Lines after a complete head are trailers and ignored. Returns kInvalidArgument if
  // there is no HTTP status line, if the heads exceed kHeadBytesMax, or if the body has an encoding, which the request
  // did not ask for; the reader is unusable after an error.
  absl::Status Line(absl::string_view line);

  // Returns whether the final response's head has been read; informational ones (1xx) do not count.
  bool complete() const { return complete_; }
  const ResponseHead& head() const { return head_; }

 private:
  absl::Status Field(absl::string_view line);

  ResponseHead head_;
  size_t bytes_ = 0;
  bool in_fields_ = false;  // after a status line
  bool complete_ = false;
};

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_CLIENT_HEAD_READER_H_
