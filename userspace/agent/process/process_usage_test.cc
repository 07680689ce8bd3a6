// SPDX-License-Identifier: Apache-2.0
#include "userspace/agent/process/process_usage.h"

#include <gtest/gtest.h>

#include <ctime>

namespace shunt::agent {
namespace {

TEST(ProcessUsageTest, TheKernelsFieldsAreFoundThoughTheNameLooksLikeThem) {
  const report::ProcessUsage usage = DecodeProcessFiles(
      {.stat = "42 (a ) b (c) S 1 42 42 0 -1 4194560 1 2 3 4 250 50 7 8 20 0 5 0 12300 104857600 2560 1 1 1\n",
       .limits = "Limit                     Soft Limit           Hard Limit           Units     \n"
                 "Max open files            1024                 524288               files     \n",
       .system_stat = "cpu  1 2 3\nbtime 1785000000\nprocesses 4\n",
       .ticks_per_second = 100,
       .page_bytes = 4096});
  EXPECT_DOUBLE_EQ(usage.cpu_seconds, 3.0);
  EXPECT_EQ(usage.virtual_bytes, 104857600u);
  EXPECT_EQ(usage.resident_bytes, 2560u * 4096);
  EXPECT_DOUBLE_EQ(usage.start_time_s, 1785000123.0);
  EXPECT_EQ(usage.descriptors_max, 1024u);
}

TEST(ProcessUsageTest, WhatIsNotThereIsNothing) {
  const report::ProcessUsage usage = DecodeProcessFiles({.stat = "42 (a) S 1", .limits = "Max open files unlimited"});
  EXPECT_EQ(usage.cpu_seconds, 0);
  EXPECT_EQ(usage.resident_bytes, 0u);
  EXPECT_EQ(usage.descriptors_max, 0u);
  EXPECT_EQ(DecodeProcessFiles({}).start_time_s, 0);
}

TEST(ProcessUsageTest, ThisProcessIsReadAsItIs) {
  const report::ProcessUsage usage = ReadProcessUsage();
  EXPECT_GT(usage.resident_bytes, 1u << 20);
  EXPECT_GE(usage.virtual_bytes, usage.resident_bytes);
  EXPECT_GE(usage.open_descriptors, 3u);
  EXPECT_GE(usage.descriptors_max, usage.open_descriptors);
  EXPECT_GT(usage.start_time_s, 1'700'000'000);
  EXPECT_LE(usage.start_time_s, static_cast<double>(std::time(nullptr)) + 1);
}

}  // namespace
}  // namespace shunt::agent
