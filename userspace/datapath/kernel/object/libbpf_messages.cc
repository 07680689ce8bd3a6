// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/object/libbpf_messages.h"

#include <bpf/libbpf.h>

#include <cstdarg>
#include <cstdio>
#include <mutex>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace shunt::datapath {
namespace {

// The verifier names the offending instruction and the cause last; ten lines show both.
constexpr size_t kLogLines = 10;

thread_local std::string* collected = nullptr;

int Collect(libbpf_print_level level, const char* format, va_list arguments) {
  if (collected == nullptr || level != LIBBPF_WARN) return 0;
  va_list again;
  va_copy(again, arguments);
  int length = vsnprintf(nullptr, 0, format, again);
  va_end(again);
  if (length <= 0) return 0;
  std::string text(static_cast<size_t>(length) + 1, '\0');  // vsnprintf ends with a NUL
  vsnprintf(text.data(), text.size(), format, arguments);
  text.pop_back();
  collected->append(text);
  return length;
}

}  // namespace

LibbpfMessages::LibbpfMessages() {
  static std::once_flag installed;
  std::call_once(installed, [] { libbpf_set_print(&Collect); });
  collected = &text_;
}

LibbpfMessages::~LibbpfMessages() {
  collected = nullptr;
}

std::string LibbpfMessages::Summary() const {
  return SummarizeLibbpfMessages(text_);
}

std::string SummarizeLibbpfMessages(const std::string& text) {
  std::string first;
  std::vector<absl::string_view> log;
  bool in_log = false;
  for (absl::string_view line : absl::StrSplit(text, '\n', absl::SkipWhitespace())) {
    absl::ConsumePrefix(&line, "libbpf: ");
    if (absl::StrContains(line, "-- BEGIN PROG LOAD LOG --")) {
      in_log = true;
      log.clear();
    } else if (absl::StrContains(line, "-- END PROG LOAD LOG --")) {
      in_log = false;
    } else if (in_log) {
      log.push_back(line);
    } else if (first.empty()) {
      first = std::string(line);
    }
  }
  if (log.size() > kLogLines) log.erase(log.begin(), log.end() - kLogLines);
  if (log.empty()) return first;
  return first + "; the end of the verifier's log:\n  " + absl::StrJoin(log, "\n  ");
}

std::string LibbpfVersion() {
  return libbpf_version_string();
}

}  // namespace shunt::datapath
