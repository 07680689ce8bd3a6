/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The contract between the programs in the kernel and everything in user space: the layout of every map and the meaning
 * of every field. C (clang -target bpf) and C++20 both include this header. Beside it only packet_abi.h and scope_abi.h
 * define types of a map's row. docs/maps.md explains the same as a protocol.
 *
 * Rules:
 *  - Every byte has a name. Padding is `pad` and always zero, because it is part of hash keys.
 *  - Addresses are 16 bytes; IPv4 is v4-mapped (::ffff:a.b.c.d). There is no second family.
 *  - __be16 and __be32 are network byte order; everything else is host order.
 *  - Another layout of a map is another version of the plan or of the memory, whichever has the map, and so another pin
 *    directory, never a reinterpretation of this one.
 */
#ifndef SHUNT_ABI_H
#define SHUNT_ABI_H

#include <linux/types.h>

#include "bpf/reasons.h"

#ifdef __cplusplus
#define SHUNT_STATIC_ASSERT(what) static_assert(what, #what)
#else
#define SHUNT_STATIC_ASSERT(what) _Static_assert(what, #what)
#endif

/*
 * Two versions, because a build with another plan can still read what programs remember of sockets. The memory has the
 * maps socket_*, reasons, source_versions and meta; all others belong to the plan. The pin directories are named after
 * them: shunt/plan-v1-N, shunt/memory-v1-N.
 */
#define SHUNT_PLAN_VERSION 1
#define SHUNT_MEMORY_VERSION 1

/* ---- addresses ---------------------------------------------------------------------------- */

struct shunt_address {
	__be32 word[4];
};
SHUNT_STATIC_ASSERT(sizeof(struct shunt_address) == 16);

/* Multiply-and-fold with a seed. */
static inline __u64 shunt_hash(__u64 seed, __u64 high, __u64 low)
{
	__u64 hash = ((high ^ seed) * 0x9e3779b97f4a7c15ull) ^ low;

	hash ^= hash >> 32;
	hash *= 0xd6e8feb86659fd93ull;
	hash ^= hash >> 32;
	hash *= 0xd6e8feb86659fd93ull;
	return hash ^ hash >> 32;
}

/*
 * prefix_filter: sets of hashed prefixes (a /20 of IPv4, a /64 of IPv6) in one array of words. A prefix has a bit for
 * each set, side by side, so one word answers for all of them. A clear bit proves that no address in the set has the
 * prefix; a set bit proves nothing. Services use few prefixes, so one word decides for nearly every connection to
 * something else.
 */
#define SHUNT_PREFIXES (1u << 16) /* as many as shunt_prefix_bit() has hashes */
#define SHUNT_PREFIX_SETS 4u
#define SHUNT_PREFIX_WORDS (SHUNT_PREFIXES * SHUNT_PREFIX_SETS / 64)

/* In each set but the first a bit is only ever set: flows and sockets outlive what it was set for. */
enum shunt_prefix_set {
	SHUNT_PREFIX_FRONTENDS = 0, /* every address in frontend_index, wildcards excepted */
	SHUNT_PREFIX_BACKENDS = 1,
	/* For the packet path: ClusterIPs, and the addresses of other frontends, whose ports node_ports has. */
	SHUNT_PREFIX_SERVICES = 2,
	SHUNT_PREFIX_PORTS = 3,
};

/* Which bits of an IPv4 address's word are its prefix. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define SHUNT_PREFIX_MASK4 0x00f0ffffu
#else
#define SHUNT_PREFIX_MASK4 0xfffff000u
#endif

/* Returns the bit's number in the whole array: word bit >> 6, mask 1 << (bit & 63). The bits of one prefix are in one
 * word. One multiplication spreads the prefixes of a cluster as well as a longer hash would. It needs no seed: a
 * crafted collision costs only its author one more lookup. */
static inline __u32 shunt_prefix_bit(const struct shunt_address *address, enum shunt_prefix_set set)
{
	__u64 prefix = (__u64)address->word[0] << 32 | address->word[1];

	if (!prefix)
		prefix = address->word[3] & SHUNT_PREFIX_MASK4;
	return (__u32)(prefix * 0xc4ceb9fe1a85ec53ull >> 48) * SHUNT_PREFIX_SETS + set;
}

/* ---- frontends: what clients dial --------------------------------------------------------- */

/*
 * Three kinds of key:
 *  - an address, a port, a protocol: one frontend;
 *  - an address, port 0, protocol 0: the state of the address itself (SHUNT_ADDRESS_*);
 *  - the family's unspecified address (:: or ::ffff:0.0.0.0), a port, a protocol: a NodePort, valid
 *    on every address whose own row says SHUNT_ADDRESS_NODE.
 * A dialled port 0 is never looked up, so the kinds cannot be confused.
 */
struct shunt_frontend_key {
	struct shunt_address address;
	__be16 port;
	__u8 protocol; /* IPPROTO_TCP, IPPROTO_UDP, and for the packet path IPPROTO_SCTP */
	__u8 pad;
};
SHUNT_STATIC_ASSERT(sizeof(struct shunt_frontend_key) == 20);

/*
 * frontend_index: array of buckets of one cache line, memory-mapped. It is a hash table from key to row id that only
 * the agent writes. A lookup in the kernel's own hash map costs a call and three to four cold cache lines, and that map
 * gives a deleted element to another key at once, while it is being read. Here a lookup is one line, an entry is one
 * word, and a row outlives its readers (see frontend_rows).
 *
 * An entry is (tag << 32 | row id + 1), or 0 if it is free. The low half of shunt_key_hash() picks a key's bucket. If
 * its seven entries are taken, the key goes into the next bucket (wrapping) that has a free one, and `passed_over` is
 * incremented in every bucket that it passed. A reader goes on to the next bucket only while `passed_over` is not 0,
 * and visits at most SHUNT_INDEX_PROBES buckets. The index has at least twice as many entries as there may be rows, so
 * a chain of eight full buckets does not arise by chance; the seed is secret, so none can be built on purpose.
 */
#define SHUNT_INDEX_ENTRIES 7
#define SHUNT_INDEX_PROBES 8

struct shunt_index_bucket {
	__u64 entry[SHUNT_INDEX_ENTRIES];
	__u64 passed_over; /* keys that belong in this bucket or an earlier one and are stored in a later one */
};
SHUNT_STATIC_ASSERT(sizeof(struct shunt_index_bucket) == 64);

/* Hashes the whole key. The low half picks the bucket (modulo the number of buckets, a power of two); the high half is
 * the tag. */
static inline __u64 shunt_key_hash(__u64 seed, const struct shunt_frontend_key *key)
{
	__u64 high = (__u64)key->address.word[0] << 32 | key->address.word[1];
	__u64 low = (__u64)key->address.word[2] << 32 | key->address.word[3];

	return shunt_hash(shunt_hash(seed, high, low), seed, (__u64)key->port << 8 | key->protocol);
}

static inline __u64 shunt_index_entry(__u64 key_hash, __u32 row)
{
	return (key_hash & 0xffffffff00000000ull) | (row + 1u);
}

enum shunt_frontend_kind {
	SHUNT_KIND_ADDRESS = 0, /* a row about an address, not a frontend */
	SHUNT_KIND_CLUSTER_IP = 1,
	SHUNT_KIND_NODE_PORT = 2,
	SHUNT_KIND_LOAD_BALANCER = 3,
	SHUNT_KIND_EXTERNAL_IP = 4,
};

enum shunt_row_flags {
	/* The frontend has source ranges. The socket does not know a pod's source, so the packet path decides. */
	SHUNT_ROW_SOURCE_RANGES = 1 << 0,
	/* The node's primary address is within those ranges, so sockets of the host's namespace may pass. */
	SHUNT_ROW_NODE_IN_RANGES = 1 << 1,
	/* The packet path's part of the row; socket programs do not read these. */
	SHUNT_ROW_SNAT = 1 << 2,	/* a client from outside gets a source address of this node */
	SHUNT_ROW_SNAT_INSIDE = 1 << 3, /* so does a client on this node */
	SHUNT_ROW_HASHED = 1 << 4, /* every node must choose the same backend for one client: external_hash */
	SHUNT_ROW_DSR = 1 << 5,	   /* the backend answers the client itself */
	SHUNT_ROW_DROP_MISS = 1 << 6, /* an external pool without a local member: drop, never refuse */
	/* The address belongs to this node, so NodePorts answer on it. */
	SHUNT_ADDRESS_NODE = 1 << 8,
	/* Only for sockets of the host's network namespace (loopback). */
	SHUNT_ADDRESS_HOST_ONLY = 1 << 9,
	/* The address is a ClusterIP: a port that no service uses is refused instead of sent to the network. */
	SHUNT_ADDRESS_CLUSTER_IP = 1 << 10,
};

/*
 * frontend_rows: array by row id, memory-mapped. The key is stored in its row, and the reader compares it, because a
 * tag is only half of a hash. A row is immutable from the moment an entry names it until a grace period after no entry
 * does, so a reader that holds an entry's word reads the row that the word meant. A row is one cache line of 64 bytes.
 */
struct shunt_frontend_row {
	struct shunt_frontend_key key;
	__u32 service_port;	  /* index into service_ports, service_counters */
	__u32 internal_pool;	  /* for clients on this node */
	__u32 external_pool;	  /* for clients from outside; only the packet path reads it */
	__u32 affinity_timeout_s; /* 0: no session affinity */
	__u16 flags;		  /* enum shunt_row_flags */
	__u8 kind;		  /* enum shunt_frontend_kind */
	__u8 pad;
	__u32 source_ranges; /* id of the list of SOURCE_RANGES; 0: no source. A changed list is a new id */
	__u32 external_hash; /* id of the external pool's consistent-hash table; 0: draw from the alias table */
	__u32 udp_idle_s;  /* how long a UDP flow keeps its backend without a datagram; 0: without a limit */
	__u8 reserved[12]; /* zero */
};
SHUNT_STATIC_ASSERT(sizeof(struct shunt_frontend_row) == 64);
SHUNT_STATIC_ASSERT(__builtin_offsetof(struct shunt_frontend_row, service_port) == 20);
SHUNT_STATIC_ASSERT(__builtin_offsetof(struct shunt_frontend_row, kind) == 38);
SHUNT_STATIC_ASSERT(__builtin_offsetof(struct shunt_frontend_row, source_ranges) == 40);

/* ---- pools, slots, backends: where it may go ---------------------------------------------- */

/*
 * pools: array by pool id, memory-mapped. The whole row is one word, so one aligned store publishes a complete set and
 * one load reads it:
 *
 *   bits 63..40  first slot (24)
 *   bits 39..22  slot count (18)
 *   bits 21..20  enum shunt_pool_empty (2)
 *   bits 19..0   generation (20)
 *
 * A pool that is empty to new connections may still have slots: those of members that keep their flows.
 *
 * The generation is the agent's publication counter (meta keeps it across restarts; it skips 0 when it wraps). A
 * program that remembers a backend remembers the word under which it was chosen: an equal word proves, without another
 * lookup, that the backend is still a member.
 *
 * Generation 0 marks a set that has been withdrawn: no row names the pool now. It stays for a grace period, for
 * programs that hold such a row, and an equal word then proves nothing (shunt_pool_is_same).
 */
#define SHUNT_POOL_GENERATION_MASK ((1u << 20) - 1)
#define SHUNT_POOL_COUNT_MAX ((1u << 18) - 1)
#define SHUNT_POOL_FIRST_MAX ((1u << 24) - 1)

enum shunt_pool_empty {
	SHUNT_EMPTY_NOT = 0,	      /* a member takes new connections */
	SHUNT_EMPTY_NO_ENDPOINTS = 1, /* no endpoint on any node: refuse */
	SHUNT_EMPTY_LOCAL_MISS = 2,   /* a Local policy, and endpoints only on other nodes */
	SHUNT_EMPTY_RESERVED = 3, /* the last value that two bits hold; programs treat it as NO_ENDPOINTS */
};

static inline __u64 shunt_pool_word(__u32 first_slot, __u32 slot_count, enum shunt_pool_empty empty,
				    __u32 generation)
{
	return (__u64)first_slot << 40 | (__u64)slot_count << 22 | (__u64)empty << 20 |
	       (generation & SHUNT_POOL_GENERATION_MASK);
}

static inline __u32 shunt_pool_first(__u64 word)
{
	return (__u32)(word >> 40);
}

static inline __u32 shunt_pool_count(__u64 word)
{
	return (__u32)(word >> 22) & SHUNT_POOL_COUNT_MAX;
}

/* A word of 0 is a pool that has not been published. */
static inline enum shunt_pool_empty shunt_pool_emptiness(__u64 word)
{
	return word ? (enum shunt_pool_empty)(word >> 20 & 3) : SHUNT_EMPTY_NO_ENDPOINTS;
}

static inline __u32 shunt_pool_generation(__u64 word)
{
	return (__u32)word & SHUNT_POOL_GENERATION_MASK;
}

/* True if `now` proves that a member under `then` is still a member. */
static inline int shunt_pool_is_same(__u64 then, __u64 now)
{
	return then == now && shunt_pool_generation(now);
}

/*
 * slots: array, memory-mapped. A pool has a run of slots, one per member: slot i belongs to member i and gives it
 * threshold / 2^32 of the slot's share, and the rest to the alias. A member that keeps its flows but gets no new ones
 * (weight 0, or serving but not selected) has threshold 0. A slot that gives its member everything has alias == backend
 * and threshold 2^32 - 1.
 */
struct shunt_slot {
	__u32 backend;
	__u32 alias;
	__u32 threshold;
	__u32 pad;
};
SHUNT_STATIC_ASSERT(sizeof(struct shunt_slot) == 16);

/*
 * Turns 64 random bits into a choice: as a fraction of 1, times the count, they are a fixed-point number whose integer
 * part is the slot and whose first 32 fraction bits are compared with the threshold. Returns that number with 32
 * fraction bits. It prefers no slot by more than 2^-64.
 */
static inline __u64 shunt_slot_position(__u32 random_high, __u32 random_low, __u32 slot_count)
{
	return (__u64)random_high * slot_count + (((__u64)random_low * slot_count) >> 32);
}

/* backends: array by backend id, memory-mapped. Immutable while any published slot names the id. */
struct shunt_backend {
	struct shunt_address address;
	__be16 port;
	__u8 in_use; /* 0 or 1: for readers from user space and for adoption after a restart */
	__u8 pad[13];
};
SHUNT_STATIC_ASSERT(sizeof(struct shunt_backend) == 32);

/* service_ports: array by service port index, memory-mapped. It names the service port that rows belong to, for people
 * and for a restarted agent; the programs never read it. Strings are NUL-terminated, NUL-filled. */
struct shunt_service_port {
	char namespace_name[64];
	char service_name[64];
	char port_name[64];
	__u16 port;    /* host order */
	__u8 protocol; /* IPPROTO_* */
	__u8 family;   /* 4 or 6; 0: the row is free */
	__u8 pad[4];
};
SHUNT_STATIC_ASSERT(sizeof(struct shunt_service_port) == 200);

/* ---- what programs remember --------------------------------------------------------------- */

/*
 * What one destination of a socket was translated to. `flags` has enum shunt_state_flags in its low 8 bits and, above
 * them, the tick of the last datagram that was sent there or came from there.
 */
struct shunt_translation {
	__u64 pool_word; /* under which the backend was last known to be a member */
	struct shunt_address dialled;
	struct shunt_address backend_address;
	__be16 dialled_port;
	__be16 backend_port;
	__u32 pool;
	__u32 backend;
	__u32 flags;
};
SHUNT_STATIC_ASSERT(sizeof(struct shunt_translation) == 56);

enum shunt_state_flags {
	SHUNT_STATE_TRANSLATED = 1 << 0, /* the other fields hold a translation */
	SHUNT_STATE_PEERS = 1 << 1,	 /* socket_near_peers holds further destinations of this socket */
	SHUNT_STATE_EXEMPT = 1 << 2,	 /* never translate: set by the agent on its own sockets */
	/* What the backend sends is shown as what was dialled. At most one translation of a socket answers for a
	 * backend: the one that was used last. */
	SHUNT_STATE_ANSWERS = 1 << 3,
	SHUNT_STATE_DIRECT = 1 << 4, /* the application has dialled the backend itself since the last send */
	SHUNT_STATE_UNSERVED = 1 << 5, /* a UDP connect to `dialled` found no backend: it was left as it is */
};
#define SHUNT_STATE_FLAGS 0xffu

/*
 * A tick is 2^30 ns (1.07 s) of CLOCK_MONOTONIC. Ticks wrap after 208 days: a silence of just over that is taken for
 * none, and keeps a backend that still serves.
 */
#define SHUNT_TICK_SHIFT 30
#define SHUNT_TICK_MASK 0xffffffu

static inline __u32 shunt_tick(__u64 monotonic_ns)
{
	return (__u32)(monotonic_ns >> SHUNT_TICK_SHIFT) & SHUNT_TICK_MASK;
}

/* Returns the whole ticks from the translation's last datagram to `now`. */
static inline __u32 shunt_silence(__u32 flags, __u32 now)
{
	return (now - (flags >> 8)) & SHUNT_TICK_MASK;
}

static inline __u32 shunt_flags_at(__u32 flags, __u32 tick)
{
	return (flags & SHUNT_STATE_FLAGS) | tick << 8;
}

/*
 * True if a silence of this number of ticks has surely lasted `idle_s` seconds. (Up to one tick of what the difference
 * of two ticks says has not passed.) No flow is idle if idle_s is 0.
 */
static inline int shunt_is_idle(__u32 silence, __u32 idle_s)
{
	return idle_s && silence && (__u64)(silence - 1) << SHUNT_TICK_SHIFT >= idle_s * 1000000000ull;
}

/*
 * socket_state: array of 2^n rows, direct-mapped: a socket's row is its cookie modulo the size. The kernel gives out
 * cookies in sequence, so rows fill evenly. socket_taken is a bitmap with one bit per row: a row is claimed by an
 * atomic OR of its bit, written only under the owner's socket lock, and freed by an atomic AND in sock_release. The
 * bitmap is small enough to stay in the cache, so a socket without a translation never touches a row. A socket that
 * finds its row taken uses socket_storage (socket storage, with the same struct). Nothing is ever evicted.
 */
struct shunt_socket_state {
	__u64 cookie;			/* owner; meaningless while the row's bit in socket_taken is clear */
	struct shunt_translation first; /* of a connected socket: what it dialled at connect */
};
SHUNT_STATIC_ASSERT(sizeof(struct shunt_socket_state) == 64);

/*
 * socket_near_peers: socket storage, which the kernel charges to the socket (net.core.optmem_max) and frees with it.
 * The second and next destinations of an unconnected UDP socket, in the order in which they were dialled first; those
 * beyond are in socket_peers. With the kernel's own header it fits into 512 bytes.
 */
#define SHUNT_NEAR_PEERS 7

struct shunt_near_peers {
	struct shunt_translation peer[SHUNT_NEAR_PEERS];
	struct shunt_address far_address; /* the head of the list in socket_peers, if far_count is not 0 */
	__be16 far_port;
	__u16 pad;
	__u32 far_count; /* destinations in socket_peers */
	__u32 count;	 /* destinations in `peer` */
	__u32 pad2;
};
SHUNT_STATIC_ASSERT(sizeof(struct shunt_near_peers) == 424);

/*
 * socket_peers: hash map. The destinations of an unconnected UDP socket beyond those in socket_near_peers. Each has two
 * rows, forward (key: dialled) and reverse (key: backend, value: the forward row as it was when it took the backend's
 * replies over). Forward rows form a list, of as many as far_count says, so that sock_release can free them all.
 *
 * A socket has at most SHUNT_FAR_PEERS_MAX destinations here, so freeing them takes some 1.5 milliseconds. The
 * sockets of one network namespace have at most one sixteenth of the map's rows in destinations, which is an eighth of
 * its rows (shunt_peers_per_netns).
 */
#define SHUNT_FAR_PEERS_MAX 1024

enum shunt_peer_direction {
	SHUNT_PEER_FORWARD = 1,
	SHUNT_PEER_REVERSE = 2,
};

struct shunt_peer_key {
	__u64 cookie;
	struct shunt_address address;
	__be16 port;
	__u8 direction; /* enum shunt_peer_direction */
	__u8 pad[5];
};
SHUNT_STATIC_ASSERT(sizeof(struct shunt_peer_key) == 32);

struct shunt_peer {
	struct shunt_translation translation;
	struct shunt_address next_address; /* of the last one in the list: meaningless */
	__be16 next_port;
	__u8 pad[6];
};
SHUNT_STATIC_ASSERT(sizeof(struct shunt_peer) == 80);

/* Returns the limit on the destinations of one network namespace in a socket_peers of `rows` rows. */
static inline __u32 shunt_peers_per_netns(__u32 rows)
{
	return rows / 16 ? rows / 16 : 1;
}

/*
 * socket_peer_counts: array of counts, memory-mapped: the destinations that the sockets of a network namespace have in
 * socket_peers, added up by atomic additions. A namespace's count is in the row of its cookie's hash; two namespaces of
 * one row share its allowance, which the secret seed leaves to chance (1 in 16,384 for any two).
 */
#define SHUNT_PEER_COUNTS (1u << 14)

static inline __u32 shunt_peer_count_row(__u64 seed, __u64 netns_cookie)
{
	return (__u32)shunt_hash(seed, 0, netns_cookie) & (SHUNT_PEER_COUNTS - 1);
}

/* affinities: LRU hash map. One affinity per client and service port (so per port and family), shared by all its
 * frontends. */
enum shunt_client_kind {
	SHUNT_CLIENT_NETNS = 0,	  /* client.word[0..1] is the network namespace's cookie, as a __u64 */
	SHUNT_CLIENT_ADDRESS = 1, /* client is the source address (packet path) */
};

struct shunt_affinity_key {
	struct shunt_address client;
	__u32 service_port;
	__u32 client_kind; /* enum shunt_client_kind */
};
SHUNT_STATIC_ASSERT(sizeof(struct shunt_affinity_key) == 24);

/*
 * `choice` holds the backend and the pool word under which it was last known to be selectable. It is one word, because
 * the kernel may give an LRU element to another key while it is being read: the backend in the place of the first slot,
 * then the pool word's own count, emptiness and generation. No two publications agree in these.
 */
struct shunt_affinity {
	__u64 last_use_ns; /* CLOCK_BOOTTIME */
	__u64 choice;
};
SHUNT_STATIC_ASSERT(sizeof(struct shunt_affinity) == 16);

static inline __u64 shunt_affinity_choice(__u32 backend, __u64 pool_word)
{
	return (__u64)backend << 40 | (pool_word & ((1ull << 40) - 1));
}

static inline __u32 shunt_affinity_backend(__u64 choice)
{
	return (__u32)(choice >> 40);
}

/* ---- counters ----------------------------------------------------------------------------- */

/*
 * Counters are per CPU, in plain memory-mapped arrays: row = cpu * stride + index. A count touches one cache line,
 * where a per-CPU map takes two (its pointer, then the value) and a call, and user space sums the counters by reading
 * memory. The stride is the number of rows per CPU; the array has a block for every possible CPU.
 */

/*
 * service_counters, by service port index; stride: the limit on service ports. It counts decisions, not datagrams: a
 * socket that sends again to the same service is not counted again. A row is one cache line, so that busy neighbours
 * do not share one.
 */
struct shunt_service_counters {
	__u64 translated;
	__u64 no_endpoints;
	__u64 local_misses;
	__u64 reserved[5]; /* zero; the packet path's counts */
};
SHUNT_STATIC_ASSERT(sizeof(struct shunt_service_counters) == 64);

/* backend_counters, by backend id; stride: the limit on backends. */
struct shunt_backend_counters {
	__u64 chosen;
};

/*
 * source_versions: array by enum shunt_resource; the programs do not read it. It tells how far an agent followed the
 * Kubernetes API: the next agent accepts nothing older, and knows how much an empty answer would take away. It is not
 * memory-mapped: one system call replaces a row, so an agent that is killed leaves either the old row or the new one.
 */
enum shunt_resource {
	SHUNT_RESOURCE_SERVICES = 0,
	SHUNT_RESOURCE_ENDPOINT_SLICES = 1,
	SHUNT_RESOURCE_NODES = 2,
	SHUNT_RESOURCE_COUNT,
};

struct shunt_source_version {
	char version[56]; /* the API's resourceVersion, which is opaque; NUL-terminated; empty: unknown */
	__u64 objects;	  /* the number of objects at that version */
};
SHUNT_STATIC_ASSERT(sizeof(struct shunt_source_version) == 64);

/* Which families of programs are in force, and how: for readers. */
enum shunt_feature {
	SHUNT_FEATURE_SOCKETS = 1 << 0, /* the socket hooks of a cgroup */
	SHUNT_FEATURE_OBSERVE = 1 << 1, /* they decide and count only: shunt_config.observe */
	SHUNT_FEATURE_PACKETS = 1 << 2, /* the packet path, at devices */
};

/* meta: array of one row, memory-mapped. It is a part of the memory, so all plans that share the memory share the
 * generation and the seeds. Each field that both sides use is one aligned word. */
struct shunt_meta {
	__u64 index_seed;     /* for shunt_key_hash(); random, set once when the maps are created */
	__u32 memory_version; /* SHUNT_MEMORY_VERSION */
	__u32 storage_in_use; /* 1 once a socket without a row has had to use socket_storage; never cleared */
	/* The last generation that the agent has used, unwrapped. Stored before a word that carries it, so that the
	 * next agent does not use it again. */
	__u64 generation;
	__u64 flow_seed; /* for the hash of the packet path's flows; random, set once when the maps are created */
	__u64 features; /* bits of enum shunt_feature */
	__u64 applied_ms; /* CLOCK_BOOTTIME of the agent's last sign of life, in milliseconds; 0: there was none */
	__u64 stale_after_ms; /* for readers: the programs' own value, as in shunt_config; 0: they do not ask */
	/* The kernel's id of the map previous_taken in which no program claims a row: once it is empty, it stays so. */
	__u64 previous_closed;
};
SHUNT_STATIC_ASSERT(sizeof(struct shunt_meta) == 64);

#endif
