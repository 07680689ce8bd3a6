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

#include "bpf/socket_peers.h"

static __always_inline struct shunt_socket_state *state_row(__u64 cookie)
{
	__u32 index = (__u32)cookie & shunt_config.socket_mask;

	return bpf_map_lookup_elem(&socket_state, &index);
}

/* The socket's state, or NULL. `sk` is what the program's context offers for socket storage. */
static __always_inline struct shunt_socket_state *find_state(void *sk, __u64 cookie)
{
	struct shunt_socket_state *row = state_row(cookie);

	if (row && row->cookie == cookie)
		return row;
	return bpf_sk_storage_get(&socket_storage, sk, NULL, 0);
}

/* The socket's state, made if there is none. NULL only if the kernel has no memory for it. */
static __always_inline struct shunt_socket_state *claim_state(void *sk, __u64 cookie)
{
	struct shunt_socket_state *state = find_state(sk, cookie);
	struct shunt_socket_state *row;

	if (state)
		return state;
	row = state_row(cookie);
	if (row && !row->cookie && !__sync_val_compare_and_swap(&row->cookie, 0, cookie))
		return row;
	return bpf_sk_storage_get(&socket_storage, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
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

/* The last of the socket: its row is free for the next from here on. */
static __always_inline void release_state(void *sk, __u64 cookie)
{
	struct shunt_socket_state *state = find_state(sk, cookie);

	if (!state)
		return;
	if (state->flags & SHUNT_STATE_PEERS)
		drop_peers(cookie);
	state->flags = 0;
	/* Orders the writes above before the row is seen free; in storage it changes nothing. */
	__sync_lock_test_and_set(&state->cookie, 0);
}

/*
 * True if a backend remembered under `pool_word` may be used again: the pool's set is unchanged, or the
 * backend is a member of the new one too, with or without a share (a UDP flow stays as long as its
 * endpoint serves). Brings `pool_word` up to date. The address is compared because ids are reused.
 */
static __always_inline int still_member(__u64 *pool_word, __u32 pool, __u32 backend,
					const struct shunt_address *address, __be16 port)
{
	__u64 *word = pool_of(pool);
	const struct shunt_backend *row;
	__u64 now;

	if (!word)
		return 0;
	now = *(volatile __u64 *)word;
	if (now == *pool_word)
		return 1;
	if (!shunt_pool_count(now) || !find_member(now, backend).found)
		return 0;
	row = bpf_map_lookup_elem(&backends, &backend);
	if (!row || row->port != port || !same_address(&row->address, address))
		return 0;
	*pool_word = now;
	return 1;
}

#endif
