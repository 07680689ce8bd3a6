// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/kubernetes/follow/replica.h"

#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"

namespace shunt::sources::kubernetes {
namespace {

std::string UidOf(const model::Node&) {
  return "";
}
std::string UidOf(const auto& namespaced) {
  return namespaced.uid;
}

std::string StateOf(const KnownObject& object) {
  return absl::StrCat(object.uid, "/", object.version);
}

// A version has no slash.
absl::string_view UidPart(absl::string_view state) {
  return state.substr(0, state.rfind('/'));
}

}  // namespace

KnownObject Identify(const Object& object) {
  return std::visit(
      [&](const auto& known) { return KnownObject{NameOf(object), UidOf(known), known.resource_version}; }, object);
}

bool Replica::Put(const KnownObject& object) {
  State& state = states_[object.name];
  std::string identity = StateOf(object);
  state.list = list_;
  if (state.identity == identity) return false;
  state.identity = std::move(identity);
  return true;
}

bool Replica::Erase(const model::ObjectName& name) {
  return states_.erase(name) != 0;
}

bool Replica::IsNews(const KnownObject& object) {
  const auto known = states_.find(object.name);
  if (known == states_.end()) return true;
  known->second.list = list_;
  return known->second.identity != StateOf(object);
}

bool Replica::MayHold(const model::ObjectName& name, absl::string_view uid) const {
  const auto known = states_.find(name);
  if (known == states_.end()) return false;
  const absl::string_view known_uid = UidPart(known->second.identity);
  return uid.empty() || known_uid.empty() || uid == known_uid;
}

void Replica::NoteListed(const model::ObjectName& name) {
  const auto known = states_.find(name);
  if (known != states_.end()) known->second.list = list_;
}

std::vector<model::ObjectName> Replica::Missing() const {
  std::vector<model::ObjectName> missing;
  for (const auto& [name, state] : states_) {
    if (state.list != list_) missing.push_back(name);
  }
  return missing;
}

}  // namespace shunt::sources::kubernetes
