// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/attach/mounts.h"

#include <fstream>
#include <iterator>
#include <utility>

#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"

namespace shunt::datapath {
namespace {

// proc(5) escapes the white space in a path.
std::string Unescape(absl::string_view path) {
  return absl::StrReplaceAll(path, {{"\\040", " "}, {"\\011", "\t"}, {"\\012", "\n"}, {"\\134", "\\"}});
}

}  // namespace

std::vector<Mount> ReadMounts(absl::string_view mountinfo, absl::string_view type) {
  std::vector<Mount> found;
  for (absl::string_view line : absl::StrSplit(mountinfo, '\n', absl::SkipEmpty())) {
    // "36 25 0:31 /root /mount/point options [optional fields...] - type source options"
    std::pair<absl::string_view, absl::string_view> sides = absl::StrSplit(line, absl::MaxSplits(" - ", 1));
    std::vector<absl::string_view> words = absl::StrSplit(sides.first, ' ');
    std::vector<absl::string_view> system = absl::StrSplit(sides.second, ' ');
    if (words.size() >= 5 && system[0] == type) found.push_back({Unescape(words[3]), Unescape(words[4])});
  }
  return found;
}

std::string OwnMountInfo() {
  std::ifstream file("/proc/self/mountinfo");
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace shunt::datapath
