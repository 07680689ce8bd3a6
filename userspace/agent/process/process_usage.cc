// SPDX-License-Identifier: Apache-2.0
#include "userspace/agent/process/process_usage.h"

#include <dirent.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <memory>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace shunt::agent {
namespace {

// Fields of /proc/self/stat after the name in parentheses; proc(5) counts from 1 and has the name as the second.
constexpr size_t kUserTime = 14 - 3;
constexpr size_t kSystemTime = 15 - 3;
constexpr size_t kStartTime = 22 - 3;
constexpr size_t kVirtualBytes = 23 - 3;
constexpr size_t kResidentPages = 24 - 3;

uint64_t Number(const std::vector<absl::string_view>& fields, size_t index) {
  uint64_t number = 0;
  return index < fields.size() && absl::SimpleAtoi(fields[index], &number) ? number : 0;
}

// Returns the words after `name` on the line that begins with it.
std::vector<absl::string_view> LineOf(absl::string_view text, absl::string_view name) {
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    if (absl::ConsumePrefix(&line, name)) return absl::StrSplit(line, ' ', absl::SkipEmpty());
  }
  return {};
}

std::string Contents(const char* path) {
  std::ifstream in(path);
  return std::string(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
}

uint64_t CountDescriptors() {
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir("/proc/self/fd"), &::closedir);
  if (directory == nullptr) return 0;
  uint64_t count = 0;
  while (const dirent* entry = ::readdir(directory.get())) count += entry->d_name[0] == '.' ? 0 : 1;
  return count > 0 ? count - 1 : 0;  // without the one that reads the directory
}

}  // namespace

report::ProcessUsage DecodeProcessFiles(const ProcessFiles& files) {
  report::ProcessUsage usage;
  const size_t name_end = files.stat.rfind(')');  // the name may hold parentheses and spaces itself
  if (name_end != std::string::npos) {
    const absl::string_view rest = absl::string_view(files.stat).substr(name_end + 1);
    const std::vector<absl::string_view> fields = absl::StrSplit(absl::StripAsciiWhitespace(rest), ' ');
    const uint64_t ticks = Number(fields, kUserTime) + Number(fields, kSystemTime);
    usage.cpu_seconds = static_cast<double>(ticks) / files.ticks_per_second;
    usage.virtual_bytes = Number(fields, kVirtualBytes);
    usage.resident_bytes = Number(fields, kResidentPages) * files.page_bytes;
    const uint64_t boot_s = Number(LineOf(files.system_stat, "btime "), 0);
    usage.start_time_s =
        static_cast<double>(boot_s) + static_cast<double>(Number(fields, kStartTime)) / files.ticks_per_second;
  }
  usage.descriptors_max = Number(LineOf(files.limits, "Max open files "), 0);
  return usage;
}

report::ProcessUsage ReadProcessUsage() {
  report::ProcessUsage usage = DecodeProcessFiles({.stat = Contents("/proc/self/stat"),
                                                   .limits = Contents("/proc/self/limits"),
                                                   .system_stat = Contents("/proc/stat"),
                                                   .ticks_per_second = static_cast<double>(::sysconf(_SC_CLK_TCK)),
                                                   .page_bytes = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE))});
  usage.open_descriptors = CountDescriptors();
  return usage;
}

}  // namespace shunt::agent
