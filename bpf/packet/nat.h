/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a flow makes of its packets: from a row and a direction to new addresses and ports. */
#ifndef SHUNT_NAT_H
#define SHUNT_NAT_H

#include "bpf/packet_abi.h"

/* A packet's addresses and ports after translation. */
struct rewrite {
	struct shunt_address source;
	struct shunt_address destination;
	__be16 source_port;
	__be16 destination_port;
};

/* What the client sent goes on as from the flow's source to the backend. */
static __always_inline struct rewrite rewrite_forward(const struct shunt_flow *flow)
{
	return (struct rewrite){
		.source = flow->source,
		.destination = flow->backend_address,
		.source_port = flow->source_port,
		.destination_port = flow->backend_port,
	};
}

/* What the backend sent goes on as from the frontend to the client. */
static __always_inline struct rewrite rewrite_reverse(const struct shunt_flow *flow)
{
	return (struct rewrite){
		.source = flow->frontend,
		.destination = flow->client,
		.source_port = flow->frontend_port,
		.destination_port = flow->client_port,
	};
}

static __always_inline struct rewrite rewrite_of(const struct shunt_flow *flow, int reverse)
{
	return reverse ? rewrite_reverse(flow) : rewrite_forward(flow);
}

#endif
