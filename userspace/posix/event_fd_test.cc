// SPDX-License-Identifier: Apache-2.0
#include "userspace/posix/event_fd.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>

#include <cerrno>
#include <thread>
#include <utility>

namespace shunt::posix {
namespace {

constexpr int kForeverMs = -1;

bool IsReadable(const EventFd& event, int timeout_ms = 0) {
  pollfd waiting = {.fd = event.get(), .events = POLLIN, .revents = 0};
  return ::poll(&waiting, 1, timeout_ms) == 1 && (waiting.revents & POLLIN) != 0;
}

TEST(EventFdTest, ItIsReadableFromASignalUntilItIsCleared) {
  const EventFd event;
  ASSERT_TRUE(event.ok());
  EXPECT_FALSE(IsReadable(event));
  event.Signal();
  EXPECT_TRUE(IsReadable(event));
  EXPECT_TRUE(IsReadable(event)) << "looking does not clear it";
  event.Clear();
  EXPECT_FALSE(IsReadable(event));
}

TEST(EventFdTest, OneClearTakesSeveralSignals) {
  const EventFd event;
  event.Signal();
  event.Signal();
  event.Clear();
  EXPECT_FALSE(IsReadable(event));
}

TEST(EventFdTest, ClearDoesNotBlockWithoutASignal) {
  const EventFd event;
  event.Clear();
  event.Signal();
  EXPECT_TRUE(IsReadable(event));
}

TEST(EventFdTest, ASignalWakesAThreadThatWaits) {
  const EventFd event;
  bool woken = false;
  {
    const std::jthread waiter([&] { woken = IsReadable(event, kForeverMs); });
    event.Signal();
  }
  EXPECT_TRUE(woken);
}

TEST(EventFdTest, AMoveKeepsTheSignal) {
  EventFd event;
  event.Signal();
  const EventFd moved(std::move(event));
  EXPECT_TRUE(IsReadable(moved));
}

TEST(EventFdTest, ItIsClosedByExecve) {
  const EventFd event;
  EXPECT_EQ(::fcntl(event.get(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}

TEST(EventFdTest, WithoutDescriptorsItSaysWhy) {
  rlimit before = {};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none = {.rlim_cur = 0, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const EventFd event;
  const int error = errno;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_FALSE(event.ok());
  EXPECT_EQ(error, EMFILE);
}

}  // namespace
}  // namespace shunt::posix
