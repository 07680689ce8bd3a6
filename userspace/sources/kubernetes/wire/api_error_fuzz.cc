// SPDX-License-Identifier: Apache-2.0
// Any bytes as the body of an answer that is not 200, in every encoding: the result always says something.
#include <cstddef>
#include <cstdint>

#include "userspace/sources/kubernetes/testing/round_trip.h"
#include "userspace/sources/kubernetes/wire/api_error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace shunt::sources::kubernetes;  // NOLINT
  const absl::string_view body(reinterpret_cast<const char*>(bytes), size);
  for (const char* type : {"application/vnd.kubernetes.protobuf", "application/json", "text/plain"}) {
    const ApiError error = DecodeError(503, type, body);
    Require(error.code == 503);
    Require(!error.retry_after || error.retry_after->count() > 0);
    Require(error.message.size() <= kErrorTextBytesMax && error.reason.size() <= kErrorTextBytesMax);
  }
  return 0;
}
