// SPDX-License-Identifier: Apache-2.0
#ifndef SHUNT_POSIX_FILE_BYTES_H_
#define SHUNT_POSIX_FILE_BYTES_H_

#include <cstddef>
#include <optional>
#include <string>

namespace shunt::sources {

// What is left of the open file, but no more than its first `most` bytes: ask for one more than a file may have, and
// one that is too large shows. Empty: errno says why it cannot be read.
std::optional<std::string> ReadUpTo(int fd, size_t most);

}  // namespace shunt::sources

#endif  // SHUNT_POSIX_FILE_BYTES_H_
