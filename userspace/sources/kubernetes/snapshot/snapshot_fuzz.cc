// SPDX-License-Identifier: Apache-2.0
// Any bytes as a snapshot, also after a correct checksum, give a value or an error. Every object of a value is one that
// the decoders would accept from an API server.
#include <cstddef>
#include <cstdint>

#include "userspace/sources/kubernetes/snapshot/snapshot_reader.h"
#include "userspace/sources/kubernetes/testing/round_trip.h"
#include "userspace/sources/kubernetes/testing/snapshot_bytes.h"

namespace shunt::sources::kubernetes {
namespace {

void Try(absl::string_view bytes) {
  const absl::Status status =
      DecodeSnapshot("input", bytes, {.usable = RequireRoundTrip, .unusable = RequireDescribed}).status();
  Require(status.ok() || status.code() == absl::StatusCode::kDataLoss ||
          status.code() == absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace shunt::sources::kubernetes

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace shunt::sources::kubernetes;  // NOLINT
  const absl::string_view input(reinterpret_cast<const char*>(bytes), size);
  Try(input);
  Try(WithChecksum(input));
  Try(WithChecksum(Compressed(input)));
  return 0;
}
