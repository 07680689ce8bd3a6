/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The record that the iterators of sock_iter.bpf.c write for each socket that has to end. */
#ifndef SHUNT_SOCK_ITER_H
#define SHUNT_SOCK_ITER_H

#include "bpf/abi.h"

/* It identifies the socket well enough to end it by SOCK_DESTROY. */
struct shunt_gone_socket {
	__u64 cookie;
	struct shunt_address local;
	struct shunt_address peer;
	__be16 local_port;
	__be16 peer_port;
	__u32 interface; /* the one that it is bound to; 0: not bound */
	__u16 family;	 /* AF_INET or AF_INET6 */
	__u8 ended;	 /* 1: the program has ended it */
	__u8 pad[5];
};
SHUNT_STATIC_ASSERT(sizeof(struct shunt_gone_socket) == 56);

#endif
