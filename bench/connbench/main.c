// SPDX-License-Identifier: Apache-2.0
/*
 * connbench - cost of a service translation, seen from the socket calls.
 *
 * Several ARMS run the same socket work towards different destinations and
 * are interleaved in short blocks on one CPU, so that a noisy machine disturbs
 * all of them alike.  An arm is a child process in its own network namespace
 * and cgroup.  The server side runs in the same thread, outside the timed
 * window, so no figure contains a context switch.
 *
 *   connbench -m MODE [-n ITERS] [-b BLOCK] [-c CPU] [-s] ARM [ARM...]
 *
 *   ARM   name,dst=A.B.C.D:PORT[,netns=PATH][,snetns=PATH][,cgroup=PATH]
 *             [,spread=N][,lport=PORT]
 *         netns   where the client's sockets live (default: this one)
 *         snetns  where the server listens (default: netns)
 *         cgroup  cgroup v2 directory the client joins (default: none)
 *         spread  each new socket picks dst + rand(N)
 *         lport   port the server listens on (default: 8080)
 *   -s    also print ns per run of the programs attached to the arms' cgroups
 *         (BPF run-time statistics, held only while this program runs; they
 *         cost some 30 ns per program run, so time and count apart)
 *
 * MODES                    first figure       second figure
 *   tcp-connect            connect()          socket()+connect()+close()
 *   udp-unconn             sendto()           recvfrom()     one socket per block
 *   udp-fresh              sendto()           socket()+sendto()+close()
 *   udp-conn               send()             recv()         connected socket
 *   udp-connect            connect()          socket()+connect()+close()
 *   peername               getpeername()      -
 *   tcp-rr                 1-byte round trip  -              one connection per block
 *   tcp-bulk               256 KiB one way    -              one connection per block
 *
 * The first arm is the base of the printed differences and ratios; both are
 * medians over the rounds of (arm's block median) against (base's).
 */
#define _GNU_SOURCE
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/connbench/connbench.h"

struct options {
	int iterations, block, cpu, stats;
	const struct mode *mode;
};

void die(const char *what)
{
	fprintf(stderr, "connbench: %s: %s\n", what, errno ? strerror(errno) : "failed");
	exit(1);
}

static struct options parse_options(int argc, char **argv)
{
	struct options o = { .iterations = 100000, .block = 500, .cpu = -1 };
	int opt;

	while ((opt = getopt(argc, argv, "m:n:b:c:s")) != -1) {
		switch (opt) {
		case 'm':
			o.mode = find_mode(optarg);
			break;
		case 'n':
			o.iterations = atoi(optarg);
			break;
		case 'b':
			o.block = atoi(optarg);
			break;
		case 'c':
			o.cpu = atoi(optarg);
			break;
		case 's':
			o.stats = 1;
			break;
		default:
			exit(2);
		}
	}
	if (!o.mode || optind == argc || o.block < 1 || o.iterations < o.block) {
		fprintf(stderr, "usage: connbench -m MODE [-n ITERS] [-b BLOCK] [-c CPU] [-s] ARM...\n");
		exit(2);
	}
	return o;
}

static void pin_to(int cpu)
{
	cpu_set_t set;

	if (cpu < 0)
		return;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("sched_setaffinity");
}

// Keeps the round's samples and their medians.
static void keep(const struct options *o, struct arm *a, uint32_t **all, int round, uint32_t *scratch)
{
	for (int w = 0; w <= o->mode->two; w++) {
		uint32_t *v = all[w] + (size_t)round * o->block;

		for (int j = 0; j < o->block; j++)
			v[j] = w ? a->samples[j].second : a->samples[j].first;
		memcpy(scratch, v, sizeof(*scratch) * o->block);
		a->round_median[w][round] = median_u32(scratch, o->block);
	}
}

// Interleaves the arms, each round beginning with the next; the round before the first warms up.
static int run_rounds(const struct options *o, struct arm *arms, int narms, int rounds, uint32_t *all[][2])
{
	uint32_t *scratch = calloc(o->block, sizeof(*scratch));

	for (int r = -1; r < rounds; r++) {
		if (r == 0 && o->stats)
			collect_programs(arms, narms);
		for (int k = 0; k < narms; k++) {
			int i = (k + (r & 0xffff)) % narms;

			if (!run_block(&arms[i], o->block)) {
				fprintf(stderr, "connbench: arm %s died\n", arms[i].name);
				return 1;
			}
			if (r >= 0)
				keep(o, &arms[i], all[i], r, scratch);
		}
	}
	free(scratch);
	return 0;
}

int main(int argc, char **argv)
{
	static struct arm arms[MAX_ARMS];
	static uint32_t *all[MAX_ARMS][2], *figure[MAX_ARMS];
	const struct options o = parse_options(argc, argv);
	const int rounds = o.iterations / o.block;
	int narms = 0, home;

	for (int i = optind; i < argc && narms < MAX_ARMS; i++)
		parse_arm(&arms[narms++], argv[i]);
	pin_to(o.cpu);
	home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	for (int i = 0; i < narms; i++)
		open_server(&arms[i], arms);
	for (int i = 0; i < narms; i++) {
		for (int w = 0; w < 2; w++)
			all[i][w] = calloc((size_t)rounds * o.block, sizeof(uint32_t));
		start_arm(arms, i, o.mode, home, rounds, o.block);
	}
	if (o.stats && bpf_enable_stats(BPF_STATS_RUN_TIME) < 0)
		die("bpf_enable_stats");
	if (run_rounds(&o, arms, narms, rounds, all))
		return 1;
	printf("%s rounds=%d block=%d stats=%d\n", o.mode->name, rounds, o.block, o.stats);
	for (int w = 0; w <= o.mode->two; w++) {
		for (int i = 0; i < narms; i++)
			figure[i] = all[i][w];
		report(arms, narms, w, figure, rounds * o.block, rounds);
	}
	if (o.stats)
		report_programs();
	for (int i = 0; i < narms; i++)
		close(arms[i].cmd[1]);
	for (int i = 0; i < narms; i++)
		waitpid(arms[i].pid, NULL, 0);
	return 0;
}
