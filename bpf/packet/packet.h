/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One packet as a value: what the rest of the packet path has to know of its headers. The parser reads bytes and writes
 * nothing but that value, so it is the same for tc and XDP.
 */
#ifndef SHUNT_PACKET_H
#define SHUNT_PACKET_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/icmpv6.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/packet/flow_life.h"
#include "bpf/packet_abi.h"

/* The part of a frame that can be read: from the Ethernet header on. */
struct bytes {
	__u8 *begin;
	__u8 *end;
};

enum fragment_kind {
	FRAGMENT_NOT = 0,
	FRAGMENT_FIRST = 1, /* it has the ports */
	FRAGMENT_LATER = 2, /* it has none */
};

/* What a fragment has of its datagram. */
enum recalled {
	RECALLED_NOT = 0,
	RECALLED_PORTS = 1,    /* its ports are remembered, or those of its first */
	RECALLED_TO_STACK = 2, /* the same, and it goes to the stack, where its first is */
};

/* Types and codes of ICMP. (linux/icmp.h needs headers of a C library.) */
#define ICMP_TYPE_UNREACHABLE 3
#define ICMP_TYPE_TIME_EXCEEDED 11
#define ICMP_TYPE_PARAMETER 12
#define ICMP_CODE_PORT 3
#define ICMP_CODE_TOO_BIG 4

/* The header of ICMP and ICMPv6, and where the checksum is in it. */
#define ICMP_HEADER_BYTES 8
#define ICMP_CHECK 2

struct packet {
	struct shunt_flow_tuple tuple; /* addresses and protocol, and ports if it has any */
	__u16 l3;		       /* where the IP header is, in bytes from the frame's beginning */
	__u16 l4;		       /* where the transport's header is; at most PACKET_L4_MAX */
	__u16 length;		       /* from the IP header on, as that says; 0: more than it can say */
	__u8 is_v6;
	__u8 ttl;
	__u8 tcp_flags; /* SHUNT_TCP_*; of SCTP what its first chunk would be in TCP; 0 of UDP */
	__u8 l4_length; /* bytes of the transport's header */
	__u8 fragment;	/* enum fragment_kind */
	__u8 recalled;	/* enum recalled */
	__u32 id;	/* of a fragment, in host order */
};

enum parsed {
	PARSED_NOTHING = 0, /* nothing that the packet path handles: it passes */
	PARSED_CUT =
		1, /* the headers go on beyond the bytes that can be read, or have to be parsed closely */
	PARSED_FLOW =
		2, /* a packet of TCP, UDP or SCTP: its tuple is complete, except the ports of a later fragment */
	PARSED_ERROR = 3, /* an ICMP error: its tuple has no ports, and its header of 8 bytes can be read */
	/* A host may find in it, or put together with others, a packet that the parser cannot see. Its tuple has no
	 * ports, or those of a first fragment. */
	PARSED_OPAQUE = 4,
};

/* Extension headers of IPv6 that are skipped, and how far they may go. The verifier needs the second as a mask. */
#define PACKET_EXTENSIONS_MAX 6
#define PACKET_L4_MAX 0x1ff

/* What there is of TCP's header beyond the ports, of which only this is of interest. */
struct tcp_start {
	__be16 source;
	__be16 dest;
	__be32 seq;
	__be32 ack_seq;
	__u8 offset; /* the header's length in words of 4 bytes, in the upper 4 bits */
	__u8 flags;
	__be16 window;
	__be16 check;
	__be16 urgent;
};

/* The common header of SCTP and the beginning of its first chunk. (linux/sctp.h is of the kernel alone.) */
struct sctp_start {
	__be16 source;
	__be16 dest;
	__be32 tag;
	__u32 check; /* little-endian */
	__u8 chunk;
	__u8 flags;
	__be16 chunk_length;
};

#define SCTP_HEADER_BYTES 12

#define SCTP_INIT 1
#define SCTP_ABORT 6
#define SCTP_SHUTDOWN_COMPLETE 14

/*
 * A fragment of SCTP cannot be translated, because its checksum depends on the length of the whole. Without the first
 * one, the others are nothing.
 */
static __always_inline int parse_sctp_fragment(struct bytes bytes, struct packet *packet,
					       const struct sctp_start *sctp)
{
	if (packet->fragment == FRAGMENT_LATER)
		return PARSED_NOTHING;
	if ((const __u8 *)&sctp->check > bytes.end)
		return PARSED_CUT;
	packet->tuple.source_port = sctp->source;
	packet->tuple.destination_port = sctp->dest;
	return PARSED_OPAQUE;
}

/*
 * An association begins with an INIT, alone in its packet, and ends with an ABORT or a SHUTDOWN COMPLETE. A packet
 * without a chunk is nothing: no peer would take it. If only the chunk is beyond the bytes, all else is set. REQUIRES:
 * `packet->length` is set.
 */
static __always_inline int parse_sctp(struct bytes bytes, struct packet *packet)
{
	const struct sctp_start *sctp = (const void *)(bytes.begin + (packet->l4 & PACKET_L4_MAX));

	if (packet->fragment)
		return parse_sctp_fragment(bytes, packet, sctp);
	if ((const __u8 *)&sctp->chunk > bytes.end)
		return PARSED_CUT;
	if (packet->length < packet->l4 - packet->l3 + sizeof(*sctp))
		return PARSED_NOTHING;
	packet->l4_length = SCTP_HEADER_BYTES;
	packet->tuple.source_port = sctp->source;
	packet->tuple.destination_port = sctp->dest;
	if ((const __u8 *)(sctp + 1) > bytes.end)
		return PARSED_CUT;
	if (sctp->chunk == SCTP_INIT)
		packet->tcp_flags = SHUNT_TCP_SYN;
	else if (sctp->chunk == SCTP_ABORT || sctp->chunk == SCTP_SHUTDOWN_COMPLETE)
		packet->tcp_flags = SHUNT_TCP_RST;
	return PARSED_FLOW;
}

/* Returns 1 if the packet ends within a transport's header of this length. What follows in the frame is padding. */
static __always_inline int ends_within(const struct packet *packet, __u32 header)
{
	return packet->length && packet->length < packet->l4 - packet->l3 + header;
}

/*
 * Of a packet that ends within its TCP header. The host drops a whole one. But a first fragment, whose 8 bytes are the
 * ports at least, it puts together with others, which then say whether the packet is a SYN (RFC 1858).
 */
static __always_inline int parse_cut_tcp(struct bytes bytes, struct packet *packet,
					 const struct tcp_start *tcp)
{
	if (!packet->fragment)
		return PARSED_NOTHING;
	if ((const __u8 *)&tcp->ack_seq > bytes.end)
		return PARSED_CUT;
	packet->tuple.source_port = tcp->source;
	packet->tuple.destination_port = tcp->dest;
	return PARSED_OPAQUE;
}

static __always_inline int parse_ports(struct bytes bytes, struct packet *packet, const __u8 *l4)
{
	const struct tcp_start *tcp = (const void *)l4;
	const struct udphdr *udp = (const void *)l4;

	if (packet->tuple.protocol == IPPROTO_TCP) {
		if (ends_within(packet, sizeof(*tcp)))
			return parse_cut_tcp(bytes, packet, tcp);
		if ((const __u8 *)(tcp + 1) > bytes.end)
			return PARSED_CUT;
		packet->tcp_flags = tcp->flags;
		packet->l4_length = tcp->offset >> 4 << 2;
		packet->tuple.source_port = tcp->source;
		packet->tuple.destination_port = tcp->dest;
		return PARSED_FLOW;
	}
	if (ends_within(packet, sizeof(*udp)))
		return PARSED_NOTHING;
	if ((const __u8 *)(udp + 1) > bytes.end)
		return PARSED_CUT;
	packet->l4_length = sizeof(*udp);
	packet->tuple.source_port = udp->source;
	packet->tuple.destination_port = udp->dest;
	return PARSED_FLOW;
}

/* Errors of the kinds that every host sends about a packet; a redirect is none, and nor is an echo. */
static __always_inline int parse_icmp(struct bytes bytes, const struct packet *packet)
{
	const __u8 *type = bytes.begin + (packet->l4 & PACKET_L4_MAX);
	int is_error;

	if (packet->tuple.protocol != (packet->is_v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP))
		return PARSED_NOTHING;
	if (type + ICMP_HEADER_BYTES > bytes.end)
		return PARSED_CUT;
	if (packet->is_v6)
		is_error = *type >= ICMPV6_DEST_UNREACH && *type <= ICMPV6_PARAMPROB;
	else
		is_error = *type == ICMP_TYPE_UNREACHABLE || *type == ICMP_TYPE_TIME_EXCEEDED ||
			   *type == ICMP_TYPE_PARAMETER;
	return is_error ? PARSED_ERROR : PARSED_NOTHING;
}

/* REQUIRES: everything but the ports is filled in. */
static __always_inline int parse_transport(struct bytes bytes, struct packet *packet)
{
	__u8 protocol = packet->tuple.protocol;

	if (protocol == IPPROTO_SCTP)
		return parse_sctp(bytes, packet);
	if (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP)
		return packet->fragment ? PARSED_NOTHING : parse_icmp(bytes, packet);
	if (packet->fragment == FRAGMENT_LATER)
		return PARSED_FLOW;
	return parse_ports(bytes, packet, bytes.begin + (packet->l4 & PACKET_L4_MAX));
}

static __always_inline int parse_v4(struct bytes bytes, struct packet *packet)
{
	const struct iphdr *ip = (const void *)(bytes.begin + sizeof(struct ethhdr));
	__be16 fragment;

	if ((const __u8 *)(ip + 1) > bytes.end)
		return PARSED_CUT;
	if (ip->version != 4 || ip->ihl < 5)
		return PARSED_NOTHING;
	packet->l4 = packet->l3 + ip->ihl * 4;
	packet->length = bpf_ntohs(ip->tot_len);
	packet->ttl = ip->ttl;
	packet->tuple.source.word[2] = bpf_htonl(0xffff);
	packet->tuple.source.word[3] = ip->saddr;
	packet->tuple.destination.word[2] = bpf_htonl(0xffff);
	packet->tuple.destination.word[3] = ip->daddr;
	packet->tuple.protocol = ip->protocol;
	fragment = ip->frag_off & bpf_htons(0x3fff);
	if (fragment) {
		packet->fragment = fragment & bpf_htons(0x1fff) ? FRAGMENT_LATER : FRAGMENT_FIRST;
		packet->id = bpf_ntohs(ip->id);
		/* It would write over the flags that its first has shown (RFC 3128). */
		if (ip->protocol == IPPROTO_TCP && (fragment & bpf_htons(0x1fff)) == bpf_htons(1))
			return PARSED_OPAQUE;
	}
	return parse_transport(bytes, packet);
}

/* What all extension headers that are skipped begin with, and the routing and fragment headers have besides. */
struct extension {
	__u8 next;
	__u8 length; /* in units of 8 bytes, without the first */
	union {
		struct {
			__u8 routing_type;
			__u8 segments_left;
		};
		__be16 fragment; /* offset in the upper 13 bits; 1: more follow */
	};
	__be32 rest;
};

static __always_inline int is_extension(__u8 next)
{
	return next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING || next == IPPROTO_DSTOPTS ||
	       next == IPPROTO_FRAGMENT;
}

/*
 * Finds the transport's header. Returns PARSED_FLOW if it goes on there, else what the packet is. One on its way by a
 * routing header is not yet at the destination that its header names, so it passes.
 */
static __always_inline int skip_extensions(struct bytes bytes, struct packet *packet)
{
	__u32 at = packet->l4;
	__u8 next = packet->tuple.protocol;

	for (int i = 0; i < PACKET_EXTENSIONS_MAX; i++) {
		const struct extension *header = (const void *)(bytes.begin + (at & PACKET_L4_MAX));

		if (!is_extension(next))
			break;
		if ((const __u8 *)(header + 1) > bytes.end)
			return PARSED_CUT;
		if (next == IPPROTO_ROUTING && header->segments_left)
			return PARSED_NOTHING;
		if (next == IPPROTO_FRAGMENT) {
			at += sizeof(*header);
			packet->id = bpf_ntohl(header->rest);
			if (header->fragment & bpf_htons(0xfff8))
				packet->fragment = FRAGMENT_LATER;
			else if (header->fragment & bpf_htons(1))
				packet->fragment = FRAGMENT_FIRST;
		} else {
			at += (header->length + 1) * 8;
		}
		next = header->next;
		if (at > PACKET_L4_MAX)
			return PARSED_OPAQUE;
		if (packet->fragment == FRAGMENT_LATER)
			break;
	}
	packet->l4 = at;
	packet->tuple.protocol = next;
	return is_extension(next) && packet->fragment != FRAGMENT_LATER ? PARSED_OPAQUE : PARSED_FLOW;
}

static __always_inline int parse_v6(struct bytes bytes, struct packet *packet, int closely)
{
	const struct ipv6hdr *ip = (const void *)(bytes.begin + sizeof(struct ethhdr));
	int parsed;

	if ((const __u8 *)(ip + 1) > bytes.end)
		return PARSED_CUT;
	if (ip->version != 6)
		return PARSED_NOTHING;
	packet->is_v6 = 1;
	packet->l4 = packet->l3 + sizeof(*ip);
	packet->length = ip->payload_len ? bpf_ntohs(ip->payload_len) + sizeof(*ip) : 0;
	packet->ttl = ip->hop_limit;
	__builtin_memcpy(&packet->tuple.source, &ip->saddr, sizeof(ip->saddr));
	__builtin_memcpy(&packet->tuple.destination, &ip->daddr, sizeof(ip->daddr));
	packet->tuple.protocol = ip->nexthdr;
	if (is_extension(ip->nexthdr)) {
		if (!closely)
			return PARSED_CUT;
		parsed = skip_extensions(bytes, packet);
		if (parsed != PARSED_FLOW)
			return parsed;
	}
	return parse_transport(bytes, packet);
}

/*
 * Returns what the frame is: enum parsed. A frame with a VLAN's tag in its bytes is nothing: it is within another tag,
 * because the kernel has taken the first one out of the bytes, and comes again at that VLAN's own device. Extension
 * headers are parsed only `closely`, which takes the verifier long.
 */
static __always_inline int parse(struct bytes bytes, struct packet *packet, int closely)
{
	const struct ethhdr *ethernet = (const void *)bytes.begin;

	*packet = (struct packet){ .l3 = sizeof(*ethernet) };
	if ((const __u8 *)(ethernet + 1) > bytes.end)
		return PARSED_CUT;
	if (ethernet->h_proto == bpf_htons(ETH_P_IP))
		return parse_v4(bytes, packet);
	if (ethernet->h_proto == bpf_htons(ETH_P_IPV6))
		return parse_v6(bytes, packet, closely);
	return PARSED_NOTHING;
}

#endif
