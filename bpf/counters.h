/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Counting. All counters are per-CPU, and a program stays on its CPU, so plain additions suffice. */
#ifndef SHUNT_COUNTERS_H
#define SHUNT_COUNTERS_H

#include "bpf/maps.h"

static __always_inline void count_reason(__u32 reason)
{
	__u64 *count = bpf_map_lookup_elem(&reasons, &reason);

	if (count)
		(*count)++;
}

static __always_inline struct shunt_service_counters *counters_of(__u32 service_port)
{
	return bpf_map_lookup_elem(&service_counters, &service_port);
}

static __always_inline void count_translated(__u32 service_port, __u32 backend)
{
	struct shunt_service_counters *service = counters_of(service_port);
	struct shunt_backend_counters *chosen = bpf_map_lookup_elem(&backend_counters, &backend);

	if (service)
		service->translated++;
	if (chosen)
		chosen->chosen++;
}

#endif
