/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Finds the flow of a packet, keeps it alive, and ends it. flow_create.h begins one. */
#ifndef SHUNT_FLOW_H
#define SHUNT_FLOW_H

#include "bpf/frontend.h"
#include "bpf/packet/flow_life.h"
#include "bpf/packet/snat.h"

/* An index entry that leads to a flow, and where it was read. */
struct flow_place {
	__u64 entry;
	__u32 row;
	__u32 reverse; /* 1: the tuple was that of a reply */
	__u32 bucket;
	__u32 slot;
};

/* One direction of a flow, as its row and a tuple have it. */
struct flow_ends {
	struct shunt_address source;
	struct shunt_address destination;
	__be16 source_port;
	__be16 destination_port;
};
SHUNT_STATIC_ASSERT(__builtin_offsetof(struct shunt_flow_tuple, protocol) == sizeof(struct flow_ends));
SHUNT_STATIC_ASSERT(__builtin_offsetof(struct shunt_flow, protocol) == sizeof(struct flow_ends));
SHUNT_STATIC_ASSERT(__builtin_offsetof(struct shunt_flow, backend_address) + sizeof(struct flow_ends) ==
		    __builtin_offsetof(struct shunt_flow, backend));

static __always_inline const struct flow_ends *ends_of(const struct shunt_flow *row, __u32 reverse)
{
	return reverse ? (const struct flow_ends *)&row->backend_address
		       : (const struct flow_ends *)&row->client;
}

/* One branch: ten would give the verifier a thousand ways through a bucket. */
static __always_inline int same_ends(const struct flow_ends *a, const struct flow_ends *b)
{
	const __be32 *from = a->source.word, *other_from = b->source.word;
	const __be32 *to = a->destination.word, *other_to = b->destination.word;
	__u32 difference = a->source_port ^ b->source_port;

	difference |= a->destination_port ^ b->destination_port;
	difference |= (from[3] ^ other_from[3]) | (to[3] ^ other_to[3]);
	difference |= (from[2] ^ other_from[2]) | (to[2] ^ other_to[2]);
	difference |= (from[1] ^ other_from[1]) | (to[1] ^ other_to[1]);
	difference |= (from[0] ^ other_from[0]) | (to[0] ^ other_to[0]);
	return !difference;
}

static __always_inline struct shunt_flow *flow_row(__u32 row)
{
	return bpf_map_lookup_elem(&flow_rows, &row);
}

/* Returns the low half of the kernel's jiffies: the time of `last_use`. */
static __always_inline __u32 flow_clock(void)
{
	return (__u32)bpf_jiffies64();
}

static __always_inline volatile struct shunt_flow_bucket *flow_bucket(__u64 hash, __u32 probe)
{
	__u32 bucket = ((__u32)hash + probe) & packet_config.index_mask;

	return bpf_map_lookup_elem(&flow_index, &bucket);
}

static __always_inline __u32 entry_row(__u64 entry)
{
	return ((__u32)entry & ~SHUNT_FLOW_REVERSE) - 1;
}

static __always_inline void set_place(struct flow_place *place, __u64 entry, __u64 hash, __u32 probe,
				      __u32 slot)
{
	place->entry = entry;
	place->row = entry_row(entry);
	place->reverse = entry & SHUNT_FLOW_REVERSE ? 1 : 0;
	place->bucket = ((__u32)hash + probe) & packet_config.index_mask;
	place->slot = slot;
}

/* ---- find ------------------------------------------------------------------------------------- */

/*
 * Returns 1 and sets `*place` if a flow has this tuple, in either direction; 0 if none has, or if it has ended. Bound:
 * SHUNT_FLOW_PROBES buckets; nearly always it visits one. It is a global function, so that the verifier checks it once
 * per program and not once per call.
 */
__noinline __weak int find_flow(const struct shunt_flow_tuple *tuple, struct flow_place *place)
{
	__u64 hash;

	if (!tuple || !place)
		return 0;
	hash = shunt_flow_hash(packet_config.flow_seed, tuple);
	for (__u32 probe = 0; probe < SHUNT_FLOW_PROBES; probe++) {
		volatile struct shunt_flow_bucket *bucket = flow_bucket(hash, probe);

		if (!bucket)
			return 0;
#pragma unroll
		for (__u32 slot = 0; slot < SHUNT_FLOW_ENTRIES; slot++) {
			__u64 entry = bucket->entry[slot];
			__u32 reverse = entry & SHUNT_FLOW_REVERSE ? 1 : 0;
			const struct shunt_flow *row;

			if ((entry ^ hash) >> 32 || !(__u32)entry)
				continue;
			reader_window();
			row = flow_row(entry_row(entry));
			if (!row || row->protocol != tuple->protocol ||
			    !same_ends(ends_of(row, reverse), (const struct flow_ends *)tuple) ||
			    (*(volatile __u32 *)&row->state & (SHUNT_FLOW_SETTLED | SHUNT_FLOW_RETIRED)) !=
				    SHUNT_FLOW_SETTLED)
				continue;
			set_place(place, entry, hash, probe, slot);
			return 1;
		}
		if (!bucket->passed_over)
			return 0;
	}
	return 0;
}

static __always_inline struct shunt_flow *flow_at(const struct flow_place *place)
{
	return flow_row(place->row);
}

/*
 * Returns 1 if the entry still leads to the row: then everything that was read of the row before this call is the
 * flow's. Otherwise the row may already be another flow's, so what was read is worth nothing: the tuple has no flow.
 */
static __always_inline int still_leads(const struct flow_place *place)
{
	__u32 number = place->bucket, slot = place->slot;
	volatile struct shunt_flow_bucket *bucket;
	__u64 fence = 0;

	if (packet_config.weakly_ordered)
		__sync_fetch_and_add(&fence, 1); /* a full barrier */
	else
		asm volatile("" ::: "memory");
	bucket = bpf_map_lookup_elem(&flow_index, &number);
	if (!bucket || slot >= SHUNT_FLOW_ENTRIES)
		return 0;
	return bucket->entry[slot] == place->entry;
}

/* ---- packets of a flow ------------------------------------------------------------------------ */

/* `now` is flow_clock(). Writes at most once a second, so that CPUs do not fight for the line. */
static __always_inline void touch_flow(struct shunt_flow *row, __u32 now)
{
	volatile __u32 *last_use = &row->last_use;

	if ((__s32)(now - *last_use) >= (__s32)packet_config.hz)
		*last_use = now;
}

/*
 * Remembers what a packet says about the life of its flow. `tcp_flags` is the header's byte; 0 of UDP; SHUNT_TCP_RST of
 * an SCTP packet whose first chunk is ABORT or SHUTDOWN COMPLETE.
 */
static __always_inline void note_flags(struct shunt_flow *row, int reverse, __u8 tcp_flags)
{
	__u32 state = *(volatile __u32 *)&row->state, bits = 0;

	if (reverse)
		bits = SHUNT_FLOW_REPLIED;
	else if (state & SHUNT_FLOW_REPLIED && !(tcp_flags & SHUNT_TCP_SYN))
		bits = SHUNT_FLOW_CONFIRMED;
	if (tcp_flags & SHUNT_TCP_FIN)
		bits |= reverse ? SHUNT_FLOW_FIN_REVERSE : SHUNT_FLOW_FIN_FORWARD;
	if (tcp_flags & SHUNT_TCP_RST)
		bits |= SHUNT_FLOW_RESET;
	if (bits & ~state)
		__sync_fetch_and_or(&row->state, bits);
}

/* ---- entries ---------------------------------------------------------------------------------- */

/*
 * Stores `entry` in the first free place of its chain. Returns where, as 8 * probe + slot + 1, or 0 if the chain is
 * full. A bucket is marked as passed over before the entry is stored in a later one, so a reader that comes after the
 * entry was stored finds it.
 */
__noinline __weak __u32 store_entry(__u64 hash, __u64 entry)
{
	for (__u32 probe = 0; probe < SHUNT_FLOW_PROBES; probe++) {
		struct shunt_flow_bucket *bucket = (struct shunt_flow_bucket *)flow_bucket(hash, probe);

		if (!bucket)
			return 0;
#pragma unroll
		for (__u32 slot = 0; slot < SHUNT_FLOW_ENTRIES; slot++) {
			if (!*(volatile __u64 *)&bucket->entry[slot] &&
			    !__sync_val_compare_and_swap(&bucket->entry[slot], 0, entry))
				return 8 * probe + slot + 1;
		}
		__sync_fetch_and_add(&bucket->passed_over, 1);
	}
	for (__u32 probe = 0; probe < SHUNT_FLOW_PROBES; probe++) {
		struct shunt_flow_bucket *bucket = (struct shunt_flow_bucket *)flow_bucket(hash, probe);

		if (bucket)
			__sync_fetch_and_add(&bucket->passed_over, -1);
	}
	return 0;
}

/* Takes `entry` out of its chain, if it is there, and then the marks that it has made. */
__noinline __weak int remove_entry(__u64 hash, __u64 entry)
{
	__u32 passed = SHUNT_FLOW_PROBES;

	for (__u32 probe = 0; probe < SHUNT_FLOW_PROBES && passed == SHUNT_FLOW_PROBES; probe++) {
		struct shunt_flow_bucket *bucket = (struct shunt_flow_bucket *)flow_bucket(hash, probe);

		if (!bucket)
			return 0;
#pragma unroll
		for (__u32 slot = 0; slot < SHUNT_FLOW_ENTRIES; slot++) {
			if (*(volatile __u64 *)&bucket->entry[slot] == entry &&
			    __sync_bool_compare_and_swap(&bucket->entry[slot], entry, 0))
				passed = probe;
		}
	}
	if (passed == SHUNT_FLOW_PROBES)
		return 0;
	for (__u32 probe = 0; probe < SHUNT_FLOW_PROBES && probe < passed; probe++) {
		struct shunt_flow_bucket *bucket = (struct shunt_flow_bucket *)flow_bucket(hash, probe);

		if (bucket)
			__sync_fetch_and_add(&bucket->passed_over, -1);
	}
	return 1;
}

/* ---- end -------------------------------------------------------------------------------------- */

/* Returns the hash of one of a flow's tuples. It is a function of its own because it needs all registers. */
__noinline __weak __u64 flow_hash(const struct shunt_flow *flow, __u32 reverse)
{
	struct shunt_flow_tuple tuple;

	if (!flow)
		return 0;
	tuple = reverse ? shunt_reverse_tuple(flow) : shunt_forward_tuple(flow);
	return shunt_flow_hash(packet_config.flow_seed, &tuple);
}

/* Takes a retired flow's entries away. From then on its row and port rest for a grace period, because readers may still
 * hold the row, and packets may be under way. REQUIRES: the caller has set SHUNT_FLOW_RETIRED or made the row. */
static __always_inline void withdraw_flow(struct shunt_flow *row, __u32 row_id)
{
	__u64 hash = flow_hash(row, 0);

	remove_entry(hash, shunt_flow_entry(hash, row_id, 0));
	hash = flow_hash(row, 1);
	remove_entry(hash, shunt_flow_entry(hash, row_id, 1));
	*(volatile __u32 *)&row->last_use = flow_clock();
	__sync_fetch_and_or(&row->state, SHUNT_FLOW_WITHDRAWN);
}

/* Ends a flow: its next packet finds none. Returns 0 if another has ended it. */
__noinline __weak int end_flow(__u32 row_id)
{
	struct shunt_flow *row = flow_row(row_id);

	if (!row || __sync_fetch_and_or(&row->state, SHUNT_FLOW_RETIRED) & SHUNT_FLOW_RETIRED)
		return 0;
	withdraw_flow(row, row_id);
	return 1;
}

/*
 * Ends the flow that was found here, before its time: its backend is gone, or its client begins again. A client begins
 * again if a TCP SYN or an SCTP INIT comes to a flow of SHUNT_FLOW_KIND_CLOSED (shunt_flow_kind_of()): end the old
 * flow, then create the new one. REQUIRES: still_leads().
 */
static __always_inline void retire_flow(const struct flow_place *place)
{
	end_flow(place->row);
}

/* Gives a row back. REQUIRES: no reader can hold it, and its state is 0. */
static __always_inline void free_row(__u32 row_id)
{
	__u32 index = row_id / 64;
	__u64 *taken = bpf_map_lookup_elem(&flow_taken, &index);

	if (taken)
		__sync_fetch_and_and(taken, ~(1ull << (row_id & 63)));
}

#endif
