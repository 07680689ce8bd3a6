// SPDX-License-Identifier: Apache-2.0
// Keeps the snapshot of the cluster on the node's disk up to date, in a thread of its own: a slow or full disk costs
// the loop nothing.
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
  // By sources::ObjectKind. The view is at least that new.
  std::array<report::SourceVersion, 3> versions;
};

// Thread-safe.
class SnapshotThread {
 public:
  // `path`: of the file; `node_name`: whose snapshot it is.
  SnapshotThread(std::string path, std::string node_name);
  // Writes what has been offered and is not yet written.
  ~SnapshotThread() = default;

  // To be written soon; takes the place of what was offered before and is not yet written.
  void Offer(SnapshotContent content);
  void SetApiServers(std::vector<std::string> urls);

  // Why the last one could not be written; empty: all is well. The file that was there before is still there.
  std::string problem() const;
  // When the last one was written, since 1970; 0: none by this agent.
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
  std::jthread thread_;  // last: it uses the others
};

}  // namespace shunt::agent

#endif  // SHUNT_AGENT_SNAPSHOT_THREAD_H_
