// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/manifest/value.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <memory>
#include <sstream>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"

namespace shunt::sources {
namespace {

// Thrown through yaml-cpp's parser, which offers no other way to stop it; caught in ParseDocument.
struct Refused {
  int line;
  std::string what;
};

// Builds the tree from the parser's events, so that limits hold while it grows.
class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(int first_line, const ParseLimits& limits, Value* root)
      : first_line_(first_line), limits_(limits), root_(root) {}

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnAnchor(const YAML::Mark& mark, const std::string&) override { Refuse(mark, "anchors are not accepted"); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { Refuse(mark, "aliases are not accepted"); }

  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override { Add(mark, Value{}); }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t, const std::string& text) override {
    Value value;
    value.quoted = tag == "!";
    const bool null = !value.quoted && (text == "null" || text == "~" || text == "Null" || text == "NULL");
    value.kind = null ? Value::Kind::kNull : Value::Kind::kScalar;
    value.scalar = text;
    Add(mark, std::move(value));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    Open(mark, Value::Kind::kList);
  }
  void OnSequenceEnd() override { Close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {
    Open(mark, Value::Kind::kMap);
  }
  void OnMapEnd() override { Close(); }

 private:
  struct Level {
    Value* value;
    bool has_key = false;
    std::string key;
    absl::flat_hash_set<std::string> keys;
  };

  int LineOf(const YAML::Mark& mark) const { return mark.is_null() ? first_line_ : first_line_ + mark.line; }

  [[noreturn]] void Refuse(const YAML::Mark& mark, std::string what) { throw Refused{LineOf(mark), std::move(what)}; }

  // Puts the value into its place; returns where it stands now, or null if it was a key.
  Value* Add(const YAML::Mark& mark, Value value) {
    value.line = LineOf(mark);
    if (++values_ > limits_.values_max) Refuse(mark, absl::StrCat("more than ", limits_.values_max, " values"));
    if (levels_.empty()) {
      *root_ = std::move(value);
      return root_;
    }
    Level& level = levels_.back();
    if (level.value->kind == Value::Kind::kList) {
      level.value->items.push_back(std::move(value));
      return &level.value->items.back();
    }
    if (!level.has_key) {
      if (value.kind != Value::Kind::kScalar) Refuse(mark, "a field's name must be a string");
      if (!level.keys.insert(value.scalar).second) {
        Refuse(mark, absl::StrCat("field \"", value.scalar, "\" is given twice"));
      }
      level.key = std::move(value.scalar);
      level.has_key = true;
      return nullptr;
    }
    level.has_key = false;
    level.value->fields.emplace_back(std::move(level.key), std::move(value));
    return &level.value->fields.back().second;
  }

  void Open(const YAML::Mark& mark, Value::Kind kind) {
    if (levels_.size() >= limits_.depth_max) {
      Refuse(mark, absl::StrCat("nested more than ", limits_.depth_max, " deep"));
    }
    Value value;
    value.kind = kind;
    Value* const place = Add(mark, std::move(value));
    // A parent's vector grows only while no child of it is open, so the pointer holds until Close.
    levels_.push_back(Level{place, false, {}, {}});
  }

  void Close() { levels_.pop_back(); }

  const int first_line_;
  const ParseLimits limits_;
  Value* const root_;
  std::vector<Level> levels_;
  size_t values_ = 0;
};

}  // namespace

const Value* Value::Find(absl::string_view key) const {
  for (const auto& [name, value] : fields) {
    if (name == key) return value.kind == Kind::kNull ? nullptr : &value;
  }
  return nullptr;
}

bool ParseDocument(absl::string_view text, int first_line, const ParseLimits& limits, Value* value,
                   ParseError* error) {
  *value = Value{};
  std::istringstream stream{std::string(text)};
  try {
    YAML::Parser parser(stream);
    TreeBuilder builder(first_line, limits, value);
    parser.HandleNextDocument(builder);
    Value rest;
    TreeBuilder after(first_line, limits, &rest);
    if (!parser.HandleNextDocument(after)) return true;
    *error = {rest.line > 0 ? rest.line : first_line, "text after the end of the document"};
  } catch (const Refused& refused) {
    *error = {refused.line, refused.what};
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
