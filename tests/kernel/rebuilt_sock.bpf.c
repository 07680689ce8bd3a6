// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The programs as another build of them: the same source, other instructions. For the test of upgrades. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define bpf_get_prandom_u32() (bpf_get_prandom_u32() ^ 1)

#include "bpf/socket/sock.bpf.c"
