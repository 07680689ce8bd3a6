/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Source ports of this node, for flows whose client the backend must not see. The bit is the proof: as no other flow of
 * the set has the port, no other flow has the reply's tuple, and nothing has to be looked up.
 */
#ifndef SHUNT_SNAT_H
#define SHUNT_SNAT_H

#include "bpf/packet/packet_config.h"

#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/maps.h"

const volatile struct shunt_packet_config packet_config __weak;

/* Returns the word of a flow's port, and its bit in `mask`. The port may be of an earlier agent's range. */
static __always_inline __u64 *port_word(const struct shunt_flow *flow, __be16 source_port, __u64 *mask)
{
	__u32 bit = shunt_snat_bit(bpf_ntohs(source_port));
	__u32 index =
		shunt_snat_set(packet_config.flow_seed, flow, packet_config.snat_sets) * SHUNT_SNAT_WORDS +
		bit / 64;

	*mask = 1ull << (bit & 63);
	return bpf_map_lookup_elem(&snat_ports, &index);
}

static __always_inline int may_lend(__be16 port)
{
	return (__u32)bpf_ntohs(port) - packet_config.snat_first_port < SHUNT_SNAT_PORTS;
}

struct port_claim {
	__u32 first_word; /* of the set */
	__u32 random;
	__u32 claimed; /* the port's bit + 1, once there is one */
};

/* Tries the next word, from a random one on, and within it the first free bit, from a random one on: who does not see
 * this node's packets cannot guess a port. */
static int claim_port_step(__u32 step, struct port_claim *claim)
{
	__u32 word = (claim->random + step) & (SHUNT_SNAT_WORDS - 1);
	__u32 turn = claim->random >> 8 & 63;
	__u32 index = claim->first_word + word;
	__u64 *ports = bpf_map_lookup_elem(&snat_ports, &index);
	__u64 free;
	__u32 bit;

	if (!ports)
		return 1;
	free = ~*(volatile __u64 *)ports;
	if (!free)
		return 0;
	free = free >> turn | free << (-turn & 63);
	bit = ((__u32)__builtin_ctzll(free) + turn) & 63;
	if (__sync_fetch_and_or(ports, 1ull << bit) >> bit & 1)
		return 0; /* another CPU was first */
	claim->claimed = word * 64 + bit + 1;
	return 1;
}

/*
 * Claims a source port for a flow and returns it, or 0 if its set has none. A flow of the host itself gets its own port
 * if that is free. REQUIRES: everything but `source_port` is complete. Bound: SHUNT_SNAT_WORDS words.
 */
__noinline __weak __u32 claim_port(const struct shunt_flow *flow)
{
	struct port_claim claim = {};
	__u64 mask, *ports;

	if (!flow)
		return 0;
	if (flow->flags & SHUNT_FLOW_HOST && may_lend(flow->client_port)) {
		ports = port_word(flow, flow->client_port, &mask);
		if (ports && !(__sync_fetch_and_or(ports, mask) & mask))
			return flow->client_port;
	}
	claim.random = bpf_get_prandom_u32();
	claim.first_word =
		shunt_snat_set(packet_config.flow_seed, flow, packet_config.snat_sets) * SHUNT_SNAT_WORDS;
	bpf_loop(SHUNT_SNAT_WORDS, claim_port_step, &claim, 0);
	if (!claim.claimed)
		return 0;
	return bpf_htons(shunt_snat_port(claim.claimed - 1, packet_config.snat_first_port));
}

/* Gives the port of a flow back. REQUIRES: the flow has claimed it, and no packet can come that is a reply to it. */
static __always_inline void free_port(const struct shunt_flow *flow)
{
	__u64 mask, *ports = port_word(flow, flow->source_port, &mask);

	if (ports)
		__sync_fetch_and_and(ports, ~mask);
}

#endif
