// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Runs the flow table in the real kernel, without packets: BPF_PROG_TEST_RUN runs syscall programs. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "bpf/packet/flow_create.h"
#include "tests/bpf/flow_harness.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, FLOW_HARNESS_ORDERS);
	__type(key, __u32);
	__type(value, struct flow_order);
} orders SEC(".maps");

/* The row + 1 that a thread got for a flow's number. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, FLOW_HARNESS_ORDERS *FLOW_HARNESS_FLOWS);
	__type(key, __u32);
	__type(value, __u64);
} rows_got SEC(".maps");

static __always_inline struct flow_order *order_of(const struct flow_call *call)
{
	__u32 number = call->order;

	return bpf_map_lookup_elem(&orders, &number);
}

static __always_inline void say_place(struct flow_order *order, const struct flow_place *place)
{
	order->row = place->row;
	order->reverse = place->reverse;
}

SEC("syscall")
int find_one(struct flow_call *call)
{
	struct flow_order *order = order_of(call);
	struct flow_place place = {};
	struct shunt_flow *row;

	if (!order)
		return 0;
	order->result = find_flow(&order->tuple, &place);
	row = order->result ? flow_at(&place) : NULL;
	if (!row)
		return 0;
	order->flow = *row;
	order->leads = still_leads(&place);
	say_place(order, &place);
	return 0;
}

SEC("syscall")
int create_one(struct flow_call *call)
{
	struct flow_order *order = order_of(call);
	struct flow_place place = {};

	if (!order)
		return 0;
	order->result = create_flow(&order->flow, &place);
	order->leads = order->result >= 0 && still_leads(&place);
	say_place(order, &place);
	return 0;
}

SEC("syscall")
int retire_one(struct flow_call *call)
{
	struct flow_order *order = order_of(call);
	struct flow_place place = {};

	if (!order)
		return 0;
	order->result = find_flow(&order->tuple, &place);
	if (order->result && still_leads(&place))
		retire_flow(&place);
	return 0;
}

SEC("syscall")
int note_one(struct flow_call *call)
{
	struct flow_order *order = order_of(call);
	struct flow_place place = {};
	struct shunt_flow *row;

	if (!order)
		return 0;
	order->result = find_flow(&order->tuple, &place);
	row = order->result ? flow_at(&place) : NULL;
	if (!row)
		return 0;
	touch_flow(row, flow_clock());
	note_flags(row, place.reverse, order->flags);
	say_place(order, &place);
	return 0;
}

/* As the packet path does for a first packet. */
static __always_inline int begin_flow(struct shunt_flow *flow, struct flow_place *place)
{
	struct shunt_flow_tuple tuple = shunt_forward_tuple(flow);

	return find_flow(&tuple, place) ? 1 : create_flow(flow, place);
}

struct many {
	struct flow_order *order;
	__u32 thread;
};

static int create_step(__u32 step, struct many *many)
{
	__u32 index = many->thread * FLOW_HARNESS_FLOWS + (step & (FLOW_HARNESS_FLOWS - 1));
	__u64 *got = bpf_map_lookup_elem(&rows_got, &index);
	struct flow_order *order = many->order;
	struct flow_place place = {};
	int result;

	flow_of_number(order->first + step, &order->flow);
	result = begin_flow(&order->flow, &place);
	if (result < 0) {
		order->result = result;
		order->failures++;
	}
	if (got)
		*got = result < 0 ? 0 : place.row + 1;
	return 0;
}

SEC("syscall")
int create_many(struct flow_call *call)
{
	struct flow_order *order = order_of(call);
	struct many many = { .order = order, .thread = call->order };

	if (order)
		bpf_loop(order->count, create_step, &many, 0);
	return 0;
}

static int read_step(__u32 step, struct many *many)
{
	struct flow_order *order = many->order;
	struct shunt_flow_tuple tuple;
	struct flow_place place = {};
	struct shunt_flow *row;

	flow_of_number(order->first, &order->flow);
	tuple = shunt_forward_tuple(&order->flow);
	if (!find_flow(&tuple, &place))
		return 0;
	row = flow_at(&place);
	if (!row)
		return 1;
	/* The writer gives a flow's backend the same number everywhere. */
	order->row = *(volatile __u32 *)&row->backend;
	reader_window();
	order->reverse = *(volatile __be32 *)&row->backend_address.word[3];
	reader_window();
	order->flags = *(volatile __u32 *)&row->forward_device;
	if (!still_leads(&place))
		order->stale++;
	else if (order->row != order->reverse || order->row != order->flags)
		order->torn++;
	else
		order->result++;
	return 0;
}

SEC("syscall")
int read_many(struct flow_call *call)
{
	struct flow_order *order = order_of(call);
	struct many many = { .order = order };

	if (order)
		bpf_loop(order->count, read_step, &many, 0);
	return 0;
}

/*
 * Gives rows to other flows without a grace period. In turn, the tuple that readers look for and another one have a
 * row, and each time another backend. The same tuple comes back to a row only after 64 others. REQUIRES: 64 rows.
 */
static int churn_step(__u32 step, struct many *many)
{
	struct flow_order *order = many->order;
	__u32 number = order->first + step, zero = 0;
	__u64 *taken = bpf_map_lookup_elem(&flow_taken, &zero);
	struct shunt_flow *flow = &order->flow, *row;
	struct flow_place place = {};

	if (!taken)
		return 1;
	*(volatile __u64 *)taken = ~(1ull << (number / 2 & 63));
	flow->backend = number;
	flow->backend_address.word[3] = number;
	flow->forward_device = number;
	flow->client_port = number & 1;
	flow->source_port = number & 1;
	order->failures += create_flow(flow, &place) != 0;
	end_flow(place.row);
	row = flow_at(&place);
	if (!row)
		return 1;
	row->state = 0;
	free_row(place.row);
	return 0;
}

SEC("syscall")
int churn_many(struct flow_call *call)
{
	struct flow_order *order = order_of(call);
	struct many many = { .order = order };

	if (order)
		bpf_loop(order->count, churn_step, &many, 0);
	return 0;
}

/* Begins or ends one of a few flows, which meet in everything: in their tuples, and in the replies of two frontends. */
static int any_step(__u32 step, struct many *many)
{
	struct flow_order *order = many->order;
	__u32 random = bpf_get_prandom_u32(), number = random & 511;
	struct shunt_flow *flow = &order->flow;
	struct flow_place place = {};
	struct shunt_flow_tuple tuple;
	int result;

	flow->flags = number & 1 ? SHUNT_FLOW_SNAT : 0;
	flow->frontend_port = number >> 1 & 1;
	flow_of_number(number >> 2, flow);
	flow->source_port = flow->client_port;
	if (flow->flags & SHUNT_FLOW_SNAT)
		flow->source = flow->frontend;
	if (random >> 31) {
		result = begin_flow(flow, &place);
		if (result == -SHUNT_REASON_FLOWS_FULL)
			order->failures++;
		else if (result == -SHUNT_REASON_REPLY_TAKEN)
			order->stale++;
		else if (!result)
			order->result++;
		return 0;
	}
	tuple = shunt_forward_tuple(flow);
	if (find_flow(&tuple, &place) && still_leads(&place))
		retire_flow(&place);
	return 0;
}

SEC("syscall")
int any_many(struct flow_call *call)
{
	struct flow_order *order = order_of(call);
	struct many many = { .order = order };

	if (order)
		bpf_loop(order->count, any_step, &many, 0);
	return 0;
}

char flow_harness_license[] SEC("license") = "Dual BSD/GPL";
