// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/manifest/manifest_set.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"

namespace shunt::sources {

ManifestSet::Kind ManifestSet::KindOf(const Object& object) {
  switch (sources::KindOf(object)) {
    case ObjectKind::kService:
      return Kind::kService;
    case ObjectKind::kEndpointSlice:
      return Kind::kEndpointSlice;
    case ObjectKind::kNode:
      break;
  }
  return Kind::kNode;
}

std::string ManifestSet::Describe(const Key& key) {
  const auto& [kind, name] = key;
  const char* word = "Endpoints";
  if (kind == Kind::kService) word = "Service";
  if (kind == Kind::kEndpointSlice) word = "EndpointSlice";
  if (kind == Kind::kNode) word = "Node";
  return absl::StrCat(word, " ", name.namespace_name.empty() ? name.name : name.ToString());
}

void ManifestSet::Enter(const Key& key, Entry entry, Entries* entries, File* file) {
  const int line = entry.line;
  const auto [first, inserted] = entries->try_emplace(key, std::move(entry));
  if (inserted) return;
  file->warnings.push_back({line, absl::StrCat(Describe(key), " is given twice: the one on line ", first->second.line,
                                               " is used, this one is ignored")});
}

void ManifestSet::Put(const std::string& file, Manifest manifest) {
  File& stored = files_[file];
  Entries objects;
  stored.warnings = std::move(manifest.warnings);
  for (DecodedObject& decoded : manifest.objects) {
    const Key key{KindOf(decoded.object), NameOf(decoded.object)};
    Objects one;
    one.push_back(std::move(decoded.object));
    Enter(key, {std::make_shared<const Objects>(std::move(one)), decoded.line, decoded.has_selector}, &objects,
          &stored);
  }
  for (DecodedEndpoints& endpoints : manifest.endpoints) {
    const Key key{Kind::kEndpoints, endpoints.name};
    Objects slices(std::make_move_iterator(endpoints.slices.begin()), std::make_move_iterator(endpoints.slices.end()));
    Enter(key, {std::make_shared<const Objects>(std::move(slices)), endpoints.line}, &objects, &stored);
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
  stored.warnings.clear();
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

const ManifestSet::Entry& ManifestSet::WinningEntry(const Key& key, const Holding& holding) const {
  return files_.at(Winner(key, holding)).objects.at(key);
}

bool ManifestSet::IsServiceWithoutSelector(const model::ObjectName& name) const {
  const Key key{Kind::kService, name};
  const auto service = holdings_.find(key);
  if (service == holdings_.end() || service->second.files.empty()) return false;
  return !WinningEntry(key, service->second).has_selector;
}

void ManifestSet::TouchEndpoints() {
  std::vector<Key> endpoints;
  for (const Key& key : touched_) {
    if (key.first == Kind::kService) endpoints.emplace_back(Kind::kEndpoints, key.second);
  }
  for (const Key& key : endpoints) {
    if (holdings_.contains(key)) touched_.insert(key);
  }
}

std::shared_ptr<const ManifestSet::Objects> ManifestSet::Current(const Key& key, const Holding& holding) const {
  if (holding.files.empty()) return nullptr;
  if (key.first == Kind::kEndpoints && !IsServiceWithoutSelector(key.second)) return nullptr;
  return WinningEntry(key, holding).objects;
}

void ManifestSet::AppendChanges(const Objects* before, const Objects* after, std::vector<Event>* events) {
  const size_t count_before = before == nullptr ? 0 : before->size();
  const size_t count_after = after == nullptr ? 0 : after->size();
  for (size_t i = 0; i < count_after; ++i) {
    const Object& object = (*after)[i];
    if (i >= count_before || (*before)[i] != object) events->push_back(Upsert{object});
  }
  for (size_t i = count_after; i < count_before; ++i) {
    const Object& object = (*before)[i];
    events->push_back(sources::Remove{sources::KindOf(object), NameOf(object)});
  }
}

std::vector<std::string> ManifestSet::Files() const {
  std::vector<std::string> names;
  for (const auto& [name, file] : files_) names.push_back(name);
  return names;
}

std::vector<Event> ManifestSet::TakeChanges() {
  TouchEndpoints();
  std::vector<Key> touched(touched_.begin(), touched_.end());
  touched_.clear();
  std::sort(touched.begin(), touched.end());
  std::vector<Event> events;
  for (const Key& key : touched) {
    const auto found = holdings_.find(key);
    if (found == holdings_.end()) continue;
    Holding& holding = found->second;
    std::shared_ptr<const Objects> current = Current(key, holding);
    AppendChanges(holding.taken.get(), current.get(), &events);
    holding.taken = std::move(current);  // even if it is equal: one of the two copies is freed
    if (holding.files.empty()) holdings_.erase(found);
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
      contested[file].push_back({entry.line, absl::StrCat(Describe(key), " is given twice: the one in ", winner,
                                                          " is used, this one is ignored")});
    }
  }
  std::vector<SourceProblem> problems;
  for (const auto& [name, file] : files_) {
    std::vector<ParseError> errors = file.errors;
    errors.insert(errors.end(), file.warnings.begin(), file.warnings.end());
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
