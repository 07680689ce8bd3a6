// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// A program that does nothing: the floor under every figure of a program that does something.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("cgroup/connect4")
int empty_connect4(struct bpf_sock_addr *ctx)
{
	return 1;
}

char empty_license[] SEC("license") = "Dual BSD/GPL";
