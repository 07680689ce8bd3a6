// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The maps of sock.bpf.c and one program that no verifier lets pass: an upgrade that fails to load. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "bpf/config.h"
#include "bpf/maps.h"

const volatile struct shunt_config shunt_config = {};

SEC("cgroup/connect4")
int sock_connect4(struct bpf_sock_addr *ctx)
{
	__u32 row = shunt_config.socket_mask;
	__u64 *word = bpf_map_lookup_elem(&pools, &row);

	/* No test for NULL. */
	return *word != 0;
}

char rejected_license[] SEC("license") = "Dual BSD/GPL";
