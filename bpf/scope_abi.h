/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Of the contract that abi.h is: whose sockets are left alone (bypass). The same rules hold. */
#ifndef SHUNT_SCOPE_ABI_H
#define SHUNT_SCOPE_ABI_H

#include "bpf/abi.h"

/*
 * scopes: hash. The sockets of a process in such a cgroup or below it, and those of such a network namespace, are left
 * as they are: what they dial is served packet by packet. Programs look a key up only after scope_filter has said that
 * it may be there. A cgroup's id is the kernel's own, and no other cgroup gets it until the node starts again; the same
 * holds for a namespace's cookie.
 */
#define SHUNT_SCOPES_MAX 4096u
/* How far below the root of the hierarchy a cgroup in scopes can be. */
#define SHUNT_SCOPE_LEVELS 16

enum shunt_scope_kind {
	SHUNT_SCOPE_CGROUP = 1,
	SHUNT_SCOPE_NETNS = 2,
	/* For readers, with id 0: the programs have these two in shunt_config.bypass. */
	SHUNT_SCOPE_PODS = 3,
	SHUNT_SCOPE_KERNEL = 4,
};

/* Why there is the row; with no bit left, it goes. */
enum shunt_scope_origin {
	SHUNT_SCOPE_CONFIGURED = 1 << 0, /* its path matches the agent's settings */
	SHUNT_SCOPE_ADDED = 1 << 1,	 /* it was added beside them */
};

struct shunt_scope_key {
	__u64 id;   /* of the cgroup, or the network namespace's cookie */
	__u32 kind; /* enum shunt_scope_kind */
	__u32 pad;
};
SHUNT_STATIC_ASSERT(sizeof(struct shunt_scope_key) == 16);

/*
 * Programs only ask whether there is a row. The name is for people: a cgroup's path below the cgroup that is served, or
 * what a namespace was added by; NUL-terminated, NUL-filled.
 */
struct shunt_scope {
	__u32 origins; /* bits of enum shunt_scope_origin */
	__u32 pad;
	char name[504];
};
SHUNT_STATIC_ASSERT(sizeof(struct shunt_scope) == 512);

/*
 * scope_filter: array of one row, memory-mapped. `cgroups` and `namespaces` are one word with the numbers of rows in
 * scopes, so that a node without any asks no further. A clear bit proves that no key with this hash is in scopes.
 */
#define SHUNT_SCOPE_BITS 4096u
#define SHUNT_SCOPE_WORDS (SHUNT_SCOPE_BITS / 64)

struct shunt_scope_filter {
	__u32 cgroups;
	__u32 namespaces;
	__u64 reserved[7]; /* zero */
	__u64 bits[SHUNT_SCOPE_WORDS];
};
SHUNT_STATIC_ASSERT(sizeof(struct shunt_scope_filter) == 64 + 8 * SHUNT_SCOPE_WORDS);

/* Returns the bit's number: word bit >> 6, mask 1 << (bit & 63). Ids are given out in sequence, by the kernel alone. */
static inline __u32 shunt_scope_bit(__u64 id)
{
	return (__u32)(id * 0xc4ceb9fe1a85ec53ull >> 52);
}

/* shunt_config.bypass: kinds of sockets that are left alone, whatever scopes says. */
enum shunt_bypass {
	SHUNT_BYPASS_PODS = 1 << 0,   /* those outside the host's network namespace */
	SHUNT_BYPASS_KERNEL = 1 << 1, /* those that the kernel opened for itself: NFS, SMB, iSCSI, Ceph */
};

#endif
