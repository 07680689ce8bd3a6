// SPDX-License-Identifier: Apache-2.0
// The head of an HTTP response, line by line as curl hands it over.
#ifndef SHUNT_SOURCES_KUBERNETES_CLIENT_HEAD_READER_H_
#define SHUNT_SOURCES_KUBERNETES_CLIENT_HEAD_READER_H_

#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "userspace/sources/kubernetes/client/transport.h"

namespace shunt::sources::kubernetes {

// Of all headers of one response, informational ones included. An API server's have one or two thousand.
inline constexpr size_t kHeadBytesMax = 64 << 10;

class HeadReader {
 public:
  // A line with its end. Once the head is complete, lines are trailers and ignored. kInvalidArgument: no HTTP status
  // line, heads above kHeadBytesMax, or a body in an encoding, which nobody asked for; the reader is then of no use.
  absl::Status Line(absl::string_view line);

  // The final response's head has been read; informational ones (1xx) do not count.
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
