/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The packet path's part of the contract in abi.h, with the same rules: flows, the ports that this node lends to them,
 * and what the agent tells of devices and sources.
 */
#ifndef SHUNT_PACKET_ABI_H
#define SHUNT_PACKET_ABI_H

#include "bpf/abi.h"

/* ---- flows ---------------------------------------------------------------- */

/*
 * A flow is a stream of packets that programs remember, for its next packets and its replies. One row is the flow; two
 * index entries lead to it, one by the tuple of what the client sends (client to frontend), one by the tuple of what
 * the backend sends (backend to source). Nothing that lives is ever evicted: a full table refuses the new flow.
 */
struct shunt_flow_tuple {
	struct shunt_address source;
	struct shunt_address destination;
	__be16 source_port;
	__be16 destination_port;
	__u8 protocol; /* IPPROTO_TCP, IPPROTO_UDP or IPPROTO_SCTP */
	__u8 pad[3];
};
SHUNT_STATIC_ASSERT(sizeof(struct shunt_flow_tuple) == 40);

/* The ports enter last, and two tuples with the same addresses and protocol never have the same hash. The low half
 * picks the bucket (modulo the number of buckets, a power of two); the high half is the tag. */
static inline __u64 shunt_flow_hash(__u64 seed, const struct shunt_flow_tuple *tuple)
{
	const struct shunt_address *from = &tuple->source, *to = &tuple->destination;
	__u64 hash = shunt_hash(seed, (__u64)from->word[0] << 32 | from->word[1],
				(__u64)from->word[2] << 32 | from->word[3]);

	hash = shunt_hash(hash, (__u64)to->word[0] << 32 | to->word[1],
			  (__u64)to->word[2] << 32 | to->word[3]);
	return shunt_hash(hash, tuple->protocol, (__u64)tuple->source_port << 16 | tuple->destination_port);
}

/*
 * flow_index: array of buckets of one cache line, memory-mapped, with the rules of frontend_index, but written by
 * programs, on all CPUs at once. An entry is (tag << 32 | reverse << 31 | row id + 1), or 0 if it is free. A bucket's
 * key is the low half of shunt_flow_hash(). The number of buckets is a power of two, with at least four entries for
 * every row, so that at most half of them are taken.
 */
#define SHUNT_FLOW_ENTRIES 7
#define SHUNT_FLOW_PROBES 8
#define SHUNT_FLOW_REVERSE (1u << 31)

struct shunt_flow_bucket {
	__u64 entry[SHUNT_FLOW_ENTRIES];
	__u64 passed_over; /* entries that belong in this bucket or an earlier one and are stored in a later one */
};
SHUNT_STATIC_ASSERT(sizeof(struct shunt_flow_bucket) == 64);

/* Returns the entry by which a row is found; `hash` is of the tuple that leads to it. */
static inline __u64 shunt_flow_entry(__u64 hash, __u32 row, __u32 reverse)
{
	return (hash & 0xffffffff00000000ull) | (reverse ? SHUNT_FLOW_REVERSE : 0u) | (row + 1u);
}

enum shunt_flow_mode {
	SHUNT_FLOW_STACK =
		1, /* the backend is on this node: translated at the client's device, then through the stack */
	SHUNT_FLOW_REDIRECT =
		2, /* sent to the backend's device, past the stack, and its replies to the client's */
};

enum shunt_flow_flags {
	SHUNT_FLOW_SNAT = 1 << 0, /* `source` is an address of this node, and its port's bit is this row's */
	SHUNT_FLOW_HOST =
		1 << 1, /* a flow of the host itself with a port of our range: frontend equals backend */
};

/*
 * Bits that are only ever set, by an atomic OR, until the row is free, when the word is 0 again. A row is made, with
 * its entries, before it is SETTLED: then its maker has found no other flow with one of its tuples. Lookups find only
 * rows that are settled and not retired.
 */
enum shunt_flow_state {
	SHUNT_FLOW_REPLIED = 1 << 0,
	SHUNT_FLOW_FIN_FORWARD = 1 << 1,
	SHUNT_FLOW_FIN_REVERSE = 1 << 2,
	SHUNT_FLOW_RESET = 1 << 3, /* a RST, or SCTP's ABORT and SHUTDOWN COMPLETE */
	SHUNT_FLOW_RETIRED =
		1 << 4, /* it has ended: the program that has set the bit takes its entries away */
	SHUNT_FLOW_WITHDRAWN = 1 << 5, /* no entry leads to it: row and port are free after a grace period */
	SHUNT_FLOW_SETTLED = 1 << 6,   /* it is the only flow with these tuples */
	SHUNT_FLOW_CONFIRMED = 1 << 7, /* after a reply the client has sent more than a SYN */
};

/* The next hop towards a device: its link-layer address in the upper 48 bits, first byte highest, and below it the tick
 * of hop_tick() at which it was looked up. 0: unknown. */
#define SHUNT_HOP_SHIFT 16

/*
 * flow_rows: array by row id, memory-mapped, of two cache lines. Immutable from the moment an entry names the row until
 * it is retired, except `state`, `last_use`, `pool`, `pool_word` and the hops, each one aligned word. A reader copies
 * what it needs and then reads its index entry again: if that has changed, the row may be another flow's.
 */
struct shunt_flow {
	struct shunt_address client; /* how the client's packets arrive: client -> frontend */
	struct shunt_address frontend;
	__be16 client_port;
	__be16 frontend_port;
	__u8 protocol;	/* IPPROTO_* */
	__u8 mode;	/* enum shunt_flow_mode */
	__u16 flags;	/* enum shunt_flow_flags */
	__u32 state;	/* enum shunt_flow_state */
	__u32 last_use; /* low half of jiffies at the last packet; stored when it is a second or more old */
	__u32 service_port;
	__u32 pool;
	__u64 pool_word;		      /* under which the backend was last known to be a member */
	struct shunt_address backend_address; /* how replies arrive: backend -> source */
	struct shunt_address source;	      /* the client, or an address of this node */
	__be16 backend_port;
	__be16 source_port;
	__u32 backend;
	__u64 forward_hop;    /* towards the backend; of a flow in mode STACK it is 0 */
	__u64 reverse_hop;    /* towards the client */
	__u32 forward_device; /* ifindex by which packets leave for the backend; 0 in mode STACK */
	__u32 reverse_device; /* ifindex by which the client's first packet came */
};
SHUNT_STATIC_ASSERT(sizeof(struct shunt_flow) == 128);
SHUNT_STATIC_ASSERT(__builtin_offsetof(struct shunt_flow, state) == 40);
SHUNT_STATIC_ASSERT(__builtin_offsetof(struct shunt_flow, pool_word) == 56);
SHUNT_STATIC_ASSERT(__builtin_offsetof(struct shunt_flow, backend_address) == 64);
SHUNT_STATIC_ASSERT(__builtin_offsetof(struct shunt_flow, forward_hop) == 104);

/* What the client sends: its tuple leads to the row by the forward entry. */
static inline struct shunt_flow_tuple shunt_forward_tuple(const struct shunt_flow *flow)
{
	struct shunt_flow_tuple tuple = {};

	tuple.source = flow->client;
	tuple.destination = flow->frontend;
	tuple.source_port = flow->client_port;
	tuple.destination_port = flow->frontend_port;
	tuple.protocol = flow->protocol;
	return tuple;
}

/* What the backend sends. */
static inline struct shunt_flow_tuple shunt_reverse_tuple(const struct shunt_flow *flow)
{
	struct shunt_flow_tuple tuple = {};

	tuple.source = flow->backend_address;
	tuple.destination = flow->source;
	tuple.source_port = flow->backend_port;
	tuple.destination_port = flow->source_port;
	tuple.protocol = flow->protocol;
	return tuple;
}

/*
 * flow_taken: bitmap with one bit per row of flow_rows, claimed by an atomic OR, freed by an atomic AND.
 *
 * snat_ports: sets of 256 words, memory-mapped; a bit for each of the SHUNT_SNAT_PORTS source ports that this node may
 * give to flows towards one backend, claimed by an atomic OR. shunt_snat_set() picks the set; the number of sets is a
 * power of two. Backends that share a set share its ports. That the bit is the row's makes the reply's tuple the row's.
 * A port's bit does not depend on where the range begins, because flows outlive a change of it.
 */
#define SHUNT_SNAT_PORTS (1u << 14)
#define SHUNT_SNAT_WORDS (SHUNT_SNAT_PORTS / 64)

/* Returns the number of a port's bit in its set: another one for each port of any SHUNT_SNAT_PORTS in succession. */
static inline __u32 shunt_snat_bit(__u32 port)
{
	return port & (SHUNT_SNAT_PORTS - 1);
}

/* Returns the port of a bit, of the SHUNT_SNAT_PORTS ports from `first` on. */
static inline __u32 shunt_snat_port(__u32 bit, __u32 first)
{
	return first + shunt_snat_bit(bit - first);
}

/* Returns the number of the set, below `sets`, for flows like this one: from its source to its backend. */
static inline __u32 shunt_snat_set(__u64 seed, const struct shunt_flow *flow, __u32 sets)
{
	struct shunt_flow_tuple tuple = shunt_reverse_tuple(flow);

	tuple.destination_port = 0;
	return (__u32)(shunt_flow_hash(seed, &tuple) >> 32) & (sets - 1);
}

/* flow_level: array of one row, memory-mapped: what the collector has found in its last round over the table. */
enum shunt_flow_kind {
	SHUNT_FLOW_KIND_OPENING = 0,
	SHUNT_FLOW_KIND_OPEN = 1,
	SHUNT_FLOW_KIND_HALF_CLOSED = 2,
	SHUNT_FLOW_KIND_CLOSED = 3,
	SHUNT_FLOW_KIND_DATAGRAMS = 4, /* UDP, no reply seen */
	SHUNT_FLOW_KIND_ANSWERED = 5,  /* UDP, with a reply */
	SHUNT_FLOW_KIND_RETIRED = 6,
	SHUNT_FLOW_KIND_COUNT = 7,
};

struct shunt_flow_level {
	__u32 pressure; /* 0: none; 1: above 3/4 of the rows; 2: above 9/10. Programs and the collector read it */
	__u32 rows_taken; /* in the last round */
	__u32 next_row;	  /* where the round under way goes on */
	__u32 tick;	  /* low half of jiffies at the collector's last step: whether it runs */
	__u32 kinds[SHUNT_FLOW_KIND_COUNT + 1]; /* rows by enum shunt_flow_kind in the last round */
	__u64 ends[SHUNT_FLOW_KIND_COUNT +
		   1]; /* flows that the collector ended, by the kind that they were of */
	__u64 rounds;
	/* The whole jiffies at the first new flow since programs last left connections to others: in observe mode,
	 * under an agent that is stale, or while there was no collector. 0: there was none yet. */
	__u64 translating_since;
};
SHUNT_STATIC_ASSERT(sizeof(struct shunt_flow_level) == 128);

/* For this number of seconds after that a connection that has no flow may be another proxy's: as long as kube-proxy
 * keeps conntrack entries of idle connections. */
#define SHUNT_OTHERS_S 86400

/* ---- what the agent tells ----------------------------------------------- */

/*
 * The two filters below let the packets pass at once that are not the packet path's. Their bits are only ever set while
 * programs run: a flow outlives its frontend and may outlive its backend, and both its directions must be found.
 *
 * node_ports: bitmaps of 2^16 ports each, for TCP, UDP and SCTP, memory-mapped. A clear bit proves that a packet to an
 * address of this node, or of SHUNT_PREFIX_PORTS, is for no frontend.
 */
#define SHUNT_NODE_PORT_WORDS (3 * 65536 / 64)

/* Returns the bit's number in the whole array. `port` is in host order; 0 stands for a fragment, which has none.
 * REQUIRES: a protocol of a flow. */
static inline __u32 shunt_node_port_bit(__u8 protocol, __u16 port)
{
	return (protocol == 6	 ? 0u
		: protocol == 17 ? 65536u
				 : 131072u) +
	       port; /* IPPROTO_TCP, IPPROTO_UDP, SCTP */
}

/* endpoint_filter: bitmap over hashed backends, memory-mapped. A clear bit proves that what comes from there is no
 * reply of a backend. */
#define SHUNT_ENDPOINT_BITS (1u << 20)
#define SHUNT_ENDPOINT_WORDS (SHUNT_ENDPOINT_BITS / 64)

/* Without a seed, as shunt_prefix_bit(); and without the protocol, which a backend's row does not have. Port 0 stands
 * for a fragment, which has none. */
static inline __u32 shunt_endpoint_bit(const struct shunt_address *address, __be16 port)
{
	__u64 high = (__u64)address->word[0] << 32 | address->word[1];
	__u64 low = (__u64)address->word[2] << 32 | address->word[3];

	return (__u32)shunt_hash(high, low, port) & (SHUNT_ENDPOINT_BITS - 1);
}

/*
 * source_ranges: LPM trie. A source is in a list if the trie has a prefix of it under the list's id. Ids from
 * SHUNT_LIST_FIRST on are those of frontend rows; SHUNT_LIST_INSIDE has the sources that count as clients inside the
 * cluster.
 */
#define SHUNT_LIST_INSIDE 1
#define SHUNT_LIST_FIRST 2

struct shunt_source_key {
	__u32 prefix_length; /* 32 for the list, and up to 128 of the address, which is v4-mapped for IPv4 */
	__u32 list;
	struct shunt_address address;
};
SHUNT_STATIC_ASSERT(sizeof(struct shunt_source_key) == 24);

enum shunt_device_role {
	SHUNT_DEVICE_EXTERNAL = 1, /* clients from outside, and other nodes */
	SHUNT_DEVICE_POD = 2,	   /* a pod's end on the host, or a bridge of pods */
	SHUNT_DEVICE_OVERLAY = 3,  /* a tunnel to other nodes' pods */
};

/* devices: hash by ifindex (__u32): every device of the host that the packet path knows. */
struct shunt_device {
	__u8 role;	  /* enum shunt_device_role */
	__u8 link_header; /* bytes of the link-layer header: 14, or 0 of a device without one */
	__u8 mac[6];
	__u32 mtu;
	__u32 master; /* ifindex of its bridge, or 0 */
	struct shunt_address
		source_v4; /* what SNAT towards this device uses; unspecified: no address of the family */
	struct shunt_address source_v6;
	__u32 pad[2];
};
SHUNT_STATIC_ASSERT(sizeof(struct shunt_device) == 56);

/* fragments: LRU hash. The ports of a datagram, from its first fragment, for the others, which have none. */
struct shunt_fragment_key {
	struct shunt_address source;
	struct shunt_address destination;
	__u32 id; /* the packet's, in host order; IPv4's has 16 bits */
	__u8 protocol;
	__u8 pad[3];
};
SHUNT_STATIC_ASSERT(sizeof(struct shunt_fragment_key) == 40);

enum shunt_fragment_way {
	SHUNT_FRAGMENT_BY_FLOW = 0,  /* as any packet of the flow */
	SHUNT_FRAGMENT_TO_STACK = 1, /* the first was too big for its way, and the stack cuts them all */
};

struct shunt_fragment {
	__be16 source_port;
	__be16 destination_port;
	__u32 since; /* low half of jiffies, when the first fragment came */
	__u16 id;    /* IPv4, host order: in place of the packet's where its source becomes another */
	__u8 way;    /* enum shunt_fragment_way: how the first went */
	__u8 pad;
};
SHUNT_STATIC_ASSERT(sizeof(struct shunt_fragment) == 12);

#endif
