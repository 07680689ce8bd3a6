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
	char *colon = strchr(value, ':');
	struct in_addr address;

	if (!colon)
		die("dst needs ADDRESS:PORT");
	*colon = 0;
	if (inet_pton(AF_INET, value, &address) != 1)
		die("dst address");
	arm->address = ntohl(address.s_addr);
	arm->port = atoi(colon + 1);
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
