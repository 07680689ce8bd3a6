// SPDX-License-Identifier: Apache-2.0
#ifndef SHUNT_POSIX_FILE_BYTES_H_
#define SHUNT_POSIX_FILE_BYTES_H_

#include <cstddef>
#include <optional>
#include <string>

namespace shunt::posix {

// Reads the open file from its current position to its end, but at most `most` bytes. A caller that asks for one byte
// more than it accepts can tell a file that is too large. Returns std::nullopt, with errno set, if a read fails.
std::optional<std::string> ReadUpTo(int fd, size_t most);

}  // namespace shunt::posix

#endif  // SHUNT_POSIX_FILE_BYTES_H_
