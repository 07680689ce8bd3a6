/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The first packet of a flow: whether it may begin one, what the service decides, which way the flow goes, and its row.
 */
#ifndef SHUNT_BEGIN_H
#define SHUNT_BEGIN_H

#include "bpf/packet/flow_create.h"
#include "bpf/packet/forward.h"

enum begun {
	BEGUN_FLOW = 0,	  /* there is a flow now */
	BEGUN_PASS = 1,	  /* leave the packet as it is */
	BEGUN_DROP = 2,	  /* drop it */
	BEGUN_REFUSE = 3, /* answer it: nothing listens there */
};

static __always_inline int pass_begun(__u32 reason)
{
	count_reason(reason);
	return BEGUN_PASS;
}

static __always_inline int drop_begun(__u32 reason)
{
	count_reason(reason);
	return BEGUN_DROP;
}

/*
 * Returns who sends from an address by a device. What comes by a pod's device is inside, whatever its address; so is
 * what the agent has listed, for instance pods of other nodes.
 */
static __always_inline struct client packet_client(const struct shunt_address *source, __u32 role)
{
	int is_outside = role != SHUNT_DEVICE_POD && !is_in_list(SHUNT_LIST_INSIDE, source);

	return (struct client){
		.kind = SHUNT_CLIENT_ADDRESS,
		.is_outside = is_outside,
		.no_cluster_ip = is_outside && !packet_config.external_cluster_ip,
		.identity = *source,
	};
}

/* A connection begins with a SYN, an association with an INIT. Datagrams begin a flow whenever there is none. */
static __always_inline int may_begin(const struct packet *packet)
{
	if (packet->tuple.protocol == IPPROTO_UDP)
		return 1;
	return (packet->tcp_flags & (SHUNT_TCP_SYN | SHUNT_TCP_ACK | SHUNT_TCP_RST | SHUNT_TCP_FIN)) ==
	       SHUNT_TCP_SYN;
}

/* Notes whether this node's new flows are the packet path's, or left to others. */
static __always_inline void note_translating(int translating)
{
	struct shunt_flow_level *level;
	volatile __u64 *since;
	__u32 zero = 0;

	level = bpf_map_lookup_elem(&flow_level, &zero);
	if (!level)
		return;
	since = (volatile __u64 *)&level->translating_since;
	if (translating != (*since != 0))
		*since = translating ? bpf_jiffies64() : 0;
}

/* Returns 1 if a connection without a flow may be one that another proxy has begun to translate, by conntrack. */
static __always_inline int may_be_others(void)
{
	struct shunt_flow_level *level;
	__u32 zero = 0;
	__u64 since;

	level = bpf_map_lookup_elem(&flow_level, &zero);
	if (!level)
		return 0;
	since = *(volatile __u64 *)&level->translating_since;
	return !since || bpf_jiffies64() - since < (__u64)SHUNT_OTHERS_S * packet_config.hz;
}

/*
 * Decides about a packet within a connection that has no flow, because that has ended or is older than the packet path.
 * On an address of this node it may be the host's own; on any other only a service would answer: the proxy that had it
 * before, whose conntrack entries outlive it, or none. REQUIRES: the client's SYN would not pass for a reason that
 * needs no service: then neither may what follows it be dropped.
 */
static __always_inline int decide_stray(const struct shunt_frontend_key *key, const struct client *client)
{
	__u32 reason = SHUNT_REASON_NOT_A_SERVICE;
	const struct shunt_frontend_row *row = find_frontend(key, 0, &reason);

	if (!row)
		return pass_begun(reason);
	if (client->no_cluster_ip && row->kind == SHUNT_KIND_CLUSTER_IP)
		return pass_begun(SHUNT_REASON_OUTSIDE_CLIENT);
	if (is_own_address(&key->address))
		return pass_begun(SHUNT_REASON_NO_FLOW);
	if (shunt_config.observe || may_be_others())
		return pass_begun(SHUNT_REASON_NO_FLOW);
	return drop_begun(SHUNT_REASON_NO_FLOW);
}

/*
 * Returns 1 if the frame was sent to this host. A device may also see frames for others: all devices in promiscuous
 * mode do, and at a bridge's port what is for the host goes to the bridge's link-layer address.
 */
static __always_inline int is_to_host(frame_t *frame)
{
	struct bytes bytes = frame_bytes(frame);
	const struct ethhdr *ethernet = (const void *)bytes.begin;
	const struct shunt_device *device;

	if (is_to_many(frame))
		return 0;
	if (!is_to_other(frame))
		return 1;
	device = find_device(device_of_frame(frame));
	if (!device || !device->master)
		return 0;
	device = find_device(device->master);
	if (!device || (const __u8 *)(ethernet + 1) > bytes.end)
		return 0;
	return !__builtin_memcmp(ethernet->h_dest, device->mac, ETH_ALEN);
}

/* Returns the hop by which replies go: where the client's frame came from. */
static __always_inline __u64 hop_back(frame_t *frame)
{
	struct bytes bytes = frame_bytes(frame);
	const struct ethhdr *ethernet = (const void *)bytes.begin;

	return (const __u8 *)(ethernet + 1) > bytes.end ? 0 : hop_at(ethernet->h_source);
}

static __always_inline void fill_flow(struct shunt_flow *flow, const struct packet *packet,
				      const struct decision *decision)
{
	*flow = (struct shunt_flow){
		.client = packet->tuple.source,
		.frontend = packet->tuple.destination,
		.client_port = packet->tuple.source_port,
		.frontend_port = packet->tuple.destination_port,
		.protocol = packet->tuple.protocol,
		.service_port = decision->service_port,
		.pool = decision->pool,
		.pool_word = decision->pool_word,
		.backend_address = decision->to.address,
		.backend_port = decision->to.port,
		.backend = decision->backend,
		/* As long as it does not borrow another. */
		.source = packet->tuple.source,
		.source_port = packet->tuple.source_port,
	};
}

/* Gives the flow its way. Returns 0, or the reason why there is none. */
static __always_inline __u32 route_flow(frame_t *frame, struct scratch *s)
{
	__u32 device = device_of_frame(frame);
	struct shunt_flow *flow = &s->flow;
	struct rewrite to = rewrite_forward(flow);
	int found = find_route(frame, &s->route, &s->packet, &to, routing_device(device), 0);
	struct way way;

	if (found != BPF_FIB_LKUP_RET_SUCCESS && found != BPF_FIB_LKUP_RET_NO_NEIGH &&
	    found != BPF_FIB_LKUP_RET_FRAG_NEEDED && found != BPF_FIB_LKUP_RET_NOT_FWDED &&
	    found != BPF_FIB_LKUP_RET_FWD_DISABLED)
		return SHUNT_REASON_NO_ROUTE;
	way = way_of(flow, device, s->is_inside, s->decision.row_flags, found, &s->route);
	flow->mode = way.mode;
	flow->reverse_device = device;
	flow->reverse_hop = hop_back(frame);
	s->past_stack_device =
		way.mode == SHUNT_FLOW_REDIRECT || role_of(way.device) != SHUNT_DEVICE_POD ? way.device : 0;
	if (way.mode == SHUNT_FLOW_STACK)
		return 0;
	flow->forward_device = way.device;
	if (found == BPF_FIB_LKUP_RET_SUCCESS)
		flow->forward_hop = hop_at(s->route.dmac);
	if (!way.snat)
		return 0;
	flow->flags = SHUNT_FLOW_SNAT;
	return borrow_source(flow, way.device, s->packet.is_v6) ? 0 : SHUNT_REASON_NO_SOURCE;
}

static __always_inline int decide_verdict(const struct decision *decision)
{
	if (decision->verdict == VERDICT_TRANSLATE) {
		note_translating(!shunt_config.observe);
		return shunt_config.observe ? pass_begun(SHUNT_REASON_WOULD_TRANSLATE) : BEGUN_FLOW;
	}
	if (decision->verdict == VERDICT_PASS)
		return pass_begun(decision->reason);
	count_reason(decision->reason);
	if (shunt_config.observe)
		return pass_begun(SHUNT_REASON_WOULD_REFUSE);
	return decision->verdict == VERDICT_REFUSE ? BEGUN_REFUSE : BEGUN_DROP;
}

/*
 * The four steps of a new flow, for the packet in the scratch row. Each returns enum begun, and fills the row for the
 * next one. They are global functions that a program calls one after the other, not one from the other, so that their
 * stacks do not add up, and the verifier checks each once. None writes into the frame.
 */
__noinline __weak int choose_for_flow(frame_t *frame)
{
	struct scratch *s = scratch_row();
	struct client client;

	if (!s)
		return BEGUN_PASS;
	s->key = (struct shunt_frontend_key){
		.address = s->packet.tuple.destination,
		.port = s->packet.tuple.destination_port,
		.protocol = s->packet.tuple.protocol,
	};
	if (!s->key.port)
		return pass_begun(SHUNT_REASON_PORT_ZERO);
	if (!is_to_host(frame))
		return pass_begun(SHUNT_REASON_OTHER_HOST);
	if (is_agent_stale()) {
		note_translating(0);
		return pass_begun(SHUNT_REASON_STALE_AGENT);
	}
	client = packet_client(&s->packet.tuple.source, role_of(device_of_frame(frame)));
	if (!may_begin(&s->packet))
		return decide_stray(&s->key, &client);
	s->is_inside = !client.is_outside;
	s->decision = (struct decision){};
	decide(&s->key, &client, &s->decision);
	return decide_verdict(&s->decision);
}

/* Returns 1 if another device than a pod's own is the way to the address. One that has no row brings no packets. */
static __always_inline int is_way_of_other(__u32 way, __u32 device)
{
	return way != device && way != routing_device(device) && find_device(way);
}

/*
 * Looks at the source of the packet in the scratch row, which begins a flow: its replies go where it has come from,
 * past what the kernel asks of sources. None is of this node, whose own packets come by no device. A pod's is one to
 * which the routes lead by the pod's device, or it could take the replies of another client (as rp_filter, which is
 * later). Where the host forwards nothing, the stack sends the replies, by the routes.
 */
__noinline __weak int check_source(frame_t *frame)
{
	__u32 device = device_of_frame(frame);
	struct scratch *s = scratch_row();
	const struct shunt_flow_tuple *tuple;
	struct rewrite back;
	int found;

	if (!s)
		return BEGUN_PASS;
	tuple = &s->packet.tuple;
	if (!is_unicast(&tuple->source) || is_own_address(&tuple->source))
		return drop_begun(SHUNT_REASON_MARTIAN_SOURCE);
	if (role_of(device) != SHUNT_DEVICE_POD)
		return BEGUN_FLOW;
	back = (struct rewrite){
		.source = tuple->destination,
		.destination = tuple->source,
		.source_port = tuple->destination_port,
		.destination_port = tuple->source_port,
	};
	found = find_route(frame, &s->route, &s->packet, &back, routing_device(device), 0);
	if (found == BPF_FIB_LKUP_RET_FWD_DISABLED)
		return BEGUN_FLOW;
	if ((found == BPF_FIB_LKUP_RET_SUCCESS || found == BPF_FIB_LKUP_RET_NO_NEIGH) &&
	    !is_way_of_other(s->route.ifindex, device))
		return BEGUN_FLOW;
	return drop_begun(SHUNT_REASON_SPOOFED_SOURCE);
}

__noinline __weak int route_for_flow(frame_t *frame)
{
	struct scratch *s = scratch_row();
	__u32 reason;

	if (!s)
		return BEGUN_PASS;
	fill_flow(&s->flow, &s->packet, &s->decision);
	reason = route_flow(frame, s);
	return reason ? drop_begun(reason) : BEGUN_FLOW;
}

/*
 * Gives the new flow a source of this node, because the same client has another flow to the same backend by its own.
 * Returns 0 if it cannot: to the host itself, and to a pod of this node that the stack filters by its client.
 */
static __always_inline int borrow_instead(struct scratch *s)
{
	struct shunt_flow *flow = &s->flow;

	if (!s->past_stack_device || flow->flags & SHUNT_FLOW_SNAT)
		return 0;
	flow->flags |= SHUNT_FLOW_SNAT;
	flow->mode = SHUNT_FLOW_REDIRECT;
	flow->forward_device = s->past_stack_device;
	return borrow_source(flow, s->past_stack_device, s->packet.is_v6);
}

__noinline __weak int store_flow(frame_t *frame)
{
	struct scratch *s = scratch_row();
	int created;

	if (!s)
		return drop_begun(SHUNT_REASON_FLOW_LOST);
	created = create_flow(&s->flow, &s->place);
	if (created == -SHUNT_REASON_REPLY_TAKEN && borrow_instead(s))
		created = create_flow(&s->flow, &s->place);
	return created < 0 ? drop_begun(-created) : BEGUN_FLOW;
}

/* Begins a flow for the packet in the scratch row, to which no flow leads. Returns enum begun; the flow is then to be
 * found as any other. */
static __always_inline int begin_flow(frame_t *frame)
{
	int begun = choose_for_flow(frame);

	if (begun == BEGUN_FLOW)
		begun = check_source(frame);
	if (begun == BEGUN_FLOW)
		begun = route_for_flow(frame);
	return begun == BEGUN_FLOW ? store_flow(frame) : begun;
}

#endif
