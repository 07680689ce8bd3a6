// SPDX-License-Identifier: Apache-2.0
#include "userspace/agent/control/work_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "absl/strings/str_cat.h"

namespace shunt::agent {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class WorkQueueTest : public testing::Test {
 protected:
  void Add(const std::string& namespace_name, const std::string& name, uint64_t cost, uint64_t delivery = 0) {
    const model::ObjectName service = {namespace_name, name};
    costs_[service] = cost;
    WorkQueue::Item item = {.service = service, .changed = true};
    if (delivery > 0) item.deliveries = {delivery};
    queue_.Add(std::move(item), cost);
  }
  std::string Take() {
    const model::ObjectName next = queue_.Next();
    return queue_.Take(next, costs_.at(next)).service.ToString();
  }
  // How much others' work goes before the Service.
  uint64_t WorkBefore(const std::string& service) {
    uint64_t work = 0;
    while (!queue_.empty()) {
      const model::ObjectName next = queue_.Next();
      queue_.Take(next, costs_.at(next));
      if (next.ToString() == service) return work;
      work += costs_.at(next);
    }
    ADD_FAILURE() << service << " never had its turn";
    return work;
  }

  WorkQueue queue_;
  std::map<model::ObjectName, uint64_t> costs_;
};

TEST_F(WorkQueueTest, AmongEqualsTheOldestGoesFirst) {
  for (const char* name : {"c", "a", "b"}) Add("shop", name, 10);
  Add("shop", "c", 10);
  EXPECT_EQ(queue_.size(), 3u) << "twice is once, and it keeps its place";
  EXPECT_EQ(Take(), "shop/c");
  EXPECT_EQ(Take(), "shop/a");
  EXPECT_EQ(Take(), "shop/b");
  EXPECT_TRUE(queue_.empty());
}

TEST_F(WorkQueueTest, AStormInOneNamespaceDelaysAnotherByOneTurn) {
  for (int i = 0; i < 1000; ++i) Add("storm", absl::StrCat("s", i), 100);
  for (int i = 0; i < 10; ++i) Take();
  Add("shop", "cart", 1);
  EXPECT_LE(WorkBefore("shop/cart"), 100u);
}

TEST_F(WorkQueueTest, WhatIsCheapDoesNotWaitForAnotherNamespacesExpensiveService) {
  Add("storm", "huge", 10'000);
  Add("tempest", "huge", 10'000);
  EXPECT_EQ(Take(), "storm/huge");
  Add("storm", "huge", 10'000);
  Add("zoo", "cart", 1);
  EXPECT_EQ(Take(), "zoo/cart");
  EXPECT_EQ(Take(), "tempest/huge");
  EXPECT_EQ(Take(), "storm/huge");
}

TEST_F(WorkQueueTest, WhatIsExpensiveDoesNotStarveForOtherNamespacesEither) {
  Add("shop", "huge", 100);
  uint64_t before = 0;
  for (int i = 0; i < 1000; ++i) {
    Add(absl::StrCat("n", i % 3), "s", 1);
    if (Take() == "shop/huge") break;
    ++before;
  }
  EXPECT_LE(before, 300u) << "each has as much before it as it costs itself";
}

TEST_F(WorkQueueTest, NamespacesShareByCostNotByNumber) {
  for (int i = 0; i < 100; ++i) Add("heavy", absl::StrCat("h", i), 100);
  for (int i = 0; i < 1000; ++i) Add("light", absl::StrCat("l", i), 10);
  std::map<std::string, uint64_t> work;
  for (int i = 0; i < 550; ++i) {
    const model::ObjectName next = queue_.Next();
    work[next.namespace_name] += costs_.at(next);
    queue_.Take(next, costs_.at(next));
  }
  EXPECT_NEAR(static_cast<double>(work["heavy"]), static_cast<double>(work["light"]), 100);
}

TEST_F(WorkQueueTest, InANamespaceWhatIsCheapGoesBeforeWhatIsExpensive) {
  for (int i = 0; i < 10; ++i) Add("shop", absl::StrCat("huge", i), 10'000);
  Add("shop", "cart", 1);
  EXPECT_EQ(Take(), "shop/cart");
}

TEST_F(WorkQueueTest, WhatIsExpensiveDoesNotStarve) {
  Add("shop", "huge", 100);
  uint64_t before = 0;
  for (int i = 0; i < 1000; ++i) {
    Add("shop", absl::StrCat("s", i), 1);
    if (Take() == "shop/huge") break;
    ++before;
  }
  EXPECT_LE(before, 100u) << "no more than it costs itself goes before it";
}

TEST_F(WorkQueueTest, ANamespaceThatHasRestedHasNoCredit) {
  for (int i = 0; i < 10; ++i) Add("busy", absl::StrCat("b", i), 100);
  for (int i = 0; i < 5; ++i) Take();
  for (int i = 0; i < 10; ++i) Add("late", absl::StrCat("l", i), 100);
  std::map<std::string, int> taken;
  for (int i = 0; i < 6; ++i) {
    const model::ObjectName next = queue_.Next();
    ++taken[next.namespace_name];
    queue_.Take(next, 100);
  }
  EXPECT_GE(taken["busy"], 2) << "it need not wait until the other has had as much as it had before";
  EXPECT_GE(taken["late"], 2);
}

TEST_F(WorkQueueTest, OutOfTurnAndNotThereAtAll) {
  Add("shop", "cart", 1, 7);
  Add("shop", "search", 1, 8);
  const WorkQueue::Item item = queue_.Take({"shop", "search"}, 1);
  EXPECT_TRUE(item.changed);
  EXPECT_THAT(item.deliveries, ElementsAre(8));
  const WorkQueue::Item nothing = queue_.Take({"shop", "search"}, 1);
  EXPECT_EQ(nothing.service, (model::ObjectName{"shop", "search"}));
  EXPECT_FALSE(nothing.changed);
  EXPECT_THAT(nothing.deliveries, IsEmpty());
  EXPECT_EQ(Take(), "shop/cart");
}

TEST_F(WorkQueueTest, KnowsWhichDeliveriesWait) {
  Add("shop", "cart", 1, 3);
  Add("shop", "search", 1, 3);
  Add("shop", "cart", 1, 3);
  Add("shop", "cart", 1, 5);
  Add("shop", "cart", 1, 4);  // of a change that comes to its Services by and by
  Add("shop", "stock", 1);
  EXPECT_THAT(queue_.Deliveries(), ElementsAre(3, 4, 5));
  queue_.Take({"shop", "cart"}, 1);
  EXPECT_THAT(queue_.Deliveries(), ElementsAre(3));
  queue_.Take({"shop", "search"}, 1);
  EXPECT_THAT(queue_.Deliveries(), IsEmpty());
}

}  // namespace
}  // namespace shunt::agent
