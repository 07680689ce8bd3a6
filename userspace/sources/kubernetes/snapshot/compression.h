// SPDX-License-Identifier: Apache-2.0
// zlib, a piece at a time.
#ifndef SHUNT_SOURCES_KUBERNETES_SNAPSHOT_COMPRESSION_H_
#define SHUNT_SOURCES_KUBERNETES_SNAPSHOT_COMPRESSION_H_

#include <zlib.h>

#include <cstddef>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace shunt::sources::kubernetes {

using TakeBytes = absl::FunctionRef<absl::Status(absl::string_view bytes)>;

// Compresses a stream, fast rather than small.
class Compressor {
 public:
  Compressor();
  ~Compressor();
  Compressor(const Compressor&) = delete;

  // Gives `take` what has come out so far; an error is what `take` returned.
  absl::Status Append(absl::string_view bytes, TakeBytes take) { return Run(bytes, Z_NO_FLUSH, take); }
  // Gives the rest. Last call.
  absl::Status Finish(TakeBytes take) { return Run("", Z_FINISH, take); }

 private:
  absl::Status Run(absl::string_view bytes, int flush, TakeBytes take);

  z_stream stream_ = {};
};

// Gives `take` what a compressed stream, there as a whole, contains. kDataLoss: it is none, it is cut short, something
// follows it, or it contains more than `bytes_max`; otherwise what `take` returned.
absl::Status Decompress(absl::string_view compressed, size_t bytes_max, TakeBytes take);

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_SNAPSHOT_COMPRESSION_H_
