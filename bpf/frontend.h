/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Finds the row of the frontend that a client dials: first the prefix filter, then the index. */
#ifndef SHUNT_FRONTEND_H
#define SHUNT_FRONTEND_H

#include "bpf/address.h"
#include "bpf/counters.h"

static int window_step(__u32 step, void *unused)
{
	return 0;
}

/* Pauses between two dependent loads, but only if a test asks for it. */
static __always_inline void reader_window(void)
{
	if (shunt_config.reader_window)
		bpf_loop(shunt_config.reader_window, window_step, NULL, 0);
}

/* Returns the sets that the address may be in; see may_be_in(). */
static __always_inline __u32 prefix_sets(const struct shunt_address *address)
{
	__u32 first = shunt_prefix_bit(address, 0);
	__u32 index = first >> 6;
	__u64 *word = bpf_map_lookup_elem(&prefix_filter, &index);

	return word ? (__u32)(*word >> (first & 63)) & ((1u << SHUNT_PREFIX_SETS) - 1) : 0;
}

/* Returns 0 if certainly no address that has `sets` is in `set`; any other value proves nothing. */
static __always_inline __u32 may_be_in(__u32 sets, enum shunt_prefix_set set)
{
	return sets & 1u << set;
}

static __always_inline int same_key(const struct shunt_frontend_key *a, const struct shunt_frontend_key *b)
{
	return same_address(&a->address, &b->address) && a->port == b->port && a->protocol == b->protocol;
}

/*
 * Returns the id + 1 of the key's row if this bucket names it, or 0. Reads each entry once: the row that its word names
 * stays as it is while this program runs.
 */
static __always_inline __u32 search_bucket(volatile struct shunt_index_bucket *bucket, __u64 hash,
					   const struct shunt_frontend_key *key)
{
#pragma unroll
	for (int i = 0; i < SHUNT_INDEX_ENTRIES; i++) {
		const struct shunt_frontend_row *row;
		__u64 entry = bucket->entry[i];
		__u32 row_id = (__u32)entry - 1;

		if ((entry ^ hash) >> 32 || !(__u32)entry)
			continue;
		reader_window();
		row = bpf_map_lookup_elem(&frontend_rows, &row_id);
		if (row && same_key(&row->key, key))
			return row_id + 1;
	}
	return 0;
}

struct row_search {
	struct shunt_frontend_key key;
	__u32 bucket;
	__u64 hash;
	__u32 row; /* id + 1, once found */
};

/* The rare case: a key that is stored past its own bucket. */
static int search_next_bucket(__u32 probe, struct row_search *search)
{
	volatile struct shunt_index_bucket *bucket;

	search->bucket = (search->bucket + 1) & shunt_config.index_mask;
	bucket = bpf_map_lookup_elem(&frontend_index, &search->bucket);
	if (!bucket)
		return 1;
	search->row = search_bucket(bucket, search->hash, &search->key);
	return search->row || !bucket->passed_over;
}

/*
 * Returns the id + 1 of `key`'s row, or 0. Bound: SHUNT_INDEX_PROBES buckets; nearly always it visits one. It is a
 * global function, so that the verifier checks it once per program and not once per call.
 */
__noinline __weak __u32 find_row_id(const struct shunt_frontend_key *key)
{
	volatile struct shunt_index_bucket *bucket;
	struct row_search search = {};
	__u32 row;

	if (!key)
		return 0;
	search.hash = shunt_key_hash(shunt_config.index_seed, key);
	search.bucket = (__u32)search.hash & shunt_config.index_mask;
	bucket = bpf_map_lookup_elem(&frontend_index, &search.bucket);
	if (!bucket)
		return 0;
	row = search_bucket(bucket, search.hash, key);
	if (row || !bucket->passed_over)
		return row;
	search.key = *key;
	bpf_loop(SHUNT_INDEX_PROBES - 1, search_next_bucket, &search, 0);
	return search.row;
}

static __always_inline const struct shunt_frontend_row *find_row(const struct shunt_frontend_key *key)
{
	__u32 row_id = find_row_id(key) - 1;

	return bpf_map_lookup_elem(&frontend_rows, &row_id);
}

/*
 * Returns the frontend that `key` dials: the exact one, or else a NodePort if the address is this node's own. If there
 * is no frontend, returns NULL and sets `*reason` to SHUNT_REASON_NOT_A_SERVICE, _HOST_ONLY or _UNUSED_PORT; the row of
 * the address tells them apart.
 */
static __always_inline const struct shunt_frontend_row *find_frontend(const struct shunt_frontend_key *key,
								      int on_host, __u32 *reason)
{
	struct shunt_frontend_key other = { .address = key->address };
	const struct shunt_frontend_row *row = find_row(key);
	__u16 flags;

	if (row)
		return row;
	*reason = SHUNT_REASON_NOT_A_SERVICE;
	row = find_row(&other);
	if (!row)
		return NULL;
	flags = row->flags;
	if (flags & SHUNT_ADDRESS_NODE) {
		if ((flags & SHUNT_ADDRESS_HOST_ONLY) && !on_host) {
			*reason = SHUNT_REASON_HOST_ONLY;
			return NULL;
		}
		other = (struct shunt_frontend_key){ .port = key->port, .protocol = key->protocol };
		if (is_v4(&key->address))
			other.address.word[2] = bpf_htonl(0xffff);
		row = find_row(&other);
		if (row)
			return row;
	}
	if (flags & SHUNT_ADDRESS_CLUSTER_IP)
		*reason = SHUNT_REASON_UNUSED_PORT;
	return NULL;
}

#endif
