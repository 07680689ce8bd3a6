/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The record that the iterator of link_iter.bpf.c writes for each program of Shunt that is attached to a cgroup. */
#ifndef SHUNT_LINK_ITER_H
#define SHUNT_LINK_ITER_H

#include "bpf/abi.h"

struct shunt_attached_link {
	__u64 cgroup_id;
	__u32 link_id;
	__u32 program_id;
	__u32 attach_type; /* an enum bpf_attach_type */
	__u32 pad;
};
SHUNT_STATIC_ASSERT(sizeof(struct shunt_attached_link) == 24);

#endif
