/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a socket dialled and where it went. A socket's state is in its direct-mapped row of socket_state or, if that row
 * belongs to another live socket, in its socket storage; it is never in both. Neither is ever evicted: sock_release
 * frees rows, the kernel frees storage. After the size of socket_state was changed, sockets that had a row keep it, in
 * previous_state, for as long as they live.
 *
 * All functions run under the socket's lock; only the claim of a row races with other sockets.
 */
#ifndef SHUNT_SOCKET_STATE_H
#define SHUNT_SOCKET_STATE_H

#include "bpf/socket/socket_peers.h"

/* A socket's row and its bit, in socket_state and socket_taken or in the two maps before. */
struct row_position {
	__u32 row;
	__u64 *taken; /* the word that holds the bit; NULL only if the map is too small: a bug */
	__u64 bit;
};

static __always_inline struct row_position position_in(void *taken, __u32 mask, __u64 cookie)
{
	__u32 row = (__u32)cookie & mask;
	__u32 word = row >> 6;

	return (struct row_position){
		.row = row,
		.taken = bpf_map_lookup_elem(taken, &word),
		.bit = 1ull << (row & 63),
	};
}

static __always_inline struct row_position row_position(__u64 cookie)
{
	return position_in(&socket_taken, shunt_config.socket_mask, cookie);
}

static __always_inline struct row_position previous_position(__u64 cookie)
{
	return position_in(&previous_taken, shunt_config.previous_mask, cookie);
}

/* Returns the socket's own row of `states`, or NULL. */
static __always_inline struct shunt_socket_state *row_in(void *states, const struct row_position *position,
							 __u64 cookie)
{
	struct shunt_socket_state *row;

	if (!position->taken || !(*position->taken & position->bit))
		return NULL;
	row = bpf_map_lookup_elem(states, &position->row);
	return row && row->cookie == cookie ? row : NULL;
}

/*
 * Returns the row that the socket has had since before the size of socket_state was changed, or NULL. Not inlined,
 * because connect and sendmsg have no stack to spare.
 */
static __noinline struct shunt_socket_state *find_previous_row(__u64 cookie)
{
	struct row_position position = previous_position(cookie);

	return row_in(&previous_state, &position, cookie);
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
	struct shunt_socket_state *row = row_in(&socket_state, &position, cookie);

	if (!row && shunt_config.previous_mask)
		row = find_previous_row(cookie);
	return row ? row : find_stored_state(sk);
}

/* Returns NULL if the row is another socket's. */
static __always_inline struct shunt_socket_state *claim_in(void *states, const struct row_position *position,
							   __u64 cookie)
{
	struct shunt_socket_state *row;

	if (!position->taken || (*position->taken & position->bit) ||
	    (__sync_fetch_and_or(position->taken, position->bit) & position->bit))
		return NULL;
	row = bpf_map_lookup_elem(states, &position->row);
	if (row) {
		row->first.flags = 0;
		row->cookie = cookie;
	}
	return row;
}

static __noinline struct shunt_socket_state *claim_previous_row(__u64 cookie)
{
	struct row_position position = previous_position(cookie);

	return claim_in(&previous_state, &position, cookie);
}

static __always_inline struct shunt_socket_state *claim_row(__u64 cookie)
{
	struct row_position position = row_position(cookie);

	return claim_in(&socket_state, &position, cookie);
}

/* Creates the state of a socket that has none. Returns NULL only if the kernel has no memory for it. */
static __always_inline struct shunt_socket_state *claim_state(void *sk, __u64 cookie)
{
	struct shunt_socket_state *row =
		shunt_config.claims_previous ? claim_previous_row(cookie) : claim_row(cookie);

	return row ? row : store_state(sk);
}

/* Remembers a connect. It has sent nothing, so no answer is under way that a direct dial would have to wait for. */
static __always_inline void write_state(struct shunt_socket_state *state, const struct destination *dialled,
					const struct decision *decision)
{
	__u32 tick = (tick_now() - SHUNT_DIRECT_SILENCE) & SHUNT_TICK_MASK;

	write_translation(&state->first, dialled, decision, tick);
}

/* Remembers a UDP connect that was left as it is because `dialled` has no backend now. */
static __always_inline void write_unserved(struct shunt_socket_state *state,
					   const struct destination *dialled)
{
	state->first.dialled = dialled->address;
	state->first.dialled_port = dialled->port;
	state->first.flags |= SHUNT_STATE_UNSERVED;
}

static __always_inline int is_exempt(const struct shunt_socket_state *state)
{
	return state && (state->first.flags & SHUNT_STATE_EXEMPT);
}

static __always_inline int has_peers(const struct shunt_socket_state *state)
{
	return state && (state->first.flags & SHUNT_STATE_PEERS);
}

/* Forgets what the socket dialled before this connect(), so that it is not applied to the new peer. REQUIRES: its
 * peers are dropped. */
static __always_inline void reset_state(struct shunt_socket_state *state)
{
	if (state)
		state->first.flags &= SHUNT_STATE_EXEMPT;
}

/* Frees the closing socket's row for the next socket. The kernel frees storage itself. */
static __always_inline void release_state(struct bpf_sock *sk, __u64 cookie)
{
	struct row_position position = row_position(cookie);
	struct shunt_socket_state *row = row_in(&socket_state, &position, cookie);
	struct shunt_socket_state *state;

	if (!row && shunt_config.previous_mask) {
		position = previous_position(cookie);
		row = row_in(&previous_state, &position, cookie);
	}
	state = row ? row : find_stored_state(sk);
	if (!state)
		return;
	if (has_peers(state))
		drop_peers(sk, cookie, bpf_get_netns_cookie(sk));
	state->first.flags = 0;
	if (row && position.taken) {
		row->cookie = 0;
		/* The result is used, so this is fully ordered: the next owner writes its cookie after our 0. */
		if (!(__sync_fetch_and_and(position.taken, ~position.bit) & position.bit))
			count_reason(SHUNT_REASON_STATE_LOST);
	}
}

#endif
