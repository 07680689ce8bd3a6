// SPDX-License-Identifier: Apache-2.0
// Whose sockets the settings leave alone.
#ifndef SHUNT_DATAPATH_BYPASS_SETTINGS_H_
#define SHUNT_DATAPATH_BYPASS_SETTINGS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace shunt::datapath {

// A pattern for the paths of cgroups, such as "kubepods*/*/pod1234*". It matches a path below the cgroup that is
// served, component by component, each as a shell does: `*`, `?` and `[...]` do not reach beyond a slash. What is below
// a cgroup that matches is bypassed with it, so a pattern names the topmost cgroup that it means.
class CgroupPattern {
 public:
  // Accepts a slash at either end. Returns kInvalidArgument, with a text that begins with what was expected, if the
  // path is empty or has an empty component, "." or "..".
  static absl::StatusOr<CgroupPattern> Parse(absl::string_view text);

  size_t depth() const { return components_.size(); }
  // Returns whether the component at this depth, from 0 on, may have this name. REQUIRES: at < depth().
  bool Matches(size_t at, const std::string& name) const;
  // Returns the pattern with a slash in front, as paths in /proc/PID/cgroup have one.
  std::string ToString() const;

  friend bool operator==(const CgroupPattern&, const CgroupPattern&) = default;

 private:
  std::vector<std::string> components_;
};

struct BypassSettings {
  std::vector<CgroupPattern> cgroups;
  bool pods = false;    // every socket outside the host's network namespace
  bool kernel = false;  // those that the kernel opened for itself

  friend bool operator==(const BypassSettings&, const BypassSettings&) = default;
};

// Reads "pods", "kernel" and patterns. A cgroup that is called so is written with a slash in front. Errors are those of
// CgroupPattern::Parse.
absl::StatusOr<BypassSettings> ParseBypass(const std::vector<std::string>& texts);

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_BYPASS_SETTINGS_H_
