// SPDX-License-Identifier: Apache-2.0
// The types of objects: which ones are read, and which ones are meant by a word that is misspelt.
#ifndef SHUNT_SOURCES_MANIFEST_TYPE_NAME_H_
#define SHUNT_SOURCES_MANIFEST_TYPE_NAME_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace shunt::sources {

inline constexpr absl::string_view kCore = "v1";
inline constexpr absl::string_view kDiscovery = "discovery.k8s.io/v1";

// An object's type: its apiVersion and kind.
struct TypeName {
  std::string version;
  std::string kind;

  friend bool operator==(const TypeName&, const TypeName&) = default;
};

// Returns whether objects of this type are read.
bool IsRead(const TypeName& type);

// Returns why an object of this type, which is not read, is probably meant to be: its kind or its apiVersion is
// misspelt, or it has another version. Returns an empty string for a type that is none of ours. Kubernetes' own kinds
// are never misspelt, and in a foreign group every kind is foreign.
std::string WrongWithType(const TypeName& type);

// Returns whether v1 or discovery.k8s.io/v1, if that is the type's apiVersion, has no such kind.
bool HasNoSuchKind(const TypeName& type);

// Returns the type of a YAML document that may be malformed, by its lines alone. Returns nothing unless it has exactly
// one line each, not indented, for apiVersion and for kind.
std::optional<TypeName> TypeByLines(absl::string_view text);

}  // namespace shunt::sources

#endif  // SHUNT_SOURCES_MANIFEST_TYPE_NAME_H_
