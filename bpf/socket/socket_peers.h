/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The second and further destinations of an unconnected UDP socket. The near ones are in the socket's own storage; the
 * far ones, beyond those, in a hash that all sockets share, with a limit for each socket and each network namespace.
 * Every function runs under the socket's lock (the kernel takes it around connect, sendmsg and recvmsg hooks) or on its
 * last reference. `sk` is what the program's context offers for socket storage.
 */
#ifndef SHUNT_SOCKET_PEERS_H
#define SHUNT_SOCKET_PEERS_H

#include "bpf/socket/translation.h"

/* Who sends. */
struct sender {
	__u64 cookie;
	__u64 netns_cookie;
};

/* ---- near --------------------------------------------------------------------------------- */

static __always_inline struct shunt_near_peers *near_peers(void *sk, __u64 flags)
{
	return bpf_sk_storage_get(&socket_near_peers, sk, NULL, flags);
}

/*
 * Returns the index of the near peer that `dialled` leads to, or SHUNT_NEAR_PEERS. It and find_near_answering() are
 * global functions, so that the verifier checks each once per program and not once per call and peer.
 */
__noinline __weak __u32 find_near(const struct shunt_near_peers *near, const struct destination *dialled)
{
	if (!near || !dialled)
		return SHUNT_NEAR_PEERS;
#pragma unroll
	for (__u32 i = 0; i < SHUNT_NEAR_PEERS; i++) {
		if (i < near->count && leads_from(&near->peer[i], dialled))
			return i;
	}
	return SHUNT_NEAR_PEERS;
}

/* Returns the index of the near peer that answers for `backend`, or SHUNT_NEAR_PEERS. */
__noinline __weak __u32 find_near_answering(const struct shunt_near_peers *near,
					    const struct destination *backend)
{
	if (!near || !backend)
		return SHUNT_NEAR_PEERS;
#pragma unroll
	for (__u32 i = 0; i < SHUNT_NEAR_PEERS; i++) {
		if (i < near->count && answers(&near->peer[i], backend))
			return i;
	}
	return SHUNT_NEAR_PEERS;
}

/* ---- far ---------------------------------------------------------------------------------- */

static __always_inline struct shunt_peer_key peer_key(__u64 cookie, const struct destination *at,
						      __u8 direction)
{
	return (struct shunt_peer_key){
		.cookie = cookie,
		.address = at->address,
		.port = at->port,
		.direction = direction,
	};
}

static __always_inline struct shunt_peer *find_peer(__u64 cookie, const struct destination *at,
						    __u8 direction)
{
	struct shunt_peer_key key = peer_key(cookie, at, direction);

	return bpf_map_lookup_elem(&socket_peers, &key);
}

/* Returns the translation of the far peer that answers for `backend`, or NULL. */
static __noinline struct shunt_translation *find_far_answering(__u64 cookie,
							       const struct destination *backend)
{
	struct shunt_peer *reverse = find_peer(cookie, backend, SHUNT_PEER_REVERSE);
	struct shunt_peer *forward;
	struct destination dialled;

	if (!reverse)
		return NULL;
	dialled = dialled_of(&reverse->translation);
	forward = find_peer(cookie, &dialled, SHUNT_PEER_FORWARD);
	return forward && answers(&forward->translation, backend) ? &forward->translation : NULL;
}

/* Frees the reverse row of a far peer's backend, unless another far peer has taken it over since. */
static __always_inline void drop_reverse(__u64 cookie, const struct shunt_translation *translation)
{
	struct destination backend = backend_of(translation);
	struct shunt_peer_key key = peer_key(cookie, &backend, SHUNT_PEER_REVERSE);
	struct shunt_peer *reverse = bpf_map_lookup_elem(&socket_peers, &key);
	struct destination dialled = dialled_of(translation);

	if (reverse &&
	    is_destination(&dialled, &reverse->translation.dialled, reverse->translation.dialled_port))
		bpf_map_delete_elem(&socket_peers, &key);
}

/* Makes the reverse row of a far peer's backend a copy of its forward row. Returns 0 or a negative errno. */
static __always_inline long point_reverse(__u64 cookie, const struct shunt_peer *forward)
{
	struct destination backend = backend_of(&forward->translation);
	struct shunt_peer_key key = peer_key(cookie, &backend, SHUNT_PEER_REVERSE);

	return bpf_map_update_elem(&socket_peers, &key, forward, BPF_ANY);
}

static __always_inline __u32 *netns_count(__u64 netns_cookie)
{
	__u32 row = shunt_peer_count_row(shunt_config.index_seed, netns_cookie);

	return bpf_map_lookup_elem(&socket_peer_counts, &row);
}

static __always_inline void give_back(__u64 netns_cookie, __u32 destinations)
{
	__u32 *count = netns_count(netns_cookie);

	if (count)
		__sync_fetch_and_add(count, -destinations);
}

/* Takes one destination of the network namespace's allowance. Returns 0 if it is used up. */
static __always_inline int take_one(__u64 netns_cookie)
{
	__u32 *count = netns_count(netns_cookie);

	if (!count)
		return 0;
	if (__sync_fetch_and_add(count, 1) < shunt_config.peers_per_netns)
		return 1;
	__sync_fetch_and_add(count, -1);
	return 0;
}

/*
 * Adds a far peer. Returns 0, or the reason why it did not. A row takes too much of the 512 bytes of stack to be made
 * there: it is inserted with what happens to be in `near`, and then written in its place. Only this socket reads it.
 */
static __noinline __u32 add_far(struct shunt_near_peers *near, const struct sender *sender,
				const struct destination *dialled, const struct decision *decision)
{
	struct shunt_peer_key key = peer_key(sender->cookie, dialled, SHUNT_PEER_FORWARD);
	struct shunt_peer *row;

	if (near->far_count >= SHUNT_FAR_PEERS_MAX || !take_one(sender->netns_cookie))
		return SHUNT_REASON_PEERS_QUOTA;
	if (bpf_map_update_elem(&socket_peers, &key, near, BPF_ANY))
		goto full;
	row = bpf_map_lookup_elem(&socket_peers, &key);
	if (!row)
		goto full;
	row->translation.flags = 0;
	row->next_address = near->far_address;
	row->next_port = near->far_port;
	__builtin_memset(row->pad, 0, sizeof(row->pad));
	write_translation(&row->translation, dialled, decision, tick_now());
	if (point_reverse(sender->cookie, row)) {
		bpf_map_delete_elem(&socket_peers, &key);
		goto full;
	}
	near->far_address = dialled->address;
	near->far_port = dialled->port;
	near->far_count++;
	return 0;
full:
	give_back(sender->netns_cookie, 1);
	return SHUNT_REASON_PEERS_FULL;
}

struct far_walk {
	__u64 cookie;
	struct destination at;
};

static int drop_far_step(__u32 step, struct far_walk *walk)
{
	struct shunt_peer_key key = peer_key(walk->cookie, &walk->at, SHUNT_PEER_FORWARD);
	struct shunt_peer *row = bpf_map_lookup_elem(&socket_peers, &key);

	if (!row)
		return 1;
	walk->at = (struct destination){ .address = row->next_address, .port = row->next_port };
	drop_reverse(walk->cookie, &row->translation);
	bpf_map_delete_elem(&socket_peers, &key);
	return 0;
}

/* ---- both --------------------------------------------------------------------------------- */

/* A further destination, by its translation and, if it is a far one, its forward row. */
struct found_peer {
	struct shunt_translation *translation; /* NULL: not found */
	struct shunt_peer *far;		       /* NULL: it is a near one */
};

/* Finds the peer that `dialled` leads to. */
static __always_inline struct found_peer peer_dialled(void *sk, __u64 cookie,
						      const struct destination *dialled)
{
	struct shunt_near_peers *near = near_peers(sk, 0);
	struct shunt_peer *far;
	__u32 i;

	if (!near)
		return (struct found_peer){};
	i = find_near(near, dialled);
	if (i < SHUNT_NEAR_PEERS)
		return (struct found_peer){ &near->peer[i], NULL };
	if (!near->far_count)
		return (struct found_peer){};
	far = find_peer(cookie, dialled, SHUNT_PEER_FORWARD);
	if (!far || !leads_from(&far->translation, dialled))
		return (struct found_peer){};
	return (struct found_peer){ &far->translation, far };
}

/* True if one more destination of the socket would be a far one. */
static __always_inline int is_near_full(void *sk)
{
	const struct shunt_near_peers *near = near_peers(sk, 0);

	return near && near->count >= SHUNT_NEAR_PEERS;
}

/* Returns the translation of the peer that answers for `backend`, or NULL. */
static __always_inline struct shunt_translation *peer_answering(void *sk, __u64 cookie,
								const struct destination *backend)
{
	struct shunt_near_peers *near = near_peers(sk, 0);
	__u32 i;

	if (!near)
		return NULL;
	i = find_near_answering(near, backend);
	if (i < SHUNT_NEAR_PEERS)
		return &near->peer[i];
	return near->far_count ? find_far_answering(cookie, backend) : NULL;
}

/*
 * Remembers that `dialled`, which no peer leads from, now goes to the decided backend. Returns 0, or the reason why
 * there is no room: then the datagram must not leave. REQUIRES: nothing of the socket answers for the backend.
 */
static __always_inline __u32 add_peer(void *sk, const struct sender *sender,
				      const struct destination *dialled, const struct decision *decision)
{
	struct shunt_near_peers *near = near_peers(sk, BPF_SK_STORAGE_GET_F_CREATE);
	__u32 i;

	if (!near)
		return SHUNT_REASON_PEERS_FULL;
	i = near->count;
	if (i >= SHUNT_NEAR_PEERS)
		return add_far(near, sender, dialled, decision);
	write_translation(&near->peer[i], dialled, decision, tick_now());
	near->count = i + 1;
	return 0;
}

/*
 * Writes the backend that was decided for a peer once more. Returns 0 or a reason, as add_peer() does.
 * REQUIRES: nothing of the socket answers for the new backend.
 */
static __always_inline __u32 change_peer(struct found_peer peer, __u64 cookie,
					 const struct destination *dialled, const struct decision *decision)
{
	if (peer.far)
		drop_reverse(cookie, peer.translation);
	write_translation(peer.translation, dialled, decision, tick_now());
	if (!peer.far || !point_reverse(cookie, peer.far))
		return 0;
	peer.translation->flags &= ~SHUNT_STATE_ANSWERS;
	return SHUNT_REASON_PEERS_FULL;
}

/* Forgets all peers of the socket. Bound: SHUNT_FAR_PEERS_MAX steps. */
static __always_inline void drop_peers(void *sk, __u64 cookie, __u64 netns_cookie)
{
	struct shunt_near_peers *near = near_peers(sk, 0);
	struct far_walk walk = { .cookie = cookie };

	if (!near)
		return;
	near->count = 0;
	if (!near->far_count)
		return;
	walk.at = (struct destination){ .address = near->far_address, .port = near->far_port };
	bpf_loop(SHUNT_FAR_PEERS_MAX, drop_far_step, &walk, 0);
	give_back(netns_cookie, near->far_count);
	near->far_count = 0;
}

#endif
