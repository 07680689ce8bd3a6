// SPDX-License-Identifier: Apache-2.0
// ns per run of every program attached to the arms' cgroups, between collect and report.
#include <bpf/bpf.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/connbench/connbench.h"

struct prog_stat {
	char cgroup[256], name[32];
	int fd;
	uint64_t ns, runs;
	uint32_t xlated, jited;
};

static int collect(struct arm *arms, int narms, struct prog_stat *ps)
{
	static const enum bpf_attach_type types[] = {
		BPF_CGROUP_INET4_CONNECT,     BPF_CGROUP_UDP4_SENDMSG,	   BPF_CGROUP_UDP4_RECVMSG,
		BPF_CGROUP_INET4_GETPEERNAME, BPF_CGROUP_INET_SOCK_CREATE, BPF_CGROUP_INET_SOCK_RELEASE,
		BPF_CGROUP_INET4_POST_BIND,   BPF_CGROUP_SOCK_OPS,
	};
	int n = 0;

	for (int i = 0; i < narms; i++) {
		int fd, dup = 0;

		for (int j = 0; j < i; j++)
			dup |= arms[i].cgroup && arms[j].cgroup && !strcmp(arms[i].cgroup, arms[j].cgroup);
		if (!arms[i].cgroup || dup || (fd = open(arms[i].cgroup, O_RDONLY)) < 0)
			continue;
		for (size_t t = 0; t < sizeof(types) / sizeof(*types); t++) {
			uint32_t ids[16], cnt = 16;

			if (bpf_prog_query(fd, types[t], 0, NULL, ids, &cnt))
				continue;
			for (uint32_t k = 0; k < cnt && n < MAX_PROGS; k++) {
				struct bpf_prog_info info = {};
				uint32_t len = sizeof(info);

				ps[n].fd = bpf_prog_get_fd_by_id(ids[k]);
				if (ps[n].fd < 0 || bpf_obj_get_info_by_fd(ps[n].fd, &info, &len))
					continue;
				snprintf(ps[n].cgroup, sizeof(ps[n].cgroup), "%s", arms[i].cgroup);
				snprintf(ps[n].name, sizeof(ps[n].name), "%s", info.name);
				ps[n].ns = info.run_time_ns;
				ps[n].runs = info.run_cnt;
				ps[n].xlated = info.xlated_prog_len;
				ps[n].jited = info.jited_prog_len;
				n++;
			}
		}
		close(fd);
	}
	return n;
}

static void print(struct prog_stat *ps, int n)
{
	for (int i = 0; i < n; i++) {
		struct bpf_prog_info info = {};
		uint32_t len = sizeof(info);

		if (bpf_obj_get_info_by_fd(ps[i].fd, &info, &len) || info.run_cnt == ps[i].runs)
			continue;
		printf("  bpf    %-16s %-40s runs=%-8llu ns/run=%.1f xlated=%u insns jited=%u B\n",
		       ps[i].name, ps[i].cgroup, (unsigned long long)(info.run_cnt - ps[i].runs),
		       (double)(info.run_time_ns - ps[i].ns) / (double)(info.run_cnt - ps[i].runs),
		       ps[i].xlated / 8, ps[i].jited);
	}
}
static struct prog_stat stats[MAX_PROGS];
static int stat_count;

void collect_programs(struct arm *arms, int narms)
{
	stat_count = collect(arms, narms, stats);
}

void report_programs(void)
{
	print(stats, stat_count);
}
