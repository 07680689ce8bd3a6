// SPDX-License-Identifier: Apache-2.0
// The order of resourceVersions. Kubernetes promises it for its own resources since 1.35 (KEP-5504) and had it before;
// nothing here depends on it, it only catches servers that answer with what is older than what they were asked for.
#ifndef SHUNT_SOURCES_KUBERNETES_FOLLOW_RESOURCE_VERSION_H_
#define SHUNT_SOURCES_KUBERNETES_FOLLOW_RESOURCE_VERSION_H_

#include "absl/strings/string_view.h"

namespace shunt::sources::kubernetes {

// Both are decimal numbers and `version` is the smaller one. Of anything else nothing is known: false.
bool IsOlder(absl::string_view version, absl::string_view than);

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_FOLLOW_RESOURCE_VERSION_H_
