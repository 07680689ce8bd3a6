/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Tells when a connected socket has to be ended: its state says that a service led it to the peer that it has, and that
 * peer no longer serves the service; or its state says that the service had no backend when it was dialled, so that the
 * service's own address is its peer, and now it has one. In every doubt it stays: applications live with an
 * unanswered datagram, but a socket must not be ended without a reason.
 */
#ifndef SHUNT_SOCKET_END_H
#define SHUNT_SOCKET_END_H

#include "bpf/socket/socket_state.h"

/* Returns the row of what a socket dialled, or NULL. */
static __always_inline const struct shunt_frontend_row *
frontend_of(const struct shunt_translation *translation, __u8 protocol, __u64 netns_cookie)
{
	struct shunt_frontend_key key = {
		.address = translation->dialled,
		.port = translation->dialled_port,
		.protocol = protocol,
	};
	__u32 reason = SHUNT_REASON_NOT_A_SERVICE;

	return find_frontend(&key, netns_cookie == shunt_config.host_netns_cookie, &reason);
}

/*
 * True unless what the socket dialled now leads to other backends. The pool that it remembers may have been withdrawn
 * while its service goes on in another pool, so once the word has changed, the frontend is looked up. The socket stays:
 *
 *  - if there is no such frontend: the service or its port is gone, and no backend could take over;
 *  - if the pool has no member at all, with or without a share: it stays until a backend can take over;
 *  - if its backend is a member, with or without a share (docs/decisions/0007).
 */
static __always_inline int is_served(struct shunt_translation *translation, __u8 protocol, __u64 netns_cookie)
{
	const struct shunt_frontend_row *row;
	__u64 *word;

	if (same_set(translation->pool, translation->pool_word))
		return 1;
	row = frontend_of(translation, protocol, netns_cookie);
	if (!row)
		return 1;
	word = pool_of(row->internal_pool);
	if (!word || !shunt_pool_count(*(volatile __u64 *)word))
		return 1;
	return still_member(translation, row->internal_pool);
}

/* True if a connect to what the socket dialled would be translated now. REQUIRES: the client is not on loopback. */
static __always_inline int takes_connects(const struct shunt_translation *translation, __u8 protocol,
					  __u64 netns_cookie)
{
	const struct shunt_frontend_row *row = frontend_of(translation, protocol, netns_cookie);
	int on_host = netns_cookie == shunt_config.host_netns_cookie;
	__u64 *word;

	if (!row)
		return 0;
	if ((row->flags & SHUNT_ROW_SOURCE_RANGES) && !(on_host && (row->flags & SHUNT_ROW_NODE_IN_RANGES)))
		return 0;
	word = pool_of(row->internal_pool);
	return word && !shunt_pool_emptiness(*(volatile __u64 *)word);
}

/*
 * True if the socket with this state has to be ended. `peer` is the peer that the kernel has for it. `state` is a copy
 * of the caller's own, because looking for a member writes to it.
 */
static __always_inline int has_to_end(struct shunt_socket_state *state, const struct destination *peer,
				      __u8 protocol, __u64 netns_cookie)
{
	struct shunt_translation *first = &state->first;

	if (is_exempt(state))
		return 0;
	if (first->flags & SHUNT_STATE_UNSERVED)
		return is_destination(peer, &first->dialled, first->dialled_port) &&
		       takes_connects(first, protocol, netns_cookie);
	return leads_to(first, peer) && !is_served(first, protocol, netns_cookie);
}

#endif
