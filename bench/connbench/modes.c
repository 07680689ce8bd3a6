// SPDX-License-Identifier: Apache-2.0
// The socket work that is timed, one function a mode.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bench/connbench/connbench.h"

static inline uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

static uint32_t rng_state;

static uint32_t rng(void)
{
	if (!rng_state) /* each arm its own sequence */
		rng_state = 2463534242u ^ (uint32_t)getpid() * 2654435761u;
	rng_state ^= rng_state << 13;
	rng_state ^= rng_state >> 17;
	rng_state ^= rng_state << 5;
	return rng_state;
}

static struct sockaddr_in pick(const struct arm *a)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons(a->port) };

	sa.sin_addr.s_addr = htonl(a->ip + (a->spread > 1 ? rng() % a->spread : 0));
	return sa;
}

// What is measured must be right: the application is shown an address that it may have dialled.
static void check_dialled(const struct arm *a, const struct sockaddr_in *sa, const char *what)
{
	uint32_t spread = a->spread > 1 ? a->spread : 1;

	if (ntohl(sa->sin_addr.s_addr) - a->ip < spread && ntohs(sa->sin_port) == a->port)
		return;
	errno = 0;
	die(what);
}

/* ---- TCP ---------------------------------------------------------------- */

static void close_reset(int fd)
{
	struct linger lg = { .l_onoff = 1, .l_linger = 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &lg, sizeof(lg));
	close(fd);
}

static int accept_one(const struct arm *a)
{
	int fd;

	while ((fd = accept4(a->tcp_listener, NULL, NULL, SOCK_CLOEXEC)) < 0)
		if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
			die("accept");
	return fd;
}

static void tcp_pair(const struct arm *a, int *client, int *server)
{
	struct sockaddr_in sa = pick(a);
	int one = 1;

	*client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*client < 0 || connect(*client, (void *)&sa, sizeof(sa)))
		die("connect");
	*server = accept_one(a);
	setsockopt(*client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(*server, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

static void run_tcp_connect(const struct arm *a, struct sample *s, int n)
{
	const struct linger lg = { .l_onoff = 1, .l_linger = 0 };

	for (int i = 0; i < n; i++) {
		struct sockaddr_in sa = pick(a);
		uint64_t t0, t1, t2, t3;
		int fd;

		t0 = now_ns();
		fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd < 0)
			die("socket");
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &lg, sizeof(lg));
		t1 = now_ns();
		if (connect(fd, (void *)&sa, sizeof(sa)))
			die("connect");
		t2 = now_ns();
		close(fd);
		t3 = now_ns();
		s[i].first = t2 - t1;
		s[i].second = t3 - t0;
		close(accept_one(a));
	}
}

static void run_peername(const struct arm *a, struct sample *s, int n)
{
	int client, server;

	tcp_pair(a, &client, &server);
	for (int i = 0; i < n; i++) {
		struct sockaddr_in sa;
		socklen_t len = sizeof(sa);
		uint64_t t0 = now_ns();

		if (getpeername(client, (void *)&sa, &len))
			die("getpeername");
		s[i].first = now_ns() - t0;
		check_dialled(a, &sa, "getpeername names what was not dialled");
	}
	close_reset(client);
	close(server);
}

static void move_bytes(int from, int to, char *buf, size_t len)
{
	size_t sent = 0, got = 0;

	while (got < len) {
		if (sent < len) {
			ssize_t r = send(from, buf, len - sent, MSG_DONTWAIT);

			if (r > 0)
				sent += r;
			else if (errno != EAGAIN)
				die("send");
		}
		for (;;) {
			ssize_t r = recv(to, buf, len, MSG_DONTWAIT | MSG_TRUNC);

			if (r > 0)
				got += r;
			else if (r < 0 && errno == EAGAIN)
				break;
			else
				die("recv");
			if (got == len)
				break;
		}
	}
}

static void run_tcp_stream(const struct arm *a, struct sample *s, int n, size_t len, int back)
{
	static char buf[BULK];
	int client, server;

	tcp_pair(a, &client, &server);
	for (int i = 0; i < 64; i++) /* let the windows open */
		move_bytes(client, server, buf, len);
	for (int i = 0; i < n; i++) {
		uint64_t t0 = now_ns();

		move_bytes(client, server, buf, len);
		if (back)
			move_bytes(server, client, buf, len);
		s[i].first = now_ns() - t0;
	}
	close_reset(client);
	close(server);
}

static void run_tcp_rr(const struct arm *a, struct sample *s, int n)
{
	run_tcp_stream(a, s, n, 1, 1);
}

static void run_tcp_bulk(const struct arm *a, struct sample *s, int n)
{
	run_tcp_stream(a, s, n, BULK, 0);
}

/* ---- UDP ---------------------------------------------------------------- */

/* Takes one datagram; answers it from the address it was sent to. */
static void udp_serve(const struct arm *a, int answer)
{
	char buf[64], ctl[CMSG_SPACE(sizeof(struct in_pktinfo))];
	struct sockaddr_in peer;
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr m = { .msg_name = &peer,
			    .msg_namelen = sizeof(peer),
			    .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = ctl,
			    .msg_controllen = sizeof(ctl) };
	struct in_pktinfo *pi;
	ssize_t r;

	while ((r = recvmsg(a->udp_server, &m, MSG_DONTWAIT)) < 0)
		if (errno != EAGAIN)
			die("server recvmsg");
	if (!answer)
		return;
	iov.iov_len = r;
	pi = (void *)CMSG_DATA(CMSG_FIRSTHDR(&m));
	pi->ipi_spec_dst = pi->ipi_addr;
	pi->ipi_ifindex = 0;
	if (sendmsg(a->udp_server, &m, 0) < 0)
		die("server sendmsg");
}

static void run_udp_unconn(const struct arm *a, struct sample *s, int n)
{
	struct sockaddr_in sa = pick(a), from;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char c = 0;

	for (int i = -1; i < n; i++) {
		socklen_t len = sizeof(from);
		uint64_t t0, t1, t2, t3;

		t0 = now_ns();
		if (sendto(fd, &c, 1, 0, (void *)&sa, sizeof(sa)) != 1)
			die("sendto");
		t1 = now_ns();
		udp_serve(a, 1);
		t2 = now_ns();
		if (recvfrom(fd, &c, 1, 0, (void *)&from, &len) != 1)
			die("recvfrom");
		t3 = now_ns();
		check_dialled(a, &from, "a reply carries another source address");
		if (i < 0) /* the first exchange is not timed */
			continue;
		s[i].first = t1 - t0;
		s[i].second = t3 - t2;
	}
	close(fd);
}

static void run_udp_fresh(const struct arm *a, struct sample *s, int n)
{
	for (int i = 0; i < n; i++) {
		struct sockaddr_in sa = pick(a);
		uint64_t t0, t1, t2, t3;
		char c = 0;
		int fd;

		t0 = now_ns();
		fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		t1 = now_ns();
		if (sendto(fd, &c, 1, 0, (void *)&sa, sizeof(sa)) != 1)
			die("sendto");
		t2 = now_ns();
		close(fd);
		t3 = now_ns();
		s[i].first = t2 - t1;
		s[i].second = t3 - t0;
		udp_serve(a, 0);
	}
}

static void run_udp_connect(const struct arm *a, struct sample *s, int n)
{
	for (int i = 0; i < n; i++) {
		struct sockaddr_in sa = pick(a);
		uint64_t t0, t1, t2, t3;
		int fd;

		t0 = now_ns();
		fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		t1 = now_ns();
		if (connect(fd, (void *)&sa, sizeof(sa)))
			die("connect");
		t2 = now_ns();
		close(fd);
		t3 = now_ns();
		s[i].first = t2 - t1;
		s[i].second = t3 - t0;
	}
}

static void run_udp_conn(const struct arm *a, struct sample *s, int n)
{
	struct sockaddr_in sa = pick(a);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char c = 0;

	if (connect(fd, (void *)&sa, sizeof(sa)))
		die("connect");
	for (int i = 0; i < n; i++) {
		uint64_t t0, t1, t2, t3;

		t0 = now_ns();
		if (send(fd, &c, 1, 0) != 1)
			die("send");
		t1 = now_ns();
		udp_serve(a, 1);
		t2 = now_ns();
		if (recv(fd, &c, 1, 0) != 1)
			die("recv");
		t3 = now_ns();
		s[i].first = t1 - t0;
		s[i].second = t3 - t2;
	}
	close(fd);
}

static const struct mode modes[] = {
	{ "tcp-connect", 1, run_tcp_connect }, { "udp-unconn", 1, run_udp_unconn },
	{ "udp-fresh", 1, run_udp_fresh },     { "udp-conn", 1, run_udp_conn },
	{ "udp-connect", 1, run_udp_connect }, { "peername", 0, run_peername },
	{ "tcp-rr", 0, run_tcp_rr },	       { "tcp-bulk", 0, run_tcp_bulk },
};
const struct mode *find_mode(const char *name)
{
	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++)
		if (!strcmp(name, modes[i].name))
			return &modes[i];
	return NULL;
}
