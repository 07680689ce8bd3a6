/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Packets of flows past the stack that cannot be sent on as they are: their senders are told what a router would tell
 * them, or, if they let routers cut their packets, the stack does that.
 */
#ifndef SHUNT_UNSENT_H
#define SHUNT_UNSENT_H

#include "bpf/packet/answer.h"
#include "bpf/packet/found_flow.h"
#include "bpf/packet/fragment.h"

/* The least that IPv6 asks of a link, so no less is ever named to a sender. */
#define SHUNT_LEAST_MTU_V6 1280

static __always_inline struct icmp_start too_big(int is_v6, __u32 mtu)
{
	if (is_v6)
		return (struct icmp_start){
			.type = ICMPV6_PKT_TOOBIG,
			.rest = bpf_htonl(mtu < SHUNT_LEAST_MTU_V6 ? SHUNT_LEAST_MTU_V6 : mtu),
		};
	return (struct icmp_start){
		.type = ICMP_TYPE_UNREACHABLE,
		.code = ICMP_CODE_TOO_BIG,
		.rest = bpf_htonl(mtu & 0xffff),
	};
}

static __always_inline struct icmp_start hops_exhausted(int is_v6)
{
	return (struct icmp_start){ .type = is_v6 ? ICMPV6_TIME_EXCEED : ICMP_TYPE_TIME_EXCEEDED };
}

/*
 * Returns the source of an error. To a client it is the frontend: the address that it has dialled, so its firewall
 * knows it, which may not be so of the address of the device by which it came, or of another. To a backend it is the
 * address of the device by which its packet came, or the one to which it was sent if that has none.
 */
static __always_inline const struct shunt_address *answering_address(frame_t *frame, const struct scratch *s)
{
	const struct shunt_device *device;

	if (!s->unsent.is_reply)
		return &s->packet.tuple.destination;
	device = find_device(device_of_frame(frame));
	if (!device || !has_source(device, s->packet.is_v6))
		return &s->packet.tuple.destination;
	return s->packet.is_v6 ? &device->source_v6 : &device->source_v4;
}

/* Returns 1 if the sender lets routers cut the packet, or the first of its datagram: only IPv4's can. */
static __always_inline int may_be_cut(const frame_t *frame, const struct packet *packet)
{
	struct bytes bytes = frame_bytes(frame);
	const struct iphdr *ip = (const void *)(bytes.begin + sizeof(struct ethhdr));

	if (packet->recalled == RECALLED_TO_STACK)
		return 1;
	return !packet->is_v6 && (const __u8 *)(ip + 1) <= bytes.end && !(ip->frag_off & bpf_htons(0x4000));
}

/* Translates the packet and leaves it to the stack to cut it and to send it on, and what follows of its datagram. */
static __always_inline int cut_packet(frame_t *frame, const struct scratch *s)
{
	struct found_flow found;

	if (!find_packets_flow(&s->packet, &found))
		return drop_counted(SHUNT_REASON_FLOW_LOST);
	/* By the loopback device it would be the host's own. */
	if (is_own_address(&found.to.destination))
		return drop_counted(SHUNT_REASON_NO_ROUTE);
	remember_way(s, SHUNT_FRAGMENT_TO_STACK);
	if (write_packet(frame, &s->packet, &found.to, 0))
		return drop_counted(SHUNT_REASON_UNWRITABLE);
	return send_to_stack(frame);
}

/*
 * Answers the packet in the scratch row, which send_translated() has left there as it came, or has it cut. Returns the
 * program's verdict.
 */
__noinline __weak int answer_unsent(frame_t *frame)
{
	struct scratch *s = scratch_row();
	const struct shunt_address *from;
	struct icmp_start start;

	if (!s)
		return drop_frame();
	if (s->unsent.reason == SHUNT_REASON_TOO_BIG && may_be_cut(frame, &s->packet))
		return cut_packet(frame, s);
	count_reason(s->unsent.reason);
	if (s->unsent.reason == SHUNT_REASON_TOO_BIG)
		start = too_big(s->packet.is_v6, s->unsent.mtu);
	else if (s->unsent.reason == SHUNT_REASON_HOPS_EXHAUSTED)
		start = hops_exhausted(s->packet.is_v6);
	else
		return drop_frame();
	if (!is_unicast(&s->packet.tuple.source) || s->packet.fragment == FRAGMENT_LATER)
		return drop_counted(SHUNT_REASON_UNANSWERABLE);
	if (!may_answer(&s->errors))
		return drop_counted(SHUNT_REASON_REFUSALS_LIMIT);
	from = answering_address(frame, s);
	if (make_error(frame, s, start, from))
		return drop_counted(SHUNT_REASON_UNANSWERABLE);
	return send_bare(device_of_frame(frame));
}

#endif
