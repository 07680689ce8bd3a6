// SPDX-License-Identifier: Apache-2.0
#ifndef SHUNT_TESTS_KERNEL_GUEST_H_
#define SHUNT_TESTS_KERNEL_GUEST_H_

#include <cstdlib>

namespace shunt::kernel_test {

// Returns whether this runs in a guest of tests/kernels, where a system call takes microseconds. A test that repeats
// does so less often there: enough to meet another kernel's code, not enough to meet every race.
inline bool InGuest() {
  return std::getenv("SHUNT_GUEST") != nullptr;
}

}  // namespace shunt::kernel_test

#endif  // SHUNT_TESTS_KERNEL_GUEST_H_
