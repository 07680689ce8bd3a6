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

/* Who dials. */
struct client {
	__u64 netns_cookie; /* of its network namespace */
	__u32 on_loopback;  /* 1: its own address is a loopback address, from which nothing leaves the host */
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

/* A client's affinity, and what it said when it was looked up. */
struct affinity_search {
	struct shunt_affinity_key key;
	int exists;
	struct shunt_affinity found; /* if it exists */
	__u64 now_ns;
	__u64 timeout_ns;
};

/*
 * Returns the backend that this client's affinity names, or NULL if there is none, if it has expired, or if the backend
 * is no longer selectable.
 *
 * Writes only `last_use_ns` through the pointer: the kernel may give an LRU element to another key at any time. A later
 * `last_use_ns` does no harm to that key, but a choice that is not its own would.
 */
static __always_inline const struct shunt_backend *follow_affinity(struct affinity_search *search,
								   __u64 pool_word, __u32 *backend)
{
	struct shunt_affinity *affinity = bpf_map_lookup_elem(&affinities, &search->key);
	struct shunt_affinity renewed = { .last_use_ns = search->now_ns };
	__u64 choice;

	search->exists = affinity != NULL;
	if (!affinity)
		return NULL;
	reader_window();
	choice = *(volatile __u64 *)&affinity->choice;
	search->found.choice = choice;
	search->found.last_use_ns = *(volatile __u64 *)&affinity->last_use_ns;
	/* Signed: another CPU may have used it after we read the clock. */
	if ((__s64)(search->now_ns - search->found.last_use_ns) >= (__s64)search->timeout_ns)
		return NULL;
	*backend = shunt_affinity_backend(choice);
	if (shunt_pool_is_same(choice, shunt_affinity_choice(*backend, pool_word))) {
		affinity->last_use_ns = search->now_ns;
	} else {
		if (!find_member(pool_word, *backend).selectable)
			return NULL;
		renewed.choice = shunt_affinity_choice(*backend, pool_word);
		bpf_map_update_elem(&affinities, &search->key, &renewed, BPF_ANY);
	}
	return bpf_map_lookup_elem(&backends, backend);
}

/*
 * Replaces an affinity that cannot be followed. The old one is the random number: connections that begin at once find
 * the same one, and so they draw the same backend.
 */
static __always_inline const struct shunt_backend *replace_affinity(const struct affinity_search *search,
								    __u64 pool_word, __u32 *backend)
{
	__u64 seed = shunt_config.index_seed ^ search->key.client.word[0];
	__u64 random = shunt_hash(seed, search->found.last_use_ns, search->found.choice);
	const struct shunt_backend *chosen =
		backend_at(pool_word, (__u32)(random >> 32), (__u32)random, backend);
	struct shunt_affinity affinity = { .last_use_ns = search->now_ns };

	affinity.choice = shunt_affinity_choice(*backend, pool_word);
	if (chosen)
		bpf_map_update_elem(&affinities, &search->key, &affinity, BPF_ANY);
	return chosen;
}

/* Draws for a client without an affinity, and follows the connection that was first if several began at once. */
static __always_inline const struct shunt_backend *create_affinity(struct affinity_search *search,
								   __u64 pool_word, __u32 *backend)
{
	const struct shunt_backend *chosen = choose_backend(pool_word, backend), *first;
	struct shunt_affinity affinity = { .last_use_ns = search->now_ns };
	__u32 other = 0;

	affinity.choice = shunt_affinity_choice(*backend, pool_word);
	if (!chosen || !bpf_map_update_elem(&affinities, &search->key, &affinity, BPF_NOEXIST))
		return chosen;
	first = follow_affinity(search, pool_word, &other);
	if (!first)
		return chosen;
	*backend = other;
	return first;
}

static __always_inline const struct shunt_backend *choose_with_affinity(const struct shunt_frontend_row *row,
									__u64 netns_cookie, __u64 pool_word,
									__u32 *backend)
{
	struct affinity_search search = {
		.key = {
			.client.word = { (__u32)netns_cookie, (__u32)(netns_cookie >> 32) },
			.service_port = row->service_port,
			.client_kind = SHUNT_CLIENT_NETNS,
		},
		.now_ns = bpf_ktime_get_boot_ns(),
		.timeout_ns = row->affinity_timeout_s * 1000000000ull,
	};
	const struct shunt_backend *chosen = follow_affinity(&search, pool_word, backend);

	if (chosen)
		return chosen;
	return search.exists ? replace_affinity(&search, pool_word, backend)
			     : create_affinity(&search, pool_word, backend);
}

/* True if the address is this node's own: only such a backend can be reached from a loopback address. */
static __always_inline int is_own_address(const struct shunt_address *address)
{
	struct shunt_frontend_key key = { .address = *address };
	const struct shunt_frontend_row *row = find_row(&key);

	return row && (row->flags & SHUNT_ADDRESS_NODE);
}

/*
 * Decides for a client on this node that dials `key`. Counts for the service and the backend; the caller counts the
 * reason. REQUIRES: the port is not 0.
 */
static __always_inline void decide(const struct shunt_frontend_key *key, const struct client *client,
				   struct decision *decision)
{
	int on_host = client->netns_cookie == shunt_config.host_netns_cookie;
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
	if (counters && !client->on_loopback)
		counters->translated++;
	/* In observe mode the choice is not used, so it is not remembered. */
	if (row->affinity_timeout_s && !shunt_config.observe)
		chosen = choose_with_affinity(row, client->netns_cookie, pool_word, &decision->backend);
	else
		chosen = choose_backend(pool_word, &decision->backend);
	if (!chosen)
		return refuse(decision, SHUNT_EAGAIN, SHUNT_REASON_DANGLING);
	reader_window();
	if (client->on_loopback) {
		if (!is_own_address(&chosen->address))
			return pass(decision, SHUNT_REASON_LOOPBACK_CLIENT);
		if (counters)
			counters->translated++;
	}
	decision->verdict = VERDICT_TRANSLATE;
	decision->pool_word = pool_word;
	decision->to.address = chosen->address;
	decision->to.port = chosen->port;
	count_chosen(decision->backend);
}

#endif
