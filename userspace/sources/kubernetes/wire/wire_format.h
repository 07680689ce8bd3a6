// SPDX-License-Identifier: Apache-2.0
// Protobuf's wire format, read in place. The generated parsers would make an object of a hundred bytes out of two bytes
// that a server sends, and keep what they do not know; here nothing is allocated until a decoder wants a value, so
// every decoder can count before it keeps. Field numbers come from proto/kubernetes.
#ifndef SHUNT_SOURCES_KUBERNETES_WIRE_WIRE_FORMAT_H_
#define SHUNT_SOURCES_KUBERNETES_WIRE_WIRE_FORMAT_H_

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace shunt::sources::kubernetes {

// Of a protobuf map's entries, which are messages.
inline constexpr int kMapKeyFieldNumber = 1;
inline constexpr int kMapValueFieldNumber = 2;

// One field as it stands in its message's bytes. Groups do not occur in the Kubernetes API and are broken input.
struct WireField {
  enum class Type : uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

  int number = 0;
  Type type = Type::kVarint;
  uint64_t integer = 0;     // kVarint
  uint64_t length = 0;      // kBytes: how many there should be
  absl::string_view bytes;  // kBytes: they, if they are all there
  size_t size = 0;          // of the field with its tag; if only the start is there, of tag and length
};

// How much of the field at the start of some bytes is there.
enum class FieldState {
  kWhole,
  kStarted,   // kBytes: number, type and length are known
  kTooShort,  // more bytes are needed to know anything
  kBroken,    // no field begins like this
};

// Reads the field at the start of `bytes`; `field` is set if the answer is kWhole or kStarted.
FieldState ReadField(absl::string_view bytes, WireField* field);

// The fields of one message, which is there as a whole, in order. Views live as long as the message's bytes.
//
//   while (fields.Next()) switch (fields.number()) { case 1: name = fields.Bytes(); ... }
//   return fields.status();
class WireFields {
 public:
  explicit WireFields(absl::string_view message) : rest_(message) {}

  // Moves to the next field, whatever it is. False at the end, and once something failed.
  bool Next();
  int number() const { return field_.number; }
  // The present field's value. Of another wire type than asked for: the message fails; empty or 0 is returned.
  absl::string_view Bytes();
  int64_t Integer();

  // The message is no good: a part of it failed, or there is too much of something.
  void Fail(absl::Status status) { status_.Update(status); }
  // kInvalidArgument: broken input, or what Fail was told.
  const absl::Status& status() const { return status_; }

 private:
  absl::string_view rest_;
  WireField field_;
  absl::Status status_;
};

// Returns how many fields of that number the message has, as far as it can be read.
size_t CountFields(absl::string_view message, int number);

// How many values of a field are kept if only the object's size bounds their number at the API server, so that
// everybody who may write the object can add more.
inline constexpr size_t kRepeatedMax = 20'000;

// Appends the present value of a repeated field. Fails the message if `values` has `count_max` elements already.
template <typename T>
void AppendUpTo(size_t count_max, T value, std::vector<T>& values, WireFields& fields) {
  if (values.size() < count_max) {
    values.push_back(std::move(value));
  } else {
    fields.Fail(absl::InvalidArgumentError(absl::StrCat("more than ", count_max, " of field ", fields.number())));
  }
}

// Appends a value unless `values` has `count_max` elements already. It is for fields that an object's author can repeat
// at will: too many of them must not make the list of all such objects unreadable.
template <typename T>
void AppendFirst(size_t count_max, T value, std::vector<T>& values) {
  if (values.size() < count_max) values.push_back(std::move(value));
}

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_WIRE_WIRE_FORMAT_H_
