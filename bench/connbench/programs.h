// SPDX-License-Identifier: Apache-2.0
// What the BPF programs on the arms' cgroups take, as the kernel's own run-time statistics say.
#ifndef SHUNT_BENCH_CONNBENCH_PROGRAMS_H_
#define SHUNT_BENCH_CONNBENCH_PROGRAMS_H_

#include "bench/connbench/arm.h"

// Remembers what every program that is attached to the arms' cgroups has run so far.
void collect_programs(struct arm *arms, int arm_count);

// Prints one line, which bench/run reads, for each of these programs that has run since: ns per run.
void report_programs(void);

#endif
