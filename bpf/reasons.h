/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A part of abi.h: why programs leave something as it is. */
#ifndef SHUNT_REASONS_H
#define SHUNT_REASONS_H

/*
 * reasons: __u64 by enum shunt_reason; stride SHUNT_REASON_STRIDE. A program that ends without a translation counts one
 * reason; only packets that belong to no service by the filters are not counted. X(constant, name, meaning); metrics
 * and the CLI use the same names.
 */
#define SHUNT_REASONS(X)                                                                                   \
	X(NOT_A_SERVICE, "not_a_service", "the destination is no frontend: passed untouched")              \
	X(PORT_ZERO, "port_zero", "dialled port 0: passed untouched")                                      \
	X(OTHER_PROTOCOL, "other_protocol", "neither TCP nor UDP: passed untouched")                       \
	X(EXEMPT_SOCKET, "exempt_socket", "the agent's own socket: passed untouched")                      \
	X(HOST_ONLY, "host_only", "a NodePort on a pod's loopback: passed untouched")                      \
	X(SOURCE_RANGES, "source_ranges", "the frontend has source ranges: left to the packet path")       \
	X(UNUSED_PORT, "unused_port", "a ClusterIP's port that no service uses: refused")                  \
	X(NO_ENDPOINTS, "no_endpoints", "the service has no endpoint anywhere: refused")                   \
	X(LOCAL_MISS, "local_miss",                                                                        \
	  "no endpoint on this node under a Local policy: unreachable, left alone, or dropped")            \
	X(UDP_CONNECT_UNSERVED, "udp_connect_unserved",                                                    \
	  "a UDP connect that cannot be served now: left to the packet path")                              \
	X(DANGLING, "dangling", "an id outside its map: a bug; the connection fails with EAGAIN")          \
	X(STATE_LOST, "state_lost", "no room to remember the translation; replies keep the pod's address") \
	X(PEERS_FULL, "peers_full", "no room to remember a destination of a UDP socket: ENOBUFS")          \
	X(PEERS_QUOTA, "peers_quota",                                                                      \
	  "a UDP socket or its network namespace has as many destinations as it may: ENOBUFS")             \
	X(CONNECTED_SEND, "connected_send", "a send that was decided at connect: passed untouched")        \
	X(MPTCP_JOIN, "mptcp_join", "a further subflow of an MPTCP connection: passed untouched")          \
	X(NO_STATE, "no_state", "a reply or peer name on a socket without a translation: untouched")       \
	X(OTHER_PEER, "other_peer",                                                                        \
	  "a reply or peer name from an address that no service led to: untouched")                        \
	X(WOULD_TRANSLATE, "would_translate", "observe mode: it would have been translated; untouched")    \
	X(WOULD_REFUSE, "would_refuse", "observe mode: it would have been refused; untouched")             \
	X(STALE_AGENT, "stale_agent", "no sign of life of the agent for --stale-after: passed untouched")  \
	X(LOOPBACK_CLIENT, "loopback_client",                                                              \
	  "a client on a loopback address, an endpoint elsewhere: passed untouched")                       \
	X(FLOWS_FULL, "flows_full", "no row is free for a new flow: dropped")                              \
	X(SNAT_PORTS_FULL, "snat_ports_full",                                                              \
	  "every source port of this node towards the endpoint is in use: dropped")                        \
	X(REPLY_TAKEN, "reply_taken",                                                                      \
	  "the same client has a flow to the same endpoint by another frontend: dropped")                  \
	X(FLOW_LOST, "flow_lost", "several CPUs began the same flow, and none completed it: dropped")      \
	X(SOURCE_DENIED, "source_denied", "a packet from outside the frontend's source ranges: dropped")   \
	X(OUTSIDE_CLIENT, "outside_client", "a packet from outside to a ClusterIP: passed untouched")      \
	X(NO_FLOW, "no_flow",                                                                              \
	  "a packet within a TCP connection without a flow: dropped, or left to the host or to the proxy " \
	  "before")                                                                                        \
	X(OTHER_HOST, "other_host", "a packet to a service in a frame for another host: untouched")        \
	X(NO_ROUTE, "no_route", "a packet to a backend without a route to it: dropped")                    \
	X(NO_SOURCE, "no_source",                                                                          \
	  "the device towards the backend has no address to lend a flow: its first packet is dropped")     \
	X(TOO_BIG, "too_big",                                                                              \
	  "a packet that the way to the backend or client cannot carry: its sender is told")               \
	X(HOPS_EXHAUSTED, "hops_exhausted",                                                                \
	  "a packet at its last hop that has to be sent on: its sender is told")                           \
	X(UNWRITABLE, "unwritable", "a packet that the kernel could not make writable: dropped")           \
	X(REFUSALS_LIMIT, "refusals_limit",                                                                \
	  "more refusals, or ICMP errors of other kinds, than a CPU may send in a second: dropped")        \
	X(UNANSWERABLE, "unanswerable", "a packet of which no refusal or ICMP error can be made: dropped") \
	X(FRAGMENT_EARLY, "fragment_early",                                                                \
	  "a fragment before its datagram's first: kept for that, and on this node's address passed too")  \
	X(FRAGMENT_UNKEPT, "fragment_unkept",                                                              \
	  "a fragment before its datagram's first that there is no place for: its datagram is lost")       \
	X(BYPASSED, "bypassed",                                                                            \
	  "a socket of a cgroup, a namespace or a kind that is bypassed: left to the packet path")         \
	X(OPAQUE_HEADERS, "opaque_headers",                                                                \
	  "a fragment that cuts its TCP header, one of SCTP, or too many IPv6 headers, to a service: "     \
	  "dropped")                                                                                       \
	X(MARTIAN_SOURCE, "martian_source",                                                                \
	  "a packet to a service from an address of this node, or from none of a host: dropped")           \
	X(SPOOFED_SOURCE, "spoofed_source",                                                                \
	  "a packet of a pod to a service from an address to which the routes go elsewhere: dropped")

/* clang-format off */ /* it takes the list for the beginning of an expression */
enum shunt_reason {
#define SHUNT_REASON_CONSTANT(constant, name, meaning) SHUNT_REASON_##constant,
	SHUNT_REASONS(SHUNT_REASON_CONSTANT)
#undef SHUNT_REASON_CONSTANT
	SHUNT_REASON_COUNT,
};
/* clang-format on */

/* Eight whole cache lines per CPU, so that no CPU writes to another's line. */
#define SHUNT_REASON_STRIDE 64
#ifdef __cplusplus
static_assert(SHUNT_REASON_COUNT <= SHUNT_REASON_STRIDE, "every reason has a row");
#else
_Static_assert(SHUNT_REASON_COUNT <= SHUNT_REASON_STRIDE, "every reason has a row");
#endif

#endif
