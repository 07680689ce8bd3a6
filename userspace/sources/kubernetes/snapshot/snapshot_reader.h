// SPDX-License-Identifier: Apache-2.0
#ifndef SHUNT_SOURCES_KUBERNETES_SNAPSHOT_SNAPSHOT_READER_H_
#define SHUNT_SOURCES_KUBERNETES_SNAPSHOT_SNAPSHOT_READER_H_

#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "userspace/sources/kubernetes/snapshot/snapshot.h"
#include "userspace/sources/kubernetes/wire/object_decoder.h"
#include "userspace/sources/object.h"

namespace shunt::sources::kubernetes {

// Receives the objects of a snapshot.
struct SnapshotObjects {
  absl::FunctionRef<void(Object)> usable;
  // An object that this version of shuntd does not accept; another one wrote it. The snapshot goes on after it.
  absl::FunctionRef<void(ObjectKind, UnusableObject)> unusable;
};

// Gives every object in the file to `objects`, and returns the summary. Returns kNotFound if there is no file;
// kFailedPrecondition if it has another format's version; kDataLoss if it is damaged or not a snapshot; otherwise the
// errors of open and read. A file with a wrong checksum gives no object.
absl::StatusOr<SnapshotSummary> ReadSnapshot(const std::string& path, const SnapshotObjects& objects);
// Likewise, without the objects that are not usable.
absl::StatusOr<Snapshot> ReadSnapshot(const std::string& path);
// Returns the summary alone; the objects are not decoded. Errors are the same.
absl::StatusOr<SnapshotSummary> ReadSnapshotSummary(const std::string& path);

// Decodes a file's bytes likewise; errors call the file `name`.
absl::StatusOr<SnapshotSummary> DecodeSnapshot(absl::string_view name, absl::string_view bytes,
                                               const SnapshotObjects& objects);

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_SNAPSHOT_SNAPSHOT_READER_H_
