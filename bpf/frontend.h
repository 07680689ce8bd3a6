/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From what a client dials to the frontend's row: the filter, the hash, and the row that proves itself. */
#ifndef SHUNT_FRONTEND_H
#define SHUNT_FRONTEND_H

#include "bpf/address.h"
#include "bpf/counters.h"

static int window_step(__u32 step, void *unused)
{
	return 0;
}

/* A pause between two dependent loads; nothing unless a test asks for it. */
static __always_inline void reader_window(void)
{
	if (shunt_config.reader_window)
		bpf_loop(shunt_config.reader_window, window_step, NULL, 0);
}

static __always_inline int filter_bit_set(__u32 bit)
{
	__u32 index = bit >> 6;
	__u64 *word = bpf_map_lookup_elem(&frontend_filter, &index);

	return word && (*word >> (bit & 63) & 1);
}

/* False proves that no frontend and no address row has this address. */
static __always_inline int may_be_frontend(const struct shunt_address *address)
{
	return filter_bit_set(shunt_filter_prefix_bit(address)) &&
	       filter_bit_set(shunt_filter_address_bit(address));
}

static __always_inline int same_key(const struct shunt_frontend_key *a, const struct shunt_frontend_key *b)
{
	return same_address(&a->address, &b->address) && a->port == b->port && a->protocol == b->protocol;
}

/* Why there is no row: SHUNT_REASON_NOT_A_SERVICE, _ROW_LOST or _DANGLING. */
struct row_lookup {
	const struct shunt_frontend_row *row;
	__u32 reason;
};

/*
 * The element that the hash returns may become another key's while we look at it, so the row id may be
 * foreign: the row's own key decides. A second look then finds the key's present element; if that too
 * changes hands under us, the caller fails the call rather than guess.
 */
static __always_inline struct row_lookup find_row(const struct shunt_frontend_key *key)
{
	struct row_lookup found = { .row = NULL, .reason = SHUNT_REASON_NOT_A_SERVICE };

	for (int look = 0; look < 2; look++) {
		volatile __u32 *id = bpf_map_lookup_elem(&frontends, key);
		const struct shunt_frontend_row *row;
		__u32 row_id;

		if (!id)
			return (struct row_lookup){ .row = NULL, .reason = SHUNT_REASON_NOT_A_SERVICE };
		reader_window();
		row_id = *id;
		row = bpf_map_lookup_elem(&frontend_rows, &row_id);
		if (!row)
			return (struct row_lookup){ .row = NULL, .reason = SHUNT_REASON_DANGLING };
		if (same_key(&row->key, key)) {
			found.row = row;
			return found;
		}
		count_reason(SHUNT_REASON_ROW_REUSED);
	}
	found.reason = SHUNT_REASON_ROW_LOST;
	return found;
}

/*
 * The frontend that `key` dials: the exact one, else a NodePort if the address is this node's own. A
 * ClusterIP's unused port is told apart from a stranger's address by the address row.
 */
static __always_inline struct row_lookup find_frontend(const struct shunt_frontend_key *key, int on_host)
{
	struct shunt_frontend_key other = { .address = key->address };
	struct row_lookup found = find_row(key);
	__u16 flags;

	if (found.row || found.reason != SHUNT_REASON_NOT_A_SERVICE)
		return found;
	found = find_row(&other);
	if (!found.row)
		return found;
	flags = found.row->flags;
	if (flags & SHUNT_ADDRESS_NODE) {
		if ((flags & SHUNT_ADDRESS_HOST_ONLY) && !on_host)
			return (struct row_lookup){ .row = NULL, .reason = SHUNT_REASON_HOST_ONLY };
		other = (struct shunt_frontend_key){ .port = key->port, .protocol = key->protocol };
		if (is_v4(&key->address))
			other.address.word[2] = bpf_htonl(0xffff);
		found = find_row(&other);
		if (found.row || found.reason != SHUNT_REASON_NOT_A_SERVICE)
			return found;
	}
	found.row = NULL;
	found.reason = flags & SHUNT_ADDRESS_CLUSTER_IP ? SHUNT_REASON_UNUSED_PORT : SHUNT_REASON_NOT_A_SERVICE;
	return found;
}

#endif
