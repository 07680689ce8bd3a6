// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/document/json_document.h"

#include <algorithm>
#include <cstdint>
#include <exception>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "userspace/sources/document/value_builder.h"

namespace shunt::sources {
namespace {

// How far the lexer has read. It copies its iterators, so each of them writes to this one place.
struct Progress {
  const char* read_to = nullptr;
};

class TrackedIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  TrackedIterator(const char* at, Progress* progress) : at_(at), progress_(progress) {}
  reference operator*() const { return *at_; }
  TrackedIterator& operator++() {
    progress_->read_to = ++at_;
    return *this;
  }
  friend bool operator==(const TrackedIterator& a, const TrackedIterator& b) { return a.at_ == b.at_; }

 private:
  const char* at_;
  Progress* progress_;
};

// The CAUSE of "[json.exception.parse_error.101] parse error at line 3, column 5: CAUSE" and of
// "[json.exception.out_of_range.406] CAUSE": the rest is in the ParseError, or tells people nothing.
std::string CauseOf(absl::string_view message) {
  const size_t bracket = message.find("] ");
  if (bracket != absl::string_view::npos) message.remove_prefix(bracket + 2);
  if (absl::ConsumePrefix(&message, "parse error")) {
    const size_t colon = message.find(": ");
    if (colon != absl::string_view::npos) message.remove_prefix(colon + 2);
  }
  return std::string(message);
}

class EventReader final : public nlohmann::json_sax<nlohmann::json> {
 public:
  EventReader(const char* begin, const Progress& progress, ValueBuilder* builder)
      : counted_to_(begin), progress_(progress), builder_(builder) {}

  bool null() override { return builder_->Null(Line()); }
  bool boolean(bool value) override { return builder_->Scalar(Line(), value ? "true" : "false", false); }
  bool number_integer(int64_t value) override { return Number(std::to_string(value)); }
  bool number_unsigned(uint64_t value) override { return Number(std::to_string(value)); }
  bool number_float(double, const std::string& text) override { return Number(text); }
  bool string(std::string& text) override { return builder_->Scalar(Line(), std::move(text), true); }
  bool binary(nlohmann::json::binary_t&) override { return builder_->Refuse(Line(), "binary values are not accepted"); }
  bool start_object(size_t) override { return builder_->OpenMap(Line()); }
  bool key(std::string& text) override { return string(text); }
  bool start_array(size_t) override { return builder_->OpenList(Line()); }
  bool end_object() override {
    const Value* closed = nullptr;
    return builder_->Close(&closed);
  }
  bool end_array() override { return end_object(); }
  bool parse_error(size_t, const std::string&, const nlohmann::json::exception& error) override {
    return builder_->Refuse(Line(), absl::StrCat("not valid JSON: ", CauseOf(error.what())));
  }

 private:
  // The line of the last byte that was read, where the current value ends. A scalar never spans lines.
  int Line() { return LineAt(progress_.read_to); }
  // The lexer sees a number's end one byte late, and that byte may be the line's end.
  bool Number(std::string text) { return builder_->Scalar(LineAt(progress_.read_to - 1), std::move(text), false); }

  int LineAt(const char* at) {
    if (at > counted_to_) {
      line_ += static_cast<int>(std::count(counted_to_, at, '\n'));
      counted_to_ = at;
    }
    return line_;
  }

  int line_ = 1;
  const char* counted_to_;
  const Progress& progress_;
  ValueBuilder* const builder_;
};

}  // namespace

bool ParseJsonDocument(absl::string_view text, const ParseLimits& limits, Value* value, ParseError* error) {
  ValueBuilder builder(limits, 0, value);
  const char* const end = text.data() + text.size();
  Progress progress{text.data()};
  EventReader reader(text.data(), progress, &builder);
  try {
    if (nlohmann::json::sax_parse(TrackedIterator(text.data(), &progress), TrackedIterator(end, &progress), &reader)) {
      return true;
    }
    *error = builder.error();
  } catch (const std::exception& exception) {
    *error = {1, absl::StrCat("not valid JSON: ", CauseOf(exception.what()))};
  }
  *value = Value{};
  return false;
}

}  // namespace shunt::sources
