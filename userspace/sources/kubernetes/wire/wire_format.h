// SPDX-License-Identifier: Apache-2.0
// Reads protobuf's wire format in place. The generated parsers would make an object of a hundred bytes from two bytes
// that a server sends, and keep fields that they do not know. Here nothing is allocated until a decoder asks for a
// value, so every decoder can count before it keeps. Field numbers come from proto/kubernetes.
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

// The fields of a protobuf map's entries, which are messages.
inline constexpr int kMapKeyFieldNumber = 1;
inline constexpr int kMapValueFieldNumber = 2;

// One field of a message, as encoded. Groups do not occur in the Kubernetes API and count as broken input.
struct WireField {
  enum class Type : uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

  int number = 0;
  Type type = Type::kVarint;
  uint64_t integer = 0;     // kVarint
  uint64_t length = 0;      // kBytes: how many bytes it has
  absl::string_view bytes;  // kBytes: its bytes, if all are there
  size_t size = 0;          // of the field with its tag; of tag and length if only these are there
};

// How much of a field some bytes contain.
enum class FieldState {
  kWhole,
  kStarted,   // kBytes: number, type and length are known
  kTooShort,  // more bytes are needed to know anything
  kBroken,    // no field begins with these bytes
};

// Reads the field at the start of `bytes`; `field` is set if the result is kWhole or kStarted.
FieldState ReadField(absl::string_view bytes, WireField* field);

// Iterates over the fields of one complete message, in order. Views live as long as the message's bytes.
//
//   while (fields.Next()) switch (fields.number()) { case 1: name = fields.Bytes(); ... }
//   return fields.status();
class WireFields {
 public:
  explicit WireFields(absl::string_view message) : rest_(message) {}

  // Moves to the next field of any type. Returns false at the end, and after an error.
  bool Next();
  int number() const { return field_.number; }
  // Return the current field's value. If the field has another wire type, the message fails and empty or 0 is returned.
  absl::string_view Bytes();
  int64_t Integer();

  // Fails the message: a part of it is broken, or it has too many of something.
  void Fail(absl::Status status) { status_.Update(status); }
  // kInvalidArgument after broken input; otherwise the first error of Fail.
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
