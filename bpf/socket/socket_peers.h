/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The second and further destinations of an unconnected UDP socket. Each has a forward and a reverse row, and the
 * forward rows form a list, so that closing the socket frees them. Every function runs under the socket's lock (the
 * kernel takes it around connect, sendmsg and recvmsg hooks) or on its last reference.
 */
#ifndef SHUNT_SOCKET_PEERS_H
#define SHUNT_SOCKET_PEERS_H

#include "bpf/decision.h"

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

/* Frees the reverse row of a backend, unless another destination of the socket has taken it over since. */
static __always_inline void drop_reverse(__u64 cookie, const struct destination *dialled,
					 const struct destination *backend)
{
	struct shunt_peer_key key = peer_key(cookie, backend, SHUNT_PEER_REVERSE);
	struct shunt_peer *reverse = bpf_map_lookup_elem(&socket_peers, &key);

	if (reverse && is_destination(dialled, &reverse->address, reverse->port))
		bpf_map_delete_elem(&socket_peers, &key);
}

/* Stops reversing replies from `backend`: the application now reaches it by another address. */
static __always_inline void drop_any_reverse(__u64 cookie, const struct destination *backend)
{
	struct shunt_peer_key key = peer_key(cookie, backend, SHUNT_PEER_REVERSE);

	if (bpf_map_lookup_elem(&socket_peers, &key))
		bpf_map_delete_elem(&socket_peers, &key);
}

/* Makes replies from `backend` carry `dialled`; writes only if that changes a row. Returns 0 or a negative errno. */
static __always_inline long point_reverse(__u64 cookie, const struct destination *dialled,
					  const struct destination *backend)
{
	struct shunt_peer_key key = peer_key(cookie, backend, SHUNT_PEER_REVERSE);
	struct shunt_peer *reverse = bpf_map_lookup_elem(&socket_peers, &key);
	struct shunt_peer row = { .address = dialled->address, .port = dialled->port };

	if (reverse && is_destination(dialled, &reverse->address, reverse->port))
		return 0;
	return bpf_map_update_elem(&socket_peers, &key, &row, BPF_ANY);
}

/* Links a new forward row in front of the socket's list. Returns 0, or a negative errno if it linked nothing. */
static __always_inline long link_forward(__u64 cookie, const struct destination *dialled,
					 struct shunt_peer *row)
{
	struct shunt_peer_key forward = peer_key(cookie, dialled, SHUNT_PEER_FORWARD);
	struct shunt_peer_key head_key = { .cookie = cookie, .direction = SHUNT_PEER_HEAD };
	struct shunt_peer new_head = { .next_address = dialled->address, .next_port = dialled->port };
	struct shunt_peer *head = bpf_map_lookup_elem(&socket_peers, &head_key);
	long error;

	if (head) {
		row->next_address = head->next_address;
		row->next_port = head->next_port;
	}
	error = bpf_map_update_elem(&socket_peers, &forward, row, BPF_ANY);
	if (error)
		return error;
	error = bpf_map_update_elem(&socket_peers, &head_key, &new_head, BPF_ANY);
	if (error)
		bpf_map_delete_elem(&socket_peers, &forward);
	return error;
}

/*
 * Remembers that the socket's `dialled` now goes to the decided backend. Returns 0, or a negative errno if there is no
 * reverse row: then the datagram must not leave.
 */
static __always_inline long remember_peer(__u64 cookie, const struct destination *dialled,
					  const struct decision *decision)
{
	struct shunt_peer row = {
		.pool_word = decision->pool_word,
		.address = decision->to.address,
		.port = decision->to.port,
		.pool = decision->pool,
		.backend = decision->backend,
	};
	struct shunt_peer *before = find_peer(cookie, dialled, SHUNT_PEER_FORWARD);
	long error = point_reverse(cookie, dialled, &decision->to);

	if (error)
		return error;
	if (before) {
		struct destination old = { .address = before->address, .port = before->port };

		row.next_address = before->next_address;
		row.next_port = before->next_port;
		*before = row;
		if (!is_destination(&old, &row.address, row.port))
			drop_reverse(cookie, dialled, &old);
		return 0;
	}
	error = link_forward(cookie, dialled, &row);
	if (error)
		drop_reverse(cookie, dialled, &decision->to);
	return error;
}

struct peer_walk {
	__u64 cookie;
	struct destination at;
};

static int drop_peer(__u32 step, struct peer_walk *walk)
{
	struct shunt_peer_key forward = peer_key(walk->cookie, &walk->at, SHUNT_PEER_FORWARD);
	struct shunt_peer *row = bpf_map_lookup_elem(&socket_peers, &forward);
	struct destination dialled = walk->at, backend;

	if (!row)
		return 1;
	backend = (struct destination){ .address = row->address, .port = row->port };
	walk->at = (struct destination){ .address = row->next_address, .port = row->next_port };
	drop_reverse(walk->cookie, &dialled, &backend);
	bpf_map_delete_elem(&socket_peers, &forward);
	return 0;
}

/* Frees all rows of the socket. Bound: the list is not longer than the map: SHUNT_PEERS_MAX rows. */
static __always_inline void drop_peers(__u64 cookie)
{
	struct shunt_peer_key head_key = { .cookie = cookie, .direction = SHUNT_PEER_HEAD };
	struct shunt_peer *head = bpf_map_lookup_elem(&socket_peers, &head_key);
	struct peer_walk walk = { .cookie = cookie };

	if (!head)
		return;
	walk.at = (struct destination){ .address = head->next_address, .port = head->next_port };
	bpf_loop(SHUNT_PEERS_MAX, drop_peer, &walk, 0);
	bpf_map_delete_elem(&socket_peers, &head_key);
}

#endif
