// SPDX-License-Identifier: Apache-2.0
// Grows a tree of values from a parser's events, holding the limits while it grows and not only afterwards.
#ifndef SHUNT_SOURCES_DOCUMENT_VALUE_BUILDER_H_
#define SHUNT_SOURCES_DOCUMENT_VALUE_BUILDER_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "userspace/sources/document/value.h"

namespace shunt::sources {

// Every event returns false if it breaks a limit, repeats a key, puts something other than a string where a key
// belongs, or merges what is no map; error() then says so and the tree is unusable. Within a map, keys and values
// arrive in turn.
class ValueBuilder {
 public:
  // `root` outlives the builder. Its former content is lost. Keep and Repeat copy at most `copies_max` values in all.
  // If that is not 0, a plain "<<" is YAML's merge key: the fields of its map, or of its list of maps, are those of the
  // map around it, unless that has them itself; the first map that has a field counts.
  ValueBuilder(const ParseLimits& limits, size_t copies_max, Value* root);

  bool Null(int line);
  bool Scalar(int line, std::string text, bool quoted);
  bool OpenList(int line) { return Open(line, Value::Kind::kList); }
  bool OpenMap(int line) { return Open(line, Value::Kind::kMap); }
  // Ends the list or map that was opened last and sets `closed` to it, valid until the next event.
  bool Close(const Value** closed);

  // Keeps a copy of a complete value under `anchor`, for Repeat. Not an event: it adds nothing to the tree.
  bool Keep(size_t anchor, const Value& value);
  // Adds a copy of the value that was kept last under `anchor`. Fails if there is none.
  bool Repeat(int line, size_t anchor);

  // Notes the caller's own error. Returns false.
  bool Refuse(int line, std::string what);
  const ParseError& error() const { return error_; }

 private:
  // A list or map whose end is still to come. A parent's vector grows only while none of its children is open, so
  // the pointer holds until then.
  struct Level {
    Value* value = nullptr;
    bool has_key = false;
    bool merges = false;  // it has a merge key
    std::string key;
    int key_line = 0;
    absl::flat_hash_set<std::string> keys;  // empty while the map is small enough to be searched
  };

  bool Open(int line, Value::Kind kind);
  bool RefuseDepth(int line);
  bool RefuseCount(int line);
  // Puts the value into its place and sets `place`; null if it was a key.
  bool Add(int line, Value value, Value** place);
  bool TakeKey(Level& level, Value value);
  static bool IsNewKey(Level& level, const std::string& key);
  // Replaces the map's merge key by what it stands for.
  bool Merge(Value& map);
  // Counts what a copy of `value` costs at a place with `depth` open lists and maps around it.
  bool PayForCopy(int line, const Value& value, size_t depth);

  const ParseLimits limits_;
  const size_t copies_max_;
  Value* const root_;
  std::vector<Level> levels_;
  size_t values_ = 0;
  size_t copies_ = 0;
  size_t copied_bytes_ = 0;
  absl::flat_hash_map<size_t, Value> kept_;  // by anchor
  ParseError error_;
};

}  // namespace shunt::sources

#endif  // SHUNT_SOURCES_DOCUMENT_VALUE_BUILDER_H_
