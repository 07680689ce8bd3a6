// SPDX-License-Identifier: Apache-2.0
// The last good state of the cluster on the node's disk, for a node that boots while no API server answers. It is only
// ever a second choice: whoever uses one says how old it is, and an API server's answer replaces it.
//
// The file: "shuntcl\n", then two 32-bit numbers, big-endian: the format's version, and the CRC-32 of all that follows.
// That is a message Snapshot (proto/kubernetes/snapshot.proto), compressed by zlib.
#ifndef SHUNT_SOURCES_KUBERNETES_SNAPSHOT_SNAPSHOT_H_
#define SHUNT_SOURCES_KUBERNETES_SNAPSHOT_SNAPSHOT_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "userspace/sources/object.h"
#include "userspace/sources/source.h"

namespace shunt::sources::kubernetes {

inline constexpr uint32_t kSnapshotFormatVersion = 1;
// Of the file. A cluster of 10,000 Services with 10 endpoints each takes a few megabytes.
inline constexpr size_t kSnapshotBytesMax = 64 << 20;

struct SnapshotResource {
  ObjectKind kind = ObjectKind::kService;
  std::string version;  // the resourceVersion up to which it had been followed
  size_t object_count = 0;

  friend bool operator==(const SnapshotResource&, const SnapshotResource&) = default;
};

struct SnapshotSummary {
  std::string node_name;
  int64_t saved_ms = 0;                  // since 1970
  std::vector<std::string> api_servers;  // base URLs, as they were learned
  std::vector<SnapshotResource> resources;

  friend bool operator==(const SnapshotSummary&, const SnapshotSummary&) = default;
};

struct Snapshot {
  SnapshotSummary summary;
  std::vector<Object> objects;

  friend bool operator==(const Snapshot&, const Snapshot&) = default;
};

// Writes a snapshot object by object, so that no second copy of the cluster is ever held. The file is replaced by
// Commit as a whole or not at all; its mode is 0600. Not thread-safe.
class SnapshotWriter {
 public:
  // Creates the file's directory (mode 0700) if it is missing; its parent must exist. Errors name the path: what mkdir,
  // open and write say.
  static absl::StatusOr<SnapshotWriter> Create(const std::string& path, const SnapshotSummary& summary);
  // Without Commit nothing has happened, and nothing is left behind.
  ~SnapshotWriter();
  SnapshotWriter(SnapshotWriter&&) noexcept;
  SnapshotWriter& operator=(SnapshotWriter&&) = delete;

  // What write says; kResourceExhausted: the file would be larger than kSnapshotBytesMax. Commit returns it again.
  absl::Status Add(const model::Service& service);
  absl::Status Add(const model::EndpointSlice& slice);
  absl::Status Add(const model::Node& node);

  // The file is on the disk, and complete. Last call. Errors: of an earlier call, of fsync or of rename.
  absl::Status Commit();

 private:
  class Output;
  explicit SnapshotWriter(std::unique_ptr<Output> output);

  std::unique_ptr<Output> output_;
};

absl::Status WriteSnapshot(const std::string& path, const Snapshot& snapshot);

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

#endif  // SHUNT_SOURCES_KUBERNETES_SNAPSHOT_SNAPSHOT_H_
