// SPDX-License-Identifier: Apache-2.0
#include "userspace/agent/process/log.h"

#include <spdlog/formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <ctime>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "userspace/model/utf8.h"

namespace shunt::agent {
namespace {

struct Character {
  uint32_t code = 0;
  size_t length = 1;   // bytes taken
  bool valid = false;  // false: `code` is one byte that does not begin a UTF-8 sequence
};

// REQUIRES: !text.empty().
Character Decode(absl::string_view text) {
  char32_t code = 0;
  const size_t length = model::DecodeUtf8(text, &code);
  if (length == 0) return {static_cast<uint8_t>(text[0]), 1, false};
  return {code, length, true};
}

// Whether the character could end a line, move a terminal's cursor or change the direction of text.
bool Harmful(uint32_t code) {
  return code < 0x20 || (code >= 0x7f && code <= 0x9f) || (code >= 0x2028 && code <= 0x202e) ||
         (code >= 0x2066 && code <= 0x2069);
}

// These two are read for every line; spdlog keeps everything else.
std::atomic<int> verbosity_now{2};
std::atomic<LogFormat> format_now{LogFormat::kText};

void AppendValue(LogFormat format, const LogField& field, std::string& out) {
  if (const auto* text = std::get_if<std::string>(&field.value)) {
    format == LogFormat::kText ? AppendQuoted(*text, out) : AppendJsonString(*text, out);
  } else if (const auto* flag = std::get_if<bool>(&field.value)) {
    out.append(*flag ? "true" : "false");
  } else if (const auto* number = std::get_if<double>(&field.value)) {
    // JSON has neither NaN nor infinity.
    std::isfinite(*number) ? absl::StrAppendFormat(&out, "%.6g", *number) : out.append("null");
  } else if (const auto* integer = std::get_if<int64_t>(&field.value)) {
    absl::StrAppend(&out, *integer);
  } else {
    absl::StrAppend(&out, std::get<uint64_t>(field.value));
  }
}

void AppendPair(LogFormat format, const LogField& field, std::string& out) {
  if (format == LogFormat::kText) {
    absl::StrAppend(&out, " ", field.key, "=");
  } else {
    absl::StrAppend(&out, ",\"", field.key, "\":");
  }
  AppendValue(format, field, out);
}

// spdlog's message carries the body; a formatter adds the header and the line's end.
class HeaderFormatter final : public spdlog::formatter {
 public:
  HeaderFormatter(LogFormat format, int pid) : format_(format), pid_(pid) {}

  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
    const auto since_epoch = message.time.time_since_epoch();
    const int64_t micros = std::chrono::duration_cast<std::chrono::microseconds>(since_epoch).count();
    const std::string header = format_ == LogFormat::kText ? TextHeader(message, micros) : JsonHeader(message, micros);
    out.append(header.data(), header.data() + header.size());
    out.append(message.payload.data(), message.payload.data() + message.payload.size());
    if (format_ == LogFormat::kJson) out.push_back('}');
    out.push_back('\n');
  }

  std::unique_ptr<spdlog::formatter> clone() const override { return std::make_unique<HeaderFormatter>(*this); }

 private:
  std::string TextHeader(const spdlog::details::log_msg& message, int64_t micros) const {
    const char severity = message.level >= spdlog::level::err ? 'E' : message.level == spdlog::level::warn ? 'W' : 'I';
    const time_t seconds = static_cast<time_t>(micros / 1'000'000);
    struct tm local = {};
    ::localtime_r(&seconds, &local);
    return absl::StrFormat("%c%02d%02d %02d:%02d:%02d.%06d %7d %s:%d] ", severity, local.tm_mon + 1, local.tm_mday,
                           local.tm_hour, local.tm_min, local.tm_sec, micros % 1'000'000, pid_, message.source.filename,
                           message.source.line);
  }

  static std::string JsonHeader(const spdlog::details::log_msg& message, int64_t micros) {
    const char* level = message.level >= spdlog::level::err    ? "\"level\":\"error\","
                        : message.level == spdlog::level::warn ? "\"level\":\"warning\","
                                                               : "";
    return absl::StrFormat("{\"ts\":%d.%06d,\"caller\":\"%s:%d\",%s", micros / 1'000'000, micros % 1'000'000,
                           message.source.filename, message.source.line, level);
  }

  LogFormat format_;
  int pid_;
};

const char* FileName(const char* path) {
  const absl::string_view text(path);
  const size_t slash = text.rfind('/');
  return slash == absl::string_view::npos ? path : path + slash + 1;
}

void Emit(spdlog::level::level_enum severity, const std::source_location& where, const std::string& body) {
  const spdlog::source_loc location(FileName(where.file_name()), static_cast<int>(where.line()), "");
  spdlog::default_logger_raw()->log(location, severity, spdlog::string_view_t(body.data(), body.size()));
}

}  // namespace

void AppendQuoted(absl::string_view text, std::string& out) {
  out.push_back('"');
  while (!text.empty()) {
    const Character character = Decode(text);
    const uint32_t code = character.code;
    if (!character.valid || (Harmful(code) && code < 0x80 && code != '\n' && code != '\t' && code != '\r')) {
      absl::StrAppendFormat(&out, "\\x%02x", code);
    } else if (code == '\n' || code == '\t' || code == '\r') {
      out.append(code == '\n' ? "\\n" : code == '\t' ? "\\t" : "\\r");
    } else if (Harmful(code)) {
      absl::StrAppendFormat(&out, "\\u%04x", code);
    } else {
      if (code == '"' || code == '\\') out.push_back('\\');
      out.append(text.data(), character.length);
    }
    text.remove_prefix(character.length);
  }
  out.push_back('"');
}

void AppendJsonString(absl::string_view text, std::string& out) {
  out.push_back('"');
  while (!text.empty()) {
    const Character character = Decode(text);
    if (!character.valid) {
      out.append("\\ufffd");
    } else if (Harmful(character.code)) {
      absl::StrAppendFormat(&out, "\\u%04x", character.code);
    } else {
      if (character.code == '"' || character.code == '\\') out.push_back('\\');
      out.append(text.data(), character.length);
    }
    text.remove_prefix(character.length);
  }
  out.push_back('"');
}

void OpenLog(LogFormat format, int verbosity, std::shared_ptr<spdlog::sinks::sink> sink) {
  if (sink == nullptr) sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  auto logger = std::make_shared<spdlog::logger>("shuntd", std::move(sink));
  logger->set_formatter(MakeLogFormatter(format, ::getpid()));
  logger->flush_on(spdlog::level::info);
  format_now = format;
  verbosity_now = verbosity;
  spdlog::set_default_logger(std::move(logger));
}

std::string LogBody(LogFormat format, int level, absl::string_view message, LogFields fields,
                    const absl::Status& status) {
  std::string body;
  if (format == LogFormat::kText) {
    AppendQuoted(message, body);
  } else {
    if (level >= 0) absl::StrAppend(&body, "\"v\":", level, ",");
    body.append("\"msg\":");
    AppendJsonString(message, body);
  }
  if (!status.ok()) {
    const std::string code = absl::StatusCodeToString(status.code());
    AppendPair(format, {"err", absl::StrCat(status.message(), " (", code, ")")}, body);
  }
  for (const LogField& field : fields) AppendPair(format, field, body);
  return body;
}

void LogNote(int level, absl::string_view message, LogFields fields, std::source_location where) {
  if (level > verbosity_now.load(std::memory_order_relaxed)) return;
  Emit(spdlog::level::info, where, LogBody(format_now, level, message, fields));
}

void LogWarning(absl::string_view message, LogFields fields, std::source_location where) {
  Emit(spdlog::level::warn, where, LogBody(format_now, -1, message, fields));
}

void LogError(const absl::Status& status, absl::string_view message, LogFields fields, std::source_location where) {
  Emit(spdlog::level::err, where, LogBody(format_now, -1, message, fields, status));
}

std::unique_ptr<spdlog::formatter> MakeLogFormatter(LogFormat format, int pid) {
  return std::make_unique<HeaderFormatter>(format, pid);
}

}  // namespace shunt::agent
