// SPDX-License-Identifier: Apache-2.0
#include "bench/connbench/fail.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void die(const char *what)
{
	fprintf(stderr, "connbench: %s: %s\n", what, errno ? strerror(errno) : "failed");
	exit(1);
}
