// SPDX-License-Identifier: Apache-2.0
// Where programs are attached is found among whatever is mounted.
#include "userspace/datapath/kernel/attach/cgroup_root.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace shunt::datapath {
namespace {

TEST(CgroupMounts, AreRootsWithTheUsualPlacesFirst) {
  constexpr char kUnified[] = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n";
  constexpr char kHybrid[] = "31 30 0:27 / /sys/fs/cgroup/unified rw,nosuid shared:5 - cgroup2 cgroup2 rw\n";
  constexpr char kVersion1[] = "32 30 0:28 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n";
  constexpr char kElsewhere[] = "40 23 0:26 / /run/my\\040cgroups rw - cgroup2 none rw\n";
  constexpr char kSubtree[] = "41 23 0:26 /system.slice /mnt rw - cgroup2 none rw\n";
  constexpr char kAbove[] = "42 23 0:26 /../.. /host/cgroup rw - cgroup2 none rw\n";
  constexpr char kBeside[] = "43 23 0:26 /../pod7 /mnt rw - cgroup2 none rw\n";
  struct Row {
    const char* why;
    std::string mounts;
    std::vector<std::string> found;
  };
  const Row rows[] = {
      {"a unified host", kUnified, {"/sys/fs/cgroup"}},
      {"a hybrid host", std::string(kVersion1) + kHybrid, {"/sys/fs/cgroup/unified"}},
      {"the usual place wins over an earlier mount; a space is escaped",
       std::string(kElsewhere) + kUnified,
       {"/sys/fs/cgroup", "/run/my cgroups"}},
      {"a mounted subtree is no root", kSubtree, {}},
      {"a container sees the host's root above its own",
       std::string(kAbove) + kUnified,
       {"/sys/fs/cgroup", "/host/cgroup"}},
      {"another cgroup beside it is no root", kBeside, {}},
      {"version 1 alone is none", kVersion1, {}},
      {"nothing is mounted", "", {}},
      {"a line cut short is passed over", std::string("30 23\n") + kUnified, {"/sys/fs/cgroup"}},
  };
  for (const Row& row : rows) EXPECT_EQ(CgroupMounts(row.mounts), row.found) << row.why;
}

TEST(CgroupMounts, BelowADirectoryAreThoseOfVersion2WhateverTheyShow) {
  constexpr char kHybrid[] =
      "30 23 0:25 / /host/cgroup rw - tmpfs tmpfs rw\n"
      "32 30 0:28 / /host/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
      "33 30 0:27 /docker/7 /host/cgroup/odd rw - cgroup2 cgroup2 rw\n"
      "31 30 0:27 /docker/7 /host/cgroup/unified rw,nosuid shared:5 - cgroup2 cgroup2 rw\n"
      "34 30 0:27 / /host/cgroups rw - cgroup2 cgroup2 rw\n";
  EXPECT_EQ(CgroupMountsBelow(kHybrid, "/host/cgroup"),
            (std::vector<std::string>{"/host/cgroup/unified", "/host/cgroup/odd"}));
  EXPECT_EQ(CgroupMountsBelow(kHybrid, "/host/cgroup/"), CgroupMountsBelow(kHybrid, "/host/cgroup"));
  EXPECT_EQ(CgroupMountsBelow(kHybrid, "/host/cgroup/cpu"), std::vector<std::string>());
}

}  // namespace
}  // namespace shunt::datapath
