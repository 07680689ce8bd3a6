/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Decides what happens to one dialled destination, as a function over values. It uses neither a program's context nor
 * a socket, so that a syscall program can run tables of cases through it (tests/bpf/harness.bpf.c).
 */
#ifndef SHUNT_DECISION_H
#define SHUNT_DECISION_H

#include "bpf/pool.h"

/* Network errno values; there are no libc headers in BPF code. */
#define SHUNT_EAGAIN 11
#define SHUNT_ENOBUFS 105
#define SHUNT_ECONNREFUSED 111
#define SHUNT_EHOSTUNREACH 113

enum verdict {
	VERDICT_PASS = 0,      /* leave it: it is not a service, or the packet path decides */
	VERDICT_TRANSLATE = 1, /* `to` is the backend */
	VERDICT_REFUSE = 2,    /* fail the call with `error` */
};

struct decision {
	__u32 verdict; /* enum verdict */
	__u32 error;   /* positive errno, if refused */
	__u32 reason;  /* enum shunt_reason, unless translated */
	__u32 pool;
	__u32 backend;
	__u32 service_port;
	__u64 pool_word; /* the pool's word when the backend was chosen */
	struct destination to;
};

static __always_inline void pass(struct decision *decision, __u32 reason)
{
	decision->verdict = VERDICT_PASS;
	decision->reason = reason;
}

static __always_inline void refuse(struct decision *decision, __u32 error, __u32 reason)
{
	decision->verdict = VERDICT_REFUSE;
	decision->error = error;
	decision->reason = reason;
}

/* Decides for a pool that takes no new connections, by the reason that its word carries. */
static __always_inline void decide_empty(struct decision *decision, __u64 pool_word,
					 struct shunt_service_counters *counters)
{
	if (shunt_pool_emptiness(pool_word) == SHUNT_EMPTY_LOCAL_MISS) {
		if (counters)
			counters->local_misses++;
		if (shunt_config.local_miss_drops)
			pass(decision, SHUNT_REASON_LOCAL_MISS);
		else
			refuse(decision, SHUNT_EHOSTUNREACH, SHUNT_REASON_LOCAL_MISS);
		return;
	}
	if (counters)
		counters->no_endpoints++;
	refuse(decision, SHUNT_ECONNREFUSED, SHUNT_REASON_NO_ENDPOINTS);
}

/*
 * Returns the backend that this client's affinity names, or NULL if the affinity has expired or the backend is no
 * longer selectable.
 *
 * Writes only `last_use_ns` through the pointer: the kernel may give an LRU element to another key at any time. A later
 * `last_use_ns` does no harm to that key, but a choice that is not its own would.
 */
static __always_inline const struct shunt_backend *follow_affinity(const struct shunt_affinity_key *key,
								   __u64 now_ns, __u64 timeout_ns,
								   __u64 pool_word, __u32 *backend)
{
	struct shunt_affinity *affinity = bpf_map_lookup_elem(&affinities, key);
	struct shunt_affinity renewed = { .last_use_ns = now_ns };
	__u64 choice;

	if (!affinity)
		return NULL;
	reader_window();
	choice = *(volatile __u64 *)&affinity->choice;
	/* Signed: another CPU may have used it after we read the clock. */
	if ((__s64)(now_ns - affinity->last_use_ns) >= (__s64)timeout_ns)
		return NULL;
	*backend = shunt_affinity_backend(choice);
	if (shunt_pool_is_same(choice, shunt_affinity_choice(*backend, pool_word))) {
		affinity->last_use_ns = now_ns;
	} else {
		if (!find_member(pool_word, *backend).selectable)
			return NULL;
		renewed.choice = shunt_affinity_choice(*backend, pool_word);
		bpf_map_update_elem(&affinities, key, &renewed, BPF_ANY);
	}
	return bpf_map_lookup_elem(&backends, backend);
}

static __always_inline const struct shunt_backend *choose_with_affinity(const struct shunt_frontend_row *row,
									__u64 netns_cookie, __u64 pool_word,
									__u32 *backend)
{
	__u64 timeout_ns = row->affinity_timeout_s * 1000000000ull;
	__u64 now_ns = bpf_ktime_get_boot_ns();
	struct shunt_affinity_key key = {
		.client.word = { (__u32)netns_cookie, (__u32)(netns_cookie >> 32) },
		.service_port = row->service_port,
		.client_kind = SHUNT_CLIENT_NETNS,
	};
	struct shunt_affinity affinity = { .last_use_ns = now_ns };
	const struct shunt_backend *chosen;

	chosen = follow_affinity(&key, now_ns, timeout_ns, pool_word, backend);
	if (chosen)
		return chosen;
	chosen = choose_backend(pool_word, backend);
	if (!chosen)
		return NULL;
	affinity.choice = shunt_affinity_choice(*backend, pool_word);
	bpf_map_update_elem(&affinities, &key, &affinity, BPF_ANY);
	return chosen;
}

/*
 * Decides for a client on this node. `key` is what it dials, `netns_cookie` its network namespace. Counts for the
 * service and the backend; the caller counts the reason. REQUIRES: the port is not 0.
 */
static __always_inline void decide(const struct shunt_frontend_key *key, __u64 netns_cookie,
				   struct decision *decision)
{
	int on_host = netns_cookie == shunt_config.host_netns_cookie;
	__u32 reason = SHUNT_REASON_NOT_A_SERVICE;
	const struct shunt_frontend_row *row = find_frontend(key, on_host, &reason);
	struct shunt_service_counters *counters;
	const struct shunt_backend *chosen;
	__u64 *word, pool_word;

	if (!row) {
		if (reason == SHUNT_REASON_UNUSED_PORT)
			return refuse(decision, SHUNT_ECONNREFUSED, reason);
		return pass(decision, reason);
	}
	if ((row->flags & SHUNT_ROW_SOURCE_RANGES) && !(on_host && (row->flags & SHUNT_ROW_NODE_IN_RANGES)))
		return pass(decision, SHUNT_REASON_SOURCE_RANGES);
	decision->service_port = row->service_port;
	decision->pool = row->internal_pool;
	word = pool_of(row->internal_pool);
	if (!word)
		return refuse(decision, SHUNT_EAGAIN, SHUNT_REASON_DANGLING);
	pool_word = *(volatile __u64 *)word;
	reader_window();
	counters = counters_of(row->service_port);
	if (shunt_pool_emptiness(pool_word))
		return decide_empty(decision, pool_word, counters);
	/* Count before the choice, so that the CPU fetches this cache line while it waits for the slot's. */
	if (counters)
		counters->translated++;
	/* In observe mode the choice is not used, so it is not remembered. */
	if (row->affinity_timeout_s && !shunt_config.observe)
		chosen = choose_with_affinity(row, netns_cookie, pool_word, &decision->backend);
	else
		chosen = choose_backend(pool_word, &decision->backend);
	if (!chosen)
		return refuse(decision, SHUNT_EAGAIN, SHUNT_REASON_DANGLING);
	reader_window();
	decision->verdict = VERDICT_TRANSLATE;
	decision->pool_word = pool_word;
	decision->to.address = chosen->address;
	decision->to.port = chosen->port;
	count_chosen(decision->backend);
}

#endif
