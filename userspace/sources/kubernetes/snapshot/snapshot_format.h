// SPDX-License-Identifier: Apache-2.0
// The uncompressed head of a snapshot's file.
#ifndef SHUNT_SOURCES_KUBERNETES_SNAPSHOT_SNAPSHOT_FORMAT_H_
#define SHUNT_SOURCES_KUBERNETES_SNAPSHOT_SNAPSHOT_FORMAT_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace shunt::sources::kubernetes {

inline constexpr absl::string_view kSnapshotMagic = "shuntcl\n";
inline constexpr size_t kSnapshotHeadBytes = 16;  // the magic, the format's version, the checksum

// CRC-32 (zlib's) of the bytes whose checksum is `before`, with `bytes` behind them. Of no bytes it is 0.
uint32_t ExtendChecksum(uint32_t before, absl::string_view bytes);

std::string SnapshotHead(uint32_t format_version, uint32_t checksum);
// REQUIRES: kSnapshotHeadBytes are there.
uint32_t SnapshotFormatVersion(absl::string_view head);
uint32_t SnapshotChecksum(absl::string_view head);

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_SNAPSHOT_SNAPSHOT_FORMAT_H_
