// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/document/yaml_document.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cstddef>
#include <exception>
#include <istream>
#include <streambuf>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "userspace/sources/document/value_builder.h"

namespace shunt::sources {
namespace {

// The only way to stop yaml-cpp's parser is to throw through it; caught in ParseYamlDocument.
struct Stopped {};
struct ReadTooFarAhead {};

// yaml-cpp keeps every token of a flow collection that could turn out to be a key until it has seen its end, at a
// hundred bytes for each byte of "[[[[". No value that an API server would store is longer than this.
constexpr ptrdiff_t kAheadMax = 1 << 20;

// The text as a stream that does not let its reader run ahead of the events that it makes.
class PacedText final : public std::streambuf {
 public:
  explicit PacedText(absl::string_view text)
      : begin_(const_cast<char*>(text.data())), end_(begin_ + text.size()), last_event_(begin_) {
    setg(begin_, begin_, begin_);
  }
  void NoteEvent() { last_event_ = gptr(); }

 protected:
  int_type underflow() override {
    if (gptr() == end_) return traits_type::eof();
    if (gptr() - last_event_ > kAheadMax) throw ReadTooFarAhead{};
    setg(begin_, gptr(), gptr() + std::min<ptrdiff_t>(kStep, end_ - gptr()));
    return traits_type::to_int_type(*gptr());
  }

 private:
  static constexpr ptrdiff_t kStep = 4096;

  // setg() takes pointers to writable characters; these are only read.
  char* const begin_;
  char* const end_;
  const char* last_event_;
};

// What aliases may add to any document, on top of one value for each byte of its text: a text of many documents costs
// no more than in proportion to its length.
constexpr size_t kCopiesMax = 1000;

// yaml-cpp's names for "no tag, plain", "no tag, quoted" and "!!str".
constexpr char kPlainTag[] = "?";
constexpr char kQuotedTag[] = "!";
constexpr char kStringTag[] = "tag:yaml.org,2002:str";

class EventReader final : public YAML::EventHandler {
 public:
  EventReader(int first_line, const ParseLimits& limits, PacedText* text, ValueBuilder* builder)
      : first_line_(first_line), last_line_(first_line), limits_(limits), text_(text), builder_(builder) {}

  // Of the last event.
  int last_line() const { return last_line_; }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (started_)
      Check(builder_->Refuse(LineOf(mark),
                             "there is more after the end of the document: remove it, or make it a file of its own"));
    started_ = true;
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { Complete({.line = LineOf(mark)}, anchor); }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const int line = LineOf(mark);
    Check(limits_.anchors ? builder_->Repeat(line, anchor)
                          : builder_->Refuse(line, "aliases are not accepted: write the value out"));
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    CheckTag(mark, tag);
    const bool plain = tag.empty() || tag == kPlainTag;
    const bool null = plain && (text == "null" || text == "~" || text == "Null" || text == "NULL");
    Value value{.line = LineOf(mark)};
    if (!null) {
      value.kind = Value::Kind::kScalar;
      value.quoted = !plain;
      value.scalar = text;
    }
    Complete(std::move(value), anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Open(mark, tag, anchor, Value::Kind::kList);
  }
  void OnSequenceEnd() override { Close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Open(mark, tag, anchor, Value::Kind::kMap);
  }
  void OnMapEnd() override { Close(); }

 private:
  // Of an event: it is noted, too.
  int LineOf(const YAML::Mark& mark) {
    text_->NoteEvent();
    if (!mark.is_null()) last_line_ = first_line_ + mark.line;
    return last_line_;
  }

  static void Check(bool accepted) {
    if (!accepted) throw Stopped{};
  }
  void CheckAnchor(int line, YAML::anchor_t anchor) {
    if (anchor == YAML::NullAnchor || limits_.anchors) return;
    Check(builder_->Refuse(line, "anchors are not accepted"));
  }
  void CheckTag(const YAML::Mark& mark, const std::string& tag) {
    if (tag.empty() || tag == kPlainTag || tag == kQuotedTag || tag == kStringTag || limits_.tags) return;
    Check(builder_->Refuse(LineOf(mark), absl::StrCat("tags are not accepted: ", tag)));
  }

  // A null or a scalar, whole as it comes.
  void Complete(Value value, YAML::anchor_t anchor) {
    CheckAnchor(value.line, anchor);
    if (anchor != YAML::NullAnchor) Check(builder_->Keep(anchor, value));
    Check(value.kind == Value::Kind::kNull ? builder_->Null(value.line)
                                           : builder_->Scalar(value.line, std::move(value.scalar), value.quoted));
  }
  void Open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, Value::Kind kind) {
    const int line = LineOf(mark);
    CheckAnchor(line, anchor);
    CheckTag(mark, tag);
    Check(kind == Value::Kind::kList ? builder_->OpenList(line) : builder_->OpenMap(line));
    open_anchors_.push_back(anchor);
  }
  void Close() {
    const Value* closed = nullptr;
    Check(builder_->Close(&closed));
    const YAML::anchor_t anchor = open_anchors_.back();
    open_anchors_.pop_back();
    if (anchor != YAML::NullAnchor) Check(builder_->Keep(anchor, *closed));
  }

  const int first_line_;
  int last_line_;
  const ParseLimits& limits_;
  bool started_ = false;
  std::vector<YAML::anchor_t> open_anchors_;  // of the open lists and maps, from the outermost
  PacedText* const text_;
  ValueBuilder* const builder_;
};

}  // namespace

bool ParseYamlDocument(absl::string_view text, int first_line, const ParseLimits& limits, Value* value,
                       ParseError* error) {
  ValueBuilder builder(limits, limits.anchors ? kCopiesMax + text.size() : 0, value);
  PacedText paced(text);
  std::istream stream(&paced);
  EventReader reader(first_line, limits, &paced, &builder);
  try {
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(reader)) {
    }
    return true;
  } catch (const Stopped&) {
    *error = builder.error();
  } catch (const ReadTooFarAhead&) {
    *error = {reader.last_line(), absl::StrCat("what begins here or on the next line has not ended after ",
                                               kAheadMax >> 10, " KiB: shorten it; JSON belongs into a .json file")};
  } catch (const YAML::Exception& exception) {
    const int line = exception.mark.is_null() ? first_line : first_line + exception.mark.line;
    *error = {line, absl::StrCat("not valid YAML: ", exception.msg)};
  } catch (const std::exception& exception) {
    *error = {first_line, absl::StrCat("not valid YAML: ", exception.what())};
  }
  *value = Value{};
  return false;
}

}  // namespace shunt::sources
