/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Addresses as values of 16 bytes; IPv4 is v4-mapped. Everything here is in network byte order. */
#ifndef SHUNT_ADDRESS_H
#define SHUNT_ADDRESS_H

#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/abi.h"

/* The address and port that a socket call goes to or comes from. */
struct destination {
	struct shunt_address address;
	__be16 port;
	__u16 pad; /* zero */
};

static __always_inline int same_address(const struct shunt_address *a, const struct shunt_address *b)
{
	return a->word[3] == b->word[3] && a->word[2] == b->word[2] && a->word[1] == b->word[1] &&
	       a->word[0] == b->word[0];
}

static __always_inline int is_destination(const struct destination *to, const struct shunt_address *address,
					  __be16 port)
{
	return to->port == port && same_address(&to->address, address);
}

static __always_inline int is_v4(const struct shunt_address *address)
{
	return address->word[0] == 0 && address->word[1] == 0 && address->word[2] == bpf_htonl(0xffff);
}

static __always_inline int is_loopback(const struct shunt_address *address)
{
	if (is_v4(address))
		return (address->word[3] & bpf_htonl(0xff000000)) == bpf_htonl(0x7f000000);
	return !address->word[0] && !address->word[1] && !address->word[2] &&
	       address->word[3] == bpf_htonl(1);
}

/*
 * Returns the destination that the kernel will use: it takes the unspecified address for loopback. (A socket that is
 * bound to an address reaches that address instead; both belong to its own host.)
 */
static __always_inline struct destination as_kernel_dials(struct destination to)
{
	struct shunt_address *address = &to.address;

	if (address->word[0] || address->word[1] || address->word[3])
		return to;
	if (!address->word[2])
		address->word[3] = bpf_htonl(1);
	else if (address->word[2] == bpf_htonl(0xffff))
		address->word[3] = bpf_htonl(0x7f000001);
	return to;
}

static __always_inline struct destination destination4(const struct bpf_sock_addr *ctx)
{
	return (struct destination){
		.address.word = { 0, 0, bpf_htonl(0xffff), ctx->user_ip4 },
		.port = (__be16)ctx->user_port,
	};
}

static __always_inline struct destination destination6(const struct bpf_sock_addr *ctx)
{
	return (struct destination){
		.address.word = { ctx->user_ip6[0], ctx->user_ip6[1], ctx->user_ip6[2], ctx->user_ip6[3] },
		.port = (__be16)ctx->user_port,
	};
}

static __always_inline void write_destination4(struct bpf_sock_addr *ctx, const struct destination *to)
{
	ctx->user_ip4 = to->address.word[3];
	ctx->user_port = to->port;
}

static __always_inline void write_destination6(struct bpf_sock_addr *ctx, const struct destination *to)
{
	ctx->user_ip6[0] = to->address.word[0];
	ctx->user_ip6[1] = to->address.word[1];
	ctx->user_ip6[2] = to->address.word[2];
	ctx->user_ip6[3] = to->address.word[3];
	ctx->user_port = to->port;
}

#endif
