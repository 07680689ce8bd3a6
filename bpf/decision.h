/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Decides what happens to one dialled destination, as a function over values. It uses neither a program's context nor
 * a socket or packet, so that a syscall program can run tables of cases through it (tests/bpf/harness.bpf.c).
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
	VERDICT_REFUSE = 2,    /* fail the call with `error`, or answer the packet */
	VERDICT_DROP = 3,      /* only of packets: drop it without an answer */
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
	__u32 row_flags; /* of the frontend, if there is one: enum shunt_row_flags */
};

/*
 * Who dials: a socket, which is known by its network namespace, or a packet, which is known by its source. `kind` has
 * to be a constant where decide() is inlined, so that neither pays for what only the other needs.
 */
struct client {
	__u32 kind;	    /* enum shunt_client_kind: what `identity` is */
	__u8 on_loopback;   /* 1: its own address is a loopback address, from which nothing leaves the host */
	__u8 is_outside;    /* 1: it is not a client of the cluster, so the external pool serves it */
	__u8 no_cluster_ip; /* 1: a ClusterIP is no frontend for it */
	__u8 pad;
	struct shunt_address identity; /* affinities are kept by it */
};

static __always_inline struct client socket_client(__u64 netns_cookie, int on_loopback)
{
	return (struct client){
		.kind = SHUNT_CLIENT_NETNS,
		.on_loopback = on_loopback,
		.identity.word = { (__u32)netns_cookie, (__u32)(netns_cookie >> 32) },
	};
}

static __always_inline int is_packet(const struct client *client)
{
	return client->kind == SHUNT_CLIENT_ADDRESS;
}

static __always_inline int is_on_host(const struct client *client)
{
	__u64 cookie = (__u64)client->identity.word[1] << 32 | client->identity.word[0];

	return !is_packet(client) && cookie == shunt_config.host_netns_cookie;
}

static __always_inline void pass(struct decision *decision, __u32 reason)
{
	decision->verdict = VERDICT_PASS;
	decision->reason = reason;
}

static __always_inline void drop(struct decision *decision, __u32 reason)
{
	decision->verdict = VERDICT_DROP;
	decision->reason = reason;
}

static __always_inline void refuse(struct decision *decision, __u32 error, __u32 reason)
{
	decision->verdict = VERDICT_REFUSE;
	decision->error = error;
	decision->reason = reason;
}

/* An id outside its map. A socket can try again; what a packet's client would make of an answer is unknown. */
static __always_inline void decide_dangling(struct decision *decision, const struct client *client)
{
	if (is_packet(client))
		drop(decision, SHUNT_REASON_DANGLING);
	else
		refuse(decision, SHUNT_EAGAIN, SHUNT_REASON_DANGLING);
}

/* Decides for a pool that takes no new connections, by the reason that its word carries. */
static __always_inline void decide_empty(struct decision *decision, const struct client *client,
					 __u64 pool_word, struct shunt_service_counters *counters)
{
	if (shunt_pool_emptiness(pool_word) == SHUNT_EMPTY_LOCAL_MISS) {
		if (counters)
			counters->local_misses++;
		/* Without an answer a load balancer tries another node. */
		if (is_packet(client))
			drop(decision, SHUNT_REASON_LOCAL_MISS);
		else if (shunt_config.local_miss_drops)
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
									const struct client *client,
									__u64 pool_word, __u32 *backend)
{
	struct affinity_search search = {
		.key = {
			.client = client->identity,
			.service_port = row->service_port,
			.client_kind = client->kind,
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

static __always_inline int is_in_list(__u32 list, const struct shunt_address *address)
{
	struct shunt_source_key key = { .prefix_length = 32 + 128, .list = list, .address = *address };

	return bpf_map_lookup_elem(&source_ranges, &key) != NULL;
}

/*
 * Returns 1 if the client may use the frontend; else it has decided. A socket does not know from which address its
 * packets will leave, except on the host.
 */
static __always_inline int decide_source(struct decision *decision, const struct client *client,
					 const struct shunt_frontend_row *row)
{
	if (!(row->flags & SHUNT_ROW_SOURCE_RANGES))
		return 1;
	if (!is_packet(client)) {
		if (is_on_host(client) && (row->flags & SHUNT_ROW_NODE_IN_RANGES))
			return 1;
		pass(decision, SHUNT_REASON_SOURCE_RANGES);
		return 0;
	}
	if (row->source_ranges && is_in_list(row->source_ranges, &client->identity))
		return 1;
	drop(decision, SHUNT_REASON_SOURCE_DENIED);
	return 0;
}

/* Returns the id of the pool that serves the client. Clients inside the cluster get the internal one by any frontend,
 * because they need not come to a node that has an endpoint. */
static __always_inline __u32 pool_for(const struct shunt_frontend_row *row, const struct client *client)
{
	if (client->is_outside && row->kind != SHUNT_KIND_CLUSTER_IP)
		return row->external_pool;
	return row->internal_pool;
}

/*
 * Decides for a client that dials `key`. Counts for the service and the backend; the caller counts the reason.
 * REQUIRES: the port is not 0.
 */
static __always_inline void decide(const struct shunt_frontend_key *key, const struct client *client,
				   struct decision *decision)
{
	__u32 reason = SHUNT_REASON_NOT_A_SERVICE;
	const struct shunt_frontend_row *row = find_frontend(key, is_on_host(client), &reason);
	struct shunt_service_counters *counters;
	const struct shunt_backend *chosen;
	__u64 *word, pool_word;

	if (!row) {
		if (reason == SHUNT_REASON_UNUSED_PORT)
			return refuse(decision, SHUNT_ECONNREFUSED, reason);
		return pass(decision, reason);
	}
	if (client->no_cluster_ip && row->kind == SHUNT_KIND_CLUSTER_IP)
		return pass(decision, SHUNT_REASON_OUTSIDE_CLIENT);
	if (!decide_source(decision, client, row))
		return;
	decision->service_port = row->service_port;
	decision->row_flags = row->flags;
	decision->pool = pool_for(row, client);
	word = pool_of(decision->pool);
	if (!word)
		return decide_dangling(decision, client);
	pool_word = *(volatile __u64 *)word;
	reader_window();
	counters = counters_of(row->service_port);
	if (shunt_pool_emptiness(pool_word))
		return decide_empty(decision, client, pool_word, counters);
	/* Count before the choice, so that the CPU fetches this cache line while it waits for the slot's. */
	if (counters && !client->on_loopback)
		counters->translated++;
	/* In observe mode the choice is not used, so it is not remembered. */
	if (row->affinity_timeout_s && !shunt_config.observe)
		chosen = choose_with_affinity(row, client, pool_word, &decision->backend);
	else
		chosen = choose_backend(pool_word, &decision->backend);
	if (!chosen)
		return decide_dangling(decision, client);
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

/*
 * True if nothing may be translated because the agent has given no sign of life for longer than the node allows. What
 * was translated before goes on: replies and names do not ask.
 */
static __always_inline int is_agent_stale(void)
{
	__u32 zero = 0;
	struct shunt_meta *row;
	__s64 age_ms;

	if (!shunt_config.stale_after_ms)
		return 0;
	row = bpf_map_lookup_elem(&meta, &zero);
	if (!row)
		return 0;
	age_ms = bpf_ktime_get_boot_ns() / 1000000 - *(volatile __u64 *)&row->applied_ms;
	return age_ms > (__s64)shunt_config.stale_after_ms;
}

#endif
