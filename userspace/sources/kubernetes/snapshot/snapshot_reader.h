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

// Calls `object` for every object in the file, and returns the summary. Returns kNotFound if there is no file;
// kFailedPrecondition if it has another format's version; kDataLoss if it is damaged or not a snapshot; otherwise the
// errors of open and read. A file with a wrong checksum gives no object.
absl::StatusOr<SnapshotSummary> ReadSnapshot(const std::string& path, absl::FunctionRef<void(Object)> object);
absl::StatusOr<Snapshot> ReadSnapshot(const std::string& path);
// Returns the summary alone; the objects are not decoded. Errors are the same, except for broken objects.
absl::StatusOr<SnapshotSummary> ReadSnapshotSummary(const std::string& path);

// Decodes a file's bytes likewise; errors call the file `name`.
absl::StatusOr<SnapshotSummary> DecodeSnapshot(absl::string_view name, absl::string_view bytes,
                                               absl::FunctionRef<void(Object)> object);

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_SNAPSHOT_SNAPSHOT_READER_H_
