// SPDX-License-Identifier: Apache-2.0
#include "userspace/agent/control/inbox.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "userspace/agent/process/clock.h"

namespace shunt::agent {

class Inbox::Port final : public sources::Sink {
 public:
  Port(Inbox& inbox, size_t source) : inbox_(inbox), source_(source) {}

  void Deliver(std::vector<sources::Event> events) override { inbox_.Put(Delivery{std::move(events), ReadClocks()}); }
  void Synced() override { inbox_.Put(SourceSynced{source_}); }
  void Progress(sources::ObjectKind kind, std::string version, size_t count) override {
    inbox_.Put(SourceProgress{kind, std::move(version), count});
  }
  void Report(std::vector<sources::SourceProblem> problems) override {
    inbox_.Put(SourceReport{source_, std::move(problems)});
  }

 private:
  Inbox& inbox_;
  size_t source_;
};

Inbox::Inbox(size_t sources) : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (event_ < 0) {  // the process has no descriptors left at its start, and the log may be without one, too
    std::perror("shuntd: eventfd");
    std::abort();
  }
  for (size_t i = 0; i < sources; ++i) ports_.push_back(std::make_unique<Port>(*this, i));
}

Inbox::~Inbox() {
  ::close(event_);
}

sources::Sink& Inbox::PortOf(size_t index) {
  return *ports_.at(index);
}

void Inbox::Ring() const {
  const uint64_t one = 1;
  // Fails only if the counter is full, and then fd() is readable already.
  [[maybe_unused]] const ssize_t written = ::write(event_, &one, sizeof(one));
}

void Inbox::Put(Message message) {
  {
    const std::lock_guard lock(mutex_);
    messages_.push_back(std::move(message));
  }
  Ring();
}

std::vector<Message> Inbox::Take() {
  uint64_t count = 0;
  // Before the messages are taken, so that one that arrives in between rings again. Fails only if nothing has rung.
  [[maybe_unused]] const ssize_t got = ::read(event_, &count, sizeof(count));
  const std::lock_guard lock(mutex_);
  return std::exchange(messages_, {});
}

std::optional<std::chrono::steady_clock::time_point> Inbox::OldestWaiting() const {
  const std::lock_guard lock(mutex_);
  for (const Message& message : messages_) {
    if (const auto* delivery = std::get_if<Delivery>(&message)) return delivery->queued.steady;
  }
  return std::nullopt;
}

}  // namespace shunt::agent
