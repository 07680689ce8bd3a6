/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Tells when a connected socket has to be ended: its state says that a service led it to the peer that it has, and that
 * peer no longer serves the service. In every doubt it stays: applications live with an unanswered datagram, but a
 * socket must not be ended without a reason.
 */
#ifndef SHUNT_SOCKET_END_H
#define SHUNT_SOCKET_END_H

#include "bpf/socket/socket_state.h"

struct address_search {
	__u32 first_slot;
	int found;
	const struct shunt_socket_state *state;
};

static int address_step(__u32 offset, struct address_search *search)
{
	__u32 slot_id = search->first_slot + offset;
	const struct shunt_slot *slot = bpf_map_lookup_elem(&slots, &slot_id);
	const struct shunt_backend *member;

	if (!slot)
		return 1;
	member = bpf_map_lookup_elem(&backends, &slot->backend);
	search->found = member && member->port == search->state->backend_port &&
			same_address(&member->address, &search->state->backend_address);
	return search->found;
}

/*
 * True if a member has the backend's address. Compares addresses, because a backend that went and came back has another
 * id. Reads a row per member, so it is only for a socket that would otherwise be ended.
 */
static __always_inline int has_address(__u64 pool_word, const struct shunt_socket_state *state)
{
	struct address_search search = { .first_slot = shunt_pool_first(pool_word), .state = state };

	bpf_loop(shunt_pool_count(pool_word), address_step, &search, 0);
	return search.found;
}

/*
 * True unless what the socket dialled now leads to other backends. The pool that it remembers may have been withdrawn
 * while its service goes on in another pool, so once the word has changed, the frontend is looked up. The socket stays:
 *
 *  - if there is no such frontend: the service or its port is gone, and no backend could take over;
 *  - if the pool has no member at all, with or without a share: it stays until a backend can take over;
 *  - if its backend is a member, with or without a share (docs/decisions/0007).
 */
static __always_inline int is_served(struct shunt_socket_state *state, __u8 protocol, __u64 netns_cookie)
{
	struct shunt_frontend_key key = {
		.address = state->dialled,
		.port = state->dialled_port,
		.protocol = protocol,
	};
	struct remembered memory = { &state->pool_word, &state->pool, state->backend, &state->backend_address,
				     state->backend_port };
	__u32 reason = SHUNT_REASON_NOT_A_SERVICE;
	const struct shunt_frontend_row *row;
	__u64 *word, now;

	if (same_set(state->pool, state->pool_word))
		return 1;
	row = find_frontend(&key, netns_cookie == shunt_config.host_netns_cookie, &reason);
	if (!row)
		return 1;
	word = pool_of(row->internal_pool);
	if (!word)
		return 1;
	now = *(volatile __u64 *)word;
	return !shunt_pool_count(now) || still_member(&memory, row->internal_pool) || has_address(now, state);
}

/* True if the socket with this state has to be ended. `peer` is the peer that the kernel has for it. */
static __always_inline int has_to_end(struct shunt_socket_state *state, const struct destination *peer,
				      __u8 protocol, __u64 netns_cookie)
{
	return (state->flags & SHUNT_STATE_TRANSLATED) && !is_exempt(state) &&
	       is_destination(peer, &state->backend_address, state->backend_port) &&
	       !is_served(state, protocol, netns_cookie);
}

#endif
