// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/prefix_filter.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <set>

#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "bpf/abi.h"
#include "userspace/datapath/codec.h"
#include "userspace/datapath/testing/memory_table.h"
#include "userspace/datapath/testing/plans.h"
#include "userspace/model/service_plan.h"

namespace shunt::datapath {
namespace {

class PrefixFilterTest : public testing::Test {
 protected:
  void Add(const char* address) { filter_.Add(Ip(address)); }
  void Remove(const char* address) { filter_.Remove(Ip(address)); }
  bool Holds(const char* address, shunt_prefix_set set = SHUNT_PREFIX_FRONTENDS) const {
    const shunt_address encoded = EncodeAddress(Ip(address));
    const uint32_t bit = shunt_prefix_bit(&encoded, set);
    uint64_t word = 0;
    EXPECT_TRUE(tables_.prefix_filter->Load(bit / 64, MutableBytesOf(word)).ok());
    return (word >> (bit % 64) & 1) != 0;
  }

  MemoryMaps maps_{{.frontends = 4, .service_ports = 1, .pools = 1, .slots = 1, .backends = 3, .sockets = 64}};
  Tables tables_ = maps_.Open();
  PrefixFilter filter_{*tables_.prefix_filter};
};

TEST_F(PrefixFilterTest, ABitIsSetWhenAskedAndClearedWithTheLastAddress) {
  Add("10.96.0.1");
  EXPECT_FALSE(Holds("10.96.0.1")) << "Add writes nothing";
  ASSERT_TRUE(filter_.Set(Ip("10.96.0.1")).ok());
  EXPECT_TRUE(Holds("10.96.0.1"));
  EXPECT_FALSE(Holds("10.96.0.1", SHUNT_PREFIX_BACKENDS));
  Add("10.96.0.2");  // of the same /20
  Remove("10.96.0.1");
  ASSERT_TRUE(filter_.ClearUnneeded().ok());
  EXPECT_TRUE(Holds("10.96.0.2"));
  Remove("10.96.0.2");
  EXPECT_TRUE(Holds("10.96.0.2")) << "Add writes nothing";
  ASSERT_TRUE(filter_.ClearUnneeded().ok());
  EXPECT_FALSE(Holds("10.96.0.2"));
}

TEST_F(PrefixFilterTest, ABitWantedAgainBeforeItWasClearedStays) {
  Add("10.96.0.1");
  ASSERT_TRUE(filter_.Set(Ip("10.96.0.1")).ok());
  Remove("10.96.0.1");
  Add("10.96.0.1");
  int writes = 0;
  maps_.hooks().after = [&](absl::string_view) { ++writes; };
  ASSERT_TRUE(filter_.ClearUnneeded().ok());
  ASSERT_TRUE(filter_.Set(Ip("10.96.0.1")).ok());
  EXPECT_EQ(writes, 0);
}

TEST_F(PrefixFilterTest, WhatCouldNotBeWrittenIsTriedAgain) {
  Add("10.96.0.1");
  maps_.hooks().before = [](absl::string_view) { return absl::UnavailableError("scripted"); };
  EXPECT_FALSE(filter_.Set(Ip("10.96.0.1")).ok());
  maps_.hooks().before = nullptr;
  EXPECT_TRUE(filter_.Set(Ip("10.96.0.1")).ok());
  EXPECT_TRUE(Holds("10.96.0.1"));
  Remove("10.96.0.1");
  maps_.hooks().before = [](absl::string_view) { return absl::UnavailableError("scripted"); };
  EXPECT_FALSE(filter_.ClearUnneeded().ok());
  maps_.hooks().before = nullptr;
  EXPECT_TRUE(filter_.ClearUnneeded().ok());
  EXPECT_FALSE(Holds("10.96.0.1"));
}

TEST_F(PrefixFilterTest, AServicesAddressIsInBothSetsByOneStore) {
  int writes = 0;
  maps_.hooks().after = [&](absl::string_view) { ++writes; };
  Add("10.96.0.1");
  ASSERT_TRUE(filter_.SetFrontend(Ip("10.96.0.1"), model::FrontendKind::kClusterIp).ok());
  ASSERT_TRUE(filter_.SetFrontend(Ip("10.96.0.1"), model::FrontendKind::kClusterIp).ok());
  EXPECT_EQ(writes, 1);
  EXPECT_TRUE(Holds("10.96.0.1"));
  EXPECT_TRUE(Holds("10.96.0.1", SHUNT_PREFIX_SERVICES));
  EXPECT_FALSE(Holds("10.96.0.1", SHUNT_PREFIX_BACKENDS));
}

TEST_F(PrefixFilterTest, AServicesBitStaysForItsFlows) {
  Add("10.96.0.1");
  ASSERT_TRUE(filter_.SetFrontend(Ip("10.96.0.1"), model::FrontendKind::kClusterIp).ok());
  Remove("10.96.0.1");
  ASSERT_TRUE(filter_.ClearUnneeded().ok());
  EXPECT_FALSE(Holds("10.96.0.1"));
  EXPECT_TRUE(Holds("10.96.0.1", SHUNT_PREFIX_SERVICES));
}

TEST_F(PrefixFilterTest, WhatIsOnlyTheNodesIsNoServices) {
  Add("10.0.0.1");
  ASSERT_TRUE(filter_.Set(Ip("10.0.0.1")).ok());
  EXPECT_TRUE(Holds("10.0.0.1"));
  EXPECT_FALSE(Holds("10.0.0.1", SHUNT_PREFIX_SERVICES));
}

// The node may be in the prefix of its load balancer: then only the ports of frontends are to cost its packets a
// search.
TEST_F(PrefixFilterTest, ALoadBalancersAddressIsInTheSetThatIsLimitedToPorts) {
  Add("192.0.2.200");
  ASSERT_TRUE(filter_.SetFrontend(Ip("192.0.2.200"), model::FrontendKind::kLoadBalancer).ok());
  EXPECT_TRUE(Holds("192.0.2.200"));
  EXPECT_TRUE(Holds("192.0.2.200", SHUNT_PREFIX_PORTS));
  EXPECT_FALSE(Holds("192.0.2.200", SHUNT_PREFIX_SERVICES));
  Remove("192.0.2.200");
  ASSERT_TRUE(filter_.ClearUnneeded().ok());
  ASSERT_TRUE(filter_.Repair().ok());
  EXPECT_FALSE(Holds("192.0.2.200"));
  EXPECT_TRUE(Holds("192.0.2.200", SHUNT_PREFIX_PORTS)) << "a flow may still go there";
}

TEST_F(PrefixFilterTest, PrefixesOfOneClusterRarelyShareABit) {
  static constexpr uint32_t kPrefixes = 4096;
  struct Case {
    const char* what;
    shunt_address (*nth)(uint32_t);
  };
  const Case cases[] = {
      {"10.0.0.0/8 in /20", [](uint32_t n) { return EncodeAddress(model::IpAddress::FromV4(0x0a000000 | n << 12)); }},
      {"/64 of a /48", [](uint32_t n) { return EncodeAddress(Ip(absl::StrFormat("fd00:10:244:%x::1", n))); }},
      {"every 16th /64 of a /48",
       [](uint32_t n) { return EncodeAddress(Ip(absl::StrFormat("fd00:10:244:%x::1", n << 4))); }},
      {"/48 of a /32", [](uint32_t n) { return EncodeAddress(Ip(absl::StrFormat("2001:db8:%x::1", n))); }},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.what);
    std::set<uint32_t> bits;
    for (uint32_t n = 0; n < kPrefixes; ++n) {
      const shunt_address address = c.nth(n);
      bits.insert(shunt_prefix_bit(&address, SHUNT_PREFIX_FRONTENDS));
    }
    EXPECT_GE(bits.size(), kPrefixes * 97 / 100) << "as many as by random numbers";
  }
}

TEST_F(PrefixFilterTest, RepairsWhatAnEarlierAgentLeft) {
  PrefixFilter earlier(*tables_.prefix_filter);
  earlier.Add(Ip("10.96.0.1"));
  ASSERT_TRUE(earlier.SetFrontend(Ip("10.96.0.1"), model::FrontendKind::kClusterIp).ok());
  ASSERT_TRUE(earlier.SetBackend(Ip("10.244.0.1")).ok());

  ASSERT_TRUE(filter_.ReadBack().ok());
  Add("192.0.2.1");
  filter_.AdoptBackend(Ip("10.245.0.1"));
  filter_.AdoptFrontend(Ip("198.51.100.1"), model::FrontendKind::kClusterIp);
  filter_.AdoptFrontend(Ip("198.18.0.1"), model::FrontendKind::kExternalIp);
  ASSERT_TRUE(filter_.Repair().ok());
  EXPECT_GT(filter_.repaired(), 0u);
  EXPECT_FALSE(Holds("10.96.0.1")) << "no address needs it";
  EXPECT_TRUE(Holds("10.96.0.1", SHUNT_PREFIX_SERVICES)) << "a flow may still go there";
  EXPECT_TRUE(Holds("192.0.2.1")) << "was missing";
  EXPECT_TRUE(Holds("198.51.100.1", SHUNT_PREFIX_SERVICES)) << "was missing";
  EXPECT_TRUE(Holds("198.18.0.1", SHUNT_PREFIX_PORTS)) << "was missing";
  EXPECT_TRUE(Holds("10.245.0.1", SHUNT_PREFIX_BACKENDS)) << "was missing";
  EXPECT_TRUE(Holds("10.244.0.1", SHUNT_PREFIX_BACKENDS)) << "a socket may still remember a backend there";
}

}  // namespace
}  // namespace shunt::datapath
