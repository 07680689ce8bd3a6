// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/manifest/manifest_set.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"

namespace shunt::sources {
namespace {

absl::string_view KindName(ObjectKind kind) {
  switch (kind) {
    case ObjectKind::kService:
      return "Service";
    case ObjectKind::kEndpointSlice:
      return "EndpointSlice";
    case ObjectKind::kNode:
      return "Node";
  }
  return "";
}

std::string Describe(ObjectKind kind, const model::ObjectName& name) {
  return absl::StrCat(KindName(kind), " ", name.namespace_name.empty() ? name.name : name.ToString());
}

}  // namespace

void ManifestSet::Put(const std::string& file, Manifest manifest) {
  File& stored = files_[file];
  std::map<Key, DecodedObject> objects;
  for (DecodedObject& decoded : manifest.objects) {
    const Key key{KindOf(decoded.object), NameOf(decoded.object)};
    const int line = decoded.line;
    const auto [first, inserted] = objects.emplace(key, std::move(decoded));
    if (inserted) continue;
    manifest.errors.push_back({line, absl::StrCat(Describe(key.first, key.second), " is given already on line ",
                                                  first->second.line, ", which is used")});
  }
  stored.errors = std::move(manifest.errors);
  if (!stored.errors.empty()) {
    for (auto& [key, decoded] : stored.objects) objects.emplace(key, std::move(decoded));
  }
  stored.objects = std::move(objects);
}

void ManifestSet::PutUnreadable(const std::string& file, std::string why) {
  files_[file].errors = {{0, std::move(why)}};
}

void ManifestSet::Remove(const std::string& file) { files_.erase(file); }

std::vector<std::string> ManifestSet::Files() const {
  std::vector<std::string> names;
  for (const auto& [name, file] : files_) names.push_back(name);
  return names;
}

std::vector<Event> ManifestSet::TakeChanges() {
  std::vector<Event> events;
  std::map<Key, const Object*> present;
  for (const auto& [name, file] : files_) {
    for (const auto& [key, decoded] : file.objects) present.emplace(key, &decoded.object);
  }
  for (const auto& [key, object] : present) {
    const auto taken = taken_.find(key);
    if (taken != taken_.end() && taken->second == *object) continue;
    taken_[key] = *object;
    events.push_back(Upsert{*object});
  }
  for (auto taken = taken_.begin(); taken != taken_.end();) {
    if (present.contains(taken->first)) {
      ++taken;
      continue;
    }
    events.push_back(sources::Remove{taken->first.first, taken->first.second});
    taken = taken_.erase(taken);
  }
  return events;
}

std::vector<SourceProblem> ManifestSet::Problems() const {
  std::vector<SourceProblem> problems;
  std::map<Key, std::string> holder;
  for (const auto& [name, file] : files_) {
    std::vector<ParseError> errors = file.errors;
    for (const auto& [key, decoded] : file.objects) {
      const auto [first, inserted] = holder.emplace(key, name);
      if (inserted) continue;
      errors.push_back({decoded.line, absl::StrCat(Describe(key.first, key.second), " is given already in ",
                                                   first->second, ", which is used")});
    }
    std::stable_sort(errors.begin(), errors.end(),
                     [](const ParseError& a, const ParseError& b) { return a.line < b.line; });
    for (const ParseError& error : errors) {
      problems.push_back({error.line > 0 ? absl::StrCat(name, ":", error.line) : name, error.what});
    }
  }
  return problems;
}

}  // namespace shunt::sources
