/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * ICMP errors about packets of flows. An error quotes the beginning of the packet that it is about and goes back to
 * that packet's sender: about a request it goes the way of replies, about a reply the way of requests. It is translated
 * as conntrack does it: what it quotes becomes the packet that its receiver has sent, and its own addresses become
 * those of the flow. So the source is an address with which the receiver talks, not that of a router that it may not
 * know, and that filters on the way may not let through; only where a flow keeps its client's address does an error
 * about a reply keep its sender's.
 */
#ifndef SHUNT_ICMP_H
#define SHUNT_ICMP_H

#include "bpf/packet/crc32c.h"
#include "bpf/packet/nat.h"
#include "bpf/packet/tc_packet.h"

struct icmp_error {
	/* The error as a packet of the flow that goes the same way: the tuple is the quoted one's, turned around. All
	 * else is the error's own. */
	struct packet packet;
	/* Of the error: a router on the way, or who should have got the packet. */
	struct shunt_address sender;
	__u16 l3;    /* where the quoted IP header is, in bytes from the frame's beginning */
	__u16 l4;    /* where the quoted transport's header is */
	__u16 check; /* where its checksum is; 0: not quoted, or the packet has none */
	__u16 end;   /* of all that is quoted */
	__u16 whole; /* the length of the quoted packet's transport, with what is not quoted */
};

/* ---- read ------------------------------------------------------------------------------------- */

/* What RFC 792 promises of the quoted transport's header, and where the checksums are in it. */
#define QUOTED_L4_BYTES 8
#define UDP_CHECK 6
#define TCP_CHECK 16
#define SCTP_CHECK 8

/* REQUIRES: everything but the ports and `check` is filled in. */
static __always_inline int parse_quoted_transport(struct bytes bytes, struct icmp_error *error)
{
	const __be16 *l4 = (const void *)(bytes.begin + (error->l4 & PACKET_L4_MAX));
	struct shunt_flow_tuple *tuple = &error->packet.tuple;
	__u32 check_end;

	if (error->l4 + QUOTED_L4_BYTES > error->end)
		return PARSED_NOTHING;
	if ((const __u8 *)l4 + QUOTED_L4_BYTES > bytes.end)
		return PARSED_CUT;
	if (tuple->protocol == IPPROTO_UDP && l4[UDP_CHECK / 2])
		error->check = error->l4 + UDP_CHECK;
	else if (tuple->protocol == IPPROTO_TCP && error->l4 + TCP_CHECK + 2 <= error->end)
		error->check = error->l4 + TCP_CHECK;
	else if (tuple->protocol == IPPROTO_SCTP && error->l4 + SCTP_CHECK + 4 <= error->end)
		error->check = error->l4 + SCTP_CHECK;
	check_end = error->check + (tuple->protocol == IPPROTO_SCTP ? 4 : 2);
	if (error->check && bytes.begin + (check_end & PACKET_L4_MAX) > bytes.end)
		return PARSED_CUT;
	tuple->source_port = l4[1];
	tuple->destination_port = l4[0];
	return PARSED_ERROR;
}

static __always_inline int parse_quoted_v4(struct bytes bytes, struct icmp_error *error)
{
	const struct iphdr *ip = (const void *)(bytes.begin + (error->l3 & PACKET_L4_MAX));
	struct shunt_flow_tuple *tuple = &error->packet.tuple;

	if ((const __u8 *)(ip + 1) > bytes.end)
		return PARSED_CUT;
	if (ip->version != 4 || ip->ihl < 5 || ip->frag_off & bpf_htons(0x3fff))
		return PARSED_NOTHING;
	if (ip->saddr != tuple->destination.word[3])
		return PARSED_NOTHING;
	error->l4 = error->l3 + ip->ihl * 4;
	error->whole = bpf_ntohs(ip->tot_len) - ip->ihl * 4;
	tuple->source.word[3] = ip->daddr;
	tuple->protocol = ip->protocol;
	return PARSED_ERROR;
}

static __always_inline int parse_quoted_v6(struct bytes bytes, struct icmp_error *error)
{
	const struct ipv6hdr *ip = (const void *)(bytes.begin + (error->l3 & PACKET_L4_MAX));
	struct shunt_flow_tuple *tuple = &error->packet.tuple;
	struct shunt_address from;

	if ((const __u8 *)(ip + 1) > bytes.end)
		return PARSED_CUT;
	if (ip->version != 6)
		return PARSED_NOTHING;
	__builtin_memcpy(&from, &ip->saddr, sizeof(from));
	if (!same_address(&from, &tuple->destination))
		return PARSED_NOTHING;
	error->l4 = error->l3 + sizeof(*ip);
	error->whole = bpf_ntohs(ip->payload_len);
	__builtin_memcpy(&tuple->source, &ip->daddr, sizeof(tuple->source));
	tuple->protocol = ip->nexthdr;
	return PARSED_ERROR;
}

/*
 * Reads what an error quotes. Returns PARSED_ERROR if that may be a packet of a flow, PARSED_CUT, or PARSED_NOTHING: of
 * a fragment, of an IPv6 packet with extension headers, and of an error that does not go to the sender of what it
 * quotes (as no true one does). REQUIRES: `error->packet` is as parse() leaves an error.
 */
static __always_inline int parse_quoted(struct bytes bytes, struct icmp_error *error)
{
	struct packet *packet = &error->packet;
	int parsed;

	error->sender = packet->tuple.source;
	error->l3 = packet->l4 + ICMP_HEADER_BYTES;
	error->end = packet->l3 + packet->length;
	error->check = 0;
	parsed = packet->is_v6 ? parse_quoted_v6(bytes, error) : parse_quoted_v4(bytes, error);
	if (parsed != PARSED_ERROR)
		return parsed;
	if (packet->tuple.protocol != IPPROTO_TCP && packet->tuple.protocol != IPPROTO_UDP &&
	    packet->tuple.protocol != IPPROTO_SCTP)
		return PARSED_NOTHING;
	return parse_quoted_transport(bytes, error);
}

/* ---- write ------------------------------------------------------------------------------------ */

/* What a translation adds to the sums of one's complement. */
struct error_sums {
	__u32 addresses; /* of the quoted packet's addresses */
	__u32 ports;
	__u32 quoted; /* of all that is quoted, and so in the error's own checksum */
};

/* Writes the quoted IP header. That of IPv4 has a checksum, which makes up for the addresses. */
static __always_inline int write_quoted_ip(struct bytes bytes, const struct icmp_error *error,
					   const struct rewrite *to, struct error_sums *sums)
{
	__u8 *header = bytes.begin + (error->l3 & PACKET_L4_MAX);
	struct ipv6hdr *v6 = (void *)header;
	struct iphdr *v4 = (void *)header;

	if (error->packet.is_v6) {
		if ((__u8 *)(v6 + 1) > bytes.end)
			return -1;
		__builtin_memcpy(&v6->saddr, &to->destination, sizeof(v6->saddr));
		__builtin_memcpy(&v6->daddr, &to->source, sizeof(v6->daddr));
		sums->quoted = sum_add(sums->quoted, sums->addresses);
		return 0;
	}
	if ((__u8 *)(v4 + 1) > bytes.end)
		return -1;
	v4->saddr = to->destination.word[3];
	v4->daddr = to->source.word[3];
	v4->check = (__u16)~sum_fold(sum_add((__u16)~v4->check, sums->addresses));
	return 0;
}

/* SCTP's checksum is linear, so what is not quoted need not be known. 0 is still to be filled in by a device. */
static __always_inline int write_quoted_sctp_check(struct bytes bytes, const struct icmp_error *error,
						   __u32 ports, struct error_sums *sums)
{
	__u32 *check = (void *)(bytes.begin + (error->check & PACKET_L4_MAX));
	__u32 before, after;

	if ((__u8 *)(check + 1) > bytes.end)
		return -1;
	before = *check;
	if (!before)
		return 0;
	after = before ^ shunt_crc32c_change(ports, error->whole);
	sums->quoted = sum_add(sums->quoted, sum_change(before, after));
	*check = after;
	return 0;
}

static __always_inline int write_quoted_transport(struct bytes bytes, const struct icmp_error *error,
						  const struct rewrite *to, struct error_sums *sums)
{
	__be16 *ports = (void *)(bytes.begin + (error->l4 & PACKET_L4_MAX));
	__be16 *check = (void *)(bytes.begin + (error->check & PACKET_L4_MAX));
	const struct shunt_flow_tuple *tuple = &error->packet.tuple;
	__be16 sum;

	if ((__u8 *)(ports + 2) > bytes.end || (__u8 *)(check + 1) > bytes.end)
		return -1;
	ports[0] = to->destination_port;
	ports[1] = to->source_port;
	sums->quoted = sum_add(sums->quoted, sums->ports);
	if (!error->check)
		return 0;
	if (tuple->protocol == IPPROTO_SCTP)
		return write_quoted_sctp_check(bytes, error,
					       ports_in(tuple->destination_port, tuple->source_port) ^
						       ports_in(to->destination_port, to->source_port),
					       sums);
	sum = (__u16)~sum_fold(sum_add(sum_add((__u16) ~*check, sums->addresses), sums->ports));
	if (!sum && tuple->protocol == IPPROTO_UDP)
		sum = 0xffff; /* 0 would say that there is none */
	sums->quoted = sum_add(sums->quoted, sum_change16(*check, sum));
	*check = sum;
	return 0;
}

/*
 * Translates the error. `to` is what the flow makes of a packet that goes the same way; `hops` as in write_packet().
 * Returns 0, or -1 if that failed half-way: then it must be dropped.
 */
static __always_inline int translate_error(frame_t *frame, const struct icmp_error *error,
					   const struct rewrite *to, int hops)
{
	const struct packet *packet = &error->packet;
	const struct shunt_flow_tuple *tuple = &packet->tuple;
	__u32 destination = sum_change_address(&tuple->destination, &to->destination, packet->is_v6);
	struct bytes bytes = frame_bytes(frame);
	struct error_sums sums = {
		.addresses =
			sum_add(sum_change_address(&tuple->source, &to->source, packet->is_v6), destination),
		.ports = sum_change16(tuple->source_port, to->source_port) +
			 sum_change16(tuple->destination_port, to->destination_port),
	};
	struct rewrite outer = { .source = to->source, .destination = to->destination };
	__u32 addresses;

	if (same_address(&tuple->source, &to->source))
		outer.source = error->sender;
	addresses = sum_add(sum_change_address(&error->sender, &outer.source, packet->is_v6), destination);
	if (write_quoted_ip(bytes, error, to, &sums) || write_quoted_transport(bytes, error, to, &sums))
		return -1;
	if (packet->is_v6 ? write_v6(frame, packet, &outer, hops, bytes)
			  : write_v4(packet, &outer, addresses, hops, bytes))
		return -1;
	return update_checksum(frame, packet, packet->l4 + ICMP_CHECK, packet->is_v6 ? addresses : 0,
			       sums.quoted, 0);
}

#endif
