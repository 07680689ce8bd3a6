// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/attach/port_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace shunt::datapath {
namespace {

using ::testing::HasSubstr;

PortSet Parsed(absl::string_view text) {
  absl::StatusOr<PortSet> ports = ParsePortList(text);
  EXPECT_TRUE(ports.ok()) << text << ": " << ports.status();
  return ports.value_or(PortSet());
}

TEST(PortListTest, WhatTheKernelWritesIsReadAndWrittenAgainTheSame) {
  for (const char* list : {"", "0", "65535", "8080", "8080,9000-9010", "0-65535", "49152-65535", "1,3,5-6,8"}) {
    EXPECT_EQ(FormatPortList(Parsed(list)), list);
    EXPECT_EQ(FormatPortList(Parsed(std::string(list) + "\n")), list);
  }
}

TEST(PortListTest, PeoplesListsMayOverlapAndBeInAnyOrder) {
  EXPECT_EQ(FormatPortList(Parsed("9005,9000-9010,8080,8081")), "8080-8081,9000-9010");
  EXPECT_EQ(FormatPortList(Parsed(" 7-7\t\n")), "7");
}

TEST(PortListTest, AnythingElseIsAnErrorThatQuotesIt) {
  struct Row {
    const char* list;
    const char* quoted;
  };
  for (const Row& row : std::vector<Row>{{"8080,", "\"\""},
                                         {",8080", "\"\""},
                                         {"65536", "\"65536\""},
                                         {"1-65536", "\"1-65536\""},
                                         {"10-9", "\"10-9\""},
                                         {"-1", "\"-1\""},
                                         {"1-", "\"1-\""},
                                         {"1-2-3", "\"1-2-3\""},
                                         {"+1", "\"+1\""},
                                         {"1, 2", "\" 2\""},
                                         {"1 2", "\"1 2\""},
                                         {"0x10", "\"0x10\""},
                                         {"99999999999999999999", "\"99999999999999999999\""},
                                         {"1\n2", "\"1\\n2\""}}) {
    const absl::StatusOr<PortSet> ports = ParsePortList(row.list);
    EXPECT_EQ(ports.status().code(), absl::StatusCode::kInvalidArgument) << row.list;
    EXPECT_THAT(ports.status().message(), HasSubstr(row.quoted));
  }
}

TEST(PortListTest, TheLongestListFitsItsBound) {
  PortSet every_second;
  for (size_t port = 1; port < kPortCount; port += 2) every_second.set(port);
  EXPECT_LE(FormatPortList(every_second).size(), kPortListBytesMax);
  EXPECT_EQ(Parsed(FormatPortList(every_second)), every_second);
}

TEST(PortListTest, AnySetIsReadBackAsItself) {
  std::mt19937 random(20261130);
  for (int round = 0; round < 60; ++round) {
    PortSet ports;
    const uint32_t parts = random() % 300;
    for (uint32_t part = 0; part < parts; ++part) {
      const uint16_t first = static_cast<uint16_t>(random());
      ports |= PortsBetween(first, static_cast<uint16_t>(first | (random() & random() & random())));
    }
    EXPECT_EQ(Parsed(FormatPortList(ports)), ports) << "round " << round;
  }
}

// Bytes that are nearly a list: either an error, or ports whose list means the same.
TEST(PortListTest, NoBytesAreReadAsPortsThatTheyDoNotName) {
  constexpr char kAlphabet[] = "0123456789,-\n +x";
  std::mt19937 random(20261201);
  for (int round = 0; round < 4'000; ++round) {
    std::string text;
    const uint32_t length = random() % 12;
    for (uint32_t i = 0; i < length; ++i) text += kAlphabet[random() % (sizeof(kAlphabet) - 1)];
    const absl::StatusOr<PortSet> ports = ParsePortList(text);
    if (!ports.ok()) continue;
    EXPECT_EQ(Parsed(FormatPortList(*ports)), *ports) << text;
    EXPECT_EQ(text.find_first_of("+x"), text.npos) << text;
    EXPECT_EQ(ports->none(), text.find_first_of("0123456789") == text.npos) << text;
  }
}

}  // namespace
}  // namespace shunt::datapath
