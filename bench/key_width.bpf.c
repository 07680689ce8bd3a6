// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Measures what one address family costs: the same lookup in the same kind of index with keys of 20 bytes and of 8.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "bpf/frontend.h"
#include "bench/key_width.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, KEY_WIDTH_BUCKETS);
	__type(key, __u32);
	__type(value, struct shunt_index_bucket);
} narrow_index SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, KEY_WIDTH_KEYS);
	__type(key, __u32);
	__type(value, struct narrow_row);
} narrow_rows SEC(".maps");

struct lookups {
	__u64 state;
	__u32 found;
};

static __always_inline __u32 next_key(struct lookups *run)
{
	run->state = run->state * 6364136223846793005ull + 1442695040888963407ull;
	return (__u32)(((run->state >> 33) * KEY_WIDTH_KEYS) >> 31);
}

static int wide_step(__u32 step, struct lookups *run)
{
	struct shunt_frontend_key key = {
		.address.word = { 0, 0, bpf_htonl(0xffff), bpf_htonl(0x0a600000 + next_key(run)) },
		.port = bpf_htons(80),
		.protocol = 6,
	};

	run->found += find_row_id(&key) != 0;
	return 0;
}

/* These have the shape of search_bucket() and find_row_id() in frontend.h, so that only the keys differ. */
static __always_inline __u32 search_narrow_bucket(volatile struct shunt_index_bucket *bucket, __u64 hash,
						  const struct narrow_key *key)
{
#pragma unroll
	for (int i = 0; i < SHUNT_INDEX_ENTRIES; i++) {
		const struct narrow_row *row;
		__u64 entry = bucket->entry[i];
		__u32 row_id = (__u32)entry - 1;

		if ((entry ^ hash) >> 32 || !(__u32)entry)
			continue;
		row = bpf_map_lookup_elem(&narrow_rows, &row_id);
		if (row && row->key.address == key->address && row->key.port == key->port &&
		    row->key.protocol == key->protocol)
			return row_id + 1;
	}
	return 0;
}

__noinline __weak __u32 find_narrow_row_id(const struct narrow_key *key)
{
	__u64 hash;
	__u32 bucket_id;

	if (!key)
		return 0;
	hash = narrow_hash(shunt_config.index_seed, key);
	bucket_id = (__u32)hash & shunt_config.index_mask;
	for (int probe = 0; probe < SHUNT_INDEX_PROBES; probe++) {
		volatile struct shunt_index_bucket *bucket = bpf_map_lookup_elem(&narrow_index, &bucket_id);
		__u32 row;

		if (!bucket)
			return 0;
		row = search_narrow_bucket(bucket, hash, key);
		if (row || !bucket->passed_over)
			return row;
		bucket_id = (bucket_id + 1) & shunt_config.index_mask;
	}
	return 0;
}

static int narrow_step(__u32 step, struct lookups *run)
{
	struct narrow_key key = { .address = bpf_htonl(0x0a600000 + next_key(run)),
				  .port = bpf_htons(80),
				  .protocol = 6 };

	run->found += find_narrow_row_id(&key) != 0;
	return 0;
}

SEC("syscall")
int measure(struct key_width_run *run)
{
	struct lookups lookups = { .state = run->seed };
	__u64 start = bpf_ktime_get_ns();

	if (run->narrow)
		bpf_loop(run->count, narrow_step, &lookups, 0);
	else
		bpf_loop(run->count, wide_step, &lookups, 0);
	run->ns = bpf_ktime_get_ns() - start;
	run->found = lookups.found;
	return 0;
}

char key_width_license[] SEC("license") = "Dual BSD/GPL";
