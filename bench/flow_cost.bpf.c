// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What finding, beginning and ending a flow costs, beside the same in the kernel's own hash. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "bench/flow_cost.h"
#include "bpf/packet/flow_create.h"

/* Preallocated, because a hash that is not allocates in the packet's path; one element for each direction. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 2 * FLOW_COST_ROWS);
	__type(key, struct shunt_flow_tuple);
	__type(value, struct shunt_flow);
} flow_hash_map SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct shunt_flow);
} first_flow SEC(".maps");

struct loop {
	struct shunt_flow *flow;
	__u32 flows;
	__u32 done;
};

static __always_inline void be_flow(struct loop *loop, __u32 number)
{
	struct shunt_flow *flow = loop->flow;

	flow->client.word[3] = bpf_htonl(0x0a000000 + number);
	flow->source = flow->client;
	flow->backend_address.word[3] = bpf_htonl(0x0af40000 + (number & 1023));
}

/* Becomes one of the flows, in an order that no prefetcher guesses. */
static __always_inline void be_any_flow(struct loop *loop, __u32 step)
{
	be_flow(loop, step * 2654435761u % loop->flows);
}

static int nothing_step(__u32 step, struct loop *loop)
{
	struct shunt_flow_tuple tuple;

	be_any_flow(loop, step);
	tuple = shunt_forward_tuple(loop->flow);
	barrier_var(loop);
	loop->done += tuple.source.word[3] != 0;
	return 0;
}

static int fill_step(__u32 step, struct loop *loop)
{
	struct flow_place place = {};
	struct shunt_flow_tuple tuple;

	be_flow(loop, step);
	loop->done += create_flow(loop->flow, &place) == 0;
	tuple = shunt_forward_tuple(loop->flow);
	bpf_map_update_elem(&flow_hash_map, &tuple, loop->flow, BPF_ANY);
	tuple = shunt_reverse_tuple(loop->flow);
	bpf_map_update_elem(&flow_hash_map, &tuple, loop->flow, BPF_ANY);
	return 0;
}

static int find_step(__u32 step, struct loop *loop)
{
	struct shunt_flow_tuple tuple;
	struct flow_place place = {};
	struct shunt_flow *row;

	be_any_flow(loop, step);
	tuple = shunt_forward_tuple(loop->flow);
	row = find_flow(&tuple, &place) ? flow_at(&place) : NULL;
	if (!row)
		return 0;
	touch_flow(row, flow_clock());
	loop->done +=
		row->backend_address.word[3] == loop->flow->backend_address.word[3] && still_leads(&place);
	return 0;
}

static int find_hash_step(__u32 step, struct loop *loop)
{
	struct shunt_flow_tuple tuple;
	struct shunt_flow *row;

	be_any_flow(loop, step);
	tuple = shunt_forward_tuple(loop->flow);
	row = bpf_map_lookup_elem(&flow_hash_map, &tuple);
	if (!row)
		return 0;
	touch_flow(row, flow_clock());
	loop->done += row->backend_address.word[3] == loop->flow->backend_address.word[3];
	return 0;
}

static int new_step(__u32 step, struct loop *loop)
{
	struct flow_place place = {};
	struct shunt_flow *row;

	be_any_flow(loop, step);
	if (create_flow(loop->flow, &place))
		return 0;
	end_flow(place.row);
	row = flow_at(&place);
	if (!row)
		return 0;
	row->state = 0;
	free_row(place.row);
	loop->done++;
	return 0;
}

static int new_hash_step(__u32 step, struct loop *loop)
{
	struct shunt_flow_tuple forward, reverse;
	long error;

	be_any_flow(loop, step);
	forward = shunt_forward_tuple(loop->flow);
	reverse = shunt_reverse_tuple(loop->flow);
	error = bpf_map_update_elem(&flow_hash_map, &forward, loop->flow, BPF_NOEXIST);
	error |= bpf_map_update_elem(&flow_hash_map, &reverse, loop->flow, BPF_NOEXIST);
	error |= bpf_map_delete_elem(&flow_hash_map, &forward);
	error |= bpf_map_delete_elem(&flow_hash_map, &reverse);
	loop->done += !error;
	return 0;
}

static int port_step(__u32 step, struct loop *loop)
{
	be_any_flow(loop, step);
	loop->flow->source_port = claim_port(loop->flow);
	if (!loop->flow->source_port)
		return 0;
	free_port(loop->flow);
	loop->done++;
	return 0;
}

SEC("syscall")
int measure(struct flow_cost_run *run)
{
	struct loop loop = { .flows = run->flows };
	__u32 zero = 0, count = run->count;
	__u64 start;

	loop.flow = bpf_map_lookup_elem(&first_flow, &zero);
	if (!loop.flow)
		return 0;
	start = bpf_ktime_get_ns();
	switch (run->work) {
	case FLOW_COST_NOTHING:
		bpf_loop(count, nothing_step, &loop, 0);
		break;
	case FLOW_COST_FILL:
		bpf_loop(count, fill_step, &loop, 0);
		break;
	case FLOW_COST_FIND:
		bpf_loop(count, find_step, &loop, 0);
		break;
	case FLOW_COST_FIND_HASH:
		bpf_loop(count, find_hash_step, &loop, 0);
		break;
	case FLOW_COST_NEW:
		bpf_loop(count, new_step, &loop, 0);
		break;
	case FLOW_COST_NEW_HASH:
		bpf_loop(count, new_hash_step, &loop, 0);
		break;
	case FLOW_COST_PORT:
		bpf_loop(count, port_step, &loop, 0);
		break;
	}
	run->ns = bpf_ktime_get_ns() - start;
	run->done = loop.done;
	return 0;
}

char flow_cost_license[] SEC("license") = "Dual BSD/GPL";
