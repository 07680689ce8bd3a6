/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Refusals: the answer of a host on which nothing listens, made of the packet itself and sent back the way that it
 * came. TCP gets a RST, everything else an ICMP error, port unreachable.
 */
#ifndef SHUNT_REJECT_H
#define SHUNT_REJECT_H

#include "bpf/packet/answer.h"

/*
 * Turns a SYN into the RST that answers it (RFC 9293, 3.10.7.1). The checksum's field is first zero, then added to by
 * the kernel's own calls: only they know whether it has to hold a checksum, or what a device completes.
 */
static __always_inline int make_reset(frame_t *frame, const struct packet *packet)
{
	const __u16 length = sizeof(struct tcp_start);
	__u32 l4 = packet->l4 & PACKET_L4_MAX, rest, pseudo;
	struct tcp_start *tcp;
	struct bytes bytes;

	if (bpf_skb_change_tail(frame, l4 + length, 0))
		return -1;
	bytes = frame_bytes(frame);
	tcp = (void *)(bytes.begin + l4);
	if ((__u8 *)(tcp + 1) > bytes.end ||
	    write_answer(bytes, packet, &packet->tuple.destination, IPPROTO_TCP, length))
		return -1;
	*tcp = (struct tcp_start){
		.source = packet->tuple.destination_port,
		.dest = packet->tuple.source_port,
		.ack_seq = bpf_htonl(bpf_ntohl(tcp->seq) + 1),
		.offset = sizeof(*tcp) / 4 << 4,
		.flags = SHUNT_TCP_RST | SHUNT_TCP_ACK,
	};
	rest = sum_words((const __u32 *)tcp, sizeof(*tcp) / 4);
	l4 += __builtin_offsetof(struct tcp_start, check);
	pseudo = sum_pseudo(&packet->tuple.destination, &packet->tuple.source, packet->is_v6, IPPROTO_TCP,
			    length);
	if (bpf_l4_csum_replace(frame, l4, 0, pseudo, BPF_F_PSEUDO_HDR))
		return -1;
	return bpf_l4_csum_replace(frame, l4, 0, rest, 0) ? -1 : 0;
}

/* A RST takes the place of the packet behind its IP header, so it can only answer one without options. */
static __always_inline int is_plain(const struct packet *packet)
{
	return packet->l4 == (packet->is_v6 ? PLAIN_L4_V6 : PLAIN_L4_V4);
}

static __always_inline int make_unreachable(frame_t *frame, struct scratch *s)
{
	struct icmp_start start = {
		.type = s->packet.is_v6 ? ICMPV6_DEST_UNREACH : ICMP_TYPE_UNREACHABLE,
		.code = s->packet.is_v6 ? ICMPV6_PORT_UNREACH : ICMP_CODE_PORT,
	};

	return make_error(frame, s, start, &s->packet.tuple.destination);
}

/*
 * Answers the packet in the scratch row, or drops it without an answer: where there have been too many, where the
 * source is not one host, and where no answer can be made of the packet. Returns the program's verdict.
 */
__noinline __weak int refuse_packet(frame_t *frame)
{
	struct scratch *s = scratch_row();
	int is_tcp;

	if (!s)
		return drop_frame();
	is_tcp = s->packet.tuple.protocol == IPPROTO_TCP;
	if ((is_tcp && !is_plain(&s->packet)) || !is_unicast(&s->packet.tuple.source))
		return drop_counted(SHUNT_REASON_UNANSWERABLE);
	if (!may_answer(&s->refusals))
		return drop_counted(SHUNT_REASON_REFUSALS_LIMIT);
	if (is_tcp ? make_reset(frame, &s->packet) : make_unreachable(frame, s))
		return drop_counted(SHUNT_REASON_UNANSWERABLE);
	return send_bare(device_of_frame(frame));
}

#endif
