// SPDX-License-Identifier: Apache-2.0
// Keeps the snapshot of the cluster on the node's disk up to date, on a thread of its own, so that a slow or full disk
// does not delay the loop.
#ifndef SHUNT_AGENT_SNAPSHOT_THREAD_H_
#define SHUNT_AGENT_SNAPSHOT_THREAD_H_

#include <array>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "userspace/report/source_version.h"
#include "userspace/sources/cluster_store.h"

namespace shunt::agent {

// What goes into one snapshot.
struct SnapshotContent {
  sources::ClusterView view;
  // By sources::ObjectKind. The view is at least as new as these versions.
  std::array<report::SourceVersion, 3> versions;
};

// Thread-safe.
class SnapshotThread {
 public:
  // `path` is that of the file, `node_name` the node whose snapshot it is.
  SnapshotThread(std::string path, std::string node_name);
  // Writes what was offered and is not yet written.
  ~SnapshotThread() = default;

  // Has `content` written soon, in place of what was offered before and is not yet written.
  void Offer(SnapshotContent content);
  // Sets the URLs that go into the next snapshots.
  void SetApiServers(std::vector<std::string> urls);

  // Why the last snapshot could not be written; empty if it was. The previous file is kept then.
  std::string problem() const;
  // When the last snapshot was written, in milliseconds since 1970; 0 if this agent has written none.
  int64_t saved_ms() const;

 private:
  void Run(std::stop_token stop);
  absl::Status Write(const SnapshotContent& content, std::vector<std::string> api_servers, int64_t now_ms) const;

  const std::string path_;
  const std::string node_name_;
  mutable std::mutex mutex_;
  std::condition_variable_any offered_;
  std::optional<SnapshotContent> waiting_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> api_servers_ ABSL_GUARDED_BY(mutex_);
  std::string problem_ ABSL_GUARDED_BY(mutex_);
  int64_t saved_ms_ ABSL_GUARDED_BY(mutex_) = 0;
  std::jthread thread_;  // the last member: it uses all others
};

}  // namespace shunt::agent

#endif  // SHUNT_AGENT_SNAPSHOT_THREAD_H_
