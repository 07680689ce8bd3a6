// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "bench/connbench/arm_process.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/connbench/fail.h"

static void enter_netns(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || setns(fd, CLONE_NEWNET))
		die(path);
	close(fd);
}

static void join_cgroup(const char *cgroup)
{
	char path[512], pid[16];
	int fd;

	snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
	fd = open(path, O_WRONLY);
	snprintf(pid, sizeof(pid), "%d", getpid());
	if (fd < 0 || write(fd, pid, strlen(pid)) < 0)
		die(path);
	close(fd);
}

void open_servers(struct arm *arms, int index)
{
	struct arm *arm = &arms[index];
	union socket_address any = {};
	socklen_t length = address_length(arm->family);
	int one = 1;

	for (const struct arm *earlier = arms; earlier < arm; earlier++)
		if (!strcmp(arm->server_netns, earlier->server_netns) &&
		    arm->listen_port == earlier->listen_port && arm->family == earlier->family) {
			arm->tcp_listener = earlier->tcp_listener;
			arm->udp_server = earlier->udp_server;
			return;
		}
	any.any.sa_family = arm->family;
	any.v4.sin_port = htons(arm->listen_port); // at the same place in both families
	enter_netns(arm->server_netns);
	arm->tcp_listener = socket(arm->family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	arm->udp_server = socket(arm->family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	setsockopt(arm->tcp_listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (arm->family == AF_INET) {
		setsockopt(arm->udp_server, IPPROTO_IP, IP_PKTINFO, &one, sizeof(one));
	} else {
		setsockopt(arm->tcp_listener, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
		setsockopt(arm->udp_server, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
		setsockopt(arm->udp_server, IPPROTO_IPV6, IPV6_RECVPKTINFO, &one, sizeof(one));
		// The addresses are local by a route alone, and IPv6 answers from no other without this.
		setsockopt(arm->udp_server, IPPROTO_IPV6, IPV6_FREEBIND, &one, sizeof(one));
	}
	if (bind(arm->tcp_listener, &any.any, length) || listen(arm->tcp_listener, 128) ||
	    bind(arm->udp_server, &any.any, length))
		die("server socket");
}

static void run_child(struct arm *arm, const struct mode *mode, int home)
{
	int count;

	if (strcmp(arm->client_netns, "/proc/self/ns/net"))
		enter_netns(arm->client_netns);
	else if (setns(home, CLONE_NEWNET))
		die("setns");
	if (arm->cgroup)
		join_cgroup(arm->cgroup);
	while (read(arm->command_pipe[0], &count, sizeof(count)) == sizeof(count)) {
		mode->run(arm, arm->samples, count);
		if (write(arm->done_pipe[1], &count, sizeof(count)) != sizeof(count))
			die("ack");
	}
	exit(0);
}

void start_arm(struct arm *arms, int index, const struct mode *mode, int home, int rounds, int block)
{
	struct arm *arm = &arms[index];

	arm->samples = mmap(NULL, sizeof(struct sample) * block, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (int figure = 0; figure < 2; figure++)
		arm->round_medians[figure] = calloc(rounds, sizeof(double));
	if (arm->samples == MAP_FAILED || pipe(arm->command_pipe) || pipe(arm->done_pipe))
		die("arm");
	arm->pid = fork();
	if (arm->pid < 0)
		die("fork");
	if (!arm->pid) {
		// A child that kept these open would keep the earlier children alive.
		for (int earlier = 0; earlier <= index; earlier++)
			close(arms[earlier].command_pipe[1]);
		run_child(arm, mode, home);
	}
	close(arm->command_pipe[0]);
	close(arm->done_pipe[1]);
}

int run_block(struct arm *arm, int count)
{
	return write(arm->command_pipe[1], &count, sizeof(count)) == sizeof(count) &&
	       read(arm->done_pipe[0], &count, sizeof(count)) == sizeof(count);
}

void stop_arms(struct arm *arms, int arm_count)
{
	for (int i = 0; i < arm_count; i++)
		close(arms[i].command_pipe[1]);
	for (int i = 0; i < arm_count; i++)
		waitpid(arms[i].pid, NULL, 0);
}
