// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/manifest/type_name.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <numeric>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace shunt::sources {
namespace {

struct ReadKind {
  absl::string_view version;
  absl::string_view kind;
};
constexpr ReadKind kReadKinds[] = {
    {kCore, "Service"},
    {kCore, "ServiceList"},
    {kCore, "Endpoints"},
    {kCore, "EndpointsList"},
    {kCore, "Node"},
    {kCore, "NodeList"},
    {kCore, "List"},
    {kDiscovery, "EndpointSlice"},
    {kDiscovery, "EndpointSliceList"},
};

// The other kinds of the core group; each has a list, too. Some look like ours.
constexpr absl::string_view kOtherCoreKinds[] = {
    "Binding",
    "ComponentStatus",
    "ConfigMap",
    "Event",
    "LimitRange",
    "Namespace",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Pod",
    "PodTemplate",
    "ReplicationController",
    "ResourceQuota",
    "Secret",
    "ServiceAccount",
};

bool IsOtherCoreKind(absl::string_view kind) {
  absl::ConsumeSuffix(&kind, "List");
  return std::find(std::begin(kOtherCoreKinds), std::end(kOtherCoreKinds), kind) != std::end(kOtherCoreKinds);
}

constexpr size_t kWordMax = 64;

// Returns how many letters must be changed, added or left out (Levenshtein). REQUIRES: `a` has at most kWordMax.
size_t Distance(absl::string_view a, absl::string_view b) {
  std::array<size_t, kWordMax + 1> row;
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= b.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= a.size(); ++j) {
      const size_t changed = diagonal + (a[j - 1] == b[i - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({changed, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[a.size()];
}

// Returns how far the word is from `to`, except for case and space around it; nothing if it is not near: more than one
// letter, or two of a longer word.
std::optional<size_t> NearDistance(absl::string_view word, absl::string_view to) {
  const std::string plain = absl::AsciiStrToLower(absl::StripAsciiWhitespace(word));
  if (plain.size() > kWordMax) return std::nullopt;
  const size_t distance = Distance(plain, absl::AsciiStrToLower(to));
  return distance <= (to.size() < 7 ? 1 : 2) ? std::optional<size_t>(distance) : std::nullopt;
}

bool IsNear(absl::string_view word, absl::string_view to) {
  return NearDistance(word, to).has_value();
}

// Returns the kind that is probably meant, or null.
const ReadKind* Nearest(absl::string_view kind) {
  const ReadKind* nearest = nullptr;
  size_t least = kWordMax;
  for (const ReadKind& read : kReadKinds) {
    const std::optional<size_t> distance = NearDistance(kind, read.kind);
    if (!distance.has_value() || *distance >= least) continue;
    nearest = &read;
    least = *distance;
  }
  return nearest;
}

// Returns whether the apiVersion may be meant for the core group or for discovery.k8s.io.
bool MayBeOurGroup(absl::string_view version) {
  const std::vector<absl::string_view> parts = absl::StrSplit(version, absl::MaxSplits('/', 1));
  const absl::string_view group = parts[0];
  return parts.size() == 1 || IsNear(group, "core") || IsNear(group, "discovery") || IsNear(group, "discovery.k8s.io");
}

// Returns the value of "KEY: value" without comment and quotes.
std::string PlainValue(absl::string_view value) {
  const size_t comment = value.find(" #");
  if (comment != absl::string_view::npos) value = value.substr(0, comment);
  value = absl::StripAsciiWhitespace(value);
  if (value.size() >= 2 && (value.front() == '"' || value.front() == '\'') && value.back() == value.front()) {
    value = value.substr(1, value.size() - 2);
  }
  return std::string(value);
}

}  // namespace

bool IsRead(const TypeName& type) {
  return std::any_of(std::begin(kReadKinds), std::end(kReadKinds),
                     [&](const ReadKind& read) { return read.version == type.version && read.kind == type.kind; });
}

std::string WrongWithType(const TypeName& type) {
  if (IsRead(type)) return "";
  if (absl::StartsWith(type.version, "discovery.k8s.io/") && type.version != kDiscovery) {
    return absl::StrCat(type.kind, " of ", type.version, ": only ", kDiscovery, " is read");
  }
  if (!MayBeOurGroup(type.version) || (type.version == kCore && IsOtherCoreKind(type.kind))) return "";
  const ReadKind* const meant = Nearest(type.kind);
  if (meant == nullptr) return "";
  return absl::StrCat("apiVersion ", type.version, ", kind ", type.kind, " is not known: is ", meant->version, ", ",
                      meant->kind, " meant?");
}

bool HasNoSuchKind(const TypeName& type) {
  if (IsRead(type)) return false;
  return type.version == kDiscovery || (type.version == kCore && !IsOtherCoreKind(type.kind));
}

std::optional<TypeName> TypeByLines(absl::string_view text) {
  TypeName type;
  int versions = 0;
  int kinds = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    if (absl::ConsumePrefix(&line, "apiVersion:")) {
      ++versions;
      type.version = PlainValue(line);
    } else if (absl::ConsumePrefix(&line, "kind:")) {
      ++kinds;
      type.kind = PlainValue(line);
    }
  }
  if (versions != 1 || kinds != 1 || type.version.empty() || type.kind.empty()) return std::nullopt;
  return type;
}

}  // namespace shunt::sources
