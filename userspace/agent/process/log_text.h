// SPDX-License-Identifier: Apache-2.0
// Text of other people (names, annotations, file contents, errno messages) as it may stand in a log line:
// nothing in it can end the line, move a terminal's cursor or pass for another field.
#ifndef SHUNT_AGENT_PROCESS_LOG_TEXT_H_
#define SHUNT_AGENT_PROCESS_LOG_TEXT_H_

#include <string>

#include "absl/strings/string_view.h"

namespace shunt::agent {

// Appends `text` in double quotes. Quote and backslash get a backslash; control characters (C0, DEL, C1, the
// line and direction marks U+2028..202E and U+2066..2069) become \n, \t, \r, \xNN or \uNNNN; bytes that are not
// UTF-8 become \xNN.
void AppendQuoted(absl::string_view text, std::string& out);

// Appends `text` as a JSON string. The same characters become \uNNNN; bytes that are not UTF-8 become U+FFFD.
void AppendJsonString(absl::string_view text, std::string& out);

}  // namespace shunt::agent

#endif  // SHUNT_AGENT_PROCESS_LOG_TEXT_H_
