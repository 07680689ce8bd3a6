// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/kubernetes/snapshot/snapshot_format.h"

#include <zlib.h>

namespace shunt::sources::kubernetes {
namespace {

std::string BigEndian(uint32_t number) {
  std::string bytes;
  for (const int shift : {24, 16, 8, 0}) bytes += static_cast<char>(number >> shift & 0xff);
  return bytes;
}

uint32_t NumberAt(absl::string_view bytes, size_t offset) {
  uint32_t number = 0;
  for (size_t i = offset; i < offset + 4; ++i) number = number << 8 | static_cast<uint8_t>(bytes[i]);
  return number;
}

}  // namespace

uint32_t ExtendChecksum(uint32_t before, absl::string_view bytes) {
  return static_cast<uint32_t>(crc32_z(before, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

std::string SnapshotHead(uint32_t format_version, uint32_t checksum) {
  return std::string(kSnapshotMagic) + BigEndian(format_version) + BigEndian(checksum);
}

uint32_t SnapshotFormatVersion(absl::string_view head) {
  return NumberAt(head, kSnapshotMagic.size());
}

uint32_t SnapshotChecksum(absl::string_view head) {
  return NumberAt(head, kSnapshotMagic.size() + 4);
}

}  // namespace shunt::sources::kubernetes
