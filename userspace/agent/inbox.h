// SPDX-License-Identifier: Apache-2.0
// What other threads have for the loop: the sources' deliveries and the admin API's questions.
#ifndef SHUNT_AGENT_INBOX_H_
#define SHUNT_AGENT_INBOX_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <utility>
#include <variant>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "userspace/sources/source.h"

namespace shunt::agent {

// One delivery: its events are seen together or not at all.
struct Delivery {
  std::vector<sources::Event> events;
};
struct SourceSynced {
  size_t source = 0;
};
struct SourceReport {
  size_t source = 0;
  std::vector<sources::SourceProblem> problems;
};
// Somebody waits for this to be run by the loop's thread.
class Question {
 public:
  // What became of it; shared with whoever waits.
  struct Reply {
    absl::Notification settled;
    bool answered = false;  // written before `settled`
  };

  Question(std::function<void()> run, std::shared_ptr<Reply> reply) : run_(std::move(run)), reply_(std::move(reply)) {}
  // Exactly one of these, once.
  void Answer();
  void Cancel();

 private:
  std::function<void()> run_;
  std::shared_ptr<Reply> reply_;
};
using Letter = std::variant<Delivery, SourceSynced, SourceReport, Question>;

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

  // Has the loop run `question` between two steps, and waits until it has. `question` must be short: updates wait
  // for it. kCancelled: the loop has ended, it was not run.
  absl::Status Ask(std::function<void()> question);

  // Readable when there is something to take; for poll(2).
  int fd() const { return event_; }
  // Makes fd() readable though there may be nothing to take.
  void Ring() const;
  // Everything so far, in the order of arrival.
  std::vector<Letter> Take();
  // No letter is taken any more: whoever waits in Ask, now or later, gets kCancelled.
  void Close();

 private:
  class Port;

  void Put(Letter letter);

  int event_;  // eventfd
  std::vector<std::unique_ptr<Port>> ports_;
  absl::Mutex mutex_;
  std::vector<Letter> letters_ ABSL_GUARDED_BY(mutex_);
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace shunt::agent

#endif  // SHUNT_AGENT_INBOX_H_
