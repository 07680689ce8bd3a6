/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a socket dialled and where it went. A socket's state is in its direct-mapped row of socket_state or, if that row
 * belongs to another live socket, in its socket storage; it is never in both. Neither is ever evicted: sock_release
 * frees rows, the kernel frees storage.
 *
 * All functions run under the socket's lock; only the claim of a row races with other sockets.
 */
#ifndef SHUNT_SOCKET_STATE_H
#define SHUNT_SOCKET_STATE_H

#include "bpf/socket/socket_peers.h"

/* A socket's row of socket_state and its bit in socket_taken. */
struct row_position {
	__u32 row;
	__u64 *taken; /* the word that holds the bit; NULL only if the map is too small: a bug */
	__u64 bit;
};

static __always_inline struct row_position row_position(__u64 cookie)
{
	__u32 row = (__u32)cookie & shunt_config.socket_mask;
	__u32 word = row >> 6;

	return (struct row_position){
		.row = row,
		.taken = bpf_map_lookup_elem(&socket_taken, &word),
		.bit = 1ull << (row & 63),
	};
}

/* Returns the socket's own row, or NULL. */
static __always_inline struct shunt_socket_state *find_row_state(const struct row_position *position,
								 __u64 cookie)
{
	struct shunt_socket_state *row;

	if (!position->taken || !(*position->taken & position->bit))
		return NULL;
	row = bpf_map_lookup_elem(&socket_state, &position->row);
	return row && row->cookie == cookie ? row : NULL;
}

/* Looks in socket storage only once a socket has had to use it, because its row was taken: that is rare. */
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

/* An MPTCP connection is always in storage: it has no row. */
static __always_inline struct shunt_socket_state *mptcp_state(void *connection, __u64 flags)
{
	return bpf_sk_storage_get(&socket_storage, connection, NULL, flags);
}

/* Returns the socket's state, or NULL. `sk` is what the program's context offers for socket storage. */
static __always_inline struct shunt_socket_state *find_state(void *sk, __u64 cookie)
{
	struct row_position position = row_position(cookie);
	struct shunt_socket_state *row = find_row_state(&position, cookie);

	return row ? row : find_stored_state(sk);
}

/* Creates the state of a socket that has none. Returns NULL only if the kernel has no memory for it. */
static __always_inline struct shunt_socket_state *claim_state(void *sk, __u64 cookie)
{
	struct row_position position = row_position(cookie);
	struct shunt_socket_state *row;

	if (position.taken && !(*position.taken & position.bit) &&
	    !(__sync_fetch_and_or(position.taken, position.bit) & position.bit)) {
		row = bpf_map_lookup_elem(&socket_state, &position.row);
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

/* Forgets what the socket dialled before this connect(), so that it is not applied to the new peer. */
static __always_inline void reset_state(struct shunt_socket_state *state, __u64 cookie)
{
	if (!state)
		return;
	if (state->flags & SHUNT_STATE_PEERS)
		drop_peers(cookie);
	state->flags &= SHUNT_STATE_EXEMPT;
}

/* Frees the closing socket's row for the next socket. The kernel frees storage itself. */
static __always_inline void release_state(void *sk, __u64 cookie)
{
	struct row_position position = row_position(cookie);
	struct shunt_socket_state *row = find_row_state(&position, cookie);
	struct shunt_socket_state *state = row ? row : find_stored_state(sk);

	if (!state)
		return;
	if (state->flags & SHUNT_STATE_PEERS)
		drop_peers(cookie);
	state->flags = 0;
	if (row && position.taken) {
		row->cookie = 0;
		/* The result is used, so this is fully ordered: the next owner writes its cookie after our 0. */
		if (!(__sync_fetch_and_and(position.taken, ~position.bit) & position.bit))
			count_reason(SHUNT_REASON_STATE_LOST);
	}
}

/* True if the pool's set is still the one that `pool_word` names. */
static __always_inline int same_set(__u32 pool, __u64 pool_word)
{
	__u64 *word = pool_of(pool);

	return word && shunt_pool_is_same(pool_word, *(volatile __u64 *)word);
}

/* The backend that datagrams went to before, and the pool and word under which it was right. */
struct remembered {
	__u64 *pool_word;
	__u32 *pool;
	__u32 backend;
	const struct shunt_address *address;
	__be16 port;
};

/*
 * True if the remembered backend is a member of `pool` now, with or without a share (a UDP flow stays while its
 * endpoint serves). If so, updates the remembered pool and word. Compares the address too, because ids are reused.
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
