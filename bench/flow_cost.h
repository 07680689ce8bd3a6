/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What flow_cost.bpf.c and flow_cost.cc share. */
#ifndef SHUNT_BENCH_FLOW_COST_H_
#define SHUNT_BENCH_FLOW_COST_H_

#include "bpf/packet_abi.h"

#define FLOW_COST_ROWS (1u << 18)
#define FLOW_COST_BUCKETS (1u << 17) /* 57 % of the entries of a full table are taken */
#define FLOW_COST_PORT_SETS 64

enum flow_cost_work {
	FLOW_COST_NOTHING, /* only the loop, and the flow's tuple */
	FLOW_COST_FILL,	   /* begins the flows, in our table and in the kernel's hash */
	FLOW_COST_FIND,
	FLOW_COST_FIND_HASH,
	FLOW_COST_NEW, /* begin and end, with all that makes it safe; the row is free at once */
	FLOW_COST_NEW_HASH,
	FLOW_COST_PORT, /* claim and free */
};

struct flow_cost_run {
	__u64 ns;    /* out */
	__u32 work;  /* enum flow_cost_work */
	__u32 count; /* how often */
	__u32 flows; /* among how many */
	__u32 done;  /* out: how often it was found or made */
};

#endif
