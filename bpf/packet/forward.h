/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where a flow's packets go: through the host's stack, or past it to a device. The first is for backends on this node,
 * so that what filters the node's forwarding sees client and backend; the second for all whose replies would not come
 * back by the client's device otherwise.
 */
#ifndef SHUNT_FORWARD_H
#define SHUNT_FORWARD_H

#include "bpf/packet/nat.h"
#include "bpf/packet/scratch.h"
#include "bpf/packet/tc_packet.h"

#define SHUNT_AF_INET 2
#define SHUNT_AF_INET6 10

/* Returns 1 if the address is one host's, which a packet may have as its source, and which may be answered. What IPv4
 * has reserved (240.0.0.0/4) is some networks' own. */
static __always_inline int is_unicast(const struct shunt_address *address)
{
	if (is_v4(address)) {
		__u8 first = bpf_ntohl(address->word[3]) >> 24;

		return first != 0 && first != 127 && (first < 224 || first >= 240) &&
		       address->word[3] != bpf_htonl(0xffffffff);
	}
	return (address->word[0] & bpf_htonl(0xff000000)) != bpf_htonl(0xff000000) &&
	       (address->word[0] || address->word[1] || address->word[2] || address->word[3]) &&
	       !is_loopback(address);
}

/* ---- devices ---------------------------------------------------------------------------------- */

static __always_inline const struct shunt_device *find_device(__u32 ifindex)
{
	return bpf_map_lookup_elem(&devices, &ifindex);
}

/* A device that the agent does not know is none of a pod. */
static __always_inline __u32 role_of(__u32 ifindex)
{
	const struct shunt_device *device = find_device(ifindex);

	return device ? device->role : SHUNT_DEVICE_EXTERNAL;
}

/* Returns 0 if frames of the device begin with the IP header, so that the parser has read something else. */
static __always_inline int has_link_header(__u32 ifindex)
{
	const struct shunt_device *device = find_device(ifindex);

	return !device || device->link_header;
}

/* Returns the device that has the addresses and routes: a bridge's port has none of its own. */
static __always_inline __u32 routing_device(__u32 ifindex)
{
	const struct shunt_device *device = find_device(ifindex);

	return device && device->master ? device->master : ifindex;
}

/* ---- the next hop, as a row remembers it ------------------------------------------------------ */

/* A hop is asked for again after this many ticks of 64 jiffies: after half a second, and up to two where jiffies are
 * slow. A tick that has wrapped (after hours) is taken for a fresh one at worst once. */
#define SHUNT_HOP_TICKS 2

/* The longest packet for which the routes are not asked whether the way can carry it: IPv6 promises as much. */
#define SHUNT_SURE_LENGTH 1280

static __always_inline __u16 hop_tick(void)
{
	return (__u16)(bpf_jiffies64() >> 6);
}

static __always_inline int is_fresh(__u64 hop)
{
	return hop && (__u16)(hop_tick() - (__u16)hop) <= SHUNT_HOP_TICKS;
}

static __always_inline __u64 hop_at(const __u8 *mac)
{
	__u64 address = (__u64)mac[0] << 40 | (__u64)mac[1] << 32 | (__u64)mac[2] << 24 |
			(__u64)mac[3] << 16 | (__u64)mac[4] << 8 | mac[5];

	return address << SHUNT_HOP_SHIFT | hop_tick();
}

static __always_inline void hop_mac(__u64 hop, __u8 *mac)
{
#pragma unroll
	for (int i = 0; i < ETH_ALEN; i++)
		mac[i] = (__u8)(hop >> (56 - 8 * i));
}

/* ---- routes ----------------------------------------------------------------------------------- */

/*
 * Asks the kernel's routes for the way of a packet with these addresses that has come by `device`. `length` 0 asks for
 * no packet of a certain length. Returns BPF_FIB_LKUP_RET_*, or less than 0.
 */
static __always_inline int find_route(frame_t *frame, struct bpf_fib_lookup *route,
				      const struct packet *packet, const struct rewrite *to, __u32 device,
				      __u32 length)
{
	__builtin_memset(route, 0, sizeof(*route));
	route->ifindex = device;
	route->l4_protocol = packet->tuple.protocol;
	route->sport = to->source_port;
	route->dport = to->destination_port;
	route->tot_len = length > 0xffff ? 0xffff : length;
	if (packet->is_v6) {
		route->family = SHUNT_AF_INET6;
		__builtin_memcpy(route->ipv6_src, &to->source, sizeof(to->source));
		__builtin_memcpy(route->ipv6_dst, &to->destination, sizeof(to->destination));
	} else {
		route->family = SHUNT_AF_INET;
		route->ipv4_src = to->source.word[3];
		route->ipv4_dst = to->destination.word[3];
	}
	return (int)bpf_fib_lookup(frame, route, sizeof(*route), 0);
}

/* ---- mode ------------------------------------------------------------------------------------- */

/* How a new flow's packets get to its backend. */
struct way {
	__u32 device; /* by which they leave; 0: none, they stay on the host */
	__u8 mode;    /* enum shunt_flow_mode */
	__u8 snat;
	__u8 pad[2];
};

/*
 * Decides the way of a new flow whose client came by `device`. `is_inside` is of the client. `found` and `route` are
 * what find_route() said of a packet from the client to the backend.
 */
static __always_inline struct way way_of(const struct shunt_flow *flow, __u32 device, int is_inside,
					 __u32 row_flags, int found, const struct bpf_fib_lookup *route)
{
	struct way way = { .mode = SHUNT_FLOW_STACK };

	/* The host itself, or a host that forwards nothing, so the backend can only be the host. */
	if (found == BPF_FIB_LKUP_RET_NOT_FWDED || found == BPF_FIB_LKUP_RET_FWD_DISABLED)
		return way;
	way.device = route->ifindex;
	if (way.device == device || way.device == routing_device(device)) {
		/*
		 * Back to where it came from: the reply would reach the client without passing here, unless the two are
		 * at different ports of a bridge, where each port sees what its pod sends.
		 */
		way.snat = way.device == device || same_address(&flow->backend_address, &flow->client);
		way.mode = SHUNT_FLOW_REDIRECT;
		return way;
	}
	if (role_of(way.device) == SHUNT_DEVICE_POD)
		return way;
	if (role_of(device) == SHUNT_DEVICE_POD)
		way.snat = (row_flags & SHUNT_ROW_SNAT_INSIDE) != 0;
	else
		way.snat = (row_flags & SHUNT_ROW_SNAT) || is_inside;
	if (way.snat)
		way.mode = SHUNT_FLOW_REDIRECT;
	return way;
}

/* Returns 1 if the device has an address of the family. */
static __always_inline int has_source(const struct shunt_device *device, int is_v6)
{
	const struct shunt_address *v6 = &device->source_v6;

	return is_v6 ? v6->word[0] || v6->word[1] || v6->word[2] || v6->word[3]
		     : device->source_v4.word[3] != 0;
}

/* Sets the source that a flow borrows: an address of the device by which it leaves, so that replies come back by that
 * device. Returns 0 if the device has none. */
static __always_inline int borrow_source(struct shunt_flow *flow, __u32 device, int is_v6)
{
	const struct shunt_device *out = find_device(device);

	if (!out || !has_source(out, is_v6))
		return 0;
	flow->source = is_v6 ? out->source_v6 : out->source_v4;
	return 1;
}

/* ---- send ------------------------------------------------------------------------------------- */

/* One packet's way past the stack. */
struct departure {
	__u64 hop; /* the row's, or what the routes say now; 0: unknown */
	__u32 device;
	__u8 is_reply;
	__u8 is_fresh;	  /* the row's hop is */
	__u8 is_same;	  /* the routes name the flow's device */
	__u8 is_resolved; /* 0: the kernel has to find the next hop */
	__u32 reason;	  /* if it cannot be sent */
	__u32 mtu;	  /* of the way, if it is too big for that */
};

/*
 * Asks the routes for a packet's next hop. A reply leaves the way that the client's packets came, even if the routes
 * would choose another: they are asked only for a newer address of the same next hop. The kernel sends the packet for
 * which an old hop is renewed: only what it sends makes it ask whether the neighbour is still there. Returns 0, or -1
 * with the reason.
 */
static __noinline int find_hop(frame_t *frame, const struct packet *packet, const struct rewrite *to,
			       struct departure *leaving)
{
	struct scratch *s = scratch_row();
	struct bpf_fib_lookup *route;
	__u32 length = wire_length(frame, packet), from = routing_device(device_of_frame(frame));
	int found, is_long;

	leaving->reason = SHUNT_REASON_NO_ROUTE;
	if (!s)
		return -1;
	route = &s->route;
	found = find_route(frame, route, packet, to, from, length);
	is_long = found == BPF_FIB_LKUP_RET_FRAG_NEEDED;
	if (is_long)
		leaving->mtu = route->mtu_result;
	if (is_long && leaving->is_reply) /* too long for which device, the kernel has not said */
		found = find_route(frame, route, packet, to, from, 0);
	leaving->is_same =
		route->ifindex == leaving->device || route->ifindex == routing_device(leaving->device);
	leaving->reason = SHUNT_REASON_TOO_BIG;
	if (is_long && (leaving->is_same || !leaving->is_reply))
		return -1;
	if (found == BPF_FIB_LKUP_RET_SUCCESS && (leaving->is_same || !leaving->is_reply)) {
		leaving->hop = hop_at(route->dmac);
		leaving->is_resolved = leaving->is_fresh;
		if (!leaving->is_fresh)
			leaving->device = route->ifindex;
	} else if (leaving->is_reply) {
		leaving->is_resolved = leaving->hop != 0;
	} else if (found != BPF_FIB_LKUP_RET_NO_NEIGH) {
		leaving->reason = SHUNT_REASON_NO_ROUTE;
		return -1;
	}
	if (!leaving->is_reply)
		leaving->device = route->ifindex;
	return 0;
}

static __always_inline int drop_counted(__u32 reason)
{
	count_reason(reason);
	return drop_frame();
}

static __always_inline int leave_unsent(const struct packet *packet, const struct departure *leaving)
{
	struct scratch *s = scratch_row();

	if (!s)
		return drop_frame();
	s->packet = *packet;
	s->unsent = (struct unsent){
		.reason = leaving->reason,
		.mtu = leaving->mtu,
		.is_reply = leaving->is_reply,
	};
	return UNSENT;
}

/*
 * Finds the way of one packet, of which `leaving` has what the row says. `hop` is the row's word for this direction,
 * which is kept fresh. Returns 0, or -1 with the reason.
 */
static __always_inline int find_departure(frame_t *frame, const struct packet *packet,
					  const struct rewrite *to, struct departure *leaving, __u64 *hop)
{
	const struct shunt_device *out;
	__u32 length;

	if (packet->ttl <= 1) {
		leaving->reason = SHUNT_REASON_HOPS_EXHAUSTED;
		return -1;
	}
	length = wire_length(frame, packet);
	if (!leaving->is_fresh || length > SHUNT_SURE_LENGTH) {
		leaving->is_resolved = 0;
		if (find_hop(frame, packet, to, leaving))
			return -1;
		if (leaving->is_same && leaving->hop != *(volatile __u64 *)hop)
			*(volatile __u64 *)hop = leaving->hop;
	}
	out = find_device(leaving->device);
	if (!out || length <= out->mtu)
		return 0;
	leaving->reason = SHUNT_REASON_TOO_BIG;
	leaving->mtu = out->mtu;
	return -1;
}

/* Returns what a row says of the way of its next packet. */
static __always_inline struct departure departure_by(__u32 device, const __u64 *hop, int is_reply)
{
	__u64 known = *(const volatile __u64 *)hop;

	return (struct departure){
		.hop = known,
		.device = device,
		.is_reply = is_reply,
		.is_fresh = is_fresh(known),
		.is_resolved = 1,
	};
}

/* Sends a frame that is translated. Returns the program's verdict. */
static __always_inline int depart(frame_t *frame, const struct departure *leaving)
{
	const struct shunt_device *out = find_device(leaving->device);
	const struct shunt_device *sender = out && out->master ? find_device(out->master) : out;
	__u8 mac[ETH_ALEN];

	if (sender && !sender->link_header)
		return send_bare(leaving->device);
	if (!sender || !leaving->is_resolved)
		return send_resolving(leaving->device);
	hop_mac(leaving->hop, mac);
	return send_between(frame, leaving->device, sender->mac, mac);
}

/* Translates a packet and sends it past the stack. Returns the verdict, or UNSENT. */
static __always_inline int send_translated(frame_t *frame, const struct packet *packet,
					   const struct rewrite *to, __u32 device, __u64 *hop, int is_reply)
{
	struct departure leaving = departure_by(device, hop, is_reply);

	leaving.reason = SHUNT_REASON_TOO_BIG; /* of a fragment whose first is, whatever its own size */
	if (packet->recalled == RECALLED_TO_STACK || find_departure(frame, packet, to, &leaving, hop))
		return leave_unsent(packet, &leaving);
	if (write_packet(frame, packet, to, 1))
		return drop_counted(SHUNT_REASON_UNWRITABLE);
	return depart(frame, &leaving);
}

#endif
