/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Begins a flow. Several CPUs may begin the same one at once: two packets of one socket, or a packet and its
 * repetition.
 *
 * Each makes a row of its own and stores both entries, and only then looks for rivals: other rows, not retired, with
 * one of its tuples. As entries are stored by an atomic, which is a full barrier, of two makers at least one sees the
 * other. It gives way to a rival that is settled, or that is not and has the lower row id; it retires one that is not
 * settled and has the higher id. Then it settles its own row, unless that has been retired meanwhile. "Settle" and
 * "retire if it is not settled" are atomic operations on one word, so of two rivals at most one is ever settled.
 */
#ifndef SHUNT_FLOW_CREATE_H
#define SHUNT_FLOW_CREATE_H

#include "bpf/packet/flow.h"

/* ---- rows ------------------------------------------------------------------------------------- */

#define SHUNT_ROW_CLAIM_WORDS 64
#define SHUNT_ROW_CLAIM_DENSE 8 /* words, as long as rows are claimed densely */

struct row_claim {
	__u32 first_word;
	__u32 claimed; /* id + 1, once there is one */
};

static int claim_row_step(__u32 step, struct row_claim *claim)
{
	__u32 index = (claim->first_word + step) & ((packet_config.flows - 1) / 64);
	__u64 *taken = bpf_map_lookup_elem(&flow_taken, &index);
	__u64 free;
	__u32 bit;

	if (!taken)
		return 1;
	free = ~*(volatile __u64 *)taken;
	if (!free)
		return 0;
	bit = (__u32)__builtin_ctzll(free);
	if (__sync_fetch_and_or(taken, 1ull << bit) >> bit & 1)
		return 0; /* another CPU was first */
	claim->claimed = index * 64 + bit + 1;
	return 1;
}

/* Returns in how many words, from the first on, new rows shall be: half of those rows were free in the last round. */
static __always_inline __u32 dense_words(void)
{
	__u32 zero = 0;
	struct shunt_flow_level *level = bpf_map_lookup_elem(&flow_level, &zero);

	return SHUNT_ROW_CLAIM_WORDS + (level ? level->rows_taken / 32 : 0);
}

/*
 * Claims a row and returns its id + 1, or 0: of SHUNT_ROW_CLAIM_WORDS words, from a random one on, all rows are taken.
 * It does not happen by chance before 99 % of all are. While flows are few their rows are close together, and so on few
 * pages of memory.
 */
__noinline __weak __u32 claim_row(void)
{
	__u32 random = bpf_get_prandom_u32(), dense = dense_words(), words = packet_config.flows / 64;
	struct row_claim claim = { .first_word = random };

	if (dense < words) {
		claim.first_word = random % dense;
		bpf_loop(SHUNT_ROW_CLAIM_DENSE, claim_row_step, &claim, 0);
		if (claim.claimed)
			return claim.claimed;
		/* More flows than in the last round. Behind those words, because they are full. */
		claim.first_word = dense + random % (words - dense);
	}
	bpf_loop(SHUNT_ROW_CLAIM_WORDS, claim_row_step, &claim, 0);
	return claim.claimed;
}

/* ---- rivals ----------------------------------------------------------------------------------- */

/* Returns 1 if `mine` goes before another row, which is retired now. */
static __always_inline int outranks(__u32 mine, __u32 other, struct shunt_flow *row)
{
	__u32 state = *(volatile __u32 *)&row->state;

	if (!state && mine < other) {
		state = __sync_val_compare_and_swap(&row->state, 0, SHUNT_FLOW_RETIRED);
		return !state || state & SHUNT_FLOW_RETIRED ? 1 : 0;
	}
	return state & SHUNT_FLOW_RETIRED ? 1 : 0;
}

/*
 * Finds another row, not retired, with the tuple that `own`, an entry of its chain, stands for. Returns 1 and where it
 * is, or 0. Two rows that agree in both tuples meet in the chain of the forward one, so in the other chain only a flow
 * of another frontend counts.
 */
__noinline __weak int find_rival(__u64 hash, __u64 own, struct flow_place *place)
{
	__u32 reverse = own & SHUNT_FLOW_REVERSE ? 1 : 0;
	const struct shunt_flow *mine = flow_row(entry_row(own));

	if (!mine || !place)
		return 0;
	for (__u32 probe = 0; probe < SHUNT_FLOW_PROBES; probe++) {
		volatile struct shunt_flow_bucket *bucket = flow_bucket(hash, probe);

		if (!bucket)
			return 0;
#pragma unroll
		for (__u32 slot = 0; slot < SHUNT_FLOW_ENTRIES; slot++) {
			__u64 entry = bucket->entry[slot];
			const struct shunt_flow *row;

			if ((entry ^ own) >> 31 || entry == own)
				continue;
			row = flow_row(entry_row(entry));
			barrier_var(mine); /* or clang keeps all of it on the stack */
			if (!row || row->protocol != mine->protocol ||
			    !same_ends(ends_of(row, reverse), ends_of(mine, reverse)) ||
			    (reverse && same_ends(ends_of(row, 0), ends_of(mine, 0))) ||
			    *(volatile __u32 *)&row->state & SHUNT_FLOW_RETIRED)
				continue;
			set_place(place, entry, hash, probe, slot);
			return 1;
		}
		if (!bucket->passed_over)
			return 0;
	}
	return 0;
}

#define SHUNT_RIVALS 8

/* Returns 1, and which in `place`, if a rival goes before the row of entry `own`. Retires the rivals that do not. */
static __always_inline int has_superior(__u64 hash, __u64 own, struct flow_place *place)
{
	for (int i = 0; i < SHUNT_RIVALS; i++) {
		struct shunt_flow *rival;

		if (!find_rival(hash, own, place))
			return 0;
		rival = flow_at(place);
		if (!rival || !outranks(entry_row(own), place->row, rival))
			return 1;
	}
	return 1;
}

/* ---- create ----------------------------------------------------------------------------------- */

/* Settles a row whose entries are stored, or finds out why it cannot be. Returns as create_flow(), and in `place` only
 * a winner. */
static __always_inline int settle_flow(struct shunt_flow *row, __u32 row_id, __u64 forward_hash,
				       __u64 reverse_hash, struct flow_place *place)
{
	__u64 own = shunt_flow_entry(forward_hash, row_id, 0);
	__u64 own_reply = shunt_flow_entry(reverse_hash, row_id, 1);
	struct shunt_flow *other;

	reader_window();
	if (has_superior(forward_hash, own, place))
		return 1;
	if (has_superior(reverse_hash, own_reply, place)) {
		other = flow_at(place);
		if (!other || shunt_flow_kind_of(other->protocol, other->state) != SHUNT_FLOW_KIND_CLOSED)
			return -SHUNT_REASON_REPLY_TAKEN;
		/* The client has closed that connection and uses its port again. */
		retire_flow(place);
		if (has_superior(reverse_hash, own_reply, place))
			return -SHUNT_REASON_REPLY_TAKEN;
	}
	if (!(__sync_fetch_and_or(&row->state, SHUNT_FLOW_SETTLED) & SHUNT_FLOW_RETIRED))
		return 0;
	return find_rival(forward_hash, own, place) ? 1 : -SHUNT_REASON_FLOW_LOST;
}

/*
 * Says that there is no room, for which reason, so that the collector ends idle flows sooner. `pressure` is as in
 * struct shunt_flow_level: for want of a port to one backend no open flow has to end.
 */
static __always_inline int no_room(__u32 reason, __u32 pressure)
{
	__u32 zero = 0;
	struct shunt_flow_level *level = bpf_map_lookup_elem(&flow_level, &zero);

	if (level && *(volatile __u32 *)&level->pressure < pressure)
		*(volatile __u32 *)&level->pressure = pressure;
	return -(int)reason;
}

/*
 * Begins a flow that find_flow() has not found. `flow` is complete except `state`, `last_use` and, if it has
 * SHUNT_FLOW_SNAT, `source_port`, which are set here. Returns
 *    0: created; `place` is its forward entry;
 *    1: another CPU was first; `place` is the winner's forward entry: read its row, and ask still_leads(), as after
 *       find_flow();
 *   -SHUNT_REASON_FLOWS_FULL, -SHUNT_REASON_SNAT_PORTS_FULL: no row, or no port towards this backend;
 *   -SHUNT_REASON_REPLY_TAKEN: without SNAT, the same client has a flow to this backend by another frontend, so replies
 *       could not be told apart: choose another backend, or SNAT;
 *   -SHUNT_REASON_FLOW_LOST: of three or more CPUs at once, none has won (drop the packet; its sender sends it again).
 */
__noinline __weak int create_flow(struct shunt_flow *flow, struct flow_place *place)
{
	__u64 forward_hash, reverse_hash;
	struct shunt_flow *row;
	__u32 row_id, stored;
	int result;

	if (!flow || !place)
		return -SHUNT_REASON_FLOW_LOST;
	row_id = claim_row() - 1;
	row = flow_row(row_id);
	if (!row)
		return no_room(SHUNT_REASON_FLOWS_FULL, 2);
	if (flow->flags & SHUNT_FLOW_SNAT) {
		flow->source_port = claim_port(flow);
		if (!flow->source_port) {
			free_row(row_id);
			return no_room(SHUNT_REASON_SNAT_PORTS_FULL, 1);
		}
	}
	flow->state = 0;
	flow->last_use = flow_clock();
	*row = *flow;
	reverse_hash = flow_hash(row, 1);
	forward_hash = flow_hash(row, 0);
	stored = store_entry(reverse_hash, shunt_flow_entry(reverse_hash, row_id, 1));
	if (stored)
		stored = store_entry(forward_hash, shunt_flow_entry(forward_hash, row_id, 0));
	result = stored ? settle_flow(row, row_id, forward_hash, reverse_hash, place)
			: no_room(SHUNT_REASON_FLOWS_FULL, 2);
	if (!result)
		set_place(place, shunt_flow_entry(forward_hash, row_id, 0), forward_hash, (stored - 1) / 8,
			  (stored - 1) & 7);
	if (result) {
		__sync_fetch_and_or(&row->state, SHUNT_FLOW_RETIRED);
		withdraw_flow(row, row_id);
	}
	return result;
}

#endif
