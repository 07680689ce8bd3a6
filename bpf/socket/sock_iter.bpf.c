// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Visits the sockets of one network namespace, that of the thread which opens the iterator, and ends those whose
 * backend is gone. Since 6.5 the kernel holds a socket's lock around its visit, so the socket's state does not change;
 * and it has bpf_sock_destroy(). On older kernels a socket is only reported, and the reader of the report ends it by
 * cookie and addresses, which the kernel compares once more.
 */
#include <linux/bpf.h>
#include <linux/in.h>
#include <bpf/bpf_helpers.h>

#include "bpf/socket/sock_iter.h"
#include "bpf/socket/socket_end.h"

#define SHUNT_AF_INET 2
#define SHUNT_AF_INET6 10

/* The fields that we read from the kernel's structs; relocated by CO-RE. */
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct seq_file;
struct udp_sock;

struct bpf_iter_meta {
	struct seq_file *seq;
};

struct net {
	__u64 net_cookie;
};

typedef struct {
	struct net *net;
} possible_net_t;

struct in6_addr {
	union {
		__be32 u6_addr32[4];
	} in6_u;
};

struct sock_common {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	volatile unsigned char skc_state;
	int skc_bound_dev_if;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
};

struct bpf_iter__udp {
	struct bpf_iter_meta *meta;
	struct udp_sock *udp_sk;
};

struct bpf_iter__tcp {
	struct bpf_iter_meta *meta;
	struct sock_common *sk_common;
};

#pragma clang attribute pop

extern int bpf_sock_destroy(struct sock_common *sock) __ksym __weak;

static __always_inline struct shunt_address mapped(__be32 v4)
{
	return (struct shunt_address){ .word = { 0, 0, bpf_htonl(0xffff), v4 } };
}

static __always_inline struct shunt_address address6(const struct in6_addr *v6)
{
	return (struct shunt_address){ .word = { v6->in6_u.u6_addr32[0], v6->in6_u.u6_addr32[1],
						 v6->in6_u.u6_addr32[2], v6->in6_u.u6_addr32[3] } };
}

static __always_inline struct shunt_gone_socket describe(const struct sock_common *sk, __u64 cookie)
{
	int is_v6 = sk->skc_family == SHUNT_AF_INET6;

	return (struct shunt_gone_socket){
		.cookie = cookie,
		.local = is_v6 ? address6(&sk->skc_v6_rcv_saddr) : mapped(sk->skc_rcv_saddr),
		.peer = is_v6 ? address6(&sk->skc_v6_daddr) : mapped(sk->skc_daddr),
		.local_port = bpf_htons(sk->skc_num),
		.peer_port = sk->skc_dport,
		.interface = (__u32)sk->skc_bound_dev_if,
		.family = sk->skc_family,
		.ended = shunt_config.has_sock_destroy,
	};
}

static __always_inline int same_translation(const volatile struct shunt_socket_state *a,
					    const struct shunt_socket_state *b)
{
	return a->flags == b->flags && a->pool == b->pool && a->backend == b->backend &&
	       a->backend_port == b->backend_port && a->dialled_port == b->dialled_port &&
	       a->backend_address.word[3] == b->backend_address.word[3] &&
	       a->dialled.word[3] == b->dialled.word[3];
}

/*
 * has_to_end() without the socket's lock, while a connect may be rewriting its state. It decides by a copy, and is true
 * only if the state equals the copy before and after. (A writer clears TRANSLATED first and sets it last.)
 */
static __always_inline int copy_has_to_end(const struct shunt_socket_state *state,
					   const struct destination *peer, __u8 protocol, __u64 netns_cookie)
{
	struct shunt_socket_state copy = *state;

	return same_translation(state, &copy) && has_to_end(&copy, peer, protocol, netns_cookie) &&
	       state->cookie == copy.cookie && state->pool_word == copy.pool_word &&
	       same_address(&state->backend_address, &copy.backend_address) && state->flags == copy.flags;
}

/* Returns 0, as these programs must to go on. */
static __always_inline int visit(struct seq_file *seq, struct sock_common *sk, __u8 protocol)
{
	__u64 cookie = bpf_get_socket_cookie(sk);
	struct shunt_socket_state *state = find_state(sk, cookie);
	struct shunt_gone_socket record;
	struct destination peer;
	__u64 netns_cookie;
	int gone;

	if (!state || !(state->flags & SHUNT_STATE_TRANSLATED))
		return 0;
	record = describe(sk, cookie);
	peer = (struct destination){ .address = record.peer, .port = record.peer_port };
	netns_cookie = sk->skc_net.net->net_cookie;
	gone = shunt_config.has_sock_destroy ? has_to_end(state, &peer, protocol, netns_cookie)
					     : copy_has_to_end(state, &peer, protocol, netns_cookie);
	/* If the record does not fit, the kernel visits the socket again. */
	if (!gone || bpf_seq_write(seq, &record, sizeof(record)))
		return 0;
	if (shunt_config.has_sock_destroy)
		bpf_sock_destroy(sk);
	return 0;
}

SEC("iter/udp")
int end_udp_sockets(struct bpf_iter__udp *ctx)
{
	struct sock_common *sk = (struct sock_common *)ctx->udp_sk;

	/* To the kernel a UDP socket with a peer is an established one. */
	if (!sk || sk->skc_state != BPF_TCP_ESTABLISHED)
		return 0;
	return visit(ctx->meta->seq, sk, IPPROTO_UDP);
}

SEC("iter/tcp")
int end_tcp_sockets(struct bpf_iter__tcp *ctx)
{
	struct sock_common *sk = ctx->sk_common;

	if (!sk)
		return 0;
	switch (sk->skc_state) {
	case BPF_TCP_SYN_SENT:
	case BPF_TCP_ESTABLISHED:
	case BPF_TCP_FIN_WAIT1:
	case BPF_TCP_FIN_WAIT2:
	case BPF_TCP_CLOSE_WAIT:
		return visit(ctx->meta->seq, sk, IPPROTO_TCP);
	default: /* not connected, or already on its way out */
		return 0;
	}
}

char sock_iter_license[] SEC("license") = "Dual BSD/GPL";
