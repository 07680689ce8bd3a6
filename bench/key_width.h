/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What key_width.bpf.c and key_width.cc share. */
#ifndef SHUNT_BENCH_KEY_WIDTH_H_
#define SHUNT_BENCH_KEY_WIDTH_H_

#include "bpf/abi.h"

#define KEY_WIDTH_KEYS 100000
#define KEY_WIDTH_BUCKETS 65536

/* The key that IPv4 alone would need. */
struct narrow_key {
	__be32 address;
	__be16 port;
	__u8 protocol;
	__u8 pad;
};

struct narrow_row {
	struct narrow_key key;
	__u8 rest[56]; /* rows of a cache line, as frontend_rows */
};

static inline __u64 narrow_hash(__u64 seed, const struct narrow_key *key)
{
	return shunt_hash(seed, key->address, (__u64)key->port << 8 | key->protocol);
}

struct key_width_run {
	__u64 seed;   /* in */
	__u64 ns;     /* out */
	__u32 count;  /* in */
	__u32 narrow; /* in */
	__u32 found;  /* out */
	__u32 pad;
};

#endif
