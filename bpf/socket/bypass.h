/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Tells which sockets are left alone: what they dial is served packet by packet, by the packet path or by a kube-proxy
 * beside. Proxies of a service mesh that get a pod's connections by a redirect see the service that was dialled, and
 * the kernel's own clients dial the service again when its pod is gone. A socket is of the cgroup of the process that
 * makes the call.
 */
#ifndef SHUNT_SOCKET_BYPASS_H
#define SHUNT_SOCKET_BYPASS_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "bpf/maps.h"
#include "bpf/socket/kernel_sock.h"

static __always_inline int is_scope(const struct shunt_scope_filter *filter, __u64 id, __u32 kind)
{
	struct shunt_scope_key key = { .id = id, .kind = kind };
	__u32 bit = shunt_scope_bit(id);

	if (!(filter->bits[bit >> 6 & (SHUNT_SCOPE_WORDS - 1)] >> (bit & 63) & 1))
		return 0;
	return bpf_map_lookup_elem(&scopes, &key) != NULL;
}

/* True if the process is in one of the cgroups or below it. */
static __always_inline int is_in_cgroup(const struct shunt_scope_filter *filter)
{
	for (int level = 1; level <= SHUNT_SCOPE_LEVELS; level++) {
		__u64 id = bpf_get_current_ancestor_cgroup_id(level);

		if (!id)
			return 0;
		if (is_scope(filter, id, SHUNT_SCOPE_CGROUP))
			return 1;
	}
	return 0;
}

/*
 * True if the kernel opened the socket for itself, and not for an application: below an MPTCP socket there are sockets
 * of the kernel's own too.
 */
static __always_inline int is_kernel_client(struct bpf_sock_addr *ctx)
{
	if (!is_kernel_socket(ctx))
		return 0;
	return !shunt_config.has_mptcp || ctx->protocol != IPPROTO_TCP || !bpf_skc_to_mptcp_sock(ctx->sk);
}

/*
 * True if the socket is left alone. It is a global function, so that the verifier checks it once per program and its
 * stack is not added to that of the choice. REQUIRES: the destination may be a service, so that no other connect pays.
 */
__noinline __weak int is_bypassed(struct bpf_sock_addr *ctx)
{
	const struct shunt_scope_filter *filter;
	__u32 zero = 0;

	if ((shunt_config.bypass & SHUNT_BYPASS_PODS) &&
	    bpf_get_netns_cookie(ctx) != shunt_config.host_netns_cookie)
		return 1;
	if ((shunt_config.bypass & SHUNT_BYPASS_KERNEL) && is_kernel_client(ctx))
		return 1;
	filter = bpf_map_lookup_elem(&scope_filter, &zero);
	if (!filter)
		return 0;
	if (filter->namespaces && is_scope(filter, bpf_get_netns_cookie(ctx), SHUNT_SCOPE_NETNS))
		return 1;
	return filter->cgroups && is_in_cgroup(filter);
}

#endif
