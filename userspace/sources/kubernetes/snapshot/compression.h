// SPDX-License-Identifier: Apache-2.0
// Compresses and decompresses with zlib, piece by piece.
#ifndef SHUNT_SOURCES_KUBERNETES_SNAPSHOT_COMPRESSION_H_
#define SHUNT_SOURCES_KUBERNETES_SNAPSHOT_COMPRESSION_H_

#include <zlib.h>

#include <cstddef>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace shunt::sources::kubernetes {

using TakeBytes = absl::FunctionRef<absl::Status(absl::string_view bytes)>;

// Compresses a stream, for speed rather than size.
class Compressor {
 public:
  Compressor();
  ~Compressor();
  Compressor(const Compressor&) = delete;

  // Calls `take` with what has been compressed so far. Returns the error of `take`.
  absl::Status Append(absl::string_view bytes, TakeBytes take) { return Run(bytes, Z_NO_FLUSH, take); }
  // Calls `take` with the rest. The last call.
  absl::Status Finish(TakeBytes take) { return Run("", Z_FINISH, take); }

 private:
  absl::Status Run(absl::string_view bytes, int flush, TakeBytes take);

  z_stream stream_ = {};
};

// Calls `take` with the content of a complete compressed stream. Returns kDataLoss if the stream is malformed or cut
// short, if something follows it, or if it contains more than `bytes_max`; otherwise the error of `take`.
absl::Status Decompress(absl::string_view compressed, size_t bytes_max, TakeBytes take);

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_SNAPSHOT_COMPRESSION_H_
