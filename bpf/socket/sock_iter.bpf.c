// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Visits the sockets of one network namespace, that of the thread which opens the iterator, and ends those whose
 * backend is gone. It decides by a copy of the socket's state, and only if the state equals the copy before and after:
 * the kernel holds a socket's lock around its visit only since 6.5, and frees a state without it. 6.5 also brought
 * bpf_sock_destroy(). On older kernels a socket is only reported, and the reader of the report ends it by cookie and
 * addresses, which the kernel compares once more.
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

static __always_inline int same_state(const struct shunt_socket_state *a, const struct shunt_socket_state *b)
{
	const volatile __u64 *words = (const volatile __u64 *)a;
	const __u64 *copy = (const __u64 *)b;
	int same = 1;

#pragma unroll
	for (unsigned int i = 0; i < sizeof(*a) / sizeof(*copy); i++)
		same &= words[i] == copy[i];
	return same;
}

/* Returns 0, as these programs must to go on. */
static __always_inline int visit(struct seq_file *seq, struct sock_common *sk, __u8 protocol)
{
	__u64 cookie = bpf_get_socket_cookie(sk);
	struct shunt_socket_state *state = find_state(sk, cookie);
	struct shunt_socket_state copy, decided;
	struct shunt_gone_socket record;
	struct destination peer;

	if (!state || !(state->first.flags & (SHUNT_STATE_TRANSLATED | SHUNT_STATE_UNSERVED)))
		return 0;
	copy = *state;
	if (!same_state(state, &copy))
		return 0;
	record = describe(sk, cookie);
	peer = (struct destination){ .address = record.peer, .port = record.peer_port };
	decided = copy;
	if (!has_to_end(&decided, &peer, protocol, sk->skc_net.net->net_cookie) || !same_state(state, &copy))
		return 0;
	/* If the record does not fit, the kernel visits the socket again. */
	if (bpf_seq_write(seq, &record, sizeof(record)))
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
