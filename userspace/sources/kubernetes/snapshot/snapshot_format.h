// SPDX-License-Identifier: Apache-2.0
// A snapshot's file: "shuntcl\n", then two 32-bit numbers, big-endian: the format's version, and the CRC-32 of all that
// follows. That is a message Snapshot (proto/kubernetes/snapshot.proto), compressed by zlib.
#ifndef SHUNT_SOURCES_KUBERNETES_SNAPSHOT_SNAPSHOT_FORMAT_H_
#define SHUNT_SOURCES_KUBERNETES_SNAPSHOT_SNAPSHOT_FORMAT_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace shunt::sources::kubernetes {

inline constexpr uint32_t kSnapshotFormatVersion = 1;
// The largest file that is written or read. A cluster of 10,000 Services with 10 endpoints each takes a few megabytes.
inline constexpr size_t kSnapshotBytesMax = 64 << 20;

inline constexpr absl::string_view kSnapshotMagic = "shuntcl\n";
inline constexpr size_t kSnapshotHeadBytes = 16;  // the magic, the format's version, the checksum

// Returns zlib's CRC-32 of the bytes with the checksum `before`, followed by `bytes`. The checksum of no bytes is 0.
uint32_t ExtendChecksum(uint32_t before, absl::string_view bytes);

std::string SnapshotHead(uint32_t format_version, uint32_t checksum);
// REQUIRES: kSnapshotHeadBytes are there.
uint32_t SnapshotFormatVersion(absl::string_view head);
uint32_t SnapshotChecksum(absl::string_view head);

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_SNAPSHOT_SNAPSHOT_FORMAT_H_
