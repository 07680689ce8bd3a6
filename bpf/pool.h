/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One complete set of backends: chooses a member by weight, and tells whether a backend is a member. */
#ifndef SHUNT_POOL_H
#define SHUNT_POOL_H

#include "bpf/frontend.h"

/* Returns the word of the pool's current set, or NULL. Read it once, and use that value for all that follows. */
static __always_inline __u64 *pool_of(__u32 pool)
{
	return bpf_map_lookup_elem(&pools, &pool);
}

/*
 * Returns the member at a point of the set, given in 64 bits as a fraction of it: two loads. Returns NULL if an id
 * points outside its map. REQUIRES: the word does not say that the pool is empty.
 */
static __always_inline const struct shunt_backend *backend_at(__u64 pool_word, __u32 high, __u32 low,
							      __u32 *backend)
{
	__u64 position = shunt_slot_position(high, low, shunt_pool_count(pool_word));
	__u32 slot_id = shunt_pool_first(pool_word) + (__u32)(position >> 32);
	const struct shunt_slot *slot = bpf_map_lookup_elem(&slots, &slot_id);

	if (!slot)
		return NULL;
	reader_window();
	*backend = (__u32)position < slot->threshold ? slot->backend : slot->alias;
	return bpf_map_lookup_elem(&backends, backend);
}

/* Draws a member with a probability proportional to its weight, as backend_at() returns it. */
static __always_inline const struct shunt_backend *choose_backend(__u64 pool_word, __u32 *backend)
{
	__u32 high = bpf_get_prandom_u32();

	return backend_at(pool_word, high, bpf_get_prandom_u32(), backend);
}

struct member_search {
	__u32 first_slot;
	__u32 backend;
	int found;
	int selectable;
};

static int member_step(__u32 offset, struct member_search *search)
{
	__u32 slot_id = search->first_slot + offset;
	const struct shunt_slot *slot = bpf_map_lookup_elem(&slots, &slot_id);

	if (!slot)
		return 1;
	if (slot->backend != search->backend)
		return 0;
	search->found = 1;
	search->selectable = slot->threshold != 0;
	return 1;
}

/*
 * Looks for a member by its own slot. Linear in the set, so it is only for a backend that is remembered from an earlier
 * set: once per remembered backend and change. Bound: SHUNT_POOL_COUNT_MAX.
 */
static __always_inline struct member_search find_member(__u64 pool_word, __u32 backend)
{
	struct member_search search = { .first_slot = shunt_pool_first(pool_word), .backend = backend };

	bpf_loop(shunt_pool_count(pool_word), member_step, &search, 0);
	return search;
}

#endif
