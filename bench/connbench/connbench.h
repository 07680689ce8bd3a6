// SPDX-License-Identifier: Apache-2.0
// One arm of the benchmark: a child process that does socket work towards one destination, in a network
// namespace and a cgroup of its own. The server side runs in the same thread, outside the timed window.
#ifndef SHUNT_BENCH_CONNBENCH_H_
#define SHUNT_BENCH_CONNBENCH_H_

#include <stdint.h>
#include <sys/types.h>

enum { MAX_ARMS = 8, MAX_PROGS = 64, BULK = 256 * 1024 };

// Two timed calls of one iteration, in ns; what they are depends on the mode.
struct sample {
	uint32_t first, second;
};

struct arm {
	char name[32];
	const char *netns, *snetns, *cgroup;
	uint32_t ip; // host order
	uint16_t port, lport;
	uint32_t spread;
	int tcp_listener, udp_server;
	int cmd[2], ack[2];
	pid_t pid;
	struct sample *samples; // shared with the child
	double *round_median[2];
};

struct mode {
	const char *name;
	int two; // the second figure means something
	void (*run)(const struct arm *, struct sample *, int);
};

// NULL if there is no such mode.
const struct mode *find_mode(const char *name);

// Prints what failed with errno's words and ends the process.
__attribute__((noreturn)) void die(const char *what);

// arms.c
void parse_arm(struct arm *a, char *spec);
void open_server(struct arm *a, const struct arm *before);
void start_arm(struct arm *arms, int index, const struct mode *m, int home, int rounds, int block);
// One block of `n` iterations in the arm's child. 0 if the child died.
int run_block(struct arm *a, int n);

// figures.c
double median_u32(uint32_t *v, int n);
void report(struct arm *arms, int narms, int which, uint32_t **all, int n, int rounds);

// programs.c: run-time statistics of the programs attached to the arms' cgroups
void collect_programs(struct arm *arms, int narms);
void report_programs(void);

#endif
