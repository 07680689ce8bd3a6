/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the programs of flow_harness.bpf.c are told, and what they tell; included by them and by the tests. */
#ifndef SHUNT_TESTS_FLOW_HARNESS_H
#define SHUNT_TESTS_FLOW_HARNESS_H

#include "bpf/packet_abi.h"

#define FLOW_HARNESS_ORDERS 2	      /* one for each thread */
#define FLOW_HARNESS_FLOWS (1u << 17) /* that one call of a program may go over */

/* A row of the map `orders`. A program takes its number as context. */
struct flow_order {
	struct shunt_flow flow;	       /* of create_one, in and out; of find_one, what the reader copied */
	struct shunt_flow_tuple tuple; /* of find_one, retire_one, note_one */
	__s32 result;		       /* of find_flow(), create_flow() */
	__u32 row;		       /* of the place */
	__u32 reverse;
	__u32 leads; /* still_leads(), after the copy */
	__u32 flags; /* of note_one: TCP flags */
	__u32 first; /* of *_many: the first flow's number, and how many */
	__u32 count;
	__u32 failures; /* of create_many: flows that were not found or not created; of any_many: for want of a row */
	__u32 torn;  /* of read_many: copies that were mixed up although the entry still led to the row */
	__u32 stale; /* of read_many: copies that were thrown away; of any_many: replies that were taken */
};

struct flow_call {
	__u32 order;
};

/* Makes a template the flow of a number: it has a client of its own, and one of sixteen backends. */
static inline void flow_of_number(__u32 number, struct shunt_flow *flow)
{
	const __u8 *bytes = (const __u8 *)&number;
	__u8 *client = (__u8 *)&flow->client.word[3];

	client[0] = 10;
	client[1] = bytes[2];
	client[2] = bytes[1];
	client[3] = bytes[0];
	((__u8 *)&flow->backend_address.word[3])[3] = number & 15;
	if (!(flow->flags & SHUNT_FLOW_SNAT))
		flow->source = flow->client;
}

#endif
