/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What this node answers itself: a packet is turned into the answer to its sender, which leaves by the device by which
 * the packet came, for the neighbour that sent it. Here are the IP header, the ICMP error and the limit; reject.h and
 * unsent.h say when.
 */
#ifndef SHUNT_ANSWER_H
#define SHUNT_ANSWER_H

#include <linux/icmpv6.h>

#include "bpf/packet/forward.h"

/* What a CPU may send in a second of one kind of answer, so that no flood of packets becomes one of answers. */
#define SHUNT_ANSWERS_PER_SECOND 1000

#define SHUNT_ANSWER_TTL 64

/* Where the transport's header is if there are neither options nor extension headers. */
#define PLAIN_L4_V4 (sizeof(struct ethhdr) + sizeof(struct iphdr))
#define PLAIN_L4_V6 (sizeof(struct ethhdr) + sizeof(struct ipv6hdr))

static __always_inline int may_answer(struct answer_limit *limit)
{
	__u32 now = flow_clock();

	if (now - limit->since >= packet_config.hz) {
		limit->since = now;
		limit->count = 0;
	}
	return limit->count++ < SHUNT_ANSWERS_PER_SECOND;
}

static __always_inline __u32 sum_words(const __u32 *words, int count)
{
	__u32 sum = 0;

#pragma unroll
	for (int i = 0; i < count; i++)
		sum = sum_add(sum, words[i]);
	return sum;
}

/* Returns the sum of the pseudo-header of an answer. */
static __always_inline __u32 sum_pseudo(const struct shunt_address *from, const struct shunt_address *to,
					int is_v6, __u8 protocol, __u16 length)
{
	__u32 sum = sum_add(from->word[3], to->word[3]);

	if (is_v6) {
		sum = sum_add(sum, sum_words(from->word, 3));
		sum = sum_add(sum, sum_words(to->word, 3));
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

static __always_inline int write_answer_v4(struct bytes bytes, const struct packet *packet,
					   const struct shunt_address *from, __u8 protocol, __u16 length)
{
	struct iphdr *ip = (void *)(bytes.begin + sizeof(struct ethhdr));

	if ((__u8 *)(ip + 1) > bytes.end)
		return -1;
	*ip = (struct iphdr){
		.version = 4,
		.ihl = 5,
		.tot_len = bpf_htons(sizeof(struct iphdr) + length),
		.frag_off = bpf_htons(0x4000),
		.ttl = SHUNT_ANSWER_TTL,
		.protocol = protocol,
		.saddr = from->word[3],
		.daddr = packet->tuple.source.word[3],
	};
	ip->check = (__u16)~sum_fold(sum_words((const __u32 *)ip, 5));
	return 0;
}

static __always_inline int write_answer_v6(struct bytes bytes, const struct packet *packet,
					   const struct shunt_address *from, __u8 protocol, __u16 length)
{
	struct ipv6hdr *ip = (void *)(bytes.begin + sizeof(struct ethhdr));

	if ((__u8 *)(ip + 1) > bytes.end)
		return -1;
	*ip = (struct ipv6hdr){
		.version = 6,
		.payload_len = bpf_htons(length),
		.nexthdr = protocol,
		.hop_limit = SHUNT_ANSWER_TTL,
	};
	__builtin_memcpy(&ip->saddr, from, sizeof(ip->saddr));
	__builtin_memcpy(&ip->daddr, &packet->tuple.source, sizeof(ip->daddr));
	return 0;
}

/*
 * Writes the link-layer and IP header of an answer to where the packet came from, in place of its own. `length` is
 * that of what follows. Returns 0, or -1 if the bytes are not there.
 */
static __always_inline int write_answer(struct bytes bytes, const struct packet *packet,
					const struct shunt_address *from, __u8 protocol, __u16 length)
{
	if (packet->is_v6 ? write_answer_v6(bytes, packet, from, protocol, length)
			  : write_answer_v4(bytes, packet, from, protocol, length))
		return -1;
	swap_macs((void *)bytes.begin);
	return 0;
}

/* ---- ICMP errors ------------------------------------------------------------------------------ */

struct icmp_start {
	__u8 type;
	__u8 code;
	__be16 check;
	__be32 rest; /* the MTU of what says that a packet is too big; else 0 */
};

/*
 * How much of a packet an error quotes, in whole words of 4 bytes: at most 508 bytes, which is within the 548 that RFC
 * 1812 allows, and what one call of the kernel sums up.
 */
#define SHUNT_QUOTE_MASK 0x1fc
SHUNT_STATIC_ASSERT(SHUNT_QUOTE_MASK <= sizeof(((struct scratch *)0)->quote));

/* How much of the transport it has to quote: the ports, by which a sender finds the socket, and TCP's sequence number.
 */
#define SHUNT_QUOTE_TRANSPORT 8

static __always_inline __u32 quote_length(const frame_t *frame, const struct packet *packet)
{
	__u32 length = packet->length ? packet->length : frame->len - packet->l3;

	return length > SHUNT_QUOTE_MASK ? SHUNT_QUOTE_MASK : length;
}

/* The sums of which an error's checksum is made. */
struct quote_sums {
	__u32 headers;	 /* of what is in front of the transport's header */
	__u32 transport; /* of the rest */
	__u32 completed; /* the same, once a device has completed the transport's checksum */
};

/*
 * Fills the sums for `quote` bytes in the scratch row. Of a packet whose sender has left the transport's checksum to a
 * device, that device completes the quoted one: from then on the sum over the transport is the complement of what its
 * field holds now. A CRC, as SCTP's, has no such rule. Returns 0, or -1 if the checksum is not there.
 */
static __always_inline int sum_quote(const frame_t *frame, struct scratch *s, __u32 headers, __u32 quote,
				     struct quote_sums *sums)
{
	__u8 protocol = s->packet.tuple.protocol;
	__be16 field;
	__u32 all;

	sums->headers = (__u32)bpf_csum_diff(NULL, 0, (__be32 *)s->quote, headers, 0);
	all = (__u32)bpf_csum_diff(NULL, 0, (__be32 *)s->quote, quote, 0);
	sums->transport = sums->completed = sum_add(all, ~sums->headers);
	if (protocol == IPPROTO_SCTP)
		return 0;
	if (bpf_skb_load_bytes(frame, s->packet.l4 + (protocol == IPPROTO_UDP ? 6 : 16), &field,
			       sizeof(field)))
		return -1;
	sums->completed = (__u16)~field;
	return 0;
}

/* Copies what the error will quote into the scratch row and sums it up. Returns its length, or 0 if that fails. */
static __always_inline __u32 take_quote(const frame_t *frame, struct scratch *s, struct quote_sums *sums)
{
	const struct packet *packet = &s->packet;
	__u32 headers = (packet->l4 - packet->l3) & SHUNT_QUOTE_MASK;
	__u32 quote = quote_length(frame, packet) & SHUNT_QUOTE_MASK;

	barrier_var(quote); /* or clang forgets the mask, which the verifier has to see */
	quote &= SHUNT_QUOTE_MASK;
	/* The second says the same to a verifier that compares with constants only. */
	if (quote < headers + SHUNT_QUOTE_TRANSPORT || quote < sizeof(struct iphdr) + SHUNT_QUOTE_TRANSPORT)
		return 0;
	if (bpf_skb_load_bytes(frame, packet->l3, s->quote, quote) ||
	    sum_quote(frame, s, headers, quote, sums))
		return 0;
	return quote;
}

/*
 * Writes the ICMP header and its checksum: first for a quoted checksum that a device completes. Then the kernel, which
 * knows whether it is so, adds the difference to the sum of the bytes as they are, or leaves it out.
 */
static __always_inline int write_icmp(frame_t *frame, struct bytes bytes, __u32 at, struct icmp_start start,
				      __u32 pseudo, const struct quote_sums *sums)
{
	struct icmp_start *icmp = (void *)(bytes.begin + at);
	__u32 sum = sum_add(pseudo, sum_words((const __u32 *)&start, sizeof(start) / 4));

	if ((__u8 *)(icmp + 1) > bytes.end)
		return -1;
	start.check = (__u16)~sum_fold(sum_add(sum, sum_add(sums->headers, sums->completed)));
	*icmp = start;
	at += __builtin_offsetof(struct icmp_start, check);
	return (int)bpf_l4_csum_replace(frame, at, 0, sum_add(sums->transport, ~sums->completed), 0);
}

/*
 * Turns the packet in the scratch row into the ICMP error that quotes it as it is, from `from` to its source. `start`
 * has no checksum. Returns 0, or -1: then the packet may be half an answer, and must be dropped.
 */
static __always_inline int make_error(frame_t *frame, struct scratch *s, struct icmp_start start,
				      const struct shunt_address *from)
{
	const __u64 flags = BPF_F_ADJ_ROOM_FIXED_GSO | BPF_F_ADJ_ROOM_NO_CSUM_RESET;
	const struct packet *packet = &s->packet;
	__u32 ip = packet->is_v6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);
	__u8 protocol = packet->is_v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	__u32 at = sizeof(struct ethhdr) + ip, pseudo = 0;
	struct quote_sums sums;
	__u32 quote = take_quote(frame, s, &sums);
	__u16 length = sizeof(start) + quote;
	struct bytes bytes;

	if (!quote || bpf_skb_change_tail(frame, packet->l3 + quote, 0) ||
	    bpf_skb_adjust_room(frame, (int)(ip + sizeof(start)), BPF_ADJ_ROOM_MAC, flags))
		return -1;
	bytes = frame_bytes(frame);
	if (bytes.begin + at + sizeof(start) > bytes.end) {
		bpf_skb_pull_data(frame, at + sizeof(start));
		bytes = frame_bytes(frame);
	}
	if (write_answer(bytes, packet, from, protocol, length))
		return -1;
	if (packet->is_v6)
		pseudo = sum_pseudo(from, &packet->tuple.source, 1, IPPROTO_ICMPV6, length);
	return packet->is_v6 ? write_icmp(frame, bytes, PLAIN_L4_V6, start, pseudo, &sums)
			     : write_icmp(frame, bytes, PLAIN_L4_V4, start, pseudo, &sums);
}

#endif
