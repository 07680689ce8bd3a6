// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/manifest/manifest_set.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "userspace/sources/dns_name.h"

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
  RefuseInPlaceOfKnown(manifest.unknown, objects, &stored);
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

void ManifestSet::RefuseInPlaceOfKnown(const std::vector<UnknownObject>& unknown, const Entries& now, File* file) {
  for (const UnknownObject& object : unknown) {
    for (const Kind kind : {Kind::kService, Kind::kEndpointSlice, Kind::kEndpoints}) {
      const Key key{kind, object.name};
      if (!file->objects.contains(key) || now.contains(key)) continue;
      ManifestError error;
      error.line = object.line;
      error.what = absl::StrCat("apiVersion ", object.type.version, " has no kind ", object.type.kind,
                                ", and the file had ", Describe(key), ", which stays in force: is the kind misspelt? ",
                                "If the object is to go, remove the document");
      if (kind == Kind::kService) error.service = object.name;
      file->errors.push_back(std::move(error));
    }
  }
}

void ManifestSet::PutUnreadable(const std::string& file, std::string why) {
  File& stored = files_[file];
  stored.errors = {{{0, std::move(why)}}};
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

const ManifestSet::Entry* ManifestSet::FindService(const model::ObjectName& name) const {
  const Key key{Kind::kService, name};
  const auto service = holdings_.find(key);
  if (service == holdings_.end() || service->second.files.empty()) return nullptr;
  return &WinningEntry(key, service->second);
}

bool ManifestSet::IsServiceWithoutSelector(const model::ObjectName& name) const {
  const Entry* const service = FindService(name);
  return service != nullptr && !service->has_selector;
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

void ManifestSet::IndexSlice(const Objects* before, const Objects* after, std::set<model::ObjectName>* services) {
  for (const Objects* objects : {before, after}) {
    if (objects == nullptr) continue;
    const auto& slice = std::get<model::EndpointSlice>(objects->front());
    const model::ObjectName service = slice.ServiceName();
    if (service.name.empty()) continue;
    services->insert(service);
    std::set<std::string>& names = slices_of_[service];
    if (objects == after) {
      names.insert(slice.name.name);
    } else if (names.erase(slice.name.name); names.empty()) {
      slices_of_.erase(service);
    }
  }
}

void ManifestSet::JudgeUse(const model::ObjectName& service) {
  NoteUse({Kind::kEndpoints, service});
  const auto slices = slices_of_.find(service);
  if (slices == slices_of_.end()) return;
  for (const std::string& name : slices->second) NoteUse({Kind::kEndpointSlice, {service.namespace_name, name}});
}

void ManifestSet::NoteUse(const Key& key) {
  if (WhyUnused(key).empty()) {
    unused_.erase(key);
  } else {
    unused_.insert(key);
  }
}

std::string ManifestSet::WhyUnused(const Key& key) const {
  const auto found = holdings_.find(key);
  if (found == holdings_.end() || found->second.files.empty()) return "";
  const Objects& objects = *WinningEntry(key, found->second).objects;
  if (objects.empty()) return "";
  const auto& slice = std::get<model::EndpointSlice>(objects.front());
  return key.first == Kind::kEndpointSlice ? WhySliceIsUnused(slice) : WhyEndpointsAreUnused(key.second, slice);
}

std::string ManifestSet::WhySliceIsUnused(const model::EndpointSlice& slice) const {
  constexpr absl::string_view kLabel = "label kubernetes.io/service-name";
  const model::ObjectName service = slice.ServiceName();
  if (service.name.empty()) return absl::StrCat("it lacks the ", kLabel, ": add it, with the name of its Service");
  if (FindService(service) != nullptr) return "";
  if (const std::string wrong = WrongWithName(service.name, NameForm::kLabel); !wrong.empty()) {
    return absl::StrCat("its ", kLabel, " ", wrong, ": write the name of its Service");
  }
  return absl::StrCat("its ", kLabel, " names Service ", service.ToString(),
                      ", and there is none: correct the label or the namespace, or add the Service");
}

std::string ManifestSet::WhyEndpointsAreUnused(const model::ObjectName& name, const model::EndpointSlice& first) const {
  const Entry* const service = FindService(name);
  if (service == nullptr) {
    return absl::StrCat("there is no Service ", name.ToString(), ": correct its name or namespace, or add the Service");
  }
  // An API server's copy repeats what the slices say.
  const bool is_copy = !first.uid.empty() && slices_of_.contains(name);
  if (!service->has_selector || is_copy) return "";
  return absl::StrCat("Service ", name.ToString(), " has a selector, so its endpoints are those of EndpointSlices: ",
                      "write one, or take the selector out of the Service");
}

std::vector<Event> ManifestSet::TakeChanges() {
  TouchEndpoints();
  std::vector<Key> touched(touched_.begin(), touched_.end());
  touched_.clear();
  std::sort(touched.begin(), touched.end());
  std::vector<Event> events;
  std::set<model::ObjectName> services;
  for (const Key& key : touched) {
    const auto found = holdings_.find(key);
    if (found == holdings_.end()) continue;
    Holding& holding = found->second;
    std::shared_ptr<const Objects> current = Current(key, holding);
    AppendChanges(holding.taken.get(), current.get(), &events);
    if (key.first == Kind::kEndpointSlice) IndexSlice(holding.taken.get(), current.get(), &services);
    if (key.first == Kind::kService || key.first == Kind::kEndpoints) services.insert(key.second);
    holding.taken = std::move(current);  // even if it is equal: one of the two copies is freed
    if (holding.files.empty()) holdings_.erase(found);
  }
  for (const Key& key : touched) {
    if (key.first == Kind::kEndpointSlice) NoteUse(key);
  }
  for (const model::ObjectName& service : services) JudgeUse(service);
  return events;
}

void ManifestSet::AppendProblems(const std::string& name, const File& file, std::vector<ParseError> contested,
                                 std::vector<ParseError> unused, std::vector<SourceProblem>* problems) {
  struct Place {
    int line;
    SourceProblem problem;
  };
  std::vector<Place> places;
  for (const ManifestError& error : file.errors) {
    std::string what = error.object.empty() ? error.what : absl::StrCat(error.object, ": ", error.what);
    places.push_back({error.line, {"", std::move(what), error.service}});
  }
  for (const std::vector<ParseError>& warnings : {file.warnings, std::move(contested)}) {
    for (const ParseError& warning : warnings) places.push_back({warning.line, {"", warning.what}});
  }
  const auto by_line = [](const auto& a, const auto& b) { return a.line < b.line; };
  std::stable_sort(unused.begin(), unused.end(), by_line);
  KeepTheFirst(&unused, "objects that are not used");
  for (ParseError& one : unused) {
    places.push_back({one.line, {.where = "", .what = std::move(one.what), .advice = true}});
  }
  std::stable_sort(places.begin(), places.end(), by_line);
  for (Place& place : places) {
    place.problem.where = place.line > 0 ? absl::StrCat(name, ":", place.line) : name;
    problems->push_back(std::move(place.problem));
  }
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
  std::map<std::string, std::vector<ParseError>> unused;
  for (const Key& key : unused_) {
    const auto found = holdings_.find(key);
    const std::string why = WhyUnused(key);
    if (why.empty()) continue;
    const Entry& entry = WinningEntry(key, found->second);
    // What is only kept stands on no line of the present file.
    unused[Winner(key, found->second)].push_back(
        {entry.kept ? 0 : entry.line, absl::StrCat(Describe(key), " is not used, because ", why)});
  }
  std::vector<SourceProblem> problems;
  for (const auto& [name, file] : files_) {
    AppendProblems(name, file, std::move(contested[name]), std::move(unused[name]), &problems);
  }
  return problems;
}

}  // namespace shunt::sources
