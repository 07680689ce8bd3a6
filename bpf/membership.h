/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whether a backend that a program remembers is still a member of its pool. */
#ifndef SHUNT_MEMBERSHIP_H
#define SHUNT_MEMBERSHIP_H

#include "bpf/pool.h"

/* True if the pool's set is still the one that `pool_word` names. */
static __always_inline int same_set(__u32 pool, __u64 pool_word)
{
	__u64 *word = pool_of(pool);

	return word && shunt_pool_is_same(pool_word, *(volatile __u64 *)word);
}

static __always_inline int is_its_backend(const struct shunt_translation *translation, __u32 backend)
{
	const struct shunt_backend *row = bpf_map_lookup_elem(&backends, &backend);

	return row && row->port == translation->backend_port &&
	       same_address(&row->address, &translation->backend_address);
}

struct address_search {
	__u32 first_slot;
	__u32 backend; /* id, if found */
	int found;
	const struct shunt_translation *translation;
};

static int address_step(__u32 offset, struct address_search *search)
{
	__u32 slot_id = search->first_slot + offset;
	const struct shunt_slot *slot = bpf_map_lookup_elem(&slots, &slot_id);

	if (!slot)
		return 1;
	search->backend = slot->backend;
	search->found = is_its_backend(search->translation, slot->backend);
	return search->found;
}

/*
 * True if the translation's backend is a member of `pool` now, with or without a share (a UDP flow stays while its
 * endpoint serves). If so, brings the translation up to date. Its id alone proves nothing, because ids are reused; and
 * a backend that went and came back, or that another agent has written, has another id. So if the id is not the
 * backend's, the address is looked for: that reads a row per member, once per translation and change.
 */
static __always_inline int still_member(struct shunt_translation *translation, __u32 pool)
{
	struct address_search search = { .backend = translation->backend, .translation = translation };
	__u64 *word = pool_of(pool);
	__u64 now;

	if (!word)
		return 0;
	now = *(volatile __u64 *)word;
	if (!find_member(now, translation->backend).found ||
	    !is_its_backend(translation, translation->backend)) {
		search.first_slot = shunt_pool_first(now);
		bpf_loop(shunt_pool_count(now), address_step, &search, 0);
		if (!search.found)
			return 0;
	}
	translation->pool_word = now;
	translation->pool = pool;
	translation->backend = search.backend;
	return 1;
}

#endif
