// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/manifest/yaml_document.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <exception>
#include <sstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "userspace/sources/manifest/value_builder.h"

namespace shunt::sources {
namespace {

// The only way to stop yaml-cpp's parser is to throw through it; caught in ParseYamlDocument.
struct Stopped {};

// yaml-cpp's names for "no tag, plain", "no tag, quoted" and "!!str".
constexpr char kPlainTag[] = "?";
constexpr char kQuotedTag[] = "!";
constexpr char kStringTag[] = "tag:yaml.org,2002:str";

class EventReader final : public YAML::EventHandler {
 public:
  EventReader(int first_line, ValueBuilder* builder) : first_line_(first_line), builder_(builder) {}

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    RefuseAnchor(mark, anchor);
    Check(builder_->Null(LineOf(mark)));
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    Check(builder_->Refuse(LineOf(mark), "aliases are not accepted: write the value out"));
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    RefuseAnchor(mark, anchor);
    RefuseTag(mark, tag);
    const bool plain = tag.empty() || tag == kPlainTag;
    const bool null = plain && (text == "null" || text == "~" || text == "Null" || text == "NULL");
    Check(null ? builder_->Null(LineOf(mark)) : builder_->Scalar(LineOf(mark), text, !plain));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    RefuseAnchor(mark, anchor);
    RefuseTag(mark, tag);
    Check(builder_->OpenList(LineOf(mark)));
  }
  void OnSequenceEnd() override { builder_->Close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    RefuseAnchor(mark, anchor);
    RefuseTag(mark, tag);
    Check(builder_->OpenMap(LineOf(mark)));
  }
  void OnMapEnd() override { builder_->Close(); }

 private:
  int LineOf(const YAML::Mark& mark) const { return mark.is_null() ? first_line_ : first_line_ + mark.line; }

  static void Check(bool accepted) {
    if (!accepted) throw Stopped{};
  }
  void RefuseAnchor(const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (anchor != YAML::NullAnchor) Check(builder_->Refuse(LineOf(mark), "anchors are not accepted"));
  }
  void RefuseTag(const YAML::Mark& mark, const std::string& tag) {
    if (tag.empty() || tag == kPlainTag || tag == kQuotedTag || tag == kStringTag) return;
    Check(builder_->Refuse(LineOf(mark), absl::StrCat("tags are not accepted: ", tag)));
  }

  const int first_line_;
  ValueBuilder* const builder_;
};

}  // namespace

bool ParseYamlDocument(absl::string_view text, int first_line, const ParseLimits& limits, Value* value,
                       ParseError* error) {
  ValueBuilder builder(limits, value);
  std::istringstream stream{std::string(text)};
  try {
    YAML::Parser parser(stream);
    EventReader reader(first_line, &builder);
    parser.HandleNextDocument(reader);
    Value rest;
    ValueBuilder rest_builder(limits, &rest);
    EventReader rest_reader(first_line, &rest_builder);
    if (!parser.HandleNextDocument(rest_reader)) return true;
    *error = {rest.line > 0 ? rest.line : first_line, "there is more after the end of the document"};
  } catch (const Stopped&) {
    *error = builder.error().what.empty() ? ParseError{first_line, "there is more after the end of the document"}
                                          : builder.error();
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
