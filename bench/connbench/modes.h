// SPDX-License-Identifier: Apache-2.0
// The modes: which socket work is timed. The server side runs in the same thread, outside the timed window, so
// that no figure contains a context switch.
#ifndef SHUNT_BENCH_CONNBENCH_MODES_H_
#define SHUNT_BENCH_CONNBENCH_MODES_H_

#include "bench/connbench/arm.h"

struct mode {
	const char *name;
	int has_second; // whether the second figure means something
	// Runs `count` iterations towards the arm's destination, in the arm's own process, and fills in a sample
	// for each. Dies if a call fails or if the application is shown an address that it has not dialled.
	void (*run)(const struct arm *arm, struct sample *samples, int count);
};

// Returns NULL if there is no such mode.
const struct mode *find_mode(const char *name);

#endif
