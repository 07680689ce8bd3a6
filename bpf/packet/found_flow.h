/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The flow of a packet, as one reader sees it while rows change owner. */
#ifndef SHUNT_FOUND_FLOW_H
#define SHUNT_FOUND_FLOW_H

#include "bpf/packet/flow.h"
#include "bpf/packet/nat.h"
#include "bpf/packet/packet.h"

/* What a packet needs of its flow, copied from the row. */
struct found_flow {
	struct flow_place place;
	struct shunt_flow *row; /* for its changing words */
	struct rewrite to;
	__u32 device; /* by which the packet leaves */
	__u16 flags;
	__u8 mode;
};

/* A row that becomes another flow's while it is read is not found again, so twice is nearly always enough. */
#define SHUNT_FIND_TRIES 3

static __always_inline int copy_flow(struct found_flow *found)
{
	struct shunt_flow *row = flow_at(&found->place);

	if (!row)
		return 0;
	found->row = row;
	found->to = rewrite_of(row, found->place.reverse);
	found->device = found->place.reverse ? row->reverse_device : row->forward_device;
	found->flags = row->flags;
	found->mode = row->mode;
	return still_leads(&found->place);
}

static __always_inline int find_packets_flow(const struct packet *packet, struct found_flow *found)
{
	found->place = (struct flow_place){}; /* Linux 6.1 hands only what is written to a function */
	for (int i = 0; i < SHUNT_FIND_TRIES; i++) {
		if (!find_flow(&packet->tuple, &found->place))
			return 0;
		if (copy_flow(found))
			return 1;
	}
	return 0;
}

#endif
