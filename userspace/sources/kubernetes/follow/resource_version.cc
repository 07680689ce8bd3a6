// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/kubernetes/follow/resource_version.h"

#include <algorithm>

#include "absl/strings/ascii.h"

namespace shunt::sources::kubernetes {
namespace {

// Kubernetes' own definition: digits without a leading zero, of any length.
bool IsNumber(absl::string_view version) {
  return !version.empty() && version.front() != '0' &&
         std::all_of(version.begin(), version.end(), [](char c) { return absl::ascii_isdigit(c); });
}

}  // namespace

bool IsOlder(absl::string_view version, absl::string_view than) {
  if (!IsNumber(version) || !IsNumber(than)) return false;
  return version.size() != than.size() ? version.size() < than.size() : version < than;
}

}  // namespace shunt::sources::kubernetes
