// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/document/value_builder.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace shunt::sources {
namespace {

// Up to here a search through a map's fields is cheaper than a set of its keys.
constexpr size_t kSearchedFieldsMax = 16;

// Text that aliases may repeat in one document.
constexpr size_t kCopiedBytesMax = 64 << 20;

constexpr absl::string_view kMergeKey = "<<";

// Returns the maps that a merge key's value names, or nothing if it is something else.
std::vector<Value*> MergedMaps(Value& value) {
  std::vector<Value*> maps;
  if (value.kind == Value::Kind::kMap) maps.push_back(&value);
  if (value.kind != Value::Kind::kList) return maps;
  for (Value& item : value.items) {
    if (item.kind != Value::Kind::kMap) return {};
    maps.push_back(&item);
  }
  return maps;
}

}  // namespace

ValueBuilder::ValueBuilder(const ParseLimits& limits, size_t copies_max, Value* root)
    : limits_(limits), copies_max_(copies_max), root_(root) {
  *root_ = Value{};
}

bool ValueBuilder::Refuse(int line, std::string what) {
  error_ = {line, std::move(what)};
  return false;
}

bool ValueBuilder::RefuseDepth(int line) {
  return Refuse(line, absl::StrCat("nested more than ", limits_.depth_max, " deep"));
}

bool ValueBuilder::RefuseCount(int line) {
  return Refuse(line, absl::StrCat("more than ", limits_.values_max, " values in one document"));
}

bool ValueBuilder::Null(int line) {
  Value* place = nullptr;
  return Add(line, Value{}, &place);
}

bool ValueBuilder::Scalar(int line, std::string text, bool quoted) {
  Value value;
  value.kind = Value::Kind::kScalar;
  value.quoted = quoted;
  value.scalar = std::move(text);
  Value* place = nullptr;
  return Add(line, std::move(value), &place);
}

bool ValueBuilder::Open(int line, Value::Kind kind) {
  if (levels_.size() >= limits_.depth_max) return RefuseDepth(line);
  Value value;
  value.kind = kind;
  Value* place = nullptr;
  if (!Add(line, std::move(value), &place)) return false;
  levels_.emplace_back().value = place;
  return true;
}

bool ValueBuilder::Close(const Value** closed) {
  Value& value = *levels_.back().value;
  const bool merges = levels_.back().merges;
  levels_.pop_back();
  *closed = &value;
  return !merges || Merge(value);
}

bool ValueBuilder::Merge(Value& map) {
  const auto is_merge = [](const Value::Field& field) { return field.key == kMergeKey; };
  const auto found = std::find_if(map.fields.begin(), map.fields.end(), is_merge);
  Value merged = std::move(found->value);
  const int line = found->line;
  map.fields.erase(found);
  const std::vector<Value*> sources = MergedMaps(merged);
  if (sources.empty()) return Refuse(line, "\"<<\" must be a map or a list of maps");
  absl::flat_hash_set<std::string> keys;
  for (const Value::Field& field : map.fields) keys.insert(field.key);
  for (Value* const source : sources) {
    for (Value::Field& field : source->fields) {
      if (keys.insert(field.key).second) map.fields.push_back(std::move(field));
    }
  }
  return true;
}

bool ValueBuilder::Keep(size_t anchor, const Value& value) {
  if (!PayForCopy(value.line, value, 0)) return false;
  kept_[anchor] = value;
  return true;
}

bool ValueBuilder::Repeat(int line, size_t anchor) {
  const auto kept = kept_.find(anchor);
  if (kept == kept_.end()) return Refuse(line, "an alias inside of the value that it stands for");
  if (!PayForCopy(line, kept->second, levels_.size())) return false;
  Value* place = nullptr;
  return Add(line, kept->second, &place);
}

bool ValueBuilder::PayForCopy(int line, const Value& value, size_t depth) {
  const bool holds_others = value.kind == Value::Kind::kList || value.kind == Value::Kind::kMap;
  if (holds_others && depth >= limits_.depth_max) return RefuseDepth(line);
  if (++values_ > limits_.values_max) return RefuseCount(line);
  if (++copies_ > copies_max_) {
    return Refuse(line, absl::StrCat("anchors and aliases repeat more than ", copies_max_, " values: write them out"));
  }
  copied_bytes_ += value.scalar.size();
  if (copied_bytes_ > kCopiedBytesMax) {
    return Refuse(line, absl::StrCat("aliases repeat more than ", kCopiedBytesMax >> 20, " MiB of text"));
  }
  for (const Value& item : value.items) {
    if (!PayForCopy(line, item, depth + 1)) return false;
  }
  for (const Value::Field& field : value.fields) {
    copied_bytes_ += field.key.size();
    if (!PayForCopy(line, field.value, depth + 1)) return false;
  }
  return true;
}

bool ValueBuilder::Add(int line, Value value, Value** place) {
  value.line = line;
  if (++values_ > limits_.values_max) return RefuseCount(line);
  if (levels_.empty()) {
    *root_ = std::move(value);
    *place = root_;
    return true;
  }
  Level& level = levels_.back();
  if (level.value->kind == Value::Kind::kList) {
    level.value->items.push_back(std::move(value));
    *place = &level.value->items.back();
    return true;
  }
  if (!level.has_key) return TakeKey(level, std::move(value));
  level.has_key = false;
  level.value->fields.push_back({std::move(level.key), std::move(value), level.key_line});
  *place = &level.value->fields.back().value;
  return true;
}

bool ValueBuilder::TakeKey(Level& level, Value value) {
  if (value.kind != Value::Kind::kScalar) return Refuse(value.line, "a field's name must be a string");
  if (!IsNewKey(level, value.scalar)) {
    return Refuse(value.line, absl::StrCat("field \"", value.scalar, "\" is given twice"));
  }
  if (copies_max_ > 0 && !value.quoted && value.scalar == kMergeKey) level.merges = true;
  level.key = std::move(value.scalar);
  level.key_line = value.line;
  level.has_key = true;
  return true;
}

bool ValueBuilder::IsNewKey(Level& level, const std::string& key) {
  const auto& fields = level.value->fields;
  if (fields.size() < kSearchedFieldsMax) {
    return std::none_of(fields.begin(), fields.end(), [&](const Value::Field& field) { return field.key == key; });
  }
  if (level.keys.empty()) {
    for (const Value::Field& field : fields) level.keys.insert(field.key);
  }
  return level.keys.insert(key).second;
}

}  // namespace shunt::sources
