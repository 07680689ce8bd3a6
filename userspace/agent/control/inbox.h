// SPDX-License-Identifier: Apache-2.0
// Carries messages from the threads of the sources to the loop.
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
#include "userspace/posix/event_fd.h"
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
// Follows the deliveries that it describes.
struct SourceProgress {
  sources::ObjectKind kind;
  std::string version;
  size_t count = 0;
};
using Message = std::variant<Delivery, SourceSynced, SourceProgress, SourceReport>;

// Thread-safe. Its size is not bounded: after one step at most, the loop moves its content to the cluster store.
class Inbox {
 public:
  // `sources` is the number of sources that will deliver.
  explicit Inbox(size_t sources);
  ~Inbox();
  Inbox(const Inbox&) = delete;
  Inbox& operator=(const Inbox&) = delete;

  // Returns the sink of source number `index`, valid as long as the inbox. REQUIRES: index < sources.
  sources::Sink& PortOf(size_t index);

  // A descriptor for poll(2), readable if there is something to take.
  int fd() const { return event_.get(); }
  // Makes fd() readable even if there is nothing to take, to wake the loop.
  void Ring() const { event_.Signal(); }
  // Removes and returns everything that has arrived, in the order of arrival.
  std::vector<Message> Take();
  // Returns when the oldest delivery that is still here arrived; nullopt if there is none.
  std::optional<std::chrono::steady_clock::time_point> OldestWaiting() const;

 private:
  class Port;

  void Put(Message message);

  const posix::EventFd event_;
  std::vector<std::unique_ptr<Port>> ports_;
  mutable std::mutex mutex_;
  std::vector<Message> messages_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace shunt::agent

#endif  // SHUNT_AGENT_CONTROL_INBOX_H_
