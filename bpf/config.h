/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Configuration of the programs: read-only data, set before they are loaded, so the verifier drops the
 * code that a setting makes unreachable. A change is a new load and an atomic replacement of the links.
 */
#ifndef SHUNT_CONFIG_H
#define SHUNT_CONFIG_H

#include "bpf/abi.h"

struct shunt_config {
	__u64 host_netns_cookie; /* the network namespace of the agent: the host's */
	__u64 index_seed;	 /* meta's */
	__u32 index_mask;	 /* buckets of frontend_index - 1; the number of buckets is a power of two */
	__u32 socket_mask; /* rows of socket_state - 1; the number of rows is a power of two, at least 64 */
	__u32 service_stride; /* rows a CPU has in service_counters: the limit on service ports */
	__u32 backend_stride; /* the same in backend_counters: the limit on backends */
	/*
	 * Iterations of a delay between the loads of a choice. 0 in production; the torn-set test widens
	 * the readers' windows with it.
	 */
	__u32 reader_window;
	/* A Local policy without a local endpoint: 0 fails with EHOSTUNREACH, 1 leaves the destination as it
	 * is, for the packet path to drop (kube-proxy's silence). */
	__u8 local_miss_drops;
	__u8 has_mptcp; /* 1: the kernel knows MPTCP, and so the helper that leads from a subflow to its connection */
	__u8 has_sock_destroy; /* 1: the kernel can end a socket from an iterator: bpf_sock_destroy() */
	/* 1: decide and count, and leave every destination and every outcome as they are without us */
	__u8 observe;
};
SHUNT_STATIC_ASSERT(sizeof(struct shunt_config) == 40);

#endif
