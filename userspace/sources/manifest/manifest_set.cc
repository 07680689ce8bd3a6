// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/manifest/manifest_set.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"

namespace shunt::sources {
namespace {

std::string Describe(ObjectKind kind, const model::ObjectName& name) {
  return absl::StrCat(KindName(kind), " ", name.namespace_name.empty() ? name.name : name.ToString());
}

}  // namespace

void ManifestSet::Put(const std::string& file, Manifest manifest) {
  File& stored = files_[file];
  absl::flat_hash_map<Key, Entry> objects;
  stored.repeats.clear();
  for (DecodedObject& decoded : manifest.objects) {
    const Key key{KindOf(decoded.object), NameOf(decoded.object)};
    const auto [first, inserted] = objects.try_emplace(key);
    if (!inserted) {
      stored.repeats.push_back(
          {decoded.line, absl::StrCat(Describe(key.first, key.second), " is given twice: the one on line ",
                                      first->second.line, " is used, this one is ignored")});
      continue;
    }
    first->second = {std::make_shared<const Object>(std::move(decoded.object)), decoded.line, false};
  }
  stored.errors = std::move(manifest.errors);
  std::vector<Key> dropped;
  for (auto& [key, entry] : stored.objects) {
    if (objects.contains(key)) continue;
    if (stored.errors.empty()) {
      dropped.push_back(key);
    } else {
      entry.kept = true;
      objects.emplace(key, std::move(entry));
    }
  }
  stored.objects = std::move(objects);
  for (const Key& key : dropped) Release(key, file);
  for (const auto& [key, entry] : stored.objects) Hold(key, file);
}

void ManifestSet::PutUnreadable(const std::string& file, std::string why) {
  File& stored = files_[file];
  stored.errors = {{0, std::move(why)}};
  stored.repeats.clear();
  for (auto& [key, entry] : stored.objects) {
    entry.kept = true;
    touched_.insert(key);
  }
}

void ManifestSet::Remove(const std::string& file) {
  const auto found = files_.find(file);
  if (found == files_.end()) return;
  for (const auto& [key, entry] : found->second.objects) Release(key, file);
  files_.erase(found);
}

void ManifestSet::Hold(const Key& key, const std::string& file) {
  touched_.insert(key);
  std::vector<std::string>& files = holdings_[key].files;
  const auto place = std::lower_bound(files.begin(), files.end(), file);
  if (place == files.end() || *place != file) files.insert(place, file);
  if (files.size() > 1) contested_.insert(key);
}

void ManifestSet::Release(const Key& key, const std::string& file) {
  touched_.insert(key);
  std::vector<std::string>& files = holdings_[key].files;
  files.erase(std::remove(files.begin(), files.end(), file), files.end());
  if (files.size() < 2) contested_.erase(key);
}

const std::string& ManifestSet::Winner(const Key& key, const Holding& holding) const {
  const auto said_now = [&](const std::string& file) { return !files_.at(file).objects.at(key).kept; };
  const auto winner = std::find_if(holding.files.begin(), holding.files.end(), said_now);
  return winner == holding.files.end() ? holding.files.front() : *winner;
}

std::vector<std::string> ManifestSet::Files() const {
  std::vector<std::string> names;
  for (const auto& [name, file] : files_) names.push_back(name);
  return names;
}

std::vector<Event> ManifestSet::TakeChanges() {
  std::vector<Key> touched(touched_.begin(), touched_.end());
  touched_.clear();
  std::sort(touched.begin(), touched.end());
  std::vector<Event> events;
  for (const Key& key : touched) {
    const auto found = holdings_.find(key);
    if (found == holdings_.end()) continue;
    Holding& holding = found->second;
    if (holding.files.empty()) {
      if (holding.taken != nullptr) events.push_back(sources::Remove{key.first, key.second});
      holdings_.erase(found);
      continue;
    }
    const std::shared_ptr<const Object>& object = files_.at(Winner(key, holding)).objects.at(key).object;
    if (holding.taken == nullptr || *holding.taken != *object) events.push_back(Upsert{*object});
    holding.taken = object;  // even if it is equal: one of the two copies is freed
  }
  return events;
}

std::vector<SourceProblem> ManifestSet::Problems() const {
  std::map<std::string, std::vector<ParseError>> contested;
  for (const Key& key : contested_) {
    const Holding& holding = holdings_.at(key);
    const std::string& winner = Winner(key, holding);
    for (const std::string& file : holding.files) {
      const Entry& entry = files_.at(file).objects.at(key);
      if (file == winner || entry.kept) continue;
      contested[file].push_back(
          {entry.line, absl::StrCat(Describe(key.first, key.second), " is given twice: the one in ", winner,
                                    " is used, this one is ignored")});
    }
  }
  std::vector<SourceProblem> problems;
  for (const auto& [name, file] : files_) {
    std::vector<ParseError> errors = file.errors;
    errors.insert(errors.end(), file.repeats.begin(), file.repeats.end());
    const auto found = contested.find(name);
    if (found != contested.end()) errors.insert(errors.end(), found->second.begin(), found->second.end());
    std::stable_sort(errors.begin(), errors.end(),
                     [](const ParseError& a, const ParseError& b) { return a.line < b.line; });
    for (ParseError& error : errors) {
      problems.push_back({error.line > 0 ? absl::StrCat(name, ":", error.line) : name, std::move(error.what)});
    }
  }
  return problems;
}

}  // namespace shunt::sources
