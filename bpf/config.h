/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Configuration of the programs. It is read-only data that user space sets before it loads them, so the verifier drops
 * the code that a setting makes unreachable. To change it, user space loads again and replaces the links atomically.
 */
#ifndef SHUNT_CONFIG_H
#define SHUNT_CONFIG_H

#include "bpf/abi.h"

struct shunt_config {
	__u64 host_netns_cookie; /* of the host's network namespace, in which the agent runs */
	__u64 index_seed;	 /* the same as in meta */
	__u32 index_mask;	 /* buckets of frontend_index - 1; the number of buckets is a power of two */
	__u32 socket_mask;   /* rows of socket_state - 1; the number of rows is a power of two, at least 64 */
	__u32 previous_mask; /* the same of previous_state; 0: there are no previous rows */
	__u32 service_stride;  /* rows per CPU in service_counters: the limit on service ports */
	__u32 backend_stride;  /* rows per CPU in backend_counters: the limit on backends */
	__u32 peers_per_netns; /* destinations in socket_peers that one network namespace may have */
	/*
	 * Iterations of a delay between the loads of a choice. 0 in production; the torn-set test widens
	 * the readers' windows with it.
	 */
	__u32 reader_window;
	__u32 stale_after_ms; /* nothing is translated this long after the agent's last sign of life; 0: off */
	/* If a Local policy finds no local endpoint: 0 fails with EHOSTUNREACH; 1 leaves the destination as it is,
	 * for the packet path to drop without an error, as kube-proxy does. */
	__u8 local_miss_drops;
	__u8 has_mptcp;	       /* 1: the kernel has MPTCP and the helper that finds a subflow's connection */
	__u8 has_sock_destroy; /* 1: the kernel has bpf_sock_destroy(), which ends a socket from an iterator */
	__u8 observe;	       /* 1: decide and count, but change no destination and fail no call */
	__u8 reads_sockets;    /* 1: programs may read the kernel's own structs (CAP_PERFMON) */
	/* 1: while the programs move from one cgroup to another above or below it, both run for one call, so a socket's
	 * own backend may be the destination that the first of them has written. */
	__u8 runs_twice;
	__u8 claims_previous; /* 1: rows are claimed in previous_state, because programs may be in force that know no
			       * other rows */
	__u8 bypass;	      /* bits of enum shunt_bypass in scope_abi.h */
};
SHUNT_STATIC_ASSERT(sizeof(struct shunt_config) == 56);

#endif
