// SPDX-License-Identifier: Apache-2.0
// How connbench gives up: a figure that could be wrong is not printed, so every failure ends the process.
#ifndef SHUNT_BENCH_CONNBENCH_FAIL_H_
#define SHUNT_BENCH_CONNBENCH_FAIL_H_

// Prints what failed, with errno in words if it is set, and exits with 1.
__attribute__((noreturn)) void die(const char *what);

#endif
