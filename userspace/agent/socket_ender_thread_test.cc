// SPDX-License-Identifier: Apache-2.0
#include "userspace/agent/socket_ender_thread.h"

#include <gtest/gtest.h>

#include <atomic>
#include <semaphore>

namespace shunt::agent {
namespace {

TEST(SocketEnderThreadTest, ItBeginsWithASweepAndEachRemovalBringsAnother) {
  std::counting_semaphore<> swept(0);
  SocketEnderThread thread(
      [&] {
        swept.release();
        return report::SocketSweep{};
      },
      {});
  swept.acquire();
  thread.Removal();
  swept.acquire();
  thread.Removal();
  swept.acquire();
}

TEST(SocketEnderThreadTest, ARemovalDuringASweepIsNotLost) {
  std::counting_semaphore<> begun(0), go_on(0);
  SocketEnderThread thread(
      [&] {
        begun.release();
        go_on.acquire();
        return report::SocketSweep{};
      },
      {});
  begun.acquire();
  thread.Removal();
  go_on.release(3);
  begun.acquire();
}

TEST(SocketEnderThreadTest, ItCountsWhatWasEndedAndKeepsTheLastSweepsNamespaces) {
  std::counting_semaphore<> swept(0);
  int sweeps = 0;
  SocketEnderThread thread(
      [&] {
        swept.release();
        const bool first = ++sweeps == 1;
        return first ? report::SocketSweep{.ended_udp = 3, .ended_tcp = 1, .namespaces = 5, .problem = "none"}
                     : report::SocketSweep{.ended_udp = 2, .namespaces = 4, .namespaces_not_entered = 1};
      },
      {.protocols = "all", .method = "by magic"});
  swept.acquire();
  thread.Removal();
  swept.acquire();
  while (thread.sweeps().sweeps < 2) continue;  // recorded just after
  const report::SocketSweeps sum = thread.sweeps();
  EXPECT_EQ(sum.protocols, "all");
  EXPECT_EQ(sum.method, "by magic");
  EXPECT_EQ(sum.ended_udp, 5u);
  EXPECT_EQ(sum.ended_tcp, 1u);
  EXPECT_EQ(sum.namespaces, 4u);
  EXPECT_EQ(sum.namespaces_not_entered, 1u);
  EXPECT_EQ(sum.problem, "");
  EXPECT_GT(sum.last_sweep_time_ms, 0);
}

TEST(SocketEnderThreadTest, WhereNoSocketsAreEndedItSaysWhy) {
  SocketEnderThread thread({.protocols = "udp", .problem = "CAP_PERFMON is missing"});
  thread.Removal();
  EXPECT_EQ(thread.sweeps().problem, "CAP_PERFMON is missing");
  EXPECT_EQ(thread.sweeps().sweeps, 0u);
}

}  // namespace
}  // namespace shunt::agent
