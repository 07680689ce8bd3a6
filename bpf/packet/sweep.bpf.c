// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The collector: ends flows that have been idle for too long, frees rows and ports that have rested, and says how full
 * the table is. A timer of the kernel calls it, so it goes on while there is no agent, as long as `sweeper` is pinned.
 * It evicts nothing: how full the table is only shortens how long what is not open may be idle.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "bpf/packet/flow.h"
#include "bpf/packet/sweep.h"

/* A map with a timer cannot be memory-mapped, so it has only what the collector needs itself. */
struct sweeper {
	struct bpf_timer timer;
	__u32 taken; /* in the round under way */
	__u32 kinds[SHUNT_FLOW_KIND_COUNT];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sweeper);
} sweeper SEC(".maps");

#define CLOCK_MONOTONIC 1
#define EBUSY 16

struct sweep {
	struct shunt_flow_level *level;
	struct sweeper *round;
	__u32 first_row;
	__u32 now;
	__u32 pressure;
};

/* Frees a row that has rested. The exchange makes sure that only one of two collectors does it. */
static __always_inline void free_rested(struct shunt_flow *row, __u32 row_id, __u32 state)
{
	if (!(state & SHUNT_FLOW_WITHDRAWN) || __sync_val_compare_and_swap(&row->state, state, 0) != state)
		return;
	if (row->flags & SHUNT_FLOW_SNAT)
		free_port(row);
	free_row(row_id);
}

static int sweep_row(__u32 step, struct sweep *sweep)
{
	__u32 row_id = sweep->first_row + step, index = row_id / 64, state;
	__u64 *taken = bpf_map_lookup_elem(&flow_taken, &index);
	enum shunt_flow_kind kind;
	struct shunt_flow *row;
	__s32 idle, limit;

	if (!taken || !(*(volatile __u64 *)taken >> (row_id & 63) & 1))
		return 0;
	sweep->round->taken++;
	row = flow_row(row_id);
	if (!row)
		return 0;
	state = *(volatile __u32 *)&row->state;
	if (!(state & (SHUNT_FLOW_SETTLED | SHUNT_FLOW_RETIRED)))
		return 0; /* it is being made */
	kind = shunt_flow_kind_of(row->protocol, state);
	sweep->round->kinds[kind & 7]++;
	idle = (__s32)(sweep->now - *(volatile __u32 *)&row->last_use);
	limit = (__s32)(shunt_flow_idle_s(row->protocol, state, sweep->pressure) * packet_config.hz);
	if (idle < limit) /* it is negative if another CPU has just used the flow */
		return 0;
	if (kind == SHUNT_FLOW_KIND_RETIRED)
		free_rested(row, row_id, state);
	else if (end_flow(row_id))
		sweep->level->ends[kind & 7]++;
	return 0;
}

static __always_inline __u32 pressure_of(__u32 taken)
{
	if (taken > packet_config.flows / 10 * 9)
		return 2;
	return taken > packet_config.flows / 4 * 3 ? 1 : 0;
}

static __always_inline void end_round(struct shunt_flow_level *level, struct sweeper *round)
{
	level->rows_taken = round->taken;
	*(volatile __u32 *)&level->pressure = pressure_of(round->taken);
	for (int kind = 0; kind < SHUNT_FLOW_KIND_COUNT; kind++) {
		level->kinds[kind] = round->kinds[kind];
		round->kinds[kind] = 0;
	}
	round->taken = 0;
	level->rounds++;
}

/* Goes over the next `rows` rows, at most to the end of the table; 0: as many as belong in a tick. */
static __always_inline void sweep_next(struct sweeper *round, __u32 rows)
{
	struct shunt_flow_level *level;
	struct sweep sweep = {};
	__u32 zero = 0, left;

	level = bpf_map_lookup_elem(&flow_level, &zero);
	if (!level)
		return;
	sweep.level = level;
	sweep.round = round;
	sweep.pressure = *(volatile __u32 *)&level->pressure;
	sweep.first_row = level->next_row & (packet_config.flows - 1);
	sweep.now = flow_clock();
	if (!rows) {
		rows = packet_config.flows / SHUNT_SWEEP_STEPS;
		if (rows < SHUNT_SWEEP_ROWS_MIN)
			rows = SHUNT_SWEEP_ROWS_MIN;
		if (sweep.pressure)
			rows *= SHUNT_SWEEP_HASTE;
	}
	left = packet_config.flows - sweep.first_row;
	if (rows > left)
		rows = left;
	if (sweep.now - level->tick > SHUNT_SWEEP_PAUSE_S * packet_config.hz)
		*(volatile __u64 *)&level->translating_since = 0;
	bpf_loop(rows, sweep_row, &sweep, 0);
	level->tick = sweep.now;
	level->next_row = (sweep.first_row + rows) & (packet_config.flows - 1);
	if (!level->next_row)
		end_round(level, round);
}

static int tick(void *map, __u32 *key, struct sweeper *round)
{
	sweep_next(round, 0);
	bpf_timer_start(&round->timer, SHUNT_SWEEP_TICK_NS, 0);
	return 0;
}

/* Starts the timer, or makes one that runs call this object's programs from its next tick on. */
SEC("syscall")
int arm_sweeper(struct shunt_sweep_order *order)
{
	__u32 zero = 0;
	struct sweeper *round = bpf_map_lookup_elem(&sweeper, &zero);
	long error;

	if (!round)
		return 0;
	error = bpf_timer_init(&round->timer, &sweeper, CLOCK_MONOTONIC);
	if (!error || error == -EBUSY)
		error = bpf_timer_set_callback(&round->timer, tick);
	if (!error)
		error = bpf_timer_start(&round->timer, SHUNT_SWEEP_TICK_NS, 0);
	order->error = error;
	return 0;
}

/* One step by hand: tests need no time, and what a table holds can be counted at once. */
SEC("syscall")
int sweep_rows(struct shunt_sweep_order *order)
{
	__u32 zero = 0;
	struct sweeper *round = bpf_map_lookup_elem(&sweeper, &zero);

	if (round)
		sweep_next(round, order->rows);
	order->jiffies = bpf_jiffies64();
	return 0;
}

/* Twice, with a pause between: how many jiffies a second has. */
SEC("syscall")
int read_jiffies(struct shunt_sweep_order *order)
{
	order->jiffies = bpf_jiffies64();
	return 0;
}

char sweep_license[] SEC("license") = "Dual BSD/GPL";
