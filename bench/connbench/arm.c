// SPDX-License-Identifier: Apache-2.0
#include "bench/connbench/arm.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/connbench/fail.h"

static void parse_destination(struct arm *arm, char *value)
{
	char *colon = strrchr(value, ':');
	uint32_t last;
	uint8_t address[16] = {};

	if (!colon)
		die("dst needs ADDRESS:PORT");
	*colon = 0;
	arm->family = value[0] == '[' ? AF_INET6 : AF_INET;
	if (arm->family == AF_INET6) {
		if (colon[-1] != ']')
			die("dst needs [ADDRESS]:PORT");
		colon[-1] = 0;
		value++;
	}
	if (inet_pton(arm->family, value, arm->family == AF_INET6 ? address : address + 12) != 1)
		die("dst address");
	memcpy(arm->prefix, address, sizeof(arm->prefix));
	memcpy(&last, address + 12, sizeof(last));
	arm->address = ntohl(last);
	arm->port = atoi(colon + 1);
}

socklen_t address_length(int family)
{
	return family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

union socket_address destination_of(const struct arm *arm, uint32_t offset)
{
	uint32_t last = htonl(arm->address + offset);
	union socket_address destination = {};

	if (arm->family == AF_INET) {
		destination.v4 = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(arm->port) };
		destination.v4.sin_addr.s_addr = last;
		return destination;
	}
	destination.v6 = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons(arm->port) };
	memcpy(destination.v6.sin6_addr.s6_addr, arm->prefix, sizeof(arm->prefix));
	memcpy(destination.v6.sin6_addr.s6_addr + sizeof(arm->prefix), &last, sizeof(last));
	return destination;
}

uint32_t offset_of(const struct arm *arm, const union socket_address *shown)
{
	uint32_t last = shown->v4.sin_addr.s_addr;

	if (shown->any.sa_family != arm->family || ntohs(shown->v4.sin_port) != arm->port)
		return UINT32_MAX;
	if (arm->family == AF_INET6) {
		if (memcmp(shown->v6.sin6_addr.s6_addr, arm->prefix, sizeof(arm->prefix)))
			return UINT32_MAX;
		memcpy(&last, shown->v6.sin6_addr.s6_addr + sizeof(arm->prefix), sizeof(last));
	}
	return ntohl(last) - arm->address;
}

static void parse_field(struct arm *arm, char *field)
{
	char *value = strchr(field, '=');

	if (!value)
		die("arm field without =");
	*value++ = 0;
	if (!strcmp(field, "dst"))
		parse_destination(arm, value);
	else if (!strcmp(field, "netns"))
		arm->client_netns = value;
	else if (!strcmp(field, "snetns"))
		arm->server_netns = value;
	else if (!strcmp(field, "cgroup"))
		arm->cgroup = value;
	else if (!strcmp(field, "spread"))
		arm->spread = atoi(value);
	else if (!strcmp(field, "lport"))
		arm->listen_port = atoi(value);
	else
		die(field);
}

void parse_arm(struct arm *arm, char *spec)
{
	char *field = strtok(spec, ",");

	snprintf(arm->name, sizeof(arm->name), "%s", field);
	arm->listen_port = 8080;
	arm->client_netns = "/proc/self/ns/net";
	while ((field = strtok(NULL, ",")))
		parse_field(arm, field);
	if (!arm->server_netns)
		arm->server_netns = arm->client_netns;
}
