// SPDX-License-Identifier: Apache-2.0
#include "userspace/agent/bypass_thread.h"

#include <poll.h>

#include <utility>

#include "userspace/agent/process/log.h"

namespace shunt::agent {
namespace {

// Events tell at once what comes and goes. The walk finds what they cannot tell, and is all there is without them.
constexpr int kWalkPaceMs = 60'000;
constexpr int kWalkPaceWithoutEventsMs = 1'000;

}  // namespace

BypassThread::BypassThread(datapath::Scopes& scopes) : scopes_(scopes) {
  thread_ = std::jthread([this](const std::stop_token& stop) { Run(stop); });
}

void BypassThread::Run(const std::stop_token& stop) {
  const std::stop_callback wake(stop, [this] { stopped_.Signal(); });
  while (!stop.stop_requested()) {
    std::vector<std::string> problems = scopes_.Problems();
    for (const std::string& problem : problems) {
      if (problems != said_) LogWarning("Degraded", {{"where", "bypass"}, {"problem", problem}});
    }
    said_ = std::move(problems);
    // poll() passes over a negative descriptor.
    pollfd waited[] = {{scopes_.fd(), POLLIN, 0}, {stopped_.get(), POLLIN, 0}};
    const int ready = ::poll(waited, 2, said_.empty() ? kWalkPaceMs : kWalkPaceWithoutEventsMs);
    if (ready == 0) scopes_.Walk();
    if (ready > 0 && waited[0].revents != 0) scopes_.Follow();
  }
}

}  // namespace shunt::agent
