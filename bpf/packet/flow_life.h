/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How a flow ages: what kind it is, and how long it may be idle. Pure rules, for programs and for user space. */
#ifndef SHUNT_FLOW_LIFE_H
#define SHUNT_FLOW_LIFE_H

#include "bpf/packet_abi.h"

/* TCP's flags, as bits of the header's byte. */
#define SHUNT_TCP_FIN 0x01
#define SHUNT_TCP_SYN 0x02
#define SHUNT_TCP_RST 0x04
#define SHUNT_TCP_ACK 0x10

/*
 * `state` is enum shunt_flow_state. A backend answers every SYN, also one whose sender is forged, so what makes a TCP
 * connection open is that its client goes on after the answer. REQUIRES: the row is settled or retired.
 */
static inline enum shunt_flow_kind shunt_flow_kind_of(__u8 protocol, __u32 state)
{
	const __u32 both = SHUNT_FLOW_FIN_FORWARD | SHUNT_FLOW_FIN_REVERSE;

	if (state & SHUNT_FLOW_RETIRED)
		return SHUNT_FLOW_KIND_RETIRED;
	if (protocol == 17) /* IPPROTO_UDP */
		return state & SHUNT_FLOW_REPLIED ? SHUNT_FLOW_KIND_ANSWERED : SHUNT_FLOW_KIND_DATAGRAMS;
	if (state & SHUNT_FLOW_RESET || (state & both) == both)
		return SHUNT_FLOW_KIND_CLOSED;
	if (!(state & (protocol == 6 ? SHUNT_FLOW_CONFIRMED : SHUNT_FLOW_REPLIED))) /* IPPROTO_TCP */
		return SHUNT_FLOW_KIND_OPENING;
	return state & both ? SHUNT_FLOW_KIND_HALF_CLOSED : SHUNT_FLOW_KIND_OPEN;
}

/*
 * Returns the seconds without a packet after which the collector ends a flow, or frees a retired row. Those of
 * kube-proxy and conntrack: established 24 h, half closed 1 h, closed as long as Linux's TIME_WAIT. `pressure` is as in
 * struct shunt_flow_level; even at the highest an open connection may be idle for longer than Linux's keepalive, 2 h,
 * takes.
 */
static inline __u32 shunt_flow_idle_s(__u8 protocol, __u32 state, __u32 pressure)
{
	switch (shunt_flow_kind_of(protocol, state)) {
	case SHUNT_FLOW_KIND_OPENING:
		return pressure ? 5 : protocol == 132 ? 30 : 60; /* IPPROTO_SCTP */
	case SHUNT_FLOW_KIND_OPEN:
		return pressure > 1 ? 8100 : 86400;
	case SHUNT_FLOW_KIND_HALF_CLOSED:
		return pressure ? 60 : 3600;
	case SHUNT_FLOW_KIND_CLOSED:
		return pressure ? 5 : state & SHUNT_FLOW_RESET ? 10 : 60;
	case SHUNT_FLOW_KIND_DATAGRAMS:
		return pressure ? 5 : 30;
	case SHUNT_FLOW_KIND_ANSWERED:
		return pressure ? 30 : 180;
	default:
		return 2; /* retired: longer than any program holds a row */
	}
}

#endif
