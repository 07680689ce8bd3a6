// SPDX-License-Identifier: Apache-2.0
#include "userspace/agent/bypass_thread.h"

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "userspace/agent/process/log.h"

namespace shunt::agent {
namespace {

// Events tell at once what comes and goes. The walk finds what they cannot tell, and is all there is without them.
constexpr std::chrono::milliseconds kWalkPace = std::chrono::minutes(1);
constexpr std::chrono::milliseconds kWalkPaceWithoutEvents = std::chrono::seconds(1);

}  // namespace

BypassThread::BypassThread(datapath::Scopes& scopes) : BypassThread(scopes, kWalkPace) {}

BypassThread::BypassThread(datapath::Scopes& scopes, std::chrono::milliseconds pace) : scopes_(scopes), pace_(pace) {
  thread_ = std::jthread([this](const std::stop_token& stop) { Run(stop); });
}

void BypassThread::SayNewProblems() {
  std::vector<std::string> problems = scopes_.Problems();
  if (problems != said_) {
    for (const std::string& problem : problems) LogWarning("Degraded", {{"where", "bypass"}, {"problem", problem}});
  }
  said_ = std::move(problems);
}

void BypassThread::Run(const std::stop_token& stop) {
  using Clock = std::chrono::steady_clock;
  // Without the descriptor the thread is told to stop by the next time that it wakes.
  const std::stop_callback wake(stop, [this] {
    if (stopped_.ok()) stopped_.Signal();
  });
  Clock::time_point walked = Clock::now();  // Scopes::Open has
  while (!stop.stop_requested()) {
    SayNewProblems();
    const bool degraded = !said_.empty() || !stopped_.ok();
    // However many events come: a walk finds what none of them tells.
    const Clock::time_point next_walk = walked + (degraded ? std::min(pace_, kWalkPaceWithoutEvents) : pace_);
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(next_walk - Clock::now());
    // poll() passes over a negative descriptor.
    pollfd waited[] = {{scopes_.fd(), POLLIN, 0}, {stopped_.get(), POLLIN, 0}};
    const int ready = ::poll(waited, 2, static_cast<int>(std::max(wait, std::chrono::milliseconds(0)).count()));
    if (ready > 0 && waited[0].revents != 0) scopes_.Follow();
    if (Clock::now() < next_walk) continue;
    scopes_.Walk();
    walked = Clock::now();
  }
}

}  // namespace shunt::agent
