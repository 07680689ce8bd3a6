// SPDX-License-Identifier: Apache-2.0
#include "absl/strings/str_cat.h"
#include "userspace/sources/kubernetes/wire/decoder.h"
#include "userspace/sources/kubernetes/wire/record_cutter.h"

namespace shunt::sources::kubernetes {
namespace {

constexpr size_t kLengthBytes = 4;

// REQUIRES: kLengthBytes are there.
size_t FrameLength(absl::string_view bytes) {
  size_t length = 0;
  for (size_t i = 0; i < kLengthBytes; ++i) length = length << 8 | static_cast<uint8_t>(bytes[i]);
  return length;
}

}  // namespace

absl::Status FrameSplitter::Append(absl::string_view bytes,
                                   const std::function<absl::Status(absl::string_view)>& frame) {
  return CutRecords(partial_, bytes, [&frame](absl::string_view rest) -> absl::StatusOr<size_t> {
    if (rest.size() < kLengthBytes) return 0;
    const size_t length = FrameLength(rest);
    if (length > kFrameBytesMax) {
      return absl::InvalidArgumentError(
          absl::StrCat("a frame of ", length, " bytes; at most ", kFrameBytesMax, " are accepted"));
    }
    if (rest.size() - kLengthBytes < length) return 0;
    absl::Status status = frame(rest.substr(kLengthBytes, length));
    if (!status.ok()) return status;
    return kLengthBytes + length;
  });
}

}  // namespace shunt::sources::kubernetes
