// SPDX-License-Identifier: Apache-2.0
// Makes text from the cluster (names, annotations, pods, file contents) safe to print on a terminal.
#ifndef SHUNT_TOOLS_SHUNTCTL_PRINTABLE_H_
#define SHUNT_TOOLS_SHUNTCTL_PRINTABLE_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace shunt::shuntctl {

// Returns `text` with everything replaced that could move a cursor, end a line or change the direction of writing:
// C0, DEL, C1, line and direction marks and non-characters become \xNN, \uNNNN or \UNNNNNNNN; bytes that are not UTF-8
// become \xNN.
std::string Printable(absl::string_view text);

// Returns true if Printable leaves this code point as it is.
bool IsPrintable(char32_t code_point);

// Appends the code point as \xNN, \uNNNN or \UNNNNNNNN, whichever is the shortest that holds it; YAML in double quotes
// has the same escapes.
void AppendEscaped(char32_t code_point, std::string& out);

// Returns the number of columns of a printable text, which is the number of its code points.
size_t DisplayWidth(absl::string_view text);

}  // namespace shunt::shuntctl

#endif  // SHUNT_TOOLS_SHUNTCTL_PRINTABLE_H_
