// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The programs, with another mark by which they know a socket of the kernel's own: one that a test can set, with
 * SO_NO_CHECK. The kernels at hand open no UDP socket that a test can make send.
 */
#define sk_kern_sock sk_no_check_tx

#include "bpf/socket/sock.bpf.c"
