// SPDX-License-Identifier: Apache-2.0
// The process of an arm: a child in the arm's network namespace and cgroup, which works one block at a time when
// it is told to. Parent and child talk by two pipes; the samples are in memory that both share.
#ifndef SHUNT_BENCH_CONNBENCH_ARM_PROCESS_H_
#define SHUNT_BENCH_CONNBENCH_ARM_PROCESS_H_

#include "bench/connbench/arm.h"
#include "bench/connbench/modes.h"

// Opens the servers of arms[index] in its server namespace, or takes those of an earlier arm with the same
// namespace and port. The calling process is left in the server namespace.
void open_servers(struct arm *arms, int index);

// Starts the child of arms[index], whose servers are open. `home` is the network namespace that connbench was
// started in; a block has at most `block` iterations, a run `rounds` blocks.
void start_arm(struct arm *arms, int index, const struct mode *mode, int home, int rounds, int block);

// Runs one block of `count` iterations in the arm's child and waits for it. Returns 0 if the child died.
int run_block(struct arm *arm, int count);

// Lets every child end and waits for it.
void stop_arms(struct arm *arms, int arm_count);

#endif
