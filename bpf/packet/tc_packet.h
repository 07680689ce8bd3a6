/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The seam between the packet path and the hook that it runs at, here tc: how bytes are read, addresses and ports
 * stored, checksums finished, and where the frame goes. Everything else is written against these names.
 */
#ifndef SHUNT_TC_PACKET_H
#define SHUNT_TC_PACKET_H

#include <linux/bpf.h>
#include <linux/if_packet.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

#include "bpf/address.h"
#include "bpf/packet/crc32c.h"
#include "bpf/packet/nat.h"
#include "bpf/packet/packet.h"
#include "bpf/packet/snat.h"

typedef struct __sk_buff frame_t;

/* What the kernel's headers of 6.1 do not have yet. */
#define SHUNT_F_IPV6 (1ull << 7)

/* The size of segments that are what the sender has made them: of SCTP alone. */
#define SHUNT_GSO_BY_FRAGS 0xffff

/* Enough for every header that the parser reads. */
#define SHUNT_HEADER_BYTES 256

/* ---- read ------------------------------------------------------------------------------------- */

/*
 * Returns the bytes that can be read and written. Volatile, because clang would merge two reads of the context into one
 * and copy the pointer as 32 bits, which passes the verifier and then fails every comparison.
 */
static __always_inline struct bytes frame_bytes(const frame_t *frame)
{
	return (struct bytes){
		.begin = (void *)(long)*(const volatile __u32 *)&frame->data,
		.end = (void *)(long)*(const volatile __u32 *)&frame->data_end,
	};
}

/*
 * Returns 1 if the kernel will segment the frame where its pieces end, as the sender has made them. Then all headers
 * but those of chunks can be read, and nothing more must be made readable: it would be moved out of the first piece.
 */
static __always_inline int has_own_segments(const frame_t *frame)
{
	return frame->gso_size == SHUNT_GSO_BY_FRAGS;
}

/* Makes more bytes readable. Returns 1 if there are more. REQUIRES: !has_own_segments(). */
static __always_inline int pull_headers(frame_t *frame)
{
	__u32 wanted = frame->len < SHUNT_HEADER_BYTES ? frame->len : SHUNT_HEADER_BYTES;

	return !bpf_skb_pull_data(frame, wanted);
}

#define SHUNT_VLAN_ID 0xfff

/* Returns 1 if the frame is a VLAN's: it comes again, without the tag, at the VLAN's own device. */
static __always_inline int is_tagged(const frame_t *frame)
{
	return frame->vlan_present && (frame->vlan_tci & SHUNT_VLAN_ID);
}

/* A tag of VLAN 0 is none of a VLAN, but a priority: the kernel takes the frame for one of the same device. */
static __always_inline int has_priority_tag(const frame_t *frame)
{
	return frame->vlan_present && !(frame->vlan_tci & SHUNT_VLAN_ID);
}

/* How many priority tags the frame may have. Nothing makes a second. */
#define SHUNT_PRIORITY_TAGS 4

/*
 * Takes priority tags away, as the kernel does later, also such as stand within another: then the frame begins with an
 * IP header for the parser, and is sent on without them. Returns 0, or -1 if there is still one.
 */
__noinline __weak int strip_priority_tags(frame_t *frame)
{
	for (int i = 0; i < SHUNT_PRIORITY_TAGS; i++) {
		if (!has_priority_tag(frame))
			return 0;
		if (bpf_skb_vlan_pop(frame))
			return -1;
	}
	return has_priority_tag(frame) ? -1 : 0;
}

static __always_inline __u32 device_of_frame(const frame_t *frame)
{
	return frame->ifindex;
}

/* Returns 1 if the frame's link-layer address is one of many hosts, or of another host than this device. */
static __always_inline int is_to_many(const frame_t *frame)
{
	return frame->pkt_type == PACKET_BROADCAST || frame->pkt_type == PACKET_MULTICAST;
}

static __always_inline int is_to_other(const frame_t *frame)
{
	return frame->pkt_type == PACKET_OTHERHOST;
}

/*
 * Returns how long the packet is on the wire, from its IP header on: of what the kernel will segment, one segment. 0:
 * its segments have lengths of their own, which no program can see.
 */
static __always_inline __u32 wire_length(const frame_t *frame, const struct packet *packet)
{
	if (!frame->gso_size)
		return packet->length;
	if (has_own_segments(frame))
		return 0;
	return packet->l4 - packet->l3 + packet->l4_length + frame->gso_size;
}

/* ---- write ------------------------------------------------------------------------------------ */

static __always_inline __u32 sum_add(__u32 a, __u32 b)
{
	__u32 sum = a + b;

	return sum + (sum < a);
}

static __always_inline __u16 sum_fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)((sum & 0xffff) + (sum >> 16));
}

/* Returns what a checksum changes by if one word becomes another. */
static __always_inline __u32 sum_change(__u32 from, __u32 to)
{
	return sum_add(~from, to);
}

static __always_inline __u32 sum_change16(__be16 from, __be16 to)
{
	return (__u32)(__u16)~from + to;
}

static __always_inline __u32 sum_change_address(const struct shunt_address *from,
						const struct shunt_address *to, int is_v6)
{
	__u32 change = sum_change(from->word[3], to->word[3]);

	if (!is_v6)
		return change;
	change = sum_add(change, sum_change(from->word[0], to->word[0]));
	change = sum_add(change, sum_change(from->word[1], to->word[1]));
	return sum_add(change, sum_change(from->word[2], to->word[2]));
}

/* Returns 0, or -1 if the bytes are not there. `hops` is by how much the time to live goes down: 0 or 1. */
static __always_inline int write_v4(const struct packet *packet, const struct rewrite *to, __u32 addresses,
				    int hops, struct bytes bytes)
{
	struct iphdr *ip = (void *)(bytes.begin + sizeof(struct ethhdr));
	__u32 change = addresses;
	__be16 *life;

	if ((__u8 *)(ip + 1) > bytes.end)
		return -1;
	if (hops) {
		life = (__be16 *)&ip->ttl;
		change = sum_add(change, sum_change16(*life, *life - bpf_htons(0x100)));
		ip->ttl = packet->ttl - 1;
	}
	ip->saddr = to->source.word[3];
	ip->daddr = to->destination.word[3];
	ip->check = (__u16)~sum_fold(sum_add((__u16)~ip->check, change));
	return 0;
}

static __always_inline int write_v6(frame_t *frame, const struct packet *packet, const struct rewrite *to,
				    int hops, struct bytes bytes)
{
	struct ipv6hdr *ip = (void *)(bytes.begin + sizeof(struct ethhdr));

	if ((__u8 *)(ip + 1) > bytes.end)
		return -1;
	__builtin_memcpy(&ip->saddr, &to->source, sizeof(ip->saddr));
	__builtin_memcpy(&ip->daddr, &to->destination, sizeof(ip->daddr));
	if (hops) {
		ip->hop_limit = packet->ttl - 1;
		/* Only where the device has summed up the packet: no checksum in it covers this byte. */
		bpf_csum_update(frame, sum_change16(0, (__u16)~bpf_htons(1)));
	}
	return 0;
}

static __always_inline int write_ports(const struct packet *packet, const struct rewrite *to,
				       struct bytes bytes)
{
	__be16 *ports = (void *)(bytes.begin + (packet->l4 & PACKET_L4_MAX));

	if ((__u8 *)(ports + 2) > bytes.end)
		return -1;
	ports[0] = to->source_port;
	ports[1] = to->destination_port;
	return 0;
}

/*
 * Brings the checksum of an SCTP packet up to date, whose ports have been written: `ports` is their word before, XOR
 * the same after. A field of 0 is still to be filled in by a device or by the kernel, over what it finds there. (Of a
 * right checksum that is 0, one in 2^32, this makes a wrong one.) `change` is what has become of the bytes that the
 * frame's own sum covers, if a device has made one: no checksum of SCTP makes up for it, as that of other protocols
 * does. It is a global function, so that the verifier checks it once. Returns 0, or -1 if the bytes are not there.
 */
__noinline __weak int finish_sctp(frame_t *frame, __u32 l4, __u32 length, __u32 ports, __u32 change)
{
	struct bytes bytes = frame_bytes(frame);
	struct sctp_start *sctp = (void *)(bytes.begin + (l4 & PACKET_L4_MAX));
	__u32 check;

	if ((__u8 *)&sctp->chunk > bytes.end)
		return -1;
	check = sctp->check;
	if (check) {
		sctp->check = check ^ shunt_crc32c_change(ports, length);
		change = sum_add(change, sum_change(check, sctp->check));
	}
	bpf_csum_update(frame, change);
	return 0;
}

/* Returns the first word of a packet with these ports. */
static __always_inline __u32 ports_in(__be16 source, __be16 destination)
{
	return (__u32)destination << 16 | source;
}

/*
 * Brings a checksum up to date, by two calls: only the kernel knows whether the field holds a checksum, a sum that a
 * device will complete, or nothing, and only the addresses are in the pseudo-header. `rest` is of everything else that
 * the checksum covers.
 */
static __always_inline int update_checksum(frame_t *frame, const struct packet *packet, __u32 field,
					   __u32 addresses, __u32 rest, __u64 flags)
{
	__u64 family = packet->is_v6 && packet_config.has_ipv6_csum_flag ? SHUNT_F_IPV6 : 0;

	if (bpf_l4_csum_replace(frame, field, 0, addresses, flags | family | BPF_F_PSEUDO_HDR))
		return -1;
	/* Without the flag the kernel takes the change for one that the IP header's checksum makes up for. */
	if (packet->is_v6 && !packet_config.has_ipv6_csum_flag)
		bpf_csum_update(frame, addresses);
	return bpf_l4_csum_replace(frame, field, 0, rest, flags) ? -1 : 0;
}

static __always_inline int finish_checksum(frame_t *frame, const struct packet *packet, __u32 addresses,
					   __u32 ports)
{
	int is_udp = packet->tuple.protocol == IPPROTO_UDP;
	__u32 field = packet->l4 + (is_udp ? 6 : 16);

	return update_checksum(frame, packet, field, addresses, ports, is_udp ? BPF_F_MARK_MANGLED_0 : 0);
}

/* Gives a fragment the id that `packet` has. Datagrams with one source must differ in it. */
static __always_inline int write_id(frame_t *frame, __u32 id)
{
	struct bytes bytes = frame_bytes(frame);
	struct iphdr *ip = (void *)(bytes.begin + sizeof(struct ethhdr));

	if ((__u8 *)(ip + 1) > bytes.end)
		return -1;
	ip->check = (__u16)~sum_fold(sum_add((__u16)~ip->check, sum_change16(ip->id, bpf_htons(id))));
	ip->id = bpf_htons(id);
	return 0;
}

/* Finishes a fragment. A function of its own, because what most packets need shall have the registers. */
static __noinline int finish_fragment(frame_t *frame, const struct packet *packet, const struct rewrite *to,
				      __u32 addresses, __u32 ports)
{
	if (!packet->is_v6 && packet->tuple.source.word[3] != to->source.word[3] &&
	    write_id(frame, packet->id))
		return -1;
	if (packet->fragment == FRAGMENT_FIRST)
		return finish_checksum(frame, packet, addresses, ports);
	/* What a device has summed up holds IPv6's addresses, and no checksum here makes up for their change. */
	if (packet->is_v6)
		bpf_csum_update(frame, addresses);
	return 0;
}

/* Translates the frame, of a later fragment only the IP header. Returns 0, or -1 if that failed half-way: then it must
 * be dropped. */
static __always_inline int write_packet(frame_t *frame, const struct packet *packet, const struct rewrite *to,
					int hops)
{
	struct bytes bytes = frame_bytes(frame);
	__u32 addresses =
		sum_add(sum_change_address(&packet->tuple.source, &to->source, packet->is_v6),
			sum_change_address(&packet->tuple.destination, &to->destination, packet->is_v6));
	__u32 ports = sum_change16(packet->tuple.source_port, to->source_port) +
		      sum_change16(packet->tuple.destination_port, to->destination_port);

	if (packet->fragment != FRAGMENT_LATER && write_ports(packet, to, bytes))
		return -1;
	if (packet->is_v6 ? write_v6(frame, packet, to, hops, bytes)
			  : write_v4(packet, to, addresses, hops, bytes))
		return -1;
	if (packet->tuple.protocol == IPPROTO_SCTP)
		return finish_sctp(frame, packet->l4, packet->length - (packet->l4 - packet->l3),
				   ports_in(packet->tuple.source_port, packet->tuple.destination_port) ^
					   ports_in(to->source_port, to->destination_port),
				   packet->is_v6 ? sum_add(ports, addresses) : ports);
	return packet->fragment ? finish_fragment(frame, packet, to, addresses, ports)
				: finish_checksum(frame, packet, addresses, ports);
}

/* ---- send ------------------------------------------------------------------------------------- */

/* Leaves the frame to other programs and to the host. */
static __always_inline int pass_frame(void)
{
	return TC_ACT_UNSPEC;
}

static __always_inline int drop_frame(void)
{
	return TC_ACT_SHOT;
}

/* Sends the frame out by a device, between two link-layer addresses. */
static __always_inline int send_between(frame_t *frame, __u32 device, const __u8 *from, const __u8 *to)
{
	struct bytes bytes = frame_bytes(frame);
	struct ethhdr *ethernet = (void *)bytes.begin;

	if ((__u8 *)(ethernet + 1) > bytes.end)
		return drop_frame();
	__builtin_memcpy(ethernet->h_dest, to, ETH_ALEN);
	__builtin_memcpy(ethernet->h_source, from, ETH_ALEN);
	return (int)bpf_redirect(device, 0);
}

/* Linux gives every network namespace's loopback device this number. */
#define SHUNT_LOOPBACK 1

/*
 * Hands the frame to the host's stack as if it had come by the loopback device, which takes sources of this node if its
 * `accept_local` is set.
 */
static __always_inline int send_to_stack(frame_t *frame)
{
	struct bytes bytes = frame_bytes(frame);
	struct ethhdr *ethernet = (void *)bytes.begin;

	if ((__u8 *)(ethernet + 1) > bytes.end)
		return drop_frame();
	__builtin_memset(ethernet->h_dest, 0, ETH_ALEN); /* loopback's own */
	return (int)bpf_redirect(SHUNT_LOOPBACK, BPF_F_INGRESS);
}

/* Sends the frame out by a device that has no link-layer addresses. */
static __always_inline int send_bare(__u32 device)
{
	return (int)bpf_redirect(device, 0);
}

/* Sends the frame out by a device, once the kernel has found the next hop's link-layer address. */
static __always_inline int send_resolving(__u32 device)
{
	return (int)bpf_redirect_neigh(device, NULL, 0, 0);
}

#endif
