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

#include "bpf/socket/bypass.h"
#include "bpf/socket/socket_sends.h"

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

/*
 * Asks for the protocol, not for the socket's type: an SCTP or MPTCP socket is a stream too. An MPTCP socket connects
 * through its first subflow, which comes here as the TCP socket that it is.
 */
static __always_inline int is_translatable(const struct bpf_sock_addr *ctx)
{
	return ctx->protocol == IPPROTO_TCP || ctx->protocol == IPPROTO_UDP;
}

/*
 * Returns who dials from this address, the socket's own. A socket that is not bound has the unspecified address, and
 * the kernel finds a source for the destination.
 */
static __always_inline struct client client_at(struct bpf_sock_addr *ctx, const struct shunt_address *own)
{
	return socket_client(bpf_get_netns_cookie(ctx), is_loopback(own));
}

/*
 * Creates the memory of a socket that has none. Returns NULL only if the kernel has no memory for it. A row of a socket
 * for which no sock_release runs would never be free again; storage goes with the socket.
 */
static __always_inline struct shunt_socket_state *create_state(struct bpf_sock_addr *ctx, __u64 cookie)
{
	return is_kernel_socket(ctx) ? store_state(ctx->sk) : claim_state(ctx->sk, cookie);
}

/* ---- connect ------------------------------------------------------------------------------ */

/*
 * A UDP connect() cannot be refused: the application learns of a refusal by an ICMP error at send or receive, with
 * which the packet path answers what goes to the untranslated address. The socket is remembered, so that it is ended
 * once what it dialled has a backend: until it connects again, no hook runs that could translate what it sends. A
 * client on loopback is not: whether it would be translated then is up to the endpoint, and in doubt a socket stays.
 */
static __always_inline int udp_connect_unserved(struct bpf_sock_addr *ctx, struct shunt_socket_state *state,
						__u64 cookie, const struct client *client,
						const struct destination *dialled)
{
	if (!shunt_config.observe && !client->on_loopback) {
		if (!state)
			state = create_state(ctx, cookie);
		if (state)
			write_unserved(state, dialled);
	}
	return untouched(SHUNT_REASON_UDP_CONNECT_UNSERVED);
}

/* True if what a UDP connect dials has no backend now, and it is to be left as it is. */
static __always_inline int is_unserved_udp(const struct bpf_sock_addr *ctx, const struct decision *decision)
{
	if (ctx->protocol != IPPROTO_UDP)
		return 0;
	return decision->verdict == VERDICT_REFUSE ? decision->error != SHUNT_EAGAIN
						   : decision->reason == SHUNT_REASON_LOCAL_MISS;
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

/* Returns the memory of a socket that connects, or NULL. */
static __always_inline struct shunt_socket_state *known_state(struct bpf_sock_addr *ctx, void *connection,
							      __u64 cookie, int is_new)
{
	if (connection)
		return mptcp_state(connection, 0);
	return is_new ? NULL : find_state(ctx->sk, cookie);
}

/* True if this may be the second run for one call of the application, with what the first has written. */
static __always_inline int is_second_run(const struct shunt_socket_state *state, const struct destination *to)
{
	return shunt_config.runs_twice && state && leads_to(&state->first, to);
}

/* The address that the socket is bound to. */
static __always_inline struct shunt_address own_address(const struct bpf_sock_addr *ctx)
{
	/* Volatile: the verifier takes a load of each field as it is, and of nothing else. */
	const volatile struct bpf_sock *sk = ctx->sk;

	/* In an IPv6 socket the kernel keeps an invented src_ip4. */
	if (sk->family == SHUNT_AF_INET)
		return (struct shunt_address){ .word = { 0, 0, bpf_htonl(0xffff), sk->src_ip4 } };
	return (struct shunt_address){
		.word = { sk->src_ip6[0], sk->src_ip6[1], sk->src_ip6[2], sk->src_ip6[3] },
	};
}

/* `state` is NULL if there is no memory: the connection works nevertheless; only getpeername() will name the pod. */
static __always_inline void remember_connect(struct shunt_socket_state *state,
					     const struct destination *dialled,
					     const struct decision *decision)
{
	if (state)
		write_state(state, dialled, decision);
	else
		count_reason(SHUNT_REASON_STATE_LOST);
}

/* Returns 1 to go on, to a backend if `named` is a service, or 0 to fail. */
static __always_inline int connect_to(struct bpf_sock_addr *ctx, const struct destination *named,
				      int hook_family)
{
	struct destination dialled = as_kernel_dials(*named);
	struct decision decision;
	struct shunt_socket_state *state;
	__u32 sets, may_be_frontend, is_new;
	struct shunt_frontend_key key;
	struct shunt_address own;
	struct client client;
	void *connection;
	__u64 cookie;

	if (!is_translatable(ctx))
		return untouched(SHUNT_REASON_OTHER_PROTOCOL);
	/*
	 * What the socket remembers is compared with its peer's address, so it can mislead only if the new peer may be
	 * a backend. For any other peer it has no effect, and finding it to reset it would cost time.
	 */
	sets = prefix_sets(&dialled.address);
	may_be_frontend = may_be_in(sets, SHUNT_PREFIX_FRONTENDS);
	if (!may_be_frontend && !may_be_in(sets, SHUNT_PREFIX_BACKENDS))
		return untouched(SHUNT_REASON_NOT_A_SERVICE);
	is_new = is_without_cookie(ctx);
	if (!may_be_frontend && is_new)
		return untouched(SHUNT_REASON_NOT_A_SERVICE);
	connection = mptcp_connection(ctx);
	if (is_join(connection))
		return untouched(SHUNT_REASON_MPTCP_JOIN);
	cookie = bpf_get_socket_cookie(ctx);
	state = known_state(ctx, connection, cookie, is_new);
	if (is_second_run(state, &dialled))
		return 1;
	if (has_peers(state))
		drop_peers(ctx->sk, cookie, bpf_get_netns_cookie(ctx));
	reset_state(state);
	if (!dialled.port)
		return untouched(SHUNT_REASON_PORT_ZERO);
	if (!may_be_frontend)
		return untouched(SHUNT_REASON_NOT_A_SERVICE);
	if (is_exempt(state))
		return untouched(SHUNT_REASON_EXEMPT_SOCKET);
	if (is_bypassed(ctx))
		return untouched(SHUNT_REASON_BYPASSED);
	if (is_agent_stale())
		return untouched(SHUNT_REASON_STALE_AGENT);

	key = key_of(ctx, &dialled);
	own = own_address(ctx);
	client = client_at(ctx, &own);
	decision = (struct decision){};
	decide(&key, &client, &decision);
	if (decision.verdict != VERDICT_TRANSLATE && is_unserved_udp(ctx, &decision))
		return udp_connect_unserved(ctx, state, cookie, &client, &dialled);
	if (decision.verdict == VERDICT_PASS)
		return untouched(decision.reason);
	if (decision.verdict == VERDICT_REFUSE)
		return fail(decision.error, decision.reason);
	if (shunt_config.observe)
		return untouched(SHUNT_REASON_WOULD_TRANSLATE);

	if (!state)
		state = connection ? mptcp_state(connection, BPF_SK_STORAGE_GET_F_CREATE)
				   : create_state(ctx, cookie);
	remember_connect(state, &dialled, &decision);
	if (hook_family == SHUNT_AF_INET)
		write_destination4(ctx, &decision.to);
	else
		write_destination6(ctx, &decision.to);
	return 1;
}

SEC("cgroup/connect4")
int sock_connect4(struct bpf_sock_addr *ctx)
{
	struct destination named = destination4(ctx);

	return connect_to(ctx, &named, SHUNT_AF_INET);
}

SEC("cgroup/connect6")
int sock_connect6(struct bpf_sock_addr *ctx)
{
	struct destination named = destination6(ctx);

	return connect_to(ctx, &named, SHUNT_AF_INET6);
}

/* ---- sendmsg: UDP datagrams that name their destination ----------------------------------- */

/* The address that the datagram is sent from: the socket's own, or the one that the application has named. */
static __always_inline struct shunt_address source_address(const struct bpf_sock_addr *ctx, int hook_family)
{
	if (hook_family == SHUNT_AF_INET)
		return (struct shunt_address){ .word = { 0, 0, bpf_htonl(0xffff), ctx->msg_src_ip4 } };
	return (struct shunt_address){
		.word = { ctx->msg_src_ip6[0], ctx->msg_src_ip6[1], ctx->msg_src_ip6[2],
			  ctx->msg_src_ip6[3] },
	};
}

/*
 * Sets `*to` if the datagram goes to another destination than the one that is `named`. `hook_family` is that of the
 * hook, not of the socket: an IPv6 socket sends IPv4 too.
 */
static __always_inline int send_to(struct bpf_sock_addr *ctx, const struct destination *named,
				   int hook_family, struct destination *to)
{
	struct destination dialled = as_kernel_dials(*named), peer;
	struct decision decision = {};
	struct shunt_socket_state *state;
	struct shunt_frontend_key key;
	struct shunt_address own;
	struct client client;
	__u32 sets, may_be_frontend, no_room;
	__u64 cookie;

	if (!is_translatable(ctx))
		return untouched(SHUNT_REASON_OTHER_PROTOCOL);
	if (!dialled.port)
		return untouched(SHUNT_REASON_PORT_ZERO);
	sets = prefix_sets(&dialled.address);
	may_be_frontend = may_be_in(sets, SHUNT_PREFIX_FRONTENDS);
	if (!may_be_frontend && !may_be_in(sets, SHUNT_PREFIX_BACKENDS))
		return untouched(SHUNT_REASON_NOT_A_SERVICE);
	peer = peer_of_socket(ctx);
	/* Only the peer's replies reach a connected socket. */
	if (peer.port && is_destination(&dialled, &peer.address, peer.port))
		return untouched(SHUNT_REASON_CONNECTED_SEND);
	cookie = bpf_get_socket_cookie(ctx);
	state = find_state(ctx->sk, cookie);
	if (is_exempt(state))
		return untouched(SHUNT_REASON_EXEMPT_SOCKET);
	if (state && peer.port && led_to_peer(state, &peer) && leads_from(&state->first, &dialled)) {
		*to = backend_of(&state->first); /* its peer */
		return 1;
	}
	if (state && may_be_frontend && is_second_send(ctx, state, cookie, &dialled))
		return 1;
	if (may_be_frontend && is_agent_stale())
		return untouched(SHUNT_REASON_STALE_AGENT);
	if (state && !shunt_config.observe && send_again(ctx, state, cookie, &dialled, to))
		return 1;
	if (!may_be_frontend) {
		if (state && !shunt_config.runs_twice)
			stop_answers(ctx, state, cookie, &dialled, 1);
		return untouched(SHUNT_REASON_NOT_A_SERVICE);
	}

	key = key_of(ctx, &dialled);
	own = source_address(ctx, hook_family);
	client = client_at(ctx, &own);
	/* Where it has sent before, it goes on. */
	if (is_bypassed(ctx))
		pass(&decision, SHUNT_REASON_BYPASSED);
	else
		decide(&key, &client, &decision);
	if (decision.verdict == VERDICT_PASS) {
		if (state && !shunt_config.runs_twice)
			stop_answers(ctx, state, cookie, &dialled, 1);
		return untouched(decision.reason);
	}
	if (decision.verdict == VERDICT_REFUSE)
		return fail(decision.error, decision.reason);
	if (shunt_config.observe)
		return untouched(SHUNT_REASON_WOULD_TRANSLATE);

	if (!state)
		state = create_state(ctx, cookie);
	no_room = remember_send(ctx, state, cookie, &dialled, &decision);
	if (no_room)
		return fail(SHUNT_ENOBUFS, no_room);
	*to = decision.to;
	return 1;
}

/*
 * An IPv6 socket comes here for an IPv4 destination, and for send() too if it is connected to one: the kernel hands
 * that to IPv4 as if the application had named the peer.
 */
SEC("cgroup/sendmsg4")
int sock_sendmsg4(struct bpf_sock_addr *ctx)
{
	struct destination named = destination4(ctx), to = {};
	int verdict = send_to(ctx, &named, SHUNT_AF_INET, &to);

	if (to.port)
		write_destination4(ctx, &to);
	return verdict;
}

SEC("cgroup/sendmsg6")
int sock_sendmsg6(struct bpf_sock_addr *ctx)
{
	struct destination named = destination6(ctx), to = {};
	int verdict = send_to(ctx, &named, SHUNT_AF_INET6, &to);

	if (to.port)
		write_destination6(ctx, &to);
	return verdict;
}

/* ---- recvmsg, getpeername: reverse -------------------------------------------------------- */

/* Returns 1, as these hooks must. */
static __always_inline int received_from(struct bpf_sock_addr *ctx, struct destination *from)
{
	__u64 cookie = bpf_get_socket_cookie(ctx);
	struct shunt_socket_state *state = find_state(ctx->sk, cookie);
	struct shunt_translation *translation;

	if (!state)
		return untouched(SHUNT_REASON_NO_STATE);
	translation = translation_answering(ctx, state, cookie, from);
	if (!translation)
		return untouched(SHUNT_REASON_OTHER_PEER);
	note_reply(translation);
	*from = dialled_of(translation);
	return 1;
}

/* Returns 1, as these hooks must. Names the dialled address only while the peer is the remembered backend. */
static __always_inline int peer_of(struct bpf_sock_addr *ctx, struct destination *peer)
{
	struct shunt_socket_state *state = ctx->protocol == IPPROTO_MPTCP
						   ? mptcp_state(ctx->sk, 0)
						   : find_state(ctx->sk, bpf_get_socket_cookie(ctx));

	if (!state)
		return untouched(SHUNT_REASON_NO_STATE);
	if (!leads_to(&state->first, peer))
		return untouched(SHUNT_REASON_OTHER_PEER);
	*peer = dialled_of(&state->first);
	return 1;
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
