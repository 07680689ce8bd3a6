// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The packet path at a device's tc hooks. packet_ingress translates what a client sends, and the replies of flows that
 * go past the stack; packet_egress translates the replies that come out of the stack. Begin at the bottom.
 *
 * A packet that belongs to no service costs one or two bits of bitmaps, which stay in the cache. A flow that exists is
 * found before any service is looked up.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "bpf/membership.h"
#include "bpf/packet/begin.h"
#include "bpf/packet/found_flow.h"
#include "bpf/packet/fragment.h"
#include "bpf/packet/icmp.h"
#include "bpf/packet/reject.h"
#include "bpf/packet/unsent.h"

/* ---- filters ---------------------------------------------------------------------------------- */

static __always_inline int has_bit(void *bitmap, __u32 bit)
{
	__u32 index = bit >> 6;
	__u64 *word = bpf_map_lookup_elem(bitmap, &index);

	return word && (*(volatile __u64 *)word >> (bit & 63) & 1);
}

/* Returns 0 if the packet is certainly no backend's. */
static __always_inline int may_be_reply(const struct shunt_flow_tuple *tuple)
{
	return has_bit(&endpoint_filter, shunt_endpoint_bit(&tuple->source, tuple->source_port));
}

/*
 * Returns 0 if the packet certainly goes to no frontend. The node's addresses have frontends on few ports, and so has
 * the prefix of a load balancer's, which may be the node's own.
 */
static __always_inline int may_be_request(const struct shunt_flow_tuple *tuple)
{
	__u32 sets = prefix_sets(&tuple->destination);

	if (may_be_in(sets, SHUNT_PREFIX_SERVICES))
		return 1;
	return (may_be_in(sets, SHUNT_PREFIX_FRONTENDS) || may_be_in(sets, SHUNT_PREFIX_PORTS)) &&
	       has_bit(&node_ports, shunt_node_port_bit(tuple->protocol, bpf_ntohs(tuple->destination_port)));
}

/* ---- flows ------------------------------------------------------------------------------------ */

static __always_inline void note_packet(const struct packet *packet, const struct found_flow *found)
{
	touch_flow(found->row, flow_clock());
	note_flags(found->row, found->place.reverse, packet->tcp_flags);
}

/*
 * Returns 1 if a UDP flow's backend is still a member of the pool that serves its client now, with or without a share:
 * a flow stays with an endpoint that drains. Then the row is up to date.
 */
static __noinline int keeps_backend(struct shunt_flow *row)
{
	struct client client = packet_client(&row->client, role_of(row->reverse_device));
	const struct shunt_frontend_row *frontend;
	struct scratch *s = scratch_row();
	__u32 reason;

	if (!s)
		return 1;
	s->key = (struct shunt_frontend_key){
		.address = row->frontend,
		.port = row->frontend_port,
		.protocol = row->protocol,
	};
	frontend = find_frontend(&s->key, 0, &reason);
	if (!frontend)
		return 0;
	s->remembered = (struct shunt_translation){
		.backend_address = row->backend_address,
		.backend_port = row->backend_port,
		.backend = row->backend,
	};
	if (!still_member(&s->remembered, pool_for(frontend, &client)))
		return 0;
	*(volatile __u32 *)&row->pool = s->remembered.pool;
	*(volatile __u64 *)&row->pool_word = s->remembered.pool_word;
	return 1;
}

/* Returns 1 if the packet begins the flow again, because its backend is gone or its connection has ended. */
static __always_inline int begins_again(const struct packet *packet, struct shunt_flow *row)
{
	if (packet->tuple.protocol == IPPROTO_UDP)
		return !same_set(row->pool, *(volatile __u64 *)&row->pool_word) && !keeps_backend(row);
	return may_begin(packet) &&
	       shunt_flow_kind_of(packet->tuple.protocol, *(volatile __u32 *)&row->state) ==
		       SHUNT_FLOW_KIND_CLOSED;
}

/* ---- directions ------------------------------------------------------------------------------- */

/* Translates in place, for the stack. */
static __always_inline int translate(frame_t *frame, const struct packet *packet, const struct rewrite *to)
{
	return write_packet(frame, packet, to, 0) ? drop_counted(SHUNT_REASON_UNWRITABLE) : pass_frame();
}

/* From the client to the backend. */
static __always_inline int forward(frame_t *frame, const struct packet *packet,
				   const struct found_flow *found)
{
	note_packet(packet, found);
	if (found->mode == SHUNT_FLOW_STACK)
		return translate(frame, packet, &found->to);
	return send_translated(frame, packet, &found->to, found->device, &found->row->forward_hop, 0);
}

/* From the backend to the client. What goes through the stack is translated when it comes out. */
static __always_inline int reply(frame_t *frame, const struct packet *packet, const struct found_flow *found)
{
	if (found->mode == SHUNT_FLOW_STACK)
		return pass_frame();
	note_packet(packet, found);
	return send_translated(frame, packet, &found->to, found->device, &found->row->reverse_hop, 1);
}

/*
 * The rare case: headers that are not all in the frame's first piece, or IPv6 with more than one. What has segments of
 * its own and ports is a packet within an association: none that begins or ends one has segments.
 */
__noinline __weak int parse_closely(frame_t *frame, struct packet *packet)
{
	int parsed, is_in_pieces = has_own_segments(frame);

	if (!packet || (!is_in_pieces && !pull_headers(frame)))
		return PARSED_NOTHING;
	parsed = parse(frame_bytes(frame), packet, 1);
	if (parsed != PARSED_CUT)
		return parsed;
	if (is_in_pieces)
		return packet->l4_length ? PARSED_FLOW : PARSED_CUT;
	/* Headers that go on behind what is made readable: a host would read on. */
	return frame->len > SHUNT_HEADER_BYTES ? PARSED_OPAQUE : PARSED_CUT;
}

/* Takes the packet from the scratch row: a fragment that is complete there. */
static __always_inline int recalled_packet(struct packet *packet)
{
	const struct scratch *s = scratch_row();

	if (!s)
		return PARSED_NOTHING;
	*packet = s->packet;
	return PARSED_FLOW;
}

static __always_inline int parse_frame(frame_t *frame, struct packet *packet)
{
	int parsed = parse(frame_bytes(frame), packet, 0);

	return parsed == PARSED_CUT ? parse_closely(frame, packet) : parsed;
}

static __always_inline int hand_over(const struct packet *packet, int what)
{
	struct scratch *s = scratch_row();

	if (!s)
		return pass_frame();
	s->packet = *packet;
	return what;
}

static __always_inline int undecided(const struct packet *packet)
{
	return hand_over(packet, UNDECIDED);
}

/* Of a packet of no flow that the parser can see. */
static __always_inline int leave_parsed(const struct packet *packet, int parsed)
{
	if (parsed == PARSED_OPAQUE)
		return hand_over(packet, IS_OPAQUE);
	return parsed == PARSED_ERROR ? IS_ERROR : pass_frame();
}

/*
 * Does everything for a packet whose flow exists. It is a global function and does not call what begins flows, so that
 * their stacks do not add up. `is_recalled`: the packet is a fragment that is complete in the scratch row.
 */
__noinline __weak int follow_flow(frame_t *frame, int is_recalled)
{
	struct found_flow found;
	struct packet packet;
	int parsed, is_request;

	if (has_priority_tag(frame) && strip_priority_tags(frame))
		return drop_counted(SHUNT_REASON_OPAQUE_HEADERS);
	if (is_tagged(frame))
		return pass_frame();
	parsed = is_recalled ? recalled_packet(&packet) : parse_frame(frame, &packet);
	if (parsed != PARSED_FLOW)
		return leave_parsed(&packet, parsed);
	is_request = may_be_request(&packet.tuple);
	if (!is_request && !may_be_reply(&packet.tuple)) {
		forget_ports(&packet);
		return pass_frame();
	}
	if (!has_link_header(device_of_frame(frame)))
		return pass_frame();
	if (packet.fragment && !packet.recalled)
		return take_fragment(&packet) ? IS_FRAGMENT : pass_frame();
	if (!find_packets_flow(&packet, &found))
		return is_request && packet.fragment != FRAGMENT_LATER ? undecided(&packet) : pass_frame();
	if (found.place.reverse)
		return reply(frame, &packet, &found);
	if (packet.fragment == FRAGMENT_LATER || !begins_again(&packet, found.row))
		return forward(frame, &packet, &found);
	retire_flow(&found.place);
	return undecided(&packet);
}

/* Translates what comes out of the stack, as packet_egress says. */
__noinline __weak int follow_reply(frame_t *frame)
{
	struct found_flow found;
	struct packet packet;
	int parsed;

	if (is_tagged(frame))
		return pass_frame();
	parsed = parse_frame(frame, &packet);
	if (parsed != PARSED_FLOW)
		return parsed == PARSED_ERROR ? IS_ERROR : pass_frame();
	if (!has_link_header(device_of_frame(frame)))
		return pass_frame();
	if (!may_be_reply(&packet.tuple)) {
		forget_ports(&packet);
		return pass_frame();
	}
	if (packet.fragment &&
	    (!take_fragment(&packet) || !recall_ports() || recalled_packet(&packet) != PARSED_FLOW))
		return pass_frame();
	if (!find_packets_flow(&packet, &found) || !found.place.reverse || (found.flags & SHUNT_FLOW_SNAT))
		return pass_frame();
	note_packet(&packet, &found);
	return translate(frame, &packet, &found.to);
}

/* ---- errors about flows ----------------------------------------------------------------------- */

static __always_inline int parse_error(frame_t *frame, struct icmp_error *error)
{
	int parsed = parse_frame(frame, &error->packet);

	if (parsed != PARSED_ERROR)
		return parsed;
	parsed = parse_quoted(frame_bytes(frame), error);
	if (parsed != PARSED_CUT || !pull_headers(frame))
		return parsed;
	/* Once more from the beginning: what has been read is turned around. */
	if (parse_closely(frame, &error->packet) != PARSED_ERROR)
		return PARSED_NOTHING;
	return parse_quoted(frame_bytes(frame), error);
}

/* Sends an error past the stack, as the flow's packets are sent. */
static __always_inline int send_error(frame_t *frame, const struct icmp_error *error,
				      const struct found_flow *found)
{
	int is_reply = found->place.reverse;
	__u64 *hop = is_reply ? &found->row->reverse_hop : &found->row->forward_hop;
	struct departure leaving = departure_by(found->device, hop, is_reply);

	/* Whatever keeps it here, no error answers an error. */
	if (find_departure(frame, &error->packet, &found->to, &leaving, hop))
		return drop_counted(leaving.reason);
	if (translate_error(frame, error, &found->to, 1))
		return drop_counted(SHUNT_REASON_UNWRITABLE);
	return depart(frame, &leaving);
}

/*
 * Does for an ICMP error what the programs do for packets of the flow that it is about, where the two meet. It does not
 * keep the flow alive, nor end it, because anybody may send an error.
 */
__noinline __weak int follow_error(frame_t *frame, int is_egress)
{
	struct icmp_error error;
	struct found_flow found;

	if (parse_error(frame, &error) != PARSED_ERROR ||
	    (!may_be_request(&error.packet.tuple) && !may_be_reply(&error.packet.tuple)) ||
	    !has_link_header(device_of_frame(frame)) || !find_packets_flow(&error.packet, &found))
		return pass_frame();
	if (is_egress ? !found.place.reverse || (found.flags & SHUNT_FLOW_SNAT)
		      : found.place.reverse && found.mode == SHUNT_FLOW_STACK)
		return pass_frame();
	if (!is_egress && found.mode != SHUNT_FLOW_STACK)
		return send_error(frame, &error, &found);
	return translate_error(frame, &error, &found.to, 0) ? drop_counted(SHUNT_REASON_UNWRITABLE)
							    : pass_frame();
}

/* ---- packets that cannot be seen through ------------------------------------------------------ */

/* Returns 1 if the packet in the scratch row is for a frontend, or has no ports and may be for one. */
static __always_inline int is_for_frontend(struct scratch *s)
{
	const struct shunt_flow_tuple *tuple = &s->packet.tuple;
	__u32 reason;

	if (!tuple->destination_port)
		return may_be_frontends(&tuple->destination, prefix_sets(&tuple->destination));
	s->key = (struct shunt_frontend_key){
		.address = tuple->destination,
		.port = tuple->destination_port,
		.protocol = tuple->protocol,
	};
	return find_frontend(&s->key, 0, &reason) != NULL;
}

/*
 * Drops the packet in the scratch row if it may be for a frontend: the host would deliver it to a process of its own.
 */
__noinline __weak int stop_opaque(frame_t *frame)
{
	struct scratch *s = scratch_row();

	if (!s || !has_link_header(device_of_frame(frame)) || !is_for_frontend(s) || !is_to_host(frame))
		return pass_frame();
	count_reason(SHUNT_REASON_OPAQUE_HEADERS);
	if (!shunt_config.observe)
		return drop_frame();
	count_reason(SHUNT_REASON_WOULD_REFUSE);
	return pass_frame();
}

/* ---- programs --------------------------------------------------------------------------------- */

/* Returns the verdict, or IS_FRAGMENT of one that is not recalled. */
static __always_inline int handle_packet(frame_t *frame, int is_recalled)
{
	int verdict = follow_flow(frame, is_recalled);

	if (is_verdict(verdict) || verdict == IS_FRAGMENT)
		return verdict;
	if (verdict == UNSENT)
		return answer_unsent(frame);
	if (verdict == IS_ERROR)
		return follow_error(frame, 0);
	if (verdict == IS_OPAQUE)
		return stop_opaque(frame);
	switch (begin_flow(frame)) {
	case BEGUN_FLOW:
		verdict = follow_flow(frame, is_recalled);
		if (verdict == UNSENT)
			return answer_unsent(frame);
		return is_verdict(verdict) ? verdict : drop_counted(SHUNT_REASON_FLOW_LOST);
	case BEGUN_PASS:
		return pass_frame();
	case BEGUN_REFUSE:
		return refuse_packet(frame);
	default:
		return drop_frame();
	}
}

/* Returns the verdict about a fragment that is in the scratch row. */
static __always_inline int handle_fragment(frame_t *frame)
{
	int verdict = recall_ports() ? RECALLED : await_first(frame);

	if (verdict != RECALLED)
		return verdict;
	verdict = handle_packet(frame, 1);
	if (verdict != drop_frame() && send_waiting(frame))
		return drop_counted(SHUNT_REASON_UNWRITABLE);
	return verdict;
}

SEC("tc")
int packet_ingress(frame_t *frame)
{
	int verdict = handle_packet(frame, 0);

	return verdict == IS_FRAGMENT ? handle_fragment(frame) : verdict;
}

/*
 * A flow past the stack without a source of this node is the fallback: its reply has come by a device without a
 * program.
 */
SEC("tc")
int packet_egress(frame_t *frame)
{
	int verdict = follow_reply(frame);

	return verdict == IS_ERROR ? follow_error(frame, 1) : verdict;
}

char packet_license[] SEC("license") = "Dual BSD/GPL";
