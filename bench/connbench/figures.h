// SPDX-License-Identifier: Apache-2.0
// Medians over rounds of each arm against the first one: a noisy machine disturbs both alike.
#ifndef SHUNT_BENCH_CONNBENCH_FIGURES_H_
#define SHUNT_BENCH_CONNBENCH_FIGURES_H_

#include "bench/connbench/arm.h"

// Sorts the values.
double median_u32(uint32_t *values, int count);

// Prints one line for each arm, which bench/run reads. `figure` is 0 for the first timed call and 1 for the
// second; values[i] holds the `count` values of arm i, which are sorted, and round_medians those of the rounds.
void report_figure(struct arm *arms, int arm_count, int figure, uint32_t **values, int count, int rounds);

#endif
