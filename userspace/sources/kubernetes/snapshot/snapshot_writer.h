// SPDX-License-Identifier: Apache-2.0
#ifndef SHUNT_SOURCES_KUBERNETES_SNAPSHOT_SNAPSHOT_WRITER_H_
#define SHUNT_SOURCES_KUBERNETES_SNAPSHOT_SNAPSHOT_WRITER_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "userspace/model/endpoint_slice.h"
#include "userspace/model/node.h"
#include "userspace/model/service.h"
#include "userspace/sources/kubernetes/snapshot/snapshot.h"

namespace shunt::sources::kubernetes {

// Writes a snapshot object by object, so that there is never a second copy of the cluster in memory. Commit replaces
// the file as a whole or not at all; its mode is 0600. Not thread-safe.
class SnapshotWriter {
 public:
  // Creates the file's directory (mode 0700) if it is missing; its parent must exist. Returns the errors of mkdir, open
  // and write; they name the path.
  static absl::StatusOr<SnapshotWriter> Create(const std::string& path, const SnapshotSummary& summary);
  // Without Commit nothing changes, and nothing is left behind.
  ~SnapshotWriter();
  SnapshotWriter(SnapshotWriter&&) noexcept;
  SnapshotWriter& operator=(SnapshotWriter&&) = delete;

  // Return the errors of write, and kResourceExhausted if the file would be larger than kSnapshotBytesMax. Commit
  // returns an error again.
  absl::Status Add(const model::Service& service);
  absl::Status Add(const model::EndpointSlice& slice);
  absl::Status Add(const model::Node& node);

  // Puts the complete file on the disk. The last call. Returns the first error of an earlier call, of fsync or of
  // rename.
  absl::Status Commit();

 private:
  class Output;
  explicit SnapshotWriter(std::unique_ptr<Output> output);

  std::unique_ptr<Output> output_;
};

// Writes a complete snapshot. Errors are those of SnapshotWriter.
absl::Status WriteSnapshot(const std::string& path, const Snapshot& snapshot);

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_SNAPSHOT_SNAPSHOT_WRITER_H_
