/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Refusals: the answer of a host on which nothing listens, made of the packet itself and sent back the way that it
 * came. TCP gets a RST, everything else an ICMP error, port unreachable, that quotes the packet's headers.
 */
#ifndef SHUNT_REJECT_H
#define SHUNT_REJECT_H

#include <linux/icmpv6.h>

#include "bpf/packet/forward.h"

/* What a CPU may send in a second, so that no flood of requests becomes one of answers. */
#define SHUNT_REFUSALS_PER_SECOND 1000

#define SHUNT_REFUSAL_TTL 64

/* Where the transport's header is if there are neither options nor extension headers. */
#define PLAIN_L4_V4 (sizeof(struct ethhdr) + sizeof(struct iphdr))
#define PLAIN_L4_V6 (sizeof(struct ethhdr) + sizeof(struct ipv6hdr))

static __always_inline int may_refuse(struct scratch *s)
{
	__u32 now = flow_clock();

	if (now - s->refusals_since >= packet_config.hz) {
		s->refusals_since = now;
		s->refusals = 0;
	}
	return s->refusals++ < SHUNT_REFUSALS_PER_SECOND;
}

/* Returns 1 if the source is one host's address: no answer goes to any other. */
static __always_inline int is_unicast(const struct shunt_address *address)
{
	if (is_v4(address)) {
		__u8 first = bpf_ntohl(address->word[3]) >> 24;

		return first != 0 && first != 127 && first < 224;
	}
	return (address->word[0] & bpf_htonl(0xff000000)) != bpf_htonl(0xff000000) &&
	       (address->word[0] || address->word[1] || address->word[2] || address->word[3]) &&
	       !is_loopback(address);
}

static __always_inline __u32 sum_words(const __u32 *words, int count)
{
	__u32 sum = 0;

#pragma unroll
	for (int i = 0; i < count; i++)
		sum = sum_add(sum, words[i]);
	return sum;
}

/* Returns the sum of the pseudo-header of an answer: the addresses that were asked, the protocol, the length. */
static __always_inline __u32 sum_pseudo(const struct shunt_flow_tuple *asked, int is_v6, __u8 protocol,
					__u16 length)
{
	__u32 sum = sum_add(asked->source.word[3], asked->destination.word[3]);

	if (is_v6) {
		sum = sum_add(sum, sum_words(asked->source.word, 3));
		sum = sum_add(sum, sum_words(asked->destination.word, 3));
	}
	return sum_add(sum, sum_add(bpf_htonl(protocol), bpf_htonl(length)));
}

static __always_inline void swap_macs(struct ethhdr *ethernet)
{
	__u8 mac[ETH_ALEN];

	__builtin_memcpy(mac, ethernet->h_source, ETH_ALEN);
	__builtin_memcpy(ethernet->h_source, ethernet->h_dest, ETH_ALEN);
	__builtin_memcpy(ethernet->h_dest, mac, ETH_ALEN);
}

/* Writes the IP header of an answer that goes from where the packet was sent to where it came from. */
static __always_inline int write_answer_v4(struct bytes bytes, const struct packet *packet, __u8 protocol,
					   __u16 length)
{
	struct iphdr *ip = (void *)(bytes.begin + sizeof(struct ethhdr));

	if ((__u8 *)(ip + 1) > bytes.end)
		return -1;
	*ip = (struct iphdr){
		.version = 4,
		.ihl = 5,
		.tot_len = bpf_htons(sizeof(struct iphdr) + length),
		.frag_off = bpf_htons(0x4000),
		.ttl = SHUNT_REFUSAL_TTL,
		.protocol = protocol,
		.saddr = packet->tuple.destination.word[3],
		.daddr = packet->tuple.source.word[3],
	};
	ip->check = (__u16)~sum_fold(sum_words((const __u32 *)ip, 5));
	return 0;
}

static __always_inline int write_answer_v6(struct bytes bytes, const struct packet *packet, __u8 protocol,
					   __u16 length)
{
	struct ipv6hdr *ip = (void *)(bytes.begin + sizeof(struct ethhdr));

	if ((__u8 *)(ip + 1) > bytes.end)
		return -1;
	*ip = (struct ipv6hdr){
		.version = 6,
		.payload_len = bpf_htons(length),
		.nexthdr = protocol,
		.hop_limit = SHUNT_REFUSAL_TTL,
	};
	__builtin_memcpy(&ip->saddr, &packet->tuple.destination, sizeof(ip->saddr));
	__builtin_memcpy(&ip->daddr, &packet->tuple.source, sizeof(ip->daddr));
	return 0;
}

static __always_inline int write_answer(struct bytes bytes, const struct packet *packet, __u8 protocol,
					__u16 length)
{
	return packet->is_v6 ? write_answer_v6(bytes, packet, protocol, length)
			     : write_answer_v4(bytes, packet, protocol, length);
}

/* ---- TCP -------------------------------------------------------------------------------------- */

/*
 * Turns a SYN into the RST that answers it (RFC 9293, 3.10.7.1). The checksum's field is first zero, then added to by
 * the kernel's own calls: only they know whether it has to hold a checksum, or what a device completes.
 */
static __always_inline int make_reset(frame_t *frame, const struct packet *packet)
{
	const __u16 length = sizeof(struct tcp_start);
	__u32 l4 = packet->l4 & PACKET_L4_MAX, rest;
	struct tcp_start *tcp;
	struct bytes bytes;

	if (bpf_skb_change_tail(frame, l4 + length, 0))
		return -1;
	bytes = frame_bytes(frame);
	tcp = (void *)(bytes.begin + l4);
	if ((__u8 *)(tcp + 1) > bytes.end || write_answer(bytes, packet, IPPROTO_TCP, length))
		return -1;
	swap_macs((void *)bytes.begin);
	*tcp = (struct tcp_start){
		.source = packet->tuple.destination_port,
		.dest = packet->tuple.source_port,
		.ack_seq = bpf_htonl(bpf_ntohl(tcp->seq) + 1),
		.offset = sizeof(*tcp) / 4 << 4,
		.flags = SHUNT_TCP_RST | SHUNT_TCP_ACK,
	};
	rest = sum_words((const __u32 *)tcp, sizeof(*tcp) / 4);
	l4 += __builtin_offsetof(struct tcp_start, check);
	if (bpf_l4_csum_replace(frame, l4, 0, sum_pseudo(&packet->tuple, packet->is_v6, IPPROTO_TCP, length),
				BPF_F_PSEUDO_HDR))
		return -1;
	return bpf_l4_csum_replace(frame, l4, 0, rest, 0) ? -1 : 0;
}

/* ---- everything else -------------------------------------------------------------------------- */

struct icmp_start {
	__u8 type;
	__u8 code;
	__be16 check;
	__be32 unused;
};

/* The bytes that the error quotes: the IP header and the first 8 of what follows. */
#define SHUNT_QUOTE_V4 (sizeof(struct iphdr) + 8)
#define SHUNT_QUOTE_V6 (sizeof(struct ipv6hdr) + 8)

/* Writes the ICMP header. REQUIRES: it and `quote` bytes after it are within the frame, from `l4` on. */
static __always_inline int write_unreachable(struct bytes bytes, const struct packet *packet, __u32 l4,
					     int quote)
{
	struct icmp_start *icmp = (void *)(bytes.begin + l4);
	__u32 sum = 0;

	if ((__u8 *)(icmp + 1) + quote > bytes.end)
		return -1;
	*icmp = (struct icmp_start){
		.type = packet->is_v6 ? ICMPV6_DEST_UNREACH : ICMP_TYPE_UNREACHABLE,
		.code = packet->is_v6 ? ICMPV6_PORT_UNREACH : ICMP_CODE_PORT,
	};
	if (packet->is_v6)
		sum = sum_pseudo(&packet->tuple, 1, IPPROTO_ICMPV6, sizeof(*icmp) + quote);
	sum = sum_add(sum, sum_words((const __u32 *)icmp, (sizeof(*icmp) + quote) / 4));
	icmp->check = (__u16)~sum_fold(sum);
	return 0;
}

/* Turns a packet into the error that quotes it, in a frame that has room for the outer headers in front. */
static __always_inline int make_unreachable(frame_t *frame, const struct packet *packet)
{
	const __u64 flags = BPF_F_ADJ_ROOM_FIXED_GSO | BPF_F_ADJ_ROOM_NO_CSUM_RESET;
	__u32 ip = packet->is_v6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);
	__u32 room = ip + sizeof(struct icmp_start);
	__u32 l4 = sizeof(struct ethhdr) + ip;
	__u32 quote = packet->is_v6 ? SHUNT_QUOTE_V6 : SHUNT_QUOTE_V4;
	struct bytes bytes;

	if (bpf_skb_change_tail(frame, sizeof(struct ethhdr) + quote, 0) ||
	    bpf_skb_adjust_room(frame, (int)room, BPF_ADJ_ROOM_MAC, flags))
		return -1;
	bytes = frame_bytes(frame);
	if (bytes.begin + l4 > bytes.end) {
		bpf_skb_pull_data(frame, l4 + sizeof(struct icmp_start) + quote);
		bytes = frame_bytes(frame);
	}
	if (write_answer(bytes, packet, packet->is_v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP,
			 sizeof(struct icmp_start) + quote))
		return -1;
	swap_macs((void *)bytes.begin);
	return packet->is_v6 ? write_unreachable(bytes, packet, PLAIN_L4_V6, SHUNT_QUOTE_V6)
			     : write_unreachable(bytes, packet, PLAIN_L4_V4, SHUNT_QUOTE_V4);
}

/*
 * Answers the packet in the scratch row, or drops it without an answer: where there have been too many, and where the
 * source is not one host or the packet has options, which an answer cannot keep. Returns the program's verdict.
 */
__noinline __weak int refuse_packet(frame_t *frame)
{
	struct scratch *s = scratch_row();
	__u32 basic;

	if (!s)
		return drop_frame();
	basic = s->packet.is_v6 ? PLAIN_L4_V6 : PLAIN_L4_V4;
	if (s->packet.l4 != basic || !is_unicast(&s->packet.tuple.source))
		return drop_counted(SHUNT_REASON_UNANSWERABLE);
	if (!may_refuse(s))
		return drop_counted(SHUNT_REASON_REFUSALS_LIMIT);
	if (s->packet.tuple.protocol == IPPROTO_TCP ? make_reset(frame, &s->packet)
						    : make_unreachable(frame, &s->packet))
		return drop_counted(SHUNT_REASON_UNANSWERABLE);
	return send_bare(device_of_frame(frame));
}

#endif
