// SPDX-License-Identifier: Apache-2.0
#include "userspace/agent/snapshot_thread.h"

#include <utility>

#include "absl/status/statusor.h"
#include "userspace/agent/process/clock.h"
#include "userspace/agent/process/log.h"
#include "userspace/sources/kubernetes/snapshot/snapshot_writer.h"

namespace shunt::agent {

namespace kubernetes = sources::kubernetes;

SnapshotThread::SnapshotThread(std::string path, std::string node_name)
    : path_(std::move(path)), node_name_(std::move(node_name)), thread_([this](std::stop_token stop) { Run(stop); }) {}

void SnapshotThread::Offer(SnapshotContent content) {
  {
    const std::lock_guard lock(mutex_);
    waiting_ = std::move(content);
  }
  offered_.notify_one();
}

void SnapshotThread::SetApiServers(std::vector<std::string> urls) {
  const std::lock_guard lock(mutex_);
  api_servers_ = std::move(urls);
}

std::string SnapshotThread::problem() const {
  const std::lock_guard lock(mutex_);
  return problem_;
}

int64_t SnapshotThread::saved_ms() const {
  const std::lock_guard lock(mutex_);
  return saved_ms_;
}

void SnapshotThread::Run(std::stop_token stop) {
  std::unique_lock lock(mutex_);
  // wait() returns false only if a stop is requested and nothing waits to be written.
  while (offered_.wait(lock, stop, [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return waiting_.has_value(); })) {
    const SnapshotContent content = *std::exchange(waiting_, std::nullopt);
    std::vector<std::string> api_servers = api_servers_;
    lock.unlock();
    const int64_t now_ms = ReadClocks().wall_ms;
    const absl::Status status = Write(content, std::move(api_servers), now_ms);
    lock.lock();
    const std::string problem(status.message());
    if (!status.ok() && problem != problem_) LogError(status, "Could not write the snapshot of the cluster");
    problem_ = problem;
    if (status.ok()) saved_ms_ = now_ms;
  }
}

absl::Status SnapshotThread::Write(const SnapshotContent& content, std::vector<std::string> api_servers,
                                   int64_t now_ms) const {
  kubernetes::SnapshotSummary summary;
  summary.node_name = node_name_;
  summary.saved_ms = now_ms;
  summary.api_servers = std::move(api_servers);
  for (size_t kind = 0; kind < content.versions.size(); ++kind) {
    summary.resources.push_back({.kind = static_cast<sources::ObjectKind>(kind),
                                 .version = content.versions[kind].version,
                                 .object_count = content.versions[kind].objects});
  }
  absl::StatusOr<kubernetes::SnapshotWriter> writer = kubernetes::SnapshotWriter::Create(path_, summary);
  if (!writer.ok()) return writer.status();
  // The writer keeps the first error, and Commit returns it.
  for (const auto& service : content.view.services) writer->Add(*service).IgnoreError();
  for (const auto& slice : content.view.slices) writer->Add(*slice).IgnoreError();
  if (content.view.node != nullptr) writer->Add(*content.view.node).IgnoreError();
  return writer->Commit();
}

}  // namespace shunt::agent
