/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Configuration of the packet path's programs, beside shunt_config and under the same rules: read-only data, set before
 * they are loaded.
 */
#ifndef SHUNT_PACKET_CONFIG_H
#define SHUNT_PACKET_CONFIG_H

#include "bpf/packet_abi.h"

struct shunt_packet_config {
	__u64 flow_seed;       /* the same as in meta */
	__u32 index_mask;      /* buckets of flow_index - 1 */
	__u32 flows;	       /* rows of flow_rows, a power of two */
	__u32 snat_sets;       /* sets of snat_ports, a power of two */
	__u32 hz;	       /* jiffies per second */
	__u16 snat_first_port; /* host order; the range has SHUNT_SNAT_PORTS ports */
	__u8 masquerade_always; /* 1: a source of this node for every flow that kube-proxy masquerades; 0: only where
				 * replies would not come back this way otherwise */
	__u8 external_cluster_ip; /* 1: clients from outside may dial a ClusterIP */
	__u8 has_ipv6_csum_flag;  /* 1: bpf_l4_csum_replace() takes and wants BPF_F_IPV6 */
	__u8 weakly_ordered;	  /* 1: the CPU may do a later load before an earlier one, as all but x86 */
	__u8 pad[2];
};
SHUNT_STATIC_ASSERT(sizeof(struct shunt_packet_config) == 32);

#endif
