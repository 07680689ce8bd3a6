// SPDX-License-Identifier: Apache-2.0
// The last good state of the cluster on the node's disk, for a node that boots while no API server answers. It is only
// ever a second choice: its user says how old it is, and an API server's answer replaces it.
#ifndef SHUNT_SOURCES_KUBERNETES_SNAPSHOT_SNAPSHOT_H_
#define SHUNT_SOURCES_KUBERNETES_SNAPSHOT_SNAPSHOT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "userspace/sources/object.h"

namespace shunt::sources::kubernetes {

struct SnapshotResource {
  ObjectKind kind = ObjectKind::kService;
  std::string version;  // the resourceVersion up to which it was followed
  size_t object_count = 0;

  friend bool operator==(const SnapshotResource&, const SnapshotResource&) = default;
};

struct SnapshotSummary {
  std::string node_name;
  int64_t saved_ms = 0;                  // since 1970
  std::vector<std::string> api_servers;  // base URLs, as discovered
  std::vector<SnapshotResource> resources;

  friend bool operator==(const SnapshotSummary&, const SnapshotSummary&) = default;
};

struct Snapshot {
  SnapshotSummary summary;
  std::vector<Object> objects;

  friend bool operator==(const Snapshot&, const Snapshot&) = default;
};

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_SNAPSHOT_SNAPSHOT_H_
