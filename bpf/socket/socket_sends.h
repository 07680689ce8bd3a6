/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a UDP socket remembers of its sends: whether the backend of a send before may be used again, and which of its
 * destinations a backend answers for. Every function runs in a hook, under the socket's lock.
 */
#ifndef SHUNT_SOCKET_SENDS_H
#define SHUNT_SOCKET_SENDS_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "bpf/socket/kernel_sock.h"
#include "bpf/socket/socket_state.h"

#define SHUNT_AF_INET 2
#define SHUNT_AF_INET6 10

static __always_inline struct shunt_frontend_key key_of(const struct bpf_sock_addr *ctx,
							const struct destination *to)
{
	return (struct shunt_frontend_key){
		.address = to->address,
		.port = to->port,
		.protocol = (__u8)ctx->protocol,
	};
}

/*
 * Returns the peer of a connected socket, or a destination with port 0. It reads every field, through a volatile
 * pointer, because clang would merge reads in two branches into one of a computed offset, which the verifier does not
 * allow.
 */
static __always_inline struct destination peer_of_socket(const struct bpf_sock_addr *ctx)
{
	const volatile struct bpf_sock *sk = ctx->sk;
	struct destination peer = {};
	__u32 v4;

	if (sk->state != BPF_TCP_ESTABLISHED)
		return peer;
	v4 = sk->dst_ip4;
	peer.port = sk->dst_port;
	peer.address.word[0] = sk->dst_ip6[0];
	peer.address.word[1] = sk->dst_ip6[1];
	peer.address.word[2] = sk->dst_ip6[2];
	peer.address.word[3] = sk->dst_ip6[3];
	if (ctx->family != SHUNT_AF_INET6)
		peer.address = (struct shunt_address){ .word = { 0, 0, bpf_htonl(0xffff), v4 } };
	return peer;
}

/*
 * True if what a connected socket remembers of its connect is why it has its peer. If not, forgets it: the socket had
 * it before it connected to something else.
 */
static __always_inline int led_to_peer(struct shunt_socket_state *state, const struct destination *peer)
{
	if (leads_to(&state->first, peer))
		return 1;
	state->first.flags &= ~(SHUNT_STATE_TRANSLATED | SHUNT_STATE_ANSWERS);
	return 0;
}

/*
 * True if the backend that `dialled` led to before may be used again. The frontend is looked up once the pool's word
 * has changed, because by now it may lead to another pool, of this or another service, which may contain the backend;
 * and after a silence, because it says how long a silence may be.
 */
static __always_inline int is_reusable(struct bpf_sock_addr *ctx, const struct destination *dialled,
				       struct shunt_translation *translation)
{
	__u32 reason = SHUNT_REASON_NOT_A_SERVICE, now = tick_now();
	__u32 silence = shunt_silence(translation->flags, now);
	int same = same_set(translation->pool, translation->pool_word);
	const struct shunt_frontend_row *row;
	struct shunt_frontend_key key;

	if (!same || silence >= SHUNT_IDLE_SILENCE) {
		key = key_of(ctx, dialled);
		row = find_frontend(&key, bpf_get_netns_cookie(ctx) == shunt_config.host_netns_cookie,
				    &reason);
		if (!row || shunt_is_idle(silence, row->udp_idle_s))
			return 0;
		if (!same && !still_member(translation, row->internal_pool))
			return 0;
	}
	note_send(translation, now);
	return 1;
}

/*
 * Stops what `backend` sends being shown as anything that the socket dialled, at once or, if the application dials the
 * backend itself, after a silence. What a connected socket dialled at connect always answers for its peer.
 */
static __always_inline void stop_answers(struct bpf_sock_addr *ctx, struct shunt_socket_state *state,
					 __u64 cookie, const struct destination *backend, int direct)
{
	struct shunt_translation *translation = NULL;

	if (answers(&state->first, backend))
		translation = ctx->sk->state == BPF_TCP_ESTABLISHED ? NULL : &state->first;
	else if (has_peers(state))
		translation = peer_answering(ctx->sk, cookie, backend);
	if (translation && direct)
		note_direct_dial(translation);
	else if (translation)
		translation->flags &= ~SHUNT_STATE_ANSWERS;
}

/* Returns the translation that answers for `backend` among all that the socket remembers, or NULL. */
static __always_inline struct shunt_translation *translation_answering(struct bpf_sock_addr *ctx,
								       struct shunt_socket_state *state,
								       __u64 cookie,
								       const struct destination *backend)
{
	if (answers(&state->first, backend))
		return &state->first;
	return has_peers(state) ? peer_answering(ctx->sk, cookie, backend) : NULL;
}

/*
 * True if `to` may be what a send of a moment ago was translated to, and is on its way already: io_uring has tried the
 * send again with the address that was written the first time, or the programs run twice. A backend may itself be a
 * frontend, but what is sent to a service goes no further than to its backend.
 */
static __always_inline int is_second_send(struct bpf_sock_addr *ctx, struct shunt_socket_state *state,
					  __u64 cookie, const struct destination *to)
{
	struct shunt_translation *translation;

	if (!shunt_config.runs_twice && !uses_io_uring())
		return 0;
	translation = translation_answering(ctx, state, cookie, to);
	if (!translation || shunt_silence(translation->flags, tick_now()) >= SHUNT_DIRECT_SILENCE)
		return 0;
	/* Or it is the application that dials the backend. */
	if (!shunt_config.runs_twice)
		note_direct_dial(translation);
	return 1;
}

/* True if the socket has sent to this destination before and its backend still serves: then `*to` is that backend. */
static __always_inline int send_again(struct bpf_sock_addr *ctx, struct shunt_socket_state *state,
				      __u64 cookie, const struct destination *dialled, struct destination *to)
{
	struct found_peer found = { .translation = &state->first };
	struct destination backend;

	if (!leads_from(found.translation, dialled)) {
		if (!has_peers(state))
			return 0;
		found = peer_dialled(ctx->sk, cookie, dialled);
	}
	if (!found.translation || !is_reusable(ctx, dialled, found.translation))
		return 0;
	backend = backend_of(found.translation);
	/* Services may share a backend: its replies belong to the one dialled last. */
	if (!(found.translation->flags & SHUNT_STATE_ANSWERS)) {
		stop_answers(ctx, state, cookie, &backend, 0);
		if (found.far && point_reverse(cookie, found.far))
			return 0;
		found.translation->flags |= SHUNT_STATE_ANSWERS;
	}
	*to = backend;
	return 1;
}

/* Returns 0, or the reason why replies could not be reversed: then the datagram must not leave. */
static __always_inline __u32 remember_send(struct bpf_sock_addr *ctx, struct shunt_socket_state *state,
					   __u64 cookie, const struct destination *dialled,
					   const struct decision *decision)
{
	struct sender sender = { .cookie = cookie };
	struct found_peer found;

	if (!state)
		return SHUNT_REASON_PEERS_FULL;
	stop_answers(ctx, state, cookie, &decision->to, 0);
	/* The first translation of a connected socket is that of its connect. */
	if (ctx->sk->state != BPF_TCP_ESTABLISHED &&
	    (!(state->first.flags & SHUNT_STATE_TRANSLATED) || leads_from(&state->first, dialled))) {
		write_translation(&state->first, dialled, decision, tick_now());
		return 0;
	}
	found = peer_dialled(ctx->sk, cookie, dialled);
	if (found.translation)
		return change_peer(found, cookie, dialled, decision);
	/* Its far peers would stay: no sock_release runs for it, which would free them. */
	if (is_near_full(ctx->sk) && is_kernel_socket(ctx))
		return SHUNT_REASON_PEERS_QUOTA;
	/* Set before the first one is made, so that there is none without the flag. */
	state->first.flags |= SHUNT_STATE_PEERS;
	sender.netns_cookie = bpf_get_netns_cookie(ctx);
	return add_peer(ctx->sk, &sender, dialled, decision);
}

#endif
