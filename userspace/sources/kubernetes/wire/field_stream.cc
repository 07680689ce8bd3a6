// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/kubernetes/wire/field_stream.h"

#include "absl/strings/str_cat.h"
#include "userspace/sources/kubernetes/wire/decoder.h"
#include "userspace/sources/kubernetes/wire/record_cutter.h"
#include "userspace/sources/kubernetes/wire/wire_format.h"

namespace shunt::sources::kubernetes {

absl::Status FieldStream::Append(absl::string_view bytes,
                                 absl::FunctionRef<absl::Status(int number, absl::string_view bytes)> on_field) {
  return CutRecords(partial_, bytes, [on_field](absl::string_view rest) -> absl::StatusOr<size_t> {
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

}  // namespace shunt::sources::kubernetes
