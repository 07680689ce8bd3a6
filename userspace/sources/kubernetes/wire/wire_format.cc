// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/kubernetes/wire/wire_format.h"

#include "absl/strings/str_cat.h"

namespace shunt::sources::kubernetes {
namespace {

constexpr size_t kVarintBytesMax = 10;
constexpr uint64_t kFieldNumberMax = (1u << 29) - 1;

// Reads a varint and removes it from the front of `bytes`.
FieldState TakeVarint(absl::string_view* bytes, uint64_t* value) {
  uint64_t result = 0;
  for (size_t i = 0; i < kVarintBytesMax; ++i) {
    if (i == bytes->size()) return FieldState::kTooShort;
    const auto byte = static_cast<uint8_t>((*bytes)[i]);
    result |= static_cast<uint64_t>(byte & 0x7f) << (7 * i);
    if (byte < 0x80) {
      *value = result;
      bytes->remove_prefix(i + 1);
      return FieldState::kWhole;
    }
  }
  return FieldState::kBroken;
}

FieldState TakeFixed(absl::string_view* bytes, size_t size) {
  if (bytes->size() < size) return FieldState::kTooShort;
  bytes->remove_prefix(size);
  return FieldState::kWhole;
}

// Reads the value after the tag.
FieldState TakeValue(absl::string_view* bytes, WireField* field) {
  switch (field->type) {
    case WireField::Type::kVarint:
      return TakeVarint(bytes, &field->integer);
    case WireField::Type::kFixed64:
      return TakeFixed(bytes, 8);
    case WireField::Type::kFixed32:
      return TakeFixed(bytes, 4);
    case WireField::Type::kBytes: {
      const FieldState state = TakeVarint(bytes, &field->length);
      if (state != FieldState::kWhole) return state;
      if (field->length > bytes->size()) return FieldState::kStarted;
      field->bytes = bytes->substr(0, field->length);
      bytes->remove_prefix(field->length);
      return FieldState::kWhole;
    }
  }
  return FieldState::kBroken;
}

}  // namespace

FieldState ReadField(absl::string_view bytes, WireField* field) {
  absl::string_view rest = bytes;
  uint64_t tag = 0;
  FieldState state = TakeVarint(&rest, &tag);
  if (state != FieldState::kWhole) return state;
  if (tag >> 3 == 0 || tag >> 3 > kFieldNumberMax) return FieldState::kBroken;
  field->number = static_cast<int>(tag >> 3);
  field->type = static_cast<WireField::Type>(tag & 7);
  field->bytes = {};
  state = TakeValue(&rest, field);
  field->size = bytes.size() - rest.size();
  return state;
}

bool WireFields::Next() {
  if (rest_.empty() || !status_.ok()) return false;
  if (ReadField(rest_, &field_) != FieldState::kWhole) {
    Fail(absl::InvalidArgumentError(absl::StrCat("broken protobuf after field ", field_.number)));
    return false;
  }
  rest_.remove_prefix(field_.size);
  return true;
}

absl::string_view WireFields::Bytes() {
  if (field_.type == WireField::Type::kBytes) return field_.bytes;
  Fail(absl::InvalidArgumentError(absl::StrCat("field ", field_.number, " should be bytes and is a number")));
  return {};
}

int64_t WireFields::Integer() {
  if (field_.type == WireField::Type::kVarint) return static_cast<int64_t>(field_.integer);
  Fail(absl::InvalidArgumentError(absl::StrCat("field ", field_.number, " should be a number and is not")));
  return 0;
}

size_t CountFields(absl::string_view message, int number) {
  size_t count = 0;
  WireFields fields(message);
  while (fields.Next()) count += fields.number() == number ? 1 : 0;
  return count;
}

}  // namespace shunt::sources::kubernetes
