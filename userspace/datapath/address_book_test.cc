// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/address_book.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "userspace/datapath/codec.h"
#include "userspace/datapath/testing/inventory_fixture.h"

namespace shunt::datapath {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Turn = AddressBook::Turn;
using Kind = model::FrontendKind;

const shunt_frontend_key kHttp = EncodeFrontend(Dial("10.96.0.10", 80));
const shunt_frontend_key kHttps = EncodeFrontend(Dial("10.96.0.10", 443));
const shunt_frontend_key kNodePort = EncodeFrontend(Dial("0.0.0.0", 30080));

class AddressBookTest : public InventoryFixture {
 protected:
  void Add(const shunt_frontend_key& key, Kind kind) { addresses().AddFrontend(key, kind, need_); }
  std::vector<AddressBook::Failure> Publish(Turn turn) { return addresses().Publish(turn, retired_); }
  // Flags of the row that programs find; 0 if they find none.
  uint16_t Flags(const char* address) const {
    const SimulatedReader reader(tables_);
    const auto row = reader.FindRow(EncodeAddressKey(Ip(address)));
    return row ? reader.Row(*row).flags : uint16_t{0};
  }

  Need need_;
  std::vector<Retired> retired_;
};

TEST_F(AddressBookTest, AnAddressIsAClusterIpAsLongAsOneFrontendIs) {
  Add(kHttp, Kind::kClusterIp);
  Add(kHttps, Kind::kClusterIp);
  EXPECT_EQ(Flags("10.96.0.10"), 0u) << "nothing is published yet";
  EXPECT_THAT(Publish(Turn::kAfterInsertions), IsEmpty());
  EXPECT_EQ(Flags("10.96.0.10"), SHUNT_ADDRESS_CLUSTER_IP);
  EXPECT_EQ(allocator().frontend_rows().taken(), 1u);
  addresses().RemoveFrontend(kHttp, Kind::kClusterIp);
  EXPECT_EQ(addresses().changes(), 0u);
  addresses().RemoveFrontend(kHttps, Kind::kClusterIp);
  EXPECT_TRUE(addresses().ClaimsUnwantedClusterIp(Ip("10.96.0.10")));
}

TEST_F(AddressBookTest, AClusterIpIsTakenAwayBeforeRemovalsAndNotLater) {
  Add(kHttp, Kind::kClusterIp);
  Publish(Turn::kAfterInsertions);
  addresses().RemoveFrontend(kHttp, Kind::kClusterIp);
  Publish(Turn::kAfterInsertions);
  EXPECT_EQ(Flags("10.96.0.10"), SHUNT_ADDRESS_CLUSTER_IP);
  Publish(Turn::kBeforeRemovals);
  EXPECT_EQ(Flags("10.96.0.10"), 0u);
  EXPECT_FALSE(addresses().ClaimsUnwantedClusterIp(Ip("10.96.0.10")));
  EXPECT_EQ(retired_.size(), 1u) << "its row";
}

TEST_F(AddressBookTest, AnAddressBecomesAClusterIpAfterInsertionsAndNotEarlier) {
  Add(kHttp, Kind::kClusterIp);
  Publish(Turn::kBeforeRemovals);
  EXPECT_EQ(Flags("10.96.0.10"), 0u);
  EXPECT_EQ(addresses().changes(), 1u);
}

TEST_F(AddressBookTest, AnAddressThatIsHeldBecomesAClusterIpWhenAllHaveReleasedIt) {
  Add(kHttp, Kind::kClusterIp);
  addresses().Hold(Ip("10.96.0.10"));
  addresses().Hold(Ip("10.96.0.10"));
  for (int holds = 2; holds > 0; --holds) {
    EXPECT_THAT(Publish(Turn::kAfterInsertions), IsEmpty());
    EXPECT_EQ(Flags("10.96.0.10"), 0u);
    EXPECT_TRUE(addresses().AwaitsClusterIp(Ip("10.96.0.10")));
    EXPECT_EQ(addresses().changes(), 1u);
    addresses().Release(Ip("10.96.0.10"));
  }
  EXPECT_THAT(Publish(Turn::kAfterInsertions), IsEmpty());
  EXPECT_EQ(Flags("10.96.0.10"), SHUNT_ADDRESS_CLUSTER_IP);
  EXPECT_FALSE(addresses().AwaitsClusterIp(Ip("10.96.0.10")));
  // One that is a ClusterIP already stays one, and ceases to be one.
  addresses().Hold(Ip("10.96.0.10"));
  Add(kHttps, Kind::kClusterIp);
  addresses().RemoveFrontend(kHttp, Kind::kClusterIp);
  addresses().RemoveFrontend(kHttps, Kind::kClusterIp);
  EXPECT_THAT(Publish(Turn::kBeforeRemovals), IsEmpty());
  EXPECT_EQ(Flags("10.96.0.10"), 0u);
}

TEST_F(AddressBookTest, OtherKindsNeedTheFilterAndNoRow) {
  Add(EncodeFrontend(Dial("192.0.2.1", 80)), Kind::kLoadBalancer);
  EXPECT_EQ(addresses().changes(), 0u);
  EXPECT_EQ(allocator().frontend_rows().taken(), 0u);
}

TEST_F(AddressBookTest, GiveBackUndoesACount) {
  const FrontendCount count = {.key = kHttp, .added = Kind::kClusterIp, .removed = std::nullopt};
  addresses().Count(count, need_);
  EXPECT_EQ(allocator().frontend_rows().taken(), 1u);
  addresses().GiveBack(count);
  EXPECT_EQ(allocator().frontend_rows().taken(), 0u);
  Record();
  EXPECT_THAT(Publish(Turn::kAfterInsertions), IsEmpty());
  EXPECT_THAT(written_, IsEmpty());
}

TEST_F(AddressBookTest, ACountMayChangeTheKindOfAFrontend) {
  Add(kHttp, Kind::kClusterIp);
  Publish(Turn::kAfterInsertions);
  const FrontendCount count = {.key = kHttp, .added = Kind::kExternalIp, .removed = Kind::kClusterIp};
  addresses().Count(count, need_);
  EXPECT_TRUE(addresses().ClaimsUnwantedClusterIp(Ip("10.96.0.10")));
  addresses().GiveBack(count);
  EXPECT_FALSE(addresses().ClaimsUnwantedClusterIp(Ip("10.96.0.10")));
}

TEST_F(AddressBookTest, NodeAddressesHaveRowsAsLongAsThereIsANodePort) {
  addresses().SetNodeAddresses({{Ip("203.0.113.5"), false}, {Ip("127.0.0.1"), true}}, need_);
  EXPECT_EQ(addresses().changes(), 0u);
  Add(kNodePort, Kind::kNodePort);
  Publish(Turn::kAfterInsertions);
  EXPECT_EQ(Flags("203.0.113.5"), SHUNT_ADDRESS_NODE);
  EXPECT_EQ(Flags("127.0.0.1"), SHUNT_ADDRESS_NODE | SHUNT_ADDRESS_HOST_ONLY);
  addresses().RemoveFrontend(kNodePort, Kind::kNodePort);
  Publish(Turn::kAfterInsertions);
  EXPECT_EQ(Flags("203.0.113.5"), 0u);
}

TEST_F(AddressBookTest, AFailedChangeIsReturnedAndTriedAgain) {
  Add(kHttp, Kind::kClusterIp);
  FailWrite("frontend_index");
  const auto failures = Publish(Turn::kAfterInsertions);
  ASSERT_EQ(failures.size(), 1u);
  EXPECT_EQ(failures[0].address, Ip("10.96.0.10"));
  EXPECT_EQ(failures[0].status, absl::UnavailableError("scripted"));
  EXPECT_THAT(Publish(Turn::kAfterInsertions), IsEmpty());
  EXPECT_EQ(Flags("10.96.0.10"), SHUNT_ADDRESS_CLUSTER_IP);
}

TEST_F(AddressBookTest, AnAddressThatFindsTheMapFullComesWhenARowIsFree) {
  Limits limits = kLimits;
  limits.frontends = 1;
  Create(limits);
  const uint32_t row = *allocator().frontend_rows().Allocate();
  Add(kHttp, Kind::kClusterIp);
  EXPECT_TRUE(need_.exceeded);
  const auto failures = Publish(Turn::kAfterInsertions);
  ASSERT_EQ(failures.size(), 1u);
  EXPECT_EQ(failures[0].status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(failures[0].status.message()),
              HasSubstr("map frontend_rows has no free row; raise limits.frontends or remove"));
  allocator().GiveBack(FrontendRow{row});
  EXPECT_THAT(Publish(Turn::kAfterInsertions), IsEmpty());
  EXPECT_EQ(Flags("10.96.0.10"), SHUNT_ADDRESS_CLUSTER_IP);
}

}  // namespace
}  // namespace shunt::datapath
