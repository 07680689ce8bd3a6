// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/bypass_settings.h"

#include <fnmatch.h>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace shunt::datapath {

absl::StatusOr<CgroupPattern> CgroupPattern::Parse(absl::string_view text) {
  absl::string_view path = text;
  absl::ConsumePrefix(&path, "/");
  absl::ConsumeSuffix(&path, "/");
  CgroupPattern pattern;
  for (const absl::string_view component : absl::StrSplit(path, '/')) {
    if (component.empty() || component == "." || component == "..") {
      return absl::InvalidArgumentError(
          absl::StrCat("expected a cgroup's path, or a pattern like kubepods*/pod1234*, found \"", text, "\""));
    }
    pattern.components_.emplace_back(component);
  }
  return pattern;
}

bool CgroupPattern::Matches(size_t at, const std::string& name) const {
  return fnmatch(components_[at].c_str(), name.c_str(), FNM_NOESCAPE) == 0;
}

std::string CgroupPattern::ToString() const {
  return absl::StrCat("/", absl::StrJoin(components_, "/"));
}

absl::StatusOr<BypassSettings> ParseBypass(const std::vector<std::string>& texts) {
  BypassSettings settings;
  for (const std::string& text : texts) {
    if (text == "pods" || text == "kernel") {
      (text == "pods" ? settings.pods : settings.kernel) = true;
      continue;
    }
    absl::StatusOr<CgroupPattern> pattern = CgroupPattern::Parse(text);
    if (!pattern.ok()) return pattern.status();
    settings.cgroups.push_back(*std::move(pattern));
  }
  return settings;
}

}  // namespace shunt::datapath
