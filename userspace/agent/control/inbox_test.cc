// SPDX-License-Identifier: Apache-2.0
#include "userspace/agent/control/inbox.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <string>
#include <thread>
#include <vector>

namespace shunt::agent {
namespace {

bool Rung(const Inbox& inbox) {
  pollfd ready{.fd = inbox.fd(), .events = POLLIN, .revents = 0};
  return ::poll(&ready, 1, 0) > 0;
}

sources::Event Removal(const std::string& name) {
  return sources::Remove{sources::ObjectKind::kService, {"shop", name}};
}

TEST(InboxTest, KeepsTheOrderAndTheBatches) {
  Inbox inbox(2);
  EXPECT_FALSE(Rung(inbox));
  inbox.PortOf(0).Deliver({Removal("a"), Removal("b")});
  inbox.PortOf(1).Synced();
  inbox.PortOf(0).Report({{"services.yaml:3", "no kind"}});
  inbox.PortOf(1).Deliver({Removal("c")});
  EXPECT_TRUE(Rung(inbox));

  const std::vector<Message> messages = inbox.Take();
  EXPECT_FALSE(Rung(inbox));
  ASSERT_EQ(messages.size(), 4u);
  EXPECT_EQ(std::get<Delivery>(messages[0]).events.size(), 2u) << "one delivery stays one";
  EXPECT_EQ(std::get<SourceSynced>(messages[1]).source, 1u);
  EXPECT_EQ(std::get<SourceReport>(messages[2]).source, 0u);
  EXPECT_EQ(std::get<SourceReport>(messages[2]).problems[0].where, "services.yaml:3");
  EXPECT_EQ(std::get<Delivery>(messages[3]).events.size(), 1u);
  EXPECT_TRUE(inbox.Take().empty());
}

TEST(InboxTest, KnowsSinceWhenTheOldestDeliveryWaits) {
  Inbox inbox(1);
  inbox.PortOf(0).Synced();
  EXPECT_EQ(inbox.OldestWaiting(), std::nullopt) << "that is no delivery";
  inbox.PortOf(0).Deliver({Removal("a")});
  const auto oldest = inbox.OldestWaiting();
  inbox.PortOf(0).Deliver({Removal("b")});
  EXPECT_EQ(inbox.OldestWaiting(), oldest);
  EXPECT_EQ(std::get<Delivery>(inbox.Take()[1]).queued.steady, oldest);
  EXPECT_EQ(inbox.OldestWaiting(), std::nullopt);
}

TEST(InboxTest, ManySourcesAtOnce) {
  constexpr int kEach = 1000;
  Inbox inbox(2);
  std::vector<std::thread> senders;
  for (size_t source : {0, 1}) {
    senders.emplace_back([&inbox, source] {
      for (int i = 0; i < kEach; ++i) inbox.PortOf(source).Report({{std::to_string(i), ""}});
    });
  }
  int next_of[2] = {0, 0};
  while (next_of[0] + next_of[1] < 2 * kEach) {
    pollfd ready{.fd = inbox.fd(), .events = POLLIN, .revents = 0};
    ASSERT_EQ(::poll(&ready, 1, 10'000), 1) << "a message was put in without a ring";
    for (const Message& message : inbox.Take()) {
      const auto& report = std::get<SourceReport>(message);
      EXPECT_EQ(report.problems[0].where, std::to_string(next_of[report.source]++));
    }
  }
  for (std::thread& sender : senders) sender.join();
}

}  // namespace
}  // namespace shunt::agent
