/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the hooks read of the kernel's own structs, which the program's context does not show. CO-RE relocates every
 * field. It takes CAP_PERFMON: without that, shunt_config.reads_sockets is 0, and nothing here is known.
 */
#ifndef SHUNT_KERNEL_SOCK_H
#define SHUNT_KERNEL_SOCK_H

#include <linux/bpf.h>
#include <linux/in.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "bpf/counters.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	__s64 counter;
} atomic64_t;

struct sock_common {
	volatile unsigned char skc_state;
	atomic64_t skc_cookie;
};

struct sock {
	__u8 sk_kern_sock : 1;
};

struct io_uring_task;

struct task_struct {
	unsigned int flags;
	struct io_uring_task *io_uring;
};

#pragma clang attribute pop

/*
 * True if this TCP socket has not been asked for its cookie yet. Then it has no memory, because that is found by the
 * cookie. False for a UDP socket, for which the helper that costs the least offers nothing.
 */
static __always_inline int is_without_cookie(struct bpf_sock_addr *ctx)
{
	const struct sock_common *sk;

	if (!shunt_config.reads_sockets || ctx->protocol != IPPROTO_TCP)
		return 0;
	sk = (const struct sock_common *)bpf_skc_to_tcp_sock(ctx->sk);
	return sk && !sk->skc_cookie.counter;
}

/*
 * Returns the address of the kernel's struct sock behind `sk`, or NULL if it may not be read. No helper gives the
 * verifier one for every protocol, so the pointer becomes a number here, and what it points to is read by copying.
 */
static __always_inline struct sock *sock_address(void *sk)
{
	void *volatile pointer = sk;
	struct sock *address = NULL;

	if (!shunt_config.reads_sockets ||
	    bpf_probe_read_kernel(&address, sizeof(address), (const void *)&pointer))
		return NULL;
	return address;
}

/*
 * True if the kernel opened the socket for itself: for NFS, SMB and Ceph, or below an SMC or MPTCP socket. No
 * sock_release runs for it. A TCP socket's pointer is one that the verifier knows, and reading through that costs a
 * load where copying costs calls.
 */
static __always_inline int is_kernel_socket(struct bpf_sock_addr *ctx)
{
	struct sock *address;
	const struct sock *tcp;

	if (shunt_config.reads_sockets && ctx->protocol == IPPROTO_TCP) {
		tcp = (const struct sock *)bpf_skc_to_tcp_sock(ctx->sk);
		return tcp && BPF_CORE_READ_BITFIELD(tcp, sk_kern_sock);
	}
	address = sock_address(ctx->sk);
	return address && BPF_CORE_READ_BITFIELD_PROBED(address, sk_kern_sock);
}

#define SHUNT_PF_IO_WORKER 0x10 /* as in the kernel's linux/sched.h, since 5.12 */

/*
 * True if the thread that makes the call has used io_uring, or is one that the kernel has started for a ring. Such a
 * worker has no io_uring_task of its own.
 */
static __always_inline int uses_io_uring(void)
{
	const struct task_struct *thread;

	if (!shunt_config.reads_sockets || !bpf_core_field_exists(struct task_struct, io_uring))
		return 0;
	thread = bpf_get_current_task_btf();
	return thread->io_uring != NULL || (thread->flags & SHUNT_PF_IO_WORKER);
}

#endif
