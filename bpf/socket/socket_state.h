/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a socket dialled and where it went. A socket's state lives in its direct-mapped row of
 * socket_state or, if that row belongs to another live socket, in its socket storage; never in both.
 * Neither can be evicted. Rows are freed by sock_release, storage by the kernel.
 *
 * All functions run under the socket's lock; only the claim of a row races with other sockets.
 */
#ifndef SHUNT_SOCKET_STATE_H
#define SHUNT_SOCKET_STATE_H

#include "bpf/socket/socket_peers.h"

/* Where a socket's row and its bit in socket_taken are. */
struct state_place {
	__u32 row;
	__u64 *taken; /* the word that holds the bit; NULL only if the map is too small: a bug */
	__u64 bit;
};

static __always_inline struct state_place state_place(__u64 cookie)
{
	__u32 row = (__u32)cookie & shunt_config.socket_mask;
	__u32 word = row >> 6;

	return (struct state_place){
		.row = row,
		.taken = bpf_map_lookup_elem(&socket_taken, &word),
		.bit = 1ull << (row & 63),
	};
}

/* The socket's own row, or NULL. */
static __always_inline struct shunt_socket_state *find_row_state(const struct state_place *place,
								 __u64 cookie)
{
	struct shunt_socket_state *row;

	if (!place->taken || !(*place->taken & place->bit))
		return NULL;
	row = bpf_map_lookup_elem(&socket_state, &place->row);
	return row && row->cookie == cookie ? row : NULL;
}

/* Sockets in storage because their row was taken are rare: until the first one, nobody looks there. */
static __always_inline struct shunt_socket_state *find_stored_state(void *sk)
{
	__u32 zero = 0;
	struct shunt_meta *row = bpf_map_lookup_elem(&meta, &zero);

	return row && row->storage_in_use ? bpf_sk_storage_get(&socket_storage, sk, NULL, 0) : NULL;
}

static __always_inline struct shunt_socket_state *store_state(void *sk)
{
	__u32 zero = 0;
	struct shunt_meta *row = bpf_map_lookup_elem(&meta, &zero);

	if (row)
		row->storage_in_use = 1;
	return bpf_sk_storage_get(&socket_storage, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
}

/* An MPTCP connection has no row, whoever else has to use storage. */
static __always_inline struct shunt_socket_state *mptcp_state(void *connection, __u64 flags)
{
	return bpf_sk_storage_get(&socket_storage, connection, NULL, flags);
}

/* The socket's state, or NULL. `sk` is what the program's context offers for socket storage. */
static __always_inline struct shunt_socket_state *find_state(void *sk, __u64 cookie)
{
	struct state_place place = state_place(cookie);
	struct shunt_socket_state *row = find_row_state(&place, cookie);

	return row ? row : find_stored_state(sk);
}

/* Makes the state of a socket that has none. NULL only if the kernel has no memory for it. */
static __always_inline struct shunt_socket_state *claim_state(void *sk, __u64 cookie)
{
	struct state_place place = state_place(cookie);
	struct shunt_socket_state *row;

	if (place.taken && !(*place.taken & place.bit) &&
	    !(__sync_fetch_and_or(place.taken, place.bit) & place.bit)) {
		row = bpf_map_lookup_elem(&socket_state, &place.row);
		if (row) {
			row->flags = 0;
			row->cookie = cookie;
			return row;
		}
	}
	return store_state(sk);
}

static __always_inline void write_state(struct shunt_socket_state *state, const struct destination *dialled,
					const struct decision *decision)
{
	state->pool_word = decision->pool_word;
	state->dialled = dialled->address;
	state->dialled_port = dialled->port;
	state->backend_address = decision->to.address;
	state->backend_port = decision->to.port;
	state->pool = decision->pool;
	state->backend = decision->backend;
	state->flags |= SHUNT_STATE_TRANSLATED;
}

static __always_inline int is_exempt(const struct shunt_socket_state *state)
{
	return state && (state->flags & SHUNT_STATE_EXEMPT);
}

/* connect() starts the socket anew: what it dialled before must not colour the new peer. */
static __always_inline void reset_state(struct shunt_socket_state *state, __u64 cookie)
{
	if (!state)
		return;
	if (state->flags & SHUNT_STATE_PEERS)
		drop_peers(cookie);
	state->flags &= SHUNT_STATE_EXEMPT;
}

/* The last of the socket: its row is free for the next from here on. The kernel frees storage itself. */
static __always_inline void release_state(void *sk, __u64 cookie)
{
	struct state_place place = state_place(cookie);
	struct shunt_socket_state *row = find_row_state(&place, cookie);
	struct shunt_socket_state *state = row ? row : find_stored_state(sk);

	if (!state)
		return;
	if (state->flags & SHUNT_STATE_PEERS)
		drop_peers(cookie);
	state->flags = 0;
	if (row && place.taken) {
		row->cookie = 0;
		/* Its result is used, so it is fully ordered: the next owner's cookie comes after our 0. */
		if (!(__sync_fetch_and_and(place.taken, ~place.bit) & place.bit))
			count_reason(SHUNT_REASON_STATE_LOST);
	}
}

/* True if the pool's set is still the one that `pool_word` names. */
static __always_inline int same_set(__u32 pool, __u64 pool_word)
{
	__u64 *word = pool_of(pool);

	return word && shunt_pool_is_same(pool_word, *(volatile __u64 *)word);
}

/* Where a datagram went before, and what made that right. */
struct remembered {
	__u64 *pool_word;
	__u32 *pool;
	__u32 backend;
	const struct shunt_address *address;
	__be16 port;
};

/*
 * True if the remembered backend is a member of `pool` now, with or without a share (a UDP flow stays as long as its
 * endpoint serves). Brings pool and word up to date. The address is compared because ids are reused.
 */
static __always_inline int still_member(const struct remembered *memory, __u32 pool)
{
	__u64 *word = pool_of(pool);
	const struct shunt_backend *row;
	__u64 now;

	if (!word)
		return 0;
	now = *(volatile __u64 *)word;
	if (!find_member(now, memory->backend).found)
		return 0;
	row = bpf_map_lookup_elem(&backends, &memory->backend);
	if (!row || row->port != memory->port || !same_address(&row->address, memory->address))
		return 0;
	*memory->pool_word = now;
	*memory->pool = pool;
	return 1;
}

#endif
