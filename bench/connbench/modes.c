// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "bench/connbench/modes.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bench/connbench/fail.h"

enum { BULK_BYTES = 256 * 1024, WARM_UP_TRANSFERS = 64 };

static inline uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

static uint32_t random_state;

static uint32_t next_random(void)
{
	if (!random_state) /* each arm draws a sequence of its own */
		random_state = 2463534242u ^ (uint32_t)getpid() * 2654435761u;
	random_state ^= random_state << 13;
	random_state ^= random_state >> 17;
	random_state ^= random_state << 5;
	return random_state;
}

static union socket_address choose_destination(const struct arm *arm)
{
	return destination_of(arm, arm->spread > 1 ? next_random() % arm->spread : 0);
}

// What is measured must be right: dies unless `shown` is an address that the application may have dialled.
static void check_dialled(const struct arm *arm, const union socket_address *shown, const char *what)
{
	if (offset_of(arm, shown) < (arm->spread > 1 ? arm->spread : 1))
		return;
	errno = 0;
	die(what);
}

static int open_socket(const struct arm *arm, int type)
{
	int fd = socket(arm->family, type | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("socket");
	return fd;
}

static void connect_socket(int fd, const union socket_address *destination)
{
	if (connect(fd, &destination->any, address_length(destination->any.sa_family)))
		die("connect");
}

/* ---- TCP ---------------------------------------------------------------- */

/* Closes by a reset, so that no socket is left in TIME_WAIT. */
static void close_reset(int fd)
{
	struct linger reset_on_close = { .l_onoff = 1, .l_linger = 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset_on_close, sizeof(reset_on_close));
	close(fd);
}

static int accept_one(const struct arm *arm)
{
	int fd;

	while ((fd = accept4(arm->tcp_listener, NULL, NULL, SOCK_CLOEXEC)) < 0)
		if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
			die("accept");
	return fd;
}

/* Connects a client to one of the destinations and accepts it. */
static void tcp_pair(const struct arm *arm, int *client, int *server)
{
	union socket_address destination = choose_destination(arm);
	int one = 1;

	*client = open_socket(arm, SOCK_STREAM);
	connect_socket(*client, &destination);
	*server = accept_one(arm);
	setsockopt(*client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(*server, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

static void run_tcp_connect(const struct arm *arm, struct sample *samples, int count)
{
	const struct linger reset_on_close = { .l_onoff = 1, .l_linger = 0 };

	for (int i = 0; i < count; i++) {
		union socket_address destination = choose_destination(arm);
		uint64_t begun, called, returned, closed;
		int fd;

		begun = now_ns();
		fd = open_socket(arm, SOCK_STREAM);
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset_on_close, sizeof(reset_on_close));
		called = now_ns();
		connect_socket(fd, &destination);
		returned = now_ns();
		close(fd);
		closed = now_ns();
		samples[i].first = returned - called;
		samples[i].second = closed - begun;
		close(accept_one(arm));
	}
}

static void run_peername(const struct arm *arm, struct sample *samples, int count)
{
	int client, server;

	tcp_pair(arm, &client, &server);
	for (int i = 0; i < count; i++) {
		union socket_address shown;
		socklen_t length = sizeof(shown);
		uint64_t begun = now_ns();

		if (getpeername(client, &shown.any, &length))
			die("getpeername");
		samples[i].first = now_ns() - begun;
		check_dialled(arm, &shown, "getpeername names what was not dialled");
	}
	close_reset(client);
	close(server);
}

/* Sends `length` bytes and receives them all, in turns, as far as the sockets take and give. */
static void move_bytes(int from, int to, char *buffer, size_t length)
{
	size_t sent = 0, received = 0;

	while (received < length) {
		if (sent < length) {
			ssize_t moved = send(from, buffer, length - sent, MSG_DONTWAIT);

			if (moved > 0)
				sent += moved;
			else if (errno != EAGAIN)
				die("send");
		}
		for (;;) {
			ssize_t moved = recv(to, buffer, length, MSG_DONTWAIT | MSG_TRUNC);

			if (moved > 0)
				received += moved;
			else if (moved < 0 && errno == EAGAIN)
				break;
			else
				die("recv");
			if (received == length)
				break;
		}
	}
}

static void run_tcp_stream(const struct arm *arm, struct sample *samples, int count, size_t length, int back)
{
	static char buffer[BULK_BYTES];
	int client, server;

	tcp_pair(arm, &client, &server);
	for (int i = 0; i < WARM_UP_TRANSFERS; i++) /* let the windows open */
		move_bytes(client, server, buffer, length);
	for (int i = 0; i < count; i++) {
		uint64_t begun = now_ns();

		move_bytes(client, server, buffer, length);
		if (back)
			move_bytes(server, client, buffer, length);
		samples[i].first = now_ns() - begun;
	}
	close_reset(client);
	close(server);
}

static void run_tcp_rr(const struct arm *arm, struct sample *samples, int count)
{
	run_tcp_stream(arm, samples, count, 1, 1);
}

static void run_tcp_bulk(const struct arm *arm, struct sample *samples, int count)
{
	run_tcp_stream(arm, samples, count, BULK_BYTES, 0);
}

/* ---- UDP ---------------------------------------------------------------- */

/* Makes an answer leave from the address that the datagram came to, whatever device it came by. */
static void answer_from_same_address(struct cmsghdr *header)
{
	if (header->cmsg_level == IPPROTO_IP) {
		struct in_pktinfo *info = (void *)CMSG_DATA(header);

		info->ipi_spec_dst = info->ipi_addr;
		info->ipi_ifindex = 0;
	} else {
		((struct in6_pktinfo *)(void *)CMSG_DATA(header))->ipi6_ifindex = 0;
	}
}

/* Takes one datagram and, if asked to, answers it from the address that it was sent to. */
static void udp_serve(const struct arm *arm, int answer)
{
	char buffer[64], control[CMSG_SPACE(sizeof(struct in6_pktinfo))];
	union socket_address peer;
	struct iovec bytes = { buffer, sizeof(buffer) };
	struct msghdr message = { .msg_name = &peer,
				  .msg_namelen = sizeof(peer),
				  .msg_iov = &bytes,
				  .msg_iovlen = 1,
				  .msg_control = control,
				  .msg_controllen = sizeof(control) };
	ssize_t length;

	while ((length = recvmsg(arm->udp_server, &message, MSG_DONTWAIT)) < 0)
		if (errno != EAGAIN)
			die("server recvmsg");
	if (!answer)
		return;
	bytes.iov_len = length;
	answer_from_same_address(CMSG_FIRSTHDR(&message));
	if (sendmsg(arm->udp_server, &message, 0) < 0)
		die("server sendmsg");
}

static void send_byte(int fd, const union socket_address *destination)
{
	char byte = 0;

	if (sendto(fd, &byte, 1, 0, &destination->any, address_length(destination->any.sa_family)) != 1)
		die("sendto");
}

/* One exchange with the destination on an unconnected socket, timed into `sample`. */
static void exchange(const struct arm *arm, int fd, const union socket_address *destination,
		     struct sample *sample)
{
	uint64_t send_begun, sent, receive_begun, received;
	union socket_address from;
	socklen_t length = sizeof(from);
	char byte;

	send_begun = now_ns();
	send_byte(fd, destination);
	sent = now_ns();
	udp_serve(arm, 1);
	receive_begun = now_ns();
	if (recvfrom(fd, &byte, 1, 0, &from.any, &length) != 1)
		die("recvfrom");
	received = now_ns();
	if (offset_of(arm, &from) != offset_of(arm, destination)) {
		errno = 0;
		die("a reply carries another source address");
	}
	sample->first = sent - send_begun;
	sample->second = received - receive_begun;
}

/* The first exchange with each destination is not timed. */
static void run_udp_unconn(const struct arm *arm, struct sample *samples, int count)
{
	union socket_address destination = choose_destination(arm);
	int fd = open_socket(arm, SOCK_DGRAM);
	struct sample untimed;

	exchange(arm, fd, &destination, &untimed);
	for (int i = 0; i < count; i++)
		exchange(arm, fd, &destination, &samples[i]);
	close(fd);
}

static void run_udp_second(const struct arm *arm, struct sample *samples, int count)
{
	union socket_address first = destination_of(arm, 0), second = destination_of(arm, 1);
	int fd = open_socket(arm, SOCK_DGRAM);
	struct sample untimed;

	exchange(arm, fd, &first, &untimed);
	exchange(arm, fd, &second, &untimed);
	for (int i = 0; i < count; i++)
		exchange(arm, fd, &second, &samples[i]);
	close(fd);
}

static void run_udp_fresh(const struct arm *arm, struct sample *samples, int count)
{
	for (int i = 0; i < count; i++) {
		union socket_address destination = choose_destination(arm);
		uint64_t begun, called, returned, closed;
		int fd;

		begun = now_ns();
		fd = open_socket(arm, SOCK_DGRAM);
		called = now_ns();
		send_byte(fd, &destination);
		returned = now_ns();
		close(fd);
		closed = now_ns();
		samples[i].first = returned - called;
		samples[i].second = closed - begun;
		udp_serve(arm, 0);
	}
}

static void run_udp_connect(const struct arm *arm, struct sample *samples, int count)
{
	for (int i = 0; i < count; i++) {
		union socket_address destination = choose_destination(arm);
		uint64_t begun, called, returned, closed;
		int fd;

		begun = now_ns();
		fd = open_socket(arm, SOCK_DGRAM);
		called = now_ns();
		connect_socket(fd, &destination);
		returned = now_ns();
		close(fd);
		closed = now_ns();
		samples[i].first = returned - called;
		samples[i].second = closed - begun;
	}
}

static void run_udp_conn(const struct arm *arm, struct sample *samples, int count)
{
	union socket_address destination = choose_destination(arm);
	int fd = open_socket(arm, SOCK_DGRAM);
	char byte = 0;

	connect_socket(fd, &destination);
	for (int i = 0; i < count; i++) {
		uint64_t send_begun, sent, receive_begun, received;

		send_begun = now_ns();
		if (send(fd, &byte, 1, 0) != 1)
			die("send");
		sent = now_ns();
		udp_serve(arm, 1);
		receive_begun = now_ns();
		if (recv(fd, &byte, 1, 0) != 1)
			die("recv");
		received = now_ns();
		samples[i].first = sent - send_begun;
		samples[i].second = received - receive_begun;
	}
	close(fd);
}

static const struct mode modes[] = {
	{ "tcp-connect", 1, run_tcp_connect }, { "udp-unconn", 1, run_udp_unconn },
	{ "udp-fresh", 1, run_udp_fresh },     { "udp-conn", 1, run_udp_conn },
	{ "udp-connect", 1, run_udp_connect }, { "peername", 0, run_peername },
	{ "udp-second", 1, run_udp_second },   { "tcp-rr", 0, run_tcp_rr },
	{ "tcp-bulk", 0, run_tcp_bulk },
};

const struct mode *find_mode(const char *name)
{
	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++)
		if (!strcmp(name, modes[i].name))
			return &modes[i];
	return NULL;
}
