// SPDX-License-Identifier: Apache-2.0
// Arms: their description on the command line, their servers and their child processes.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/connbench/connbench.h"

static void enter_netns(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || setns(fd, CLONE_NEWNET))
		die(path);
	close(fd);
}

void parse_arm(struct arm *a, char *spec)
{
	char *field = strtok(spec, ","), *colon;

	snprintf(a->name, sizeof(a->name), "%s", field);
	a->lport = 8080;
	a->netns = "/proc/self/ns/net";
	while ((field = strtok(NULL, ","))) {
		char *val = strchr(field, '=');
		struct in_addr in;

		if (!val)
			die("arm field without =");
		*val++ = 0;
		if (!strcmp(field, "dst")) {
			colon = strchr(val, ':');
			if (!colon)
				die("dst needs ADDRESS:PORT");
			*colon = 0;
			if (inet_pton(AF_INET, val, &in) != 1)
				die("dst address");
			a->ip = ntohl(in.s_addr);
			a->port = atoi(colon + 1);
		} else if (!strcmp(field, "netns")) {
			a->netns = val;
		} else if (!strcmp(field, "snetns")) {
			a->snetns = val;
		} else if (!strcmp(field, "cgroup")) {
			a->cgroup = val;
		} else if (!strcmp(field, "spread")) {
			a->spread = atoi(val);
		} else if (!strcmp(field, "lport")) {
			a->lport = atoi(val);
		} else {
			die(field);
		}
	}
	if (!a->snetns)
		a->snetns = a->netns;
}

void open_server(struct arm *a, const struct arm *before)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons(a->lport) };
	int one = 1;

	for (const struct arm *b = before; b < a; b++)
		if (!strcmp(a->snetns, b->snetns) && a->lport == b->lport) {
			a->tcp_listener = b->tcp_listener;
			a->udp_server = b->udp_server;
			return;
		}
	enter_netns(a->snetns);
	a->tcp_listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	a->udp_server = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	setsockopt(a->tcp_listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(a->udp_server, IPPROTO_IP, IP_PKTINFO, &one, sizeof(one));
	if (bind(a->tcp_listener, (void *)&sa, sizeof(sa)) || listen(a->tcp_listener, 128) ||
	    bind(a->udp_server, (void *)&sa, sizeof(sa)))
		die("server socket");
}

static void child(struct arm *a, const struct mode *m, int home)
{
	char path[512], pid[16];
	int n, fd;

	if (!strcmp(a->netns, "/proc/self/ns/net")) {
		if (setns(home, CLONE_NEWNET))
			die("setns");
	} else {
		enter_netns(a->netns);
	}
	if (a->cgroup) {
		snprintf(path, sizeof(path), "%s/cgroup.procs", a->cgroup);
		fd = open(path, O_WRONLY);
		snprintf(pid, sizeof(pid), "%d", getpid());
		if (fd < 0 || write(fd, pid, strlen(pid)) < 0)
			die(path);
		close(fd);
	}
	while (read(a->cmd[0], &n, sizeof(n)) == sizeof(n)) {
		m->run(a, a->samples, n);
		if (write(a->ack[1], &n, sizeof(n)) != sizeof(n))
			die("ack");
	}
	exit(0);
}

void start_arm(struct arm *arms, int index, const struct mode *m, int home, int rounds, int block)
{
	struct arm *a = &arms[index];

	a->samples = mmap(NULL, sizeof(struct sample) * block, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (int w = 0; w < 2; w++)
		a->round_median[w] = calloc(rounds, sizeof(double));
	if (a->samples == MAP_FAILED || pipe(a->cmd) || pipe(a->ack))
		die("arm");
	a->pid = fork();
	if (a->pid < 0)
		die("fork");
	if (!a->pid) {
		for (int j = 0; j <= index; j++)
			close(arms[j].cmd[1]);
		child(a, m, home);
	}
	close(a->cmd[0]);
	close(a->ack[1]);
}

int run_block(struct arm *a, int n)
{
	return write(a->cmd[1], &n, sizeof(n)) == sizeof(n) && read(a->ack[0], &n, sizeof(n)) == sizeof(n);
}
