// SPDX-License-Identifier: Apache-2.0
// Immutable text whose copies share its memory. An endpoint's names are in its EndpointSlice and in the plan of its
// Service; with a hundred thousand endpoints they are most of an agent's memory, so they are stored once.
#ifndef SHUNT_MODEL_SHARED_TEXT_H_
#define SHUNT_MODEL_SHARED_TEXT_H_

#include <compare>
#include <ostream>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"

namespace shunt::model {

// A value of one pointer. Copies may be used in different threads, one copy by one thread at a time, as with
// std::string.
class SharedText {
 public:
  SharedText() = default;
  SharedText(absl::string_view text);                                           // NOLINT: it is text like any other
  SharedText(const std::string& text) : SharedText(absl::string_view(text)) {}  // NOLINT
  SharedText(const char* text) : SharedText(absl::string_view(text)) {}         // NOLINT
  SharedText(const SharedText& other);
  SharedText(SharedText&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  SharedText& operator=(SharedText other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~SharedText();

  bool empty() const { return block_ == nullptr; }
  // Valid until this copy is destroyed or assigned to.
  absl::string_view view() const;
  operator absl::string_view() const { return view(); }  // NOLINT: it is text like any other

  friend bool operator==(const SharedText& a, const SharedText& b) {
    return a.block_ == b.block_ || a.view() == b.view();
  }
  friend std::strong_ordering operator<=>(const SharedText& a, const SharedText& b) {
    return a.view().compare(b.view()) <=> 0;
  }
  friend bool operator==(const SharedText& a, absl::string_view b) { return a.view() == b; }
  friend bool operator==(const SharedText& a, const std::string& b) { return a.view() == b; }
  friend bool operator==(const SharedText& a, const char* b) { return a.view() == b; }
  friend std::ostream& operator<<(std::ostream& out, const SharedText& text) { return out << text.view(); }

 private:
  struct Block;
  Block* block_ = nullptr;  // null: empty
};

}  // namespace shunt::model

#endif  // SHUNT_MODEL_SHARED_TEXT_H_
