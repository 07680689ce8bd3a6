// SPDX-License-Identifier: Apache-2.0
// For tests: what a process does that has few capabilities.
#ifndef SHUNT_DATAPATH_KERNEL_TESTING_CAPABILITIES_H_
#define SHUNT_DATAPATH_KERNEL_TESTING_CAPABILITIES_H_

#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <functional>
#include <thread>
#include <vector>

namespace shunt::datapath {

// Runs `work` in a thread that has no other capabilities than `kept`; this process keeps its own.
inline void WithCapabilities(const std::vector<int>& kept, const std::function<void()>& work) {
  std::thread([&] {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3]{};
    for (const int capability : kept) {
      sets[capability / 32].effective |= 1u << capability % 32;
      sets[capability / 32].permitted |= 1u << capability % 32;
    }
    ASSERT_EQ(syscall(SYS_capset, &header, sets), 0);
    work();
  }).join();
}

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_TESTING_CAPABILITIES_H_
