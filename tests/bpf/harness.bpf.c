// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Runs cases through the decision in the real kernel with the real maps. BPF_PROG_TEST_RUN does not run socket-address
 * programs, but it runs syscall programs and tc programs, and decision.h needs no socket.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "bpf/decision.h"
#include "tests/bpf/harness.h"

/* Returns 1 if the prefix filter alone decides. */
static __always_inline int is_filtered(struct harness_case *run)
{
	run->filtered = !may_be_in(prefix_sets(&run->key.address), SHUNT_PREFIX_FRONTENDS);
	run->verdict = VERDICT_PASS;
	run->reason = SHUNT_REASON_NOT_A_SERVICE;
	return run->filtered;
}

static __always_inline void write_outcome(struct harness_case *run, const struct decision *decision)
{
	run->verdict = decision->verdict;
	run->error = decision->error;
	run->reason = decision->reason;
	run->backend = decision->backend;
	run->to_address = decision->to.address;
	run->to_port = decision->to.port;
}

SEC("syscall")
int decide_case(struct harness_case *run)
{
	struct client client = socket_client(run->netns_cookie, run->on_loopback);
	struct shunt_frontend_key key = run->key;
	struct decision decision = {};

	if (is_filtered(run))
		return 0;
	decide(&key, &client, &decision);
	write_outcome(run, &decision);
	return 0;
}

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct harness_case);
} packet_case SEC(".maps");

/* Decides the case in packet_case; its own packet is of no interest. A syscall program may not use an LPM trie. */
SEC("tc")
int decide_packet_case(struct __sk_buff *unused)
{
	struct client client = { .kind = SHUNT_CLIENT_ADDRESS };
	struct decision decision = {};
	struct shunt_frontend_key key;
	struct harness_case *run;
	__u32 zero = 0;

	run = bpf_map_lookup_elem(&packet_case, &zero);
	if (!run || is_filtered(run))
		return 0;
	key = run->key;
	client.is_outside = run->is_outside;
	client.no_cluster_ip = run->no_cluster_ip;
	client.identity = run->source;
	decide(&key, &client, &decision);
	write_outcome(run, &decision);
	return 0;
}

/* Counts how often each member of a run of at most HARNESS_MEMBERS_MAX slots was drawn. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, HARNESS_MEMBERS_MAX);
	__type(key, __u32);
	__type(value, __u64);
} draws SEC(".maps");

static int draw_step(__u32 step, __u64 *pool_word)
{
	__u32 backend = 0;
	__u64 *count;

	if (!choose_backend(*pool_word, &backend))
		return 1;
	count = bpf_map_lookup_elem(&draws, &backend);
	if (count)
		(*count)++;
	return 0;
}

SEC("syscall")
int draw_many(struct harness_draw *run)
{
	__u64 pool_word = run->pool_word;

	bpf_loop(run->draws, draw_step, &pool_word, 0);
	return 0;
}

char harness_license[] SEC("license") = "Dual BSD/GPL";
