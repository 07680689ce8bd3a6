// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Visits the links of this kernel and writes a record of each that holds a program of Shunt, of any build and agent, at
 * a hook of a cgroup. By bpf(2) it takes CAP_SYS_ADMIN to learn as much of a program by its id, and the agent has only
 * CAP_BPF and CAP_PERFMON. A program is Shunt's if it uses two maps of the names and shapes that every build of it has
 * used: what is found may be detached, and other vendors' programs have names like ours.
 */
#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "bpf/link_iter.h"

#define SHUNT_USED_MAPS_MAX 64 /* the kernel's own bound */

/* The fields that we read from the kernel's structs; relocated by CO-RE. */
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_map {
	enum bpf_map_type map_type;
	__u32 key_size;
	__u32 value_size;
	__u32 max_entries;
	char name[BPF_OBJ_NAME_LEN];
};

struct bpf_prog_aux {
	__u32 id;
	__u32 used_map_cnt;
	struct bpf_map **used_maps;
};

struct bpf_prog {
	enum bpf_attach_type expected_attach_type;
	struct bpf_prog_aux *aux;
};

struct bpf_link {
	__u32 id;
	enum bpf_link_type type;
	struct bpf_prog *prog;
};

struct kernfs_node {
	__u64 id;
};

struct cgroup {
	struct kernfs_node *kn;
};

struct bpf_cgroup_link {
	struct bpf_link link;
	struct cgroup *cgroup;
};

struct bpf_iter__bpf_link {
	struct bpf_iter_meta *meta;
	struct bpf_link *link;
};

#pragma clang attribute pop

enum map_kind {
	MAP_SETTINGS =
		1 << 0, /* of the programs: the compiler makes a section of them, and libbpf a map of that */
	MAP_SOCKETS =
		1
		<< 1, /* the rows for sockets; a build with another size of a row has to know this one, too */
};

/*
 * Returns which of the two the map at this address of the kernel's is, or 0. It is a global function, because the
 * verifier looks at such a one once, and at any other again for each of the maps.
 */
__noinline __weak int shunt_map_kind(__u64 address)
{
	static const char settings[BPF_OBJ_NAME_LEN] = "sock.rodata";
	static const char sockets[BPF_OBJ_NAME_LEN] = "socket_state";
	struct bpf_map *map = (struct bpf_map *)address;
	char name[BPF_OBJ_NAME_LEN] = {};

	if (bpf_core_read(name, sizeof(name), &map->name))
		return 0;
	if (BPF_CORE_READ(map, map_type) != BPF_MAP_TYPE_ARRAY ||
	    BPF_CORE_READ(map, key_size) != sizeof(__u32))
		return 0;
	if (!__builtin_memcmp(name, settings, sizeof("sock.rodata")))
		return BPF_CORE_READ(map, max_entries) == 1 ? MAP_SETTINGS : 0;
	if (!__builtin_memcmp(name, sockets, sizeof("socket_state")))
		return BPF_CORE_READ(map, value_size) == sizeof(struct shunt_socket_state) ? MAP_SOCKETS : 0;
	return 0;
}

static __always_inline int is_shunt(struct bpf_prog_aux *aux)
{
	struct bpf_map **maps = BPF_CORE_READ(aux, used_maps);
	__u32 count = BPF_CORE_READ(aux, used_map_cnt);
	int kinds = 0;

	for (__u32 i = 0; i < SHUNT_USED_MAPS_MAX; i++) {
		struct bpf_map *map = NULL;

		if (i >= count)
			break;
		if (!bpf_probe_read_kernel(&map, sizeof(map), &maps[i]))
			kinds |= shunt_map_kind((__u64)map);
	}
	return (kinds & (MAP_SETTINGS | MAP_SOCKETS)) == (MAP_SETTINGS | MAP_SOCKETS);
}

SEC("iter/bpf_link")
int find_attached_links(struct bpf_iter__bpf_link *ctx)
{
	struct bpf_link *link = ctx->link;
	struct shunt_attached_link record = {};
	struct bpf_cgroup_link *attached;
	struct bpf_prog_aux *aux;

	if (!link || BPF_CORE_READ(link, type) != BPF_LINK_TYPE_CGROUP)
		return 0;
	aux = BPF_CORE_READ(link, prog, aux);
	if (!aux || !is_shunt(aux))
		return 0;
	/* The link begins the struct. A link that is detached has no cgroup. */
	attached = (struct bpf_cgroup_link *)link;
	record.cgroup_id = BPF_CORE_READ(attached, cgroup, kn, id);
	if (!record.cgroup_id)
		return 0;
	record.link_id = BPF_CORE_READ(link, id);
	record.program_id = BPF_CORE_READ(aux, id);
	record.attach_type = BPF_CORE_READ(link, prog, expected_attach_type);
	/* If the record does not fit, the kernel visits the link again. */
	bpf_seq_write(ctx->meta->seq, &record, sizeof(record));
	return 0;
}

char link_iter_license[] SEC("license") = "Dual BSD/GPL";
