// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/prefix_filter.h"

#include <gtest/gtest.h>

#include "userspace/datapath/codec.h"
#include "userspace/datapath/testing/memory_table.h"
#include "userspace/datapath/testing/plans.h"

namespace shunt::datapath {
namespace {

class PrefixFilterTest : public testing::Test {
 protected:
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
  filter_.Add(Ip("10.96.0.1"));
  EXPECT_FALSE(Holds("10.96.0.1")) << "Add writes nothing";
  ASSERT_TRUE(filter_.Set(Ip("10.96.0.1")).ok());
  EXPECT_TRUE(Holds("10.96.0.1"));
  EXPECT_FALSE(Holds("10.96.0.1", SHUNT_PREFIX_BACKENDS));
  filter_.Add(Ip("10.96.0.2"));  // of the same /20
  filter_.Remove(Ip("10.96.0.1"));
  ASSERT_TRUE(filter_.ClearUnneeded().ok());
  EXPECT_TRUE(Holds("10.96.0.2"));
  filter_.Remove(Ip("10.96.0.2"));
  EXPECT_TRUE(Holds("10.96.0.2")) << "Remove writes nothing";
  ASSERT_TRUE(filter_.ClearUnneeded().ok());
  EXPECT_FALSE(Holds("10.96.0.2"));
}

TEST_F(PrefixFilterTest, ABitWantedAgainBeforeItWasClearedStays) {
  filter_.Add(Ip("10.96.0.1"));
  ASSERT_TRUE(filter_.Set(Ip("10.96.0.1")).ok());
  filter_.Remove(Ip("10.96.0.1"));
  filter_.Add(Ip("10.96.0.1"));
  int writes = 0;
  maps_.hooks().after = [&](absl::string_view) { ++writes; };
  ASSERT_TRUE(filter_.ClearUnneeded().ok());
  ASSERT_TRUE(filter_.Set(Ip("10.96.0.1")).ok());
  EXPECT_EQ(writes, 0);
}

TEST_F(PrefixFilterTest, WhatCouldNotBeWrittenIsTriedAgain) {
  filter_.Add(Ip("10.96.0.1"));
  maps_.hooks().before = [](absl::string_view) { return absl::UnavailableError("scripted"); };
  EXPECT_FALSE(filter_.Set(Ip("10.96.0.1")).ok());
  maps_.hooks().before = nullptr;
  EXPECT_TRUE(filter_.Set(Ip("10.96.0.1")).ok());
  EXPECT_TRUE(Holds("10.96.0.1"));
  filter_.Remove(Ip("10.96.0.1"));
  maps_.hooks().before = [](absl::string_view) { return absl::UnavailableError("scripted"); };
  EXPECT_FALSE(filter_.ClearUnneeded().ok());
  maps_.hooks().before = nullptr;
  EXPECT_TRUE(filter_.ClearUnneeded().ok());
  EXPECT_FALSE(Holds("10.96.0.1"));
}

TEST_F(PrefixFilterTest, RepairsWhatAnEarlierAgentLeft) {
  PrefixFilter earlier(*tables_.prefix_filter);
  earlier.Add(Ip("10.96.0.1"));
  ASSERT_TRUE(earlier.Set(Ip("10.96.0.1")).ok());
  ASSERT_TRUE(earlier.SetBackend(Ip("10.244.0.1")).ok());

  ASSERT_TRUE(filter_.ReadBack().ok());
  filter_.Add(Ip("192.0.2.1"));
  filter_.AdoptBackend(Ip("10.245.0.1"));
  ASSERT_TRUE(filter_.Repair().ok());
  EXPECT_GT(filter_.repaired(), 0u);
  EXPECT_FALSE(Holds("10.96.0.1")) << "no address needs it";
  EXPECT_TRUE(Holds("192.0.2.1")) << "was missing";
  EXPECT_TRUE(Holds("10.245.0.1", SHUNT_PREFIX_BACKENDS)) << "was missing";
  EXPECT_TRUE(Holds("10.244.0.1", SHUNT_PREFIX_BACKENDS)) << "a socket may still remember a backend there";
}

}  // namespace
}  // namespace shunt::datapath
