// SPDX-License-Identifier: Apache-2.0
/*
 * connbench: what a service translation costs, seen from the socket calls.
 *
 * Several ARMS run the same socket work towards different destinations. They
 * are interleaved in short blocks on one CPU, so that a noisy machine disturbs
 * all of them alike. An arm is a child process in its own network namespace
 * and cgroup. The server side runs in the same thread, outside the timed
 * window, so that no figure contains a context switch.
 *
 *   connbench -m MODE [-n ITERS] [-b BLOCK] [-c CPU] [-s] ARM [ARM...]
 *
 *   ARM   name,dst=ADDRESS:PORT[,netns=PATH][,snetns=PATH][,cgroup=PATH]
 *             [,spread=N][,lport=PORT]
 *         dst     an IPv4 address, or an IPv6 address in brackets
 *         netns   where the client's sockets live (default: this one)
 *         snetns  where the server listens (default: netns)
 *         cgroup  cgroup v2 directory the client joins (default: none)
 *         spread  each new socket picks dst + rand(N)
 *         lport   port the server listens on (default: 8080)
 *   -s    also print ns per run of the programs attached to the arms' cgroups
 *         (BPF run-time statistics, held only while this program runs; they
 *         cost some 30 ns per program run: do not compare times of such a run)
 *
 * MODES                    first figure       second figure
 *   tcp-connect            connect()          socket()+connect()+close()
 *   udp-unconn             sendto()           recvfrom()     one socket per block
 *   udp-second             sendto()           recvfrom()     to the socket's second destination
 *   udp-fresh              sendto()           socket()+sendto()+close()
 *   udp-conn               send()             recv()         connected socket
 *   udp-connect            connect()          socket()+connect()+close()
 *   peername               getpeername()      -
 *   tcp-rr                 1-byte round trip  -              one connection per block
 *   tcp-bulk               256 KiB one way    -              one connection per block
 *
 * The first arm is the base of the printed differences and ratios. Both are
 * medians over the rounds: the arm's median of a block against the base's.
 *
 * Files in reading order: fail (how it gives up), arm (what an arm is), modes
 * (the work that is timed), arm_process (the child that does it), figures and
 * programs (what is printed), and this file (the rounds).
 */
#define _GNU_SOURCE
#include <bpf/bpf.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/connbench/arm.h"
#include "bench/connbench/arm_process.h"
#include "bench/connbench/fail.h"
#include "bench/connbench/figures.h"
#include "bench/connbench/modes.h"
#include "bench/connbench/programs.h"

struct options {
	int iterations, block, cpu, stats;
	const struct mode *mode;
};

// A run: the arms and every value that was measured of them.
struct run {
	struct arm arms[MAX_ARMS];
	int arm_count;
	int rounds;
	uint32_t *values[2][MAX_ARMS]; // by figure and arm: rounds * block values
	uint32_t *scratch;	       // block values
};

static struct options parse_options(int argc, char **argv)
{
	struct options options = { .iterations = 100000, .block = 500, .cpu = -1 };
	int option;

	while ((option = getopt(argc, argv, "m:n:b:c:s")) != -1) {
		switch (option) {
		case 'm':
			options.mode = find_mode(optarg);
			break;
		case 'n':
			options.iterations = atoi(optarg);
			break;
		case 'b':
			options.block = atoi(optarg);
			break;
		case 'c':
			options.cpu = atoi(optarg);
			break;
		case 's':
			options.stats = 1;
			break;
		default:
			exit(2);
		}
	}
	if (!options.mode || optind == argc || options.block < 1 || options.iterations < options.block) {
		fprintf(stderr, "usage: connbench -m MODE [-n ITERS] [-b BLOCK] [-c CPU] [-s] ARM...\n");
		exit(2);
	}
	return options;
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

static void start_arms(const struct options *options, struct run *run)
{
	const int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	for (int i = 0; i < run->arm_count; i++)
		open_servers(run->arms, i);
	for (int i = 0; i < run->arm_count; i++) {
		for (int figure = 0; figure < 2; figure++)
			run->values[figure][i] =
				calloc((size_t)run->rounds * options->block, sizeof(uint32_t));
		start_arm(run->arms, i, options->mode, home, run->rounds, options->block);
	}
	run->scratch = calloc(options->block, sizeof(*run->scratch));
}

// Keeps the samples of the arm's block of this round, and their median.
static void keep_block(const struct options *options, struct run *run, int index, int round)
{
	struct arm *arm = &run->arms[index];

	for (int figure = 0; figure <= options->mode->has_second; figure++) {
		uint32_t *values = run->values[figure][index] + (size_t)round * options->block;

		for (int i = 0; i < options->block; i++)
			values[i] = figure ? arm->samples[i].second : arm->samples[i].first;
		memcpy(run->scratch, values, sizeof(*values) * options->block);
		arm->round_medians[figure][round] = median_u32(run->scratch, options->block);
	}
}

// Runs a block of every arm. Each round begins with another arm, so that no arm is always the first.
static int run_round(const struct options *options, struct run *run, int round)
{
	for (int turn = 0; turn < run->arm_count; turn++) {
		int index = (turn + (round & 0xffff)) % run->arm_count;

		if (!run_block(&run->arms[index], options->block)) {
			fprintf(stderr, "connbench: arm %s died\n", run->arms[index].name);
			return 0;
		}
		if (round >= 0)
			keep_block(options, run, index, round);
	}
	return 1;
}

// Returns 0 if an arm died. Round -1 warms up and is not kept.
static int run_rounds(const struct options *options, struct run *run)
{
	for (int round = -1; round < run->rounds; round++) {
		if (round == 0 && options->stats)
			collect_programs(run->arms, run->arm_count);
		if (!run_round(options, run, round))
			return 0;
	}
	return 1;
}

static void report(const struct options *options, struct run *run)
{
	printf("%s rounds=%d block=%d stats=%d\n", options->mode->name, run->rounds, options->block,
	       options->stats);
	for (int figure = 0; figure <= options->mode->has_second; figure++)
		report_figure(run->arms, run->arm_count, figure, run->values[figure],
			      run->rounds * options->block, run->rounds);
	if (options->stats)
		report_programs();
}

int main(int argc, char **argv)
{
	static struct run run;
	const struct options options = parse_options(argc, argv);

	run.rounds = options.iterations / options.block;
	for (int i = optind; i < argc && run.arm_count < MAX_ARMS; i++)
		parse_arm(&run.arms[run.arm_count++], argv[i]);
	pin_to(options.cpu);
	start_arms(&options, &run);
	if (options.stats && bpf_enable_stats(BPF_STATS_RUN_TIME) < 0)
		die("bpf_enable_stats");
	if (!run_rounds(&options, &run))
		return 1;
	report(&options, &run);
	stop_arms(run.arms, run.arm_count);
	return 0;
}
