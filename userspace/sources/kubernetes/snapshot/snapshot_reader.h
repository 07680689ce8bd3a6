// SPDX-License-Identifier: Apache-2.0
#ifndef SHUNT_SOURCES_KUBERNETES_SNAPSHOT_SNAPSHOT_READER_H_
#define SHUNT_SOURCES_KUBERNETES_SNAPSHOT_SNAPSHOT_READER_H_

#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "userspace/sources/kubernetes/snapshot/snapshot.h"
#include "userspace/sources/object.h"

namespace shunt::sources::kubernetes {

// Calls `object` for everything in the file, and returns the summary. kNotFound: there is no file. kFailedPrecondition:
// another format's version. kDataLoss: damaged, or no snapshot at all; a file whose checksum is wrong gives no object.
// Otherwise what open and read say.
absl::StatusOr<SnapshotSummary> ReadSnapshot(const std::string& path, absl::FunctionRef<void(Object)> object);
absl::StatusOr<Snapshot> ReadSnapshot(const std::string& path);
// The summary alone, of a whole file: its objects are not looked at. Errors: the same, but for broken objects.
absl::StatusOr<SnapshotSummary> ReadSnapshotSummary(const std::string& path);

// The same of a file's bytes; `name` is how errors call it.
absl::StatusOr<SnapshotSummary> DecodeSnapshot(absl::string_view name, absl::string_view bytes,
                                               absl::FunctionRef<void(Object)> object);

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_SNAPSHOT_SNAPSHOT_READER_H_
