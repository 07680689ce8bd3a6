/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Counting. Each CPU has rows of its own, and a program may be preempted but not moved to another CPU, so plain
 * additions suffice. Two programs that interleave on one CPU can lose a count but cannot corrupt one.
 */
#ifndef SHUNT_COUNTERS_H
#define SHUNT_COUNTERS_H

#include "bpf/config.h"
#include "bpf/maps.h"

const volatile struct shunt_config shunt_config __weak;

static __always_inline __u32 counter_row(__u32 stride, __u32 index)
{
	return bpf_get_smp_processor_id() * stride + index;
}

static __always_inline void count_reason(__u32 reason)
{
	__u32 row = counter_row(SHUNT_REASON_STRIDE, reason);
	__u64 *count = bpf_map_lookup_elem(&reasons, &row);

	if (count)
		(*count)++;
}

static __always_inline struct shunt_service_counters *counters_of(__u32 service_port)
{
	__u32 row = counter_row(shunt_config.service_stride, service_port);

	return bpf_map_lookup_elem(&service_counters, &row);
}

static __always_inline void count_chosen(__u32 backend)
{
	__u32 row = counter_row(shunt_config.backend_stride, backend);
	struct shunt_backend_counters *counters = bpf_map_lookup_elem(&backend_counters, &row);

	if (counters)
		counters->chosen++;
}

#endif
