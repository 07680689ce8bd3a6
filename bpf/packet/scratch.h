/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where the slow path works: a row for each CPU, because Linux 6.1 gives a program and all that it calls 512 bytes of
 * stack. A packet's program is not interrupted by another packet's on its CPU, so the row is this packet's until its
 * program ends. With PREEMPT_RT that holds as long as who disables softirqs has a lock of the CPU: always before Linux
 * 6.18, and from then on with CONFIG_PREEMPT_RT_NEEDS_BH_LOCK.
 */
#ifndef SHUNT_SCRATCH_H
#define SHUNT_SCRATCH_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "bpf/decision.h"
#include "bpf/packet/flow.h"
#include "bpf/packet/packet.h"

/* Why the packet in hand, of a flow past the stack, cannot be sent on. */
struct unsent {
	__u32 reason;
	__u32 mtu; /* of its way, if it is too big for that */
	__u32 is_reply;
};

struct answer_limit {
	__u32 since; /* the clock at the beginning of the second that `count` is of */
	__u32 count;
};

/* The longest frame of a fragment that is kept until its datagram's first comes. */
#define SHUNT_WAITING_BYTES 1984

struct scratch {
	struct packet packet; /* the one in hand, for functions that cannot take it as an argument */
	struct shunt_frontend_key key;
	struct decision decision;
	__u32 is_inside; /* of the client: it belongs to the cluster */
	struct bpf_fib_lookup route;
	struct shunt_flow flow;	 /* the new one */
	__u32 past_stack_device; /* by which the new flow may go past the stack; 0: none */
	struct flow_place place; /* where it is */
	struct shunt_translation remembered;
	struct unsent unsent;
	struct answer_limit refusals;
	struct answer_limit errors;
	__u8 quote[512];		    /* what an ICMP error quotes */
	struct shunt_fragment_key fragment; /* of the packet, if it is one */
	__u32 is_saved;			    /* `frame` has the frame in hand, because others are sent in it */
	__u32 saved_length;
	__u8 frame[SHUNT_WAITING_BYTES];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} scratch SEC(".maps");

static __always_inline struct scratch *scratch_row(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&scratch, &zero);
}

/*
 * What functions return beside verdicts of the hook, which are lower: what the packet still needs. Except for an error,
 * it is in the scratch row.
 */
enum unfinished {
	UNFINISHED = 0x7f00,
	RECALLED = UNFINISHED, /* a fragment, complete with its datagram's ports */
	IS_OPAQUE,	       /* its headers cannot be followed to the ports */
	UNSENT,		       /* it cannot be sent on: answer_unsent() tells its sender */
	IS_FRAGMENT,	       /* its ports have to be remembered or recalled */
	IS_ERROR,	       /* an ICMP error, which may be about a flow */
	UNDECIDED,	       /* it may begin a flow */
};

static __always_inline int is_verdict(int returned)
{
	return returned < UNFINISHED;
}

#endif
