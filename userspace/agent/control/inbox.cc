// SPDX-License-Identifier: Apache-2.0
#include "userspace/agent/control/inbox.h"

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

Inbox::Inbox(size_t sources) {
  if (!event_.ok()) {  // the process has no descriptors left at its start, and the log may be without one, too
    std::perror("shuntd: eventfd");
    std::abort();
  }
  for (size_t i = 0; i < sources; ++i) ports_.push_back(std::make_unique<Port>(*this, i));
}

Inbox::~Inbox() = default;

sources::Sink& Inbox::PortOf(size_t index) {
  return *ports_.at(index);
}

void Inbox::Put(Message message) {
  {
    const std::lock_guard lock(mutex_);
    messages_.push_back(std::move(message));
  }
  Ring();
}

std::vector<Message> Inbox::Take() {
  // Before the messages are taken, so that one that arrives in between rings again.
  event_.Clear();
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
