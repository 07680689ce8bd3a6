// SPDX-License-Identifier: Apache-2.0
// The agent's log: structured lines in klog's form or as JSON, on spdlog. A line is a fixed message and
// key-value fields, so a reader can search for either. Text from elsewhere (names, file contents, errno messages) is
// escaped: nothing in it can end the line, move a terminal's cursor or pass for another field.
//
//   I1122 19:44:52.123456    4711 loop.cc:88] "Applied" services=12 took_ms=0.41
//   {"ts":1795376692.123456,"caller":"loop.cc:88","v":2,"msg":"Applied","services":12,"took_ms":0.41}
//
// A warning or an error has "level" instead of "v" in JSON. Thread-safe once opened.
#ifndef SHUNT_AGENT_PROCESS_LOG_H_
#define SHUNT_AGENT_PROCESS_LOG_H_

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <source_location>
#include <string>
#include <utility>
#include <variant>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace spdlog {
class formatter;
namespace sinks {
class sink;
}
}  // namespace spdlog

namespace shunt::agent {

enum class LogFormat { kText, kJson };

struct LogField {
  LogField(absl::string_view key_, std::string text) : key(key_), value(std::move(text)) {}
  LogField(absl::string_view key_, absl::string_view text) : key(key_), value(std::string(text)) {}
  LogField(absl::string_view key_, const char* text) : key(key_), value(std::string(text)) {}
  LogField(absl::string_view key_, bool flag) : key(key_), value(flag) {}
  LogField(absl::string_view key_, std::floating_point auto number) : key(key_), value(double{number}) {}
  LogField(absl::string_view key_, std::signed_integral auto number) : key(key_), value(int64_t{number}) {}
  LogField(absl::string_view key_, std::unsigned_integral auto number) : key(key_), value(uint64_t{number}) {}

  absl::string_view key;  // a literal in the caller's source: it is not escaped
  std::variant<std::string, bool, double, int64_t, uint64_t> value;
};
using LogFields = std::initializer_list<LogField>;

// Opens the log: lines go to `sink` (null: standard error). Notes above `verbosity` are left out. Called before
// anything else logs; without it (in tests) lines go where spdlog's default logger sends them.
void OpenLog(LogFormat format, int verbosity, std::shared_ptr<spdlog::sinks::sink> sink = nullptr);

// Levels as klog uses them: 0 always worth showing, 1 configuration, 2 what the agent does in the steady state,
// 4 why it does so, 6 and above each object.
void LogNote(int level, absl::string_view message, LogFields fields = {},
             std::source_location where = std::source_location::current());
void LogWarning(absl::string_view message, LogFields fields = {},
                std::source_location where = std::source_location::current());
// `status` becomes the field err.
void LogError(const absl::Status& status, absl::string_view message, LogFields fields = {},
              std::source_location where = std::source_location::current());

// The formatter that OpenLog gives to spdlog. Headers in text form name `pid`.
std::unique_ptr<spdlog::formatter> MakeLogFormatter(LogFormat format, int pid);
// Returns a line's part after the header, without the line's end. A negative `level` is left out (warnings, errors).
std::string LogBody(LogFormat format, int level, absl::string_view message, LogFields fields,
                    const absl::Status& status = absl::OkStatus());

// Appends `text` in double quotes. Quote and backslash get a backslash; control characters (C0, DEL, C1, the
// line and direction marks U+2028..202E and U+2066..2069) become \n, \t, \r, \xNN or \uNNNN; bytes that are not
// UTF-8 become \xNN.
void AppendQuoted(absl::string_view text, std::string& out);

// Appends `text` as a JSON string. The same characters become \uNNNN; bytes that are not UTF-8 become U+FFFD.
void AppendJsonString(absl::string_view text, std::string& out);

}  // namespace shunt::agent

#endif  // SHUNT_AGENT_PROCESS_LOG_H_
