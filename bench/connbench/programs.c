// SPDX-License-Identifier: Apache-2.0
#include "bench/connbench/programs.h"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { MAX_PROGRAMS = 64, MAX_PROGRAMS_A_HOOK = 16 };

struct program {
	char cgroup[256], name[32];
	int fd;
	uint64_t ns, runs; // when it was collected
	uint32_t instruction_bytes, machine_code_bytes;
};

static struct program programs[MAX_PROGRAMS];
static int program_count;

static void collect_program(const char *cgroup, uint32_t id)
{
	struct program *program = &programs[program_count];
	struct bpf_prog_info info = {};
	uint32_t length = sizeof(info);

	program->fd = bpf_prog_get_fd_by_id(id);
	if (program->fd < 0 || bpf_obj_get_info_by_fd(program->fd, &info, &length))
		return;
	snprintf(program->cgroup, sizeof(program->cgroup), "%s", cgroup);
	snprintf(program->name, sizeof(program->name), "%s", info.name);
	program->ns = info.run_time_ns;
	program->runs = info.run_cnt;
	program->instruction_bytes = info.xlated_prog_len;
	program->machine_code_bytes = info.jited_prog_len;
	program_count++;
}

static void collect_cgroup(const char *cgroup)
{
	static const enum bpf_attach_type hooks[] = {
		BPF_CGROUP_INET4_CONNECT,     BPF_CGROUP_UDP4_SENDMSG,	    BPF_CGROUP_UDP4_RECVMSG,
		BPF_CGROUP_INET4_GETPEERNAME, BPF_CGROUP_INET6_CONNECT,	    BPF_CGROUP_UDP6_SENDMSG,
		BPF_CGROUP_UDP6_RECVMSG,      BPF_CGROUP_INET6_GETPEERNAME, BPF_CGROUP_INET_SOCK_CREATE,
		BPF_CGROUP_INET_SOCK_RELEASE, BPF_CGROUP_INET4_POST_BIND,   BPF_CGROUP_SOCK_OPS,
	};
	int fd = open(cgroup, O_RDONLY);

	if (fd < 0)
		return;
	for (size_t hook = 0; hook < sizeof(hooks) / sizeof(*hooks); hook++) {
		uint32_t ids[MAX_PROGRAMS_A_HOOK], count = MAX_PROGRAMS_A_HOOK;

		if (bpf_prog_query(fd, hooks[hook], 0, NULL, ids, &count))
			continue;
		for (uint32_t i = 0; i < count && program_count < MAX_PROGRAMS; i++)
			collect_program(cgroup, ids[i]);
	}
	close(fd);
}

static int is_cgroup_of_earlier_arm(const struct arm *arms, int index)
{
	for (int earlier = 0; earlier < index; earlier++)
		if (arms[earlier].cgroup && !strcmp(arms[earlier].cgroup, arms[index].cgroup))
			return 1;
	return 0;
}

void collect_programs(struct arm *arms, int arm_count)
{
	program_count = 0;
	for (int i = 0; i < arm_count; i++)
		if (arms[i].cgroup && !is_cgroup_of_earlier_arm(arms, i))
			collect_cgroup(arms[i].cgroup);
}

void report_programs(void)
{
	for (int i = 0; i < program_count; i++) {
		const struct program *before = &programs[i];
		struct bpf_prog_info now = {};
		uint32_t length = sizeof(now);

		if (bpf_obj_get_info_by_fd(before->fd, &now, &length) || now.run_cnt == before->runs)
			continue;
		printf("  bpf    %-16s %-40s runs=%-8llu ns/run=%.1f xlated=%u insns jited=%u B\n",
		       before->name, before->cgroup, (unsigned long long)(now.run_cnt - before->runs),
		       (double)(now.run_time_ns - before->ns) / (double)(now.run_cnt - before->runs),
		       before->instruction_bytes / 8, before->machine_code_bytes);
	}
}
