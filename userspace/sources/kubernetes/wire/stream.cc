// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/kubernetes/wire/stream.h"

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "userspace/sources/kubernetes/wire/wire_format.h"

namespace shunt::sources::kubernetes {
namespace {

// A buffer larger than this is freed when it is empty, because a watch may live for days.
constexpr size_t kIdleBytesMax = 64 << 10;

constexpr size_t kLengthBytes = 4;  // before a frame

// Takes the record at the start of `bytes` and returns its size. Returns 0 if more bytes are needed.
using TakeRecord = absl::FunctionRef<absl::StatusOr<size_t>(absl::string_view bytes)>;

// Appends `piece` to `partial`, the rest of the stream before it, and takes record after record. Holds no more than an
// incomplete record; records that arrive whole are not copied. After an error `partial` is unusable.
absl::Status TakeRecords(std::string& partial, absl::string_view piece, TakeRecord take) {
  const bool held = !partial.empty();
  if (held) partial.append(piece.data(), piece.size());
  absl::string_view rest = held ? absl::string_view(partial) : piece;
  while (!rest.empty()) {
    const absl::StatusOr<size_t> size = take(rest);
    if (!size.ok()) return size.status();
    if (*size == 0) break;
    rest.remove_prefix(*size);
  }
  if (held) {
    partial.erase(0, partial.size() - rest.size());
  } else {
    partial.assign(rest.data(), rest.size());
  }
  if (partial.empty() && partial.capacity() > kIdleBytesMax) partial.shrink_to_fit();
  return absl::OkStatus();
}

// REQUIRES: kLengthBytes are there.
size_t FrameLength(absl::string_view bytes) {
  size_t length = 0;
  for (size_t i = 0; i < kLengthBytes; ++i) length = length << 8 | static_cast<uint8_t>(bytes[i]);
  return length;
}

}  // namespace

absl::Status FieldStream::Append(absl::string_view bytes,
                                 absl::FunctionRef<absl::Status(int number, absl::string_view bytes)> on_field) {
  return TakeRecords(partial_, bytes, [on_field](absl::string_view rest) -> absl::StatusOr<size_t> {
    WireField field;
    const FieldState state = ReadField(rest, &field);
    if (state == FieldState::kTooShort) return 0;
    if (state == FieldState::kBroken) return absl::InvalidArgumentError("broken protobuf");
    if (field.length > kFrameBytesMax) {
      return absl::InvalidArgumentError(
          absl::StrCat("an item of ", field.length, " bytes; at most ", kFrameBytesMax, " are accepted"));
    }
    if (state == FieldState::kStarted) return 0;
    if (field.type == WireField::Type::kBytes) {
      absl::Status status = on_field(field.number, field.bytes);
      if (!status.ok()) return status;
    }
    return field.size;
  });
}

absl::Status FrameSplitter::Append(absl::string_view bytes,
                                   const std::function<absl::Status(absl::string_view)>& frame) {
  return TakeRecords(partial_, bytes, [&frame](absl::string_view rest) -> absl::StatusOr<size_t> {
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
