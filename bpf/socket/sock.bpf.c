// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Translation where a connection is born: the socket hooks of a cgroup. connect and sendmsg turn what the application
 * dialled into a backend, once; recvmsg and getpeername show it what it dialled; sock_release forgets the socket. A
 * hook only moves addresses between its context and the functions below; decision.h makes the choice, socket_state.h
 * remembers it.
 *
 * A hook returns 1 to go on; connect and sendmsg return 0 with an errno set to fail the call. In observe mode they
 * neither fail nor translate; sockets that were translated before still see what they dialled, and are forgotten when
 * they end.
 */
#include <linux/bpf.h>
#include <linux/in.h>
#include <bpf/bpf_helpers.h>

#include "bpf/socket/socket_state.h"

#define SHUNT_AF_INET6 10

/* The one field that we read from the kernel's struct; relocated by CO-RE. */
struct sock_common {
	volatile unsigned char skc_state;
} __attribute__((preserve_access_index));

/* Counts the way out and leaves the destination as it is. */
static __always_inline int untouched(__u32 reason)
{
	count_reason(reason);
	return 1;
}

static __always_inline int fail(__u32 error, __u32 reason)
{
	count_reason(reason);
	if (shunt_config.observe)
		return untouched(SHUNT_REASON_WOULD_REFUSE);
	bpf_set_retval(-(int)error);
	return 0;
}

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
 * Asks for the protocol, not for the socket's type: an SCTP or MPTCP socket is a stream too. An MPTCP socket connects
 * through its first subflow, which comes here as the TCP socket that it is.
 */
static __always_inline int is_translatable(const struct bpf_sock_addr *ctx)
{
	return ctx->protocol == IPPROTO_TCP || ctx->protocol == IPPROTO_UDP;
}

/* ---- connect ------------------------------------------------------------------------------ */

/*
 * A UDP connect() cannot be refused: the application learns of a refusal by an ICMP error at send or receive, with
 * which the packet path answers what goes to the untranslated address.
 */
static __always_inline int connect_refused(const struct bpf_sock_addr *ctx, const struct decision *decision)
{
	if (ctx->protocol == IPPROTO_UDP && decision->error != SHUNT_EAGAIN)
		return untouched(SHUNT_REASON_UDP_CONNECT_UNSERVED);
	return fail(decision->error, decision->reason);
}

/*
 * Returns the MPTCP connection of this subflow, or NULL. The application asks that socket, not the subflow, for its
 * peer's name; and no sock_release runs for a subflow, so a row would be lost.
 */
static __always_inline void *mptcp_connection(const struct bpf_sock_addr *ctx)
{
	if (!shunt_config.has_mptcp || ctx->protocol != IPPROTO_TCP)
		return NULL;
	return bpf_skc_to_mptcp_sock(ctx->sk);
}

/*
 * True for a subflow that joins a connection which already has its peer: that peer is what was dialled, and the kernel
 * now dials addresses that the peer has announced. (A first subflow connects while its connection is SYN_SENT.)
 */
static __always_inline int is_join(const void *connection)
{
	const struct sock_common *connection_sock = connection;

	return connection && connection_sock->skc_state == BPF_TCP_ESTABLISHED;
}

/* Returns 1 to go on to `*to`, which it has rewritten if it is a service, or 0 to fail. */
static __always_inline int connect_to(struct bpf_sock_addr *ctx, struct destination *to)
{
	struct destination dialled = as_kernel_dials(*to);
	struct decision decision = {};
	struct shunt_socket_state *state;
	struct shunt_frontend_key key;
	void *connection;
	__u64 cookie;

	if (!is_translatable(ctx))
		return untouched(SHUNT_REASON_OTHER_PROTOCOL);
	/*
	 * What the socket remembers is compared with its peer's address, so it can mislead only if the new peer may be
	 * a backend. For any other peer it has no effect, and finding it to reset it would cost time.
	 */
	if (!prefix_in(&dialled.address, SHUNT_PREFIX_FRONTENDS) &&
	    !prefix_in(&dialled.address, SHUNT_PREFIX_BACKENDS))
		return untouched(SHUNT_REASON_NOT_A_SERVICE);
	cookie = bpf_get_socket_cookie(ctx);
	connection = mptcp_connection(ctx);
	if (is_join(connection))
		return untouched(SHUNT_REASON_MPTCP_JOIN);
	state = connection ? mptcp_state(connection, 0) : find_state(ctx->sk, cookie);
	reset_state(state, cookie);
	if (!dialled.port)
		return untouched(SHUNT_REASON_PORT_ZERO);
	if (!prefix_in(&dialled.address, SHUNT_PREFIX_FRONTENDS))
		return untouched(SHUNT_REASON_NOT_A_SERVICE);
	if (is_exempt(state))
		return untouched(SHUNT_REASON_EXEMPT_SOCKET);

	key = key_of(ctx, &dialled);
	decide(&key, bpf_get_netns_cookie(ctx), &decision);
	if (decision.verdict == VERDICT_PASS)
		return untouched(decision.reason);
	if (decision.verdict == VERDICT_REFUSE)
		return connect_refused(ctx, &decision);
	if (shunt_config.observe)
		return untouched(SHUNT_REASON_WOULD_TRANSLATE);

	if (!state && connection)
		state = mptcp_state(connection, BPF_SK_STORAGE_GET_F_CREATE);
	else if (!state)
		state = claim_state(ctx->sk, cookie);
	if (state)
		write_state(state, &dialled, &decision);
	else /* the connection works nevertheless; only getpeername() will name the pod */
		count_reason(SHUNT_REASON_STATE_LOST);
	*to = decision.to;
	return 1;
}

SEC("cgroup/connect4")
int sock_connect4(struct bpf_sock_addr *ctx)
{
	struct destination to = destination4(ctx);
	int verdict = connect_to(ctx, &to);

	write_destination4(ctx, &to);
	return verdict;
}

SEC("cgroup/connect6")
int sock_connect6(struct bpf_sock_addr *ctx)
{
	struct destination to = destination6(ctx);
	int verdict = connect_to(ctx, &to);

	write_destination6(ctx, &to);
	return verdict;
}

/* ---- sendmsg: unconnected UDP ------------------------------------------------------------- */

/*
 * True if the remembered backend of `dialled` may be used again. Once the pool's word has changed, the frontend is
 * looked up too: by now it may lead to another pool, of this or another service, which may contain the backend.
 */
static __always_inline int is_reusable(struct bpf_sock_addr *ctx, const struct destination *dialled,
				       const struct remembered *memory)
{
	__u32 reason = SHUNT_REASON_NOT_A_SERVICE;
	const struct shunt_frontend_row *row;
	struct shunt_frontend_key key;

	if (same_set(*memory->pool, *memory->pool_word))
		return 1;
	key = key_of(ctx, dialled);
	row = find_frontend(&key, bpf_get_netns_cookie(ctx) == shunt_config.host_netns_cookie, &reason);
	return row && still_member(memory, row->internal_pool);
}

/* True if the socket has sent to this destination before and its backend still serves: then `*to` is that backend. */
static __always_inline int send_again(struct bpf_sock_addr *ctx, struct shunt_socket_state *state,
				      __u64 cookie, const struct destination *dialled, struct destination *to)
{
	struct destination backend;
	struct remembered memory;
	struct shunt_peer *peer;

	/* Services may share a backend: its replies belong to the one dialled last. */
	if ((state->flags & SHUNT_STATE_TRANSLATED) &&
	    is_destination(dialled, &state->dialled, state->dialled_port)) {
		memory = (struct remembered){ &state->pool_word, &state->pool, state->backend,
					      &state->backend_address, state->backend_port };
		if (!is_reusable(ctx, dialled, &memory))
			return 0;
		*to = (struct destination){ .address = state->backend_address, .port = state->backend_port };
		if (state->flags & SHUNT_STATE_PEERS)
			drop_any_reverse(cookie, to);
		return 1;
	}
	if (!(state->flags & SHUNT_STATE_PEERS))
		return 0;
	peer = find_peer(cookie, dialled, SHUNT_PEER_FORWARD);
	if (!peer)
		return 0;
	memory = (struct remembered){ &peer->pool_word, &peer->pool, peer->backend, &peer->address,
				      peer->port };
	if (!is_reusable(ctx, dialled, &memory))
		return 0;
	backend = (struct destination){ .address = peer->address, .port = peer->port };
	if (point_reverse(cookie, dialled, &backend))
		return 0;
	*to = backend;
	return 1;
}

/* The application now dials this backend itself: stops reversing replies from it. */
static __always_inline void forget_backend(struct shunt_socket_state *state, __u64 cookie,
					   const struct destination *to)
{
	if (!state)
		return;
	if ((state->flags & SHUNT_STATE_TRANSLATED) &&
	    is_destination(to, &state->backend_address, state->backend_port))
		state->flags &= ~SHUNT_STATE_TRANSLATED;
	if (state->flags & SHUNT_STATE_PEERS)
		drop_any_reverse(cookie, to);
}

/* Returns 0, or a positive errno if replies could not be reversed: then the datagram must not leave. */
static __always_inline int remember_send(struct shunt_socket_state *state, __u64 cookie,
					 const struct destination *dialled, const struct decision *decision)
{
	if (!state)
		return SHUNT_ENOBUFS;
	if (!(state->flags & SHUNT_STATE_TRANSLATED) ||
	    is_destination(dialled, &state->dialled, state->dialled_port)) {
		write_state(state, dialled, decision);
		if (state->flags & SHUNT_STATE_PEERS)
			drop_any_reverse(cookie, &decision->to);
		return 0;
	}
	/* Set before the first row is made, so that there is no row without the flag. */
	state->flags |= SHUNT_STATE_PEERS;
	return remember_peer(cookie, dialled, decision) ? SHUNT_ENOBUFS : 0;
}

static __always_inline int send_to(struct bpf_sock_addr *ctx, struct destination *to)
{
	struct destination dialled = as_kernel_dials(*to);
	struct decision decision = {};
	struct shunt_socket_state *state;
	struct shunt_frontend_key key;
	__u64 cookie;

	if (!is_translatable(ctx))
		return untouched(SHUNT_REASON_OTHER_PROTOCOL);
	if (!dialled.port)
		return untouched(SHUNT_REASON_PORT_ZERO);
	if (!prefix_in(&dialled.address, SHUNT_PREFIX_FRONTENDS) &&
	    !prefix_in(&dialled.address, SHUNT_PREFIX_BACKENDS))
		return untouched(SHUNT_REASON_NOT_A_SERVICE);
	cookie = bpf_get_socket_cookie(ctx);
	state = find_state(ctx->sk, cookie);
	if (is_exempt(state))
		return untouched(SHUNT_REASON_EXEMPT_SOCKET);
	if (state && !shunt_config.observe && send_again(ctx, state, cookie, &dialled, to))
		return 1;
	if (!prefix_in(&dialled.address, SHUNT_PREFIX_FRONTENDS)) {
		forget_backend(state, cookie, &dialled);
		return untouched(SHUNT_REASON_NOT_A_SERVICE);
	}

	key = key_of(ctx, &dialled);
	decide(&key, bpf_get_netns_cookie(ctx), &decision);
	if (decision.verdict == VERDICT_PASS) {
		forget_backend(state, cookie, &dialled);
		return untouched(decision.reason);
	}
	if (decision.verdict == VERDICT_REFUSE)
		return fail(decision.error, decision.reason);
	if (shunt_config.observe)
		return untouched(SHUNT_REASON_WOULD_TRANSLATE);

	if (!state)
		state = claim_state(ctx->sk, cookie);
	if (remember_send(state, cookie, &dialled, &decision))
		return fail(SHUNT_ENOBUFS, SHUNT_REASON_PEERS_FULL);
	*to = decision.to;
	return 1;
}

/*
 * True for send() on an IPv6 socket that is connected to a v4-mapped peer. It is the only send on a connected socket
 * that comes here, because the kernel hands it to IPv4 as if the application had named the peer. It was decided at
 * connect(); if it were taken for a direct dial of the backend, it would end the translation.
 */
static __always_inline int is_connected_send(const struct bpf_sock_addr *ctx, const struct destination *to)
{
	const struct bpf_sock *sk = ctx->sk;

	return ctx->family == SHUNT_AF_INET6 && sk->state == BPF_TCP_ESTABLISHED &&
	       sk->dst_ip4 == to->address.word[3] && sk->dst_port == to->port;
}

SEC("cgroup/sendmsg4")
int sock_sendmsg4(struct bpf_sock_addr *ctx)
{
	struct destination to = destination4(ctx);
	int verdict;

	if (is_connected_send(ctx, &to))
		return untouched(SHUNT_REASON_CONNECTED_SEND);
	verdict = send_to(ctx, &to);
	write_destination4(ctx, &to);
	return verdict;
}

SEC("cgroup/sendmsg6")
int sock_sendmsg6(struct bpf_sock_addr *ctx)
{
	struct destination to = destination6(ctx);
	int verdict = send_to(ctx, &to);

	write_destination6(ctx, &to);
	return verdict;
}

/* ---- recvmsg, getpeername: reverse -------------------------------------------------------- */

/* Rewrites `*from`, a backend, to what the socket dialled to reach it. Returns 1 if it did. */
static __always_inline int reverse_first(const struct shunt_socket_state *state, struct destination *from)
{
	if (!(state->flags & SHUNT_STATE_TRANSLATED) ||
	    !is_destination(from, &state->backend_address, state->backend_port))
		return 0;
	*from = (struct destination){ .address = state->dialled, .port = state->dialled_port };
	return 1;
}

static __always_inline int reverse_peer(__u64 cookie, struct destination *from)
{
	struct shunt_peer *peer = find_peer(cookie, from, SHUNT_PEER_REVERSE);

	if (!peer)
		return 0;
	*from = (struct destination){ .address = peer->address, .port = peer->port };
	return 1;
}

/* Returns 1, as these hooks must. */
static __always_inline int received_from(struct bpf_sock_addr *ctx, struct destination *from)
{
	__u64 cookie = bpf_get_socket_cookie(ctx);
	struct shunt_socket_state *state = find_state(ctx->sk, cookie);

	if (!state)
		return untouched(SHUNT_REASON_NO_STATE);
	/* A further destination that shares the first one's backend has a row only if it was dialled later. */
	if ((state->flags & SHUNT_STATE_PEERS) && reverse_peer(cookie, from))
		return 1;
	if (reverse_first(state, from))
		return 1;
	return untouched(SHUNT_REASON_OTHER_PEER);
}

/* Returns 1, as these hooks must. Names the dialled address only while the peer is the remembered backend. */
static __always_inline int peer_of(struct bpf_sock_addr *ctx, struct destination *peer)
{
	struct shunt_socket_state *state = ctx->protocol == IPPROTO_MPTCP
						   ? mptcp_state(ctx->sk, 0)
						   : find_state(ctx->sk, bpf_get_socket_cookie(ctx));

	if (!state)
		return untouched(SHUNT_REASON_NO_STATE);
	if (reverse_first(state, peer))
		return 1;
	return untouched(SHUNT_REASON_OTHER_PEER);
}

SEC("cgroup/recvmsg4")
int sock_recvmsg4(struct bpf_sock_addr *ctx)
{
	struct destination from = destination4(ctx);
	int verdict = received_from(ctx, &from);

	write_destination4(ctx, &from);
	return verdict;
}

SEC("cgroup/recvmsg6")
int sock_recvmsg6(struct bpf_sock_addr *ctx)
{
	struct destination from = destination6(ctx);
	int verdict = received_from(ctx, &from);

	write_destination6(ctx, &from);
	return verdict;
}

SEC("cgroup/getpeername4")
int sock_getpeername4(struct bpf_sock_addr *ctx)
{
	struct destination peer = destination4(ctx);
	int verdict = peer_of(ctx, &peer);

	write_destination4(ctx, &peer);
	return verdict;
}

SEC("cgroup/getpeername6")
int sock_getpeername6(struct bpf_sock_addr *ctx)
{
	struct destination peer = destination6(ctx);
	int verdict = peer_of(ctx, &peer);

	write_destination6(ctx, &peer);
	return verdict;
}

/* ---- the end of a socket ------------------------------------------------------------------ */

SEC("cgroup/sock_release")
int sock_release(struct bpf_sock *sk)
{
	release_state(sk, bpf_get_socket_cookie(sk));
	return 1;
}

char sock_license[] SEC("license") = "Dual BSD/GPL";
