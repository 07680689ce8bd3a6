// SPDX-License-Identifier: Apache-2.0
// Snapshots that SnapshotWriter would not write.
#ifndef SHUNT_SOURCES_KUBERNETES_TESTING_SNAPSHOT_BYTES_H_
#define SHUNT_SOURCES_KUBERNETES_TESTING_SNAPSHOT_BYTES_H_

#include <cstdlib>
#include <string>

#include "absl/strings/str_cat.h"
#include "userspace/sources/kubernetes/snapshot/compression.h"
#include "userspace/sources/kubernetes/snapshot/snapshot.h"
#include "userspace/sources/kubernetes/snapshot/snapshot_format.h"

namespace shunt::sources::kubernetes {

// Returns a file with a correct head before any payload.
inline std::string WithChecksum(absl::string_view payload) {
  return absl::StrCat(SnapshotHead(kSnapshotFormatVersion, ExtendChecksum(0, payload)), payload);
}

inline std::string Compressed(absl::string_view bytes) {
  std::string compressed;
  const auto take = [&compressed](absl::string_view piece) {
    absl::StrAppend(&compressed, piece);
    return absl::OkStatus();
  };
  Compressor compressor;
  if (!compressor.Append(bytes, take).ok() || !compressor.Finish(take).ok()) abort();
  return compressed;
}

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_TESTING_SNAPSHOT_BYTES_H_
