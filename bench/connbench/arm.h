// SPDX-License-Identifier: Apache-2.0
// An arm of the comparison: socket work towards one destination, in a network namespace and a cgroup of its own.
// This header holds what every other file knows about an arm, and reads it from the command line.
#ifndef SHUNT_BENCH_CONNBENCH_ARM_H_
#define SHUNT_BENCH_CONNBENCH_ARM_H_

#include <netinet/in.h>
#include <stdint.h>
#include <sys/types.h>

enum { MAX_ARMS = 8 };

// The two timed calls of one iteration, in ns. The mode says which calls they are.
struct sample {
	uint32_t first, second;
};

struct arm {
	// What the command line says.
	char name[32];
	const char *client_netns, *server_netns;
	const char *cgroup; // NULL: the client stays in the cgroup of its parent
	int family;	    // AF_INET or AF_INET6
	uint8_t prefix[12]; // AF_INET6: the first 96 bits of the address
	uint32_t address;   // its last 32 bits, in host order
	uint16_t port, listen_port;
	uint32_t spread; // each new socket picks one of this many addresses, from `address` on

	// What arm_process.c makes of it. The child inherits the servers and shares the samples.
	int tcp_listener, udp_server;
	int command_pipe[2], done_pipe[2];
	pid_t pid;
	struct sample *samples;

	double *round_medians[2]; // by round, of the first and of the second figure
};

// An address of either family for socket calls.
union socket_address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

// Returns the number of bytes of an address of this family.
socklen_t address_length(int family);

// Returns the arm's destination whose address is `offset` above the first one.
union socket_address destination_of(const struct arm *arm, uint32_t offset);

// Returns how far `shown` is above the arm's first destination, or UINT32_MAX if it cannot be one of them.
uint32_t offset_of(const struct arm *arm, const union socket_address *shown);

// Fills in `arm` from NAME,KEY=VALUE,... as main.c documents it. The arm keeps pointers into `spec`, which is
// cut into pieces. Dies if a field is unknown or cannot be read.
void parse_arm(struct arm *arm, char *spec);

#endif
