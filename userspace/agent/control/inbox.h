// SPDX-License-Identifier: Apache-2.0
// What the sources' threads have for the loop.
#ifndef SHUNT_AGENT_CONTROL_INBOX_H_
#define SHUNT_AGENT_CONTROL_INBOX_H_

#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "userspace/report/health_state.h"
#include "userspace/sources/source.h"

namespace shunt::agent {

// One delivery: its events are seen together or not at all.
struct Delivery {
  std::vector<sources::Event> events;
  report::Moment queued;  // when it was put here
};
struct SourceSynced {
  size_t source = 0;
};
struct SourceReport {
  size_t source = 0;
  std::vector<sources::SourceProblem> problems;
};
// Comes after the deliveries that it speaks of.
struct SourceProgress {
  sources::ObjectKind kind;
  std::string version;
  size_t count = 0;
};
using Letter = std::variant<Delivery, SourceSynced, SourceProgress, SourceReport>;

// Thread-safe. Not bounded: what is in it becomes part of the cluster store as soon as the loop looks, which is
// at most one step away.
class Inbox {
 public:
  // `sources`: how many will deliver.
  explicit Inbox(size_t sources);
  ~Inbox();
  Inbox(const Inbox&) = delete;
  Inbox& operator=(const Inbox&) = delete;

  // Where source number `index` delivers. Valid as long as the inbox.
  sources::Sink& PortOf(size_t index);

  // Readable when there is something to take; for poll(2).
  int fd() const { return event_; }
  // Makes fd() readable though there may be nothing to take.
  void Ring() const;
  // Everything so far, in the order of arrival.
  std::vector<Letter> Take();
  // When the oldest delivery was put here that nobody has taken.
  std::optional<std::chrono::steady_clock::time_point> OldestWaiting() const;

 private:
  class Port;

  void Put(Letter letter);

  int event_;  // eventfd
  std::vector<std::unique_ptr<Port>> ports_;
  mutable std::mutex mutex_;
  std::vector<Letter> letters_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace shunt::agent

#endif  // SHUNT_AGENT_CONTROL_INBOX_H_
