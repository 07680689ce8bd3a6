/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Datagrams in pieces. Only the first fragment has ports, so it goes its way as any packet of its flow, and what it
 * tells is remembered under what all of them have in common: addresses, protocol and IP id. The others find it there,
 * and follow with nothing translated but their IP header.
 *
 * A fragment that comes before the first is kept as bytes, because a program cannot hold a packet. The first, once it
 * has gone its way, sends it again as if it came by the device, and then it is known. So a datagram arrives in whatever
 * order its fragments come, without a device of ours and without a CPU that turns in circles.
 *
 * A reply's fragment before its first is known only by an address that other traffic has too, so it waits only where
 * it is for an address of this node, and passes elsewhere.
 */
#ifndef SHUNT_FRAGMENT_H
#define SHUNT_FRAGMENT_H

#include "bpf/packet/begin.h"

/* How long a datagram's fragments count as one's: as long as Linux waits for them (net.ipv4.ipfrag_time). */
#define SHUNT_FRAGMENT_S 30

/* How long a fragment is kept for its first. The network does not reorder by more, and an id may be used again. */
#define SHUNT_WAITING_S 2

/* Fragments of one datagram are kept in one set. Where that is full, the oldest gives way. */
#define SHUNT_WAITING_SETS 16
#define SHUNT_WAITING_PLACES 16

/* ---- memory of these programs alone ----------------------------------------------------------- */

enum waiting_state {
	WAITING_FREE = 0,
	WAITING_BUSY = 1, /* a CPU writes it, or sends it */
	WAITING_KEPT = 2,
};

struct waiting {
	__u32 state; /* enum waiting_state, changed by compare-and-swap alone */
	__u32 since; /* low half of jiffies */
	__u32 length;
	__u32 device; /* by which it came */
	struct shunt_fragment_key key;
	__u8 frame[SHUNT_WAITING_BYTES];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SHUNT_WAITING_SETS *SHUNT_WAITING_PLACES);
	__type(key, __u32);
	__type(value, struct waiting);
} waiting SEC(".maps");

struct fragment_counts {
	__u32 next_id;
	__u32 waiting; /* places that are not free */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct fragment_counts);
} fragment_counts SEC(".maps");

static __always_inline struct fragment_counts *counts_of_fragments(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&fragment_counts, &zero);
}

static __always_inline struct waiting *waiting_place(__u32 place)
{
	return bpf_map_lookup_elem(&waiting, &place);
}

/* ---- ports ------------------------------------------------------------------------------------ */

static __always_inline int is_younger(__u32 since, __u32 seconds)
{
	return flow_clock() - since < seconds * packet_config.hz;
}

/*
 * Remembers the ports of a first fragment. Datagrams of two senders may have the same id, and could not be told apart
 * where both leave from one address: there each gets an id of this node's own. The same first fragment again keeps the
 * one that it has.
 */
static __always_inline void remember_ports(struct scratch *s)
{
	const struct shunt_flow_tuple *tuple = &s->packet.tuple;
	const struct shunt_fragment *known = bpf_map_lookup_elem(&fragments, &s->fragment);
	struct fragment_counts *counts = counts_of_fragments();
	struct shunt_fragment now = {
		.source_port = tuple->source_port,
		.destination_port = tuple->destination_port,
		.since = flow_clock(),
	};

	if (known && known->source_port == now.source_port &&
	    known->destination_port == now.destination_port && is_younger(known->since, SHUNT_FRAGMENT_S))
		now.id = known->id;
	else if (counts)
		now.id = (__u16)__sync_fetch_and_add(&counts->next_id, 1);
	bpf_map_update_elem(&fragments, &s->fragment, &now, BPF_ANY);
	s->packet.id = now.id;
	s->packet.recalled = RECALLED_PORTS;
}

/*
 * Remembers how a first fragment goes, for the others to go there too: with conntrack the stack puts a datagram
 * together, and drops it if a part has been sent past it. (The first is no shorter than the others, so none of them is
 * too big alone. Of one that is, the stack cuts what it has.) REQUIRES: the first is in the scratch row.
 */
static __always_inline void remember_way(const struct scratch *s, enum shunt_fragment_way way)
{
	struct shunt_fragment now = {
		.source_port = s->packet.tuple.source_port,
		.destination_port = s->packet.tuple.destination_port,
		.since = flow_clock(),
		.id = s->packet.id,
		.way = way,
	};

	if (s->packet.fragment == FRAGMENT_FIRST)
		bpf_map_update_elem(&fragments, &s->fragment, &now, BPF_ANY);
}

static __always_inline int find_ports(struct scratch *s)
{
	const struct shunt_fragment *known = bpf_map_lookup_elem(&fragments, &s->fragment);

	if (!known || !is_younger(known->since, SHUNT_FRAGMENT_S))
		return 0;
	s->packet.tuple.source_port = known->source_port;
	s->packet.tuple.destination_port = known->destination_port;
	s->packet.id = known->id;
	s->packet.recalled = known->way == SHUNT_FRAGMENT_TO_STACK ? RECALLED_TO_STACK : RECALLED_PORTS;
	return 1;
}

/*
 * Completes the fragment in the scratch row by its datagram's ports and, if it comes to need one, the id that it leaves
 * with. Returns 0 if they are unknown. REQUIRES: `fragment` of the row is the packet's.
 */
__noinline __weak int recall_ports(void)
{
	struct scratch *s = scratch_row();

	if (!s)
		return 0;
	if (s->packet.fragment == FRAGMENT_LATER)
		return find_ports(s);
	remember_ports(s);
	return 1;
}

/* Hands a fragment over to the functions of this file, which find it in the scratch row. Returns 0 if it cannot. A
 * function of its own, because it needs the stack of another. */
static __noinline int take_fragment(const struct packet *packet)
{
	struct scratch *s = scratch_row();

	if (!s)
		return 0;
	s->packet = *packet;
	s->fragment = (struct shunt_fragment_key){
		.source = packet->tuple.source,
		.destination = packet->tuple.destination,
		.id = packet->id,
		.protocol = packet->tuple.protocol,
	};
	return 1;
}

/* Forgets an earlier datagram with what this first fragment of another's has in common with it, so that the others of
 * this one are not taken for its. */
static __always_inline void forget_ports(const struct packet *packet)
{
	struct scratch *s;

	if (packet->fragment != FRAGMENT_FIRST || !take_fragment(packet))
		return;
	s = scratch_row();
	if (s)
		bpf_map_delete_elem(&fragments, &s->fragment);
}

/* ---- fragments before the first --------------------------------------------------------------- */

/* Returns the first place of the set for a datagram's fragments. */
static __always_inline __u32 waiting_set(const struct shunt_fragment_key *key)
{
	struct shunt_flow_tuple tuple = {
		.source = key->source,
		.destination = key->destination,
		.protocol = key->protocol,
	};
	__u64 hash = shunt_flow_hash(packet_config.flow_seed, &tuple);

	return ((__u32)shunt_hash(hash, 0, key->id) & (SHUNT_WAITING_SETS - 1)) * SHUNT_WAITING_PLACES;
}

static __always_inline int same_datagram(const struct shunt_fragment_key *a,
					 const struct shunt_fragment_key *b)
{
	return a->id == b->id && a->protocol == b->protocol && same_address(&a->source, &b->source) &&
	       same_address(&a->destination, &b->destination);
}

static __always_inline int swap_state(struct waiting *place, __u32 from, __u32 to)
{
	return __sync_val_compare_and_swap(&place->state, from, to) == from;
}

static __always_inline void free_place(struct waiting *place)
{
	struct fragment_counts *counts = counts_of_fragments();

	swap_state(place, WAITING_BUSY, WAITING_FREE);
	if (counts)
		__sync_fetch_and_add(&counts->waiting, -1);
}

/* Takes a free place of the set, or the oldest's. Returns its number, now WAITING_BUSY, or -1: others were faster. */
static __noinline int take_place(__u32 set)
{
	struct fragment_counts *counts = counts_of_fragments();
	__u32 oldest = set, age = 0, now = flow_clock();
	struct waiting *place;

	for (__u32 i = 0; i < SHUNT_WAITING_PLACES; i++) {
		place = waiting_place(set + i);
		if (!place || !counts)
			return -1;
		if (!*(volatile __u32 *)&place->state && swap_state(place, WAITING_FREE, WAITING_BUSY)) {
			__sync_fetch_and_add(&counts->waiting, 1);
			return set + i;
		}
		if (now - *(volatile __u32 *)&place->since >= age) {
			age = now - *(volatile __u32 *)&place->since;
			oldest = set + i;
		}
	}
	place = waiting_place(oldest);
	return place && swap_state(place, WAITING_KEPT, WAITING_BUSY) ? (int)oldest : -1;
}

enum kept {
	KEPT_NOT = 0,
	KEPT = 1,
	KEPT_NO_LONGER = 2, /* its first has come meanwhile on another CPU, so it is complete now */
};

/*
 * Returns the length if a frame of it has an Ethernet header and at most SHUNT_WAITING_BYTES, else 0. It is one
 * comparison of one value, of which the result is made: Linux 6.1 knows of a copy nothing that it has learned of
 * another, and clang would compare one and go on with the other.
 */
static __always_inline __u32 length_that_fits(__u32 length)
{
	__u32 rest = length - sizeof(struct ethhdr);

	barrier_var(rest);
	if (rest > SHUNT_WAITING_BYTES - sizeof(struct ethhdr))
		return 0;
	return rest + sizeof(struct ethhdr);
}

/* Copies the frame to where there is room for SHUNT_WAITING_BYTES. Returns its length, or 0 if it does not fit. */
static __always_inline __u32 copy_frame(frame_t *frame, __u8 *to)
{
	__u32 length = length_that_fits(frame->len);

	return !length || bpf_skb_load_bytes(frame, 0, to, length) ? 0 : length;
}

/* Keeps the frame of the fragment in the scratch row. Returns enum kept. */
__noinline __weak int keep_frame(frame_t *frame)
{
	struct scratch *s = scratch_row();
	struct waiting *place;

	if (!s || frame->len > SHUNT_WAITING_BYTES)
		return KEPT_NOT;
	place = waiting_place(take_place(waiting_set(&s->fragment)));
	if (!place)
		return KEPT_NOT;
	place->key = s->fragment;
	place->since = flow_clock();
	place->device = device_of_frame(frame);
	place->length = copy_frame(frame, place->frame);
	if (!place->length) {
		free_place(place);
		return KEPT_NOT;
	}
	swap_state(place, WAITING_BUSY, WAITING_KEPT);
	/* The first remembers its ports and then looks here: of two CPUs at least one sees the other. */
	if (!find_ports(s) || !swap_state(place, WAITING_KEPT, WAITING_BUSY))
		return KEPT;
	free_place(place);
	return KEPT_NO_LONGER;
}

/* Returns 0 if certainly nothing is translated that goes to the address. Other pods are in a node's own prefix. */
static __always_inline int may_be_frontends(const struct shunt_address *address, __u32 sets)
{
	return may_be_in(sets, SHUNT_PREFIX_SERVICES) || may_be_in(sets, SHUNT_PREFIX_PORTS) ||
	       (may_be_in(sets, SHUNT_PREFIX_FRONTENDS) && is_own_address(address));
}

/*
 * Decides about a later fragment whose datagram is unknown. What may be for the host itself goes there as well: if it
 * is, its first had no port of ours and is there; if it is not, the host never gets the first, and drops the rest when
 * it has waited long enough. Returns the hook's verdict, or RECALLED.
 */
__noinline __weak int await_first(frame_t *frame)
{
	struct scratch *s = scratch_row();
	const struct shunt_address *to;
	__u32 sets;
	int kept;

	if (!s || shunt_config.observe)
		return pass_frame();
	to = &s->packet.tuple.destination;
	sets = prefix_sets(to);
	if (!may_be_frontends(to, sets) || !is_to_host(frame))
		return pass_frame();
	kept = keep_frame(frame);
	if (kept == KEPT_NO_LONGER)
		return RECALLED;
	count_reason(kept == KEPT ? SHUNT_REASON_FRAGMENT_EARLY : SHUNT_REASON_FRAGMENT_UNKEPT);
	return may_be_in(sets, SHUNT_PREFIX_SERVICES) && !is_own_address(to) ? drop_frame() : pass_frame();
}

/* ---- after the first -------------------------------------------------------------------------- */

/* Puts another frame in the place of the one in hand. Returns 0, or -1. */
static __always_inline int exchange_frame(frame_t *frame, const __u8 *bytes, __u32 length)
{
	if (bpf_skb_change_tail(frame, length, 0))
		return -1;
	length = length_that_fits(length);
	return !length || bpf_skb_store_bytes(frame, 0, bytes, length, BPF_F_INVALIDATE_HASH) ? -1 : 0;
}

/* Keeps what the frame in hand is, and makes it longer than any that it will carry: what the device has summed up of
 * its bytes, the kernel forgets only when a frame grows. */
static __always_inline int save_frame(frame_t *frame, struct scratch *s)
{
	s->saved_length = copy_frame(frame, s->frame);
	if (!s->saved_length || bpf_skb_change_tail(frame, SHUNT_WAITING_BYTES + 2, 0))
		return -1;
	s->is_saved = 1;
	return 0;
}

/* Sends what is kept at a place again, if it is of the datagram in the scratch row. */
__noinline __weak int send_again(frame_t *frame, __u32 number)
{
	struct waiting *place = waiting_place(number);
	struct scratch *s = scratch_row();
	__u32 length;

	if (!place || !s || *(volatile __u32 *)&place->state != WAITING_KEPT ||
	    !same_datagram(&place->key, &s->fragment) || !swap_state(place, WAITING_KEPT, WAITING_BUSY))
		return 0;
	barrier();
	if (!same_datagram(&place->key, &s->fragment)) { /* another's by now: it goes on waiting */
		swap_state(place, WAITING_BUSY, WAITING_KEPT);
		return 0;
	}
	length = *(volatile __u32 *)&place->length;
	if (is_younger(place->since, SHUNT_WAITING_S) && (s->is_saved || !save_frame(frame, s)) &&
	    !exchange_frame(frame, place->frame, length))
		bpf_clone_redirect(frame, place->device, BPF_F_INGRESS);
	free_place(place);
	return 0;
}

/*
 * Sends the fragments again that have come before this first one. The frame in hand, which may be translated already,
 * carries them, and in the end is what it was. Returns 0, or -1 if it is not.
 */
__noinline __weak int send_waiting(frame_t *frame)
{
	struct fragment_counts *counts = counts_of_fragments();
	struct scratch *s = scratch_row();
	__u32 set;

	if (!s || !counts || s->packet.fragment != FRAGMENT_FIRST)
		return 0;
	/* An atomic, because the ports must be stored before this look: see keep_frame(). */
	if (!__sync_val_compare_and_swap(&counts->waiting, 0, 0))
		return 0;
	s->is_saved = 0;
	set = waiting_set(&s->fragment);
	for (__u32 i = 0; i < SHUNT_WAITING_PLACES; i++)
		send_again(frame, set + i);
	return s->is_saved ? exchange_frame(frame, s->frame, *(volatile __u32 *)&s->saved_length) : 0;
}

#endif
