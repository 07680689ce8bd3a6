/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The input and output of the harness programs; included by them and by the tests. */
#ifndef SHUNT_TESTS_HARNESS_H
#define SHUNT_TESTS_HARNESS_H

#include "bpf/abi.h"

#define HARNESS_MEMBERS_MAX 4096

struct harness_case {
	struct shunt_frontend_key key; /* in */
	__u32 filtered;		       /* out: 1 if the prefix filter alone decided */
	__u64 netns_cookie;	       /* in: of a socket */
	__u32 on_loopback;	       /* in: of a socket */
	__u32 is_outside;	       /* in: of a packet */
	__u32 no_cluster_ip;	       /* in: of a packet */
	struct shunt_address source;   /* in: of a packet */
	__u32 verdict;		       /* out: enum verdict */
	__u32 error;
	__u32 reason;
	__u32 backend;
	struct shunt_address to_address;
	__be16 to_port;
	__u8 pad[2];
};

struct harness_draw {
	__u64 pool_word; /* in */
	__u32 draws;	 /* in */
	__u32 pad;
};

#endif
