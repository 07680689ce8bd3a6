/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the collector and those who start it share: the order of its syscall programs, and its pace. */
#ifndef SHUNT_SWEEP_H
#define SHUNT_SWEEP_H

#include <linux/types.h>

/* A step goes over a part of the rows, and the whole table takes about five seconds. Under pressure a step goes over
 * four times as many. */
#define SHUNT_SWEEP_TICK_NS 10000000ull
#define SHUNT_SWEEP_STEPS 512
#define SHUNT_SWEEP_ROWS_MIN 64
#define SHUNT_SWEEP_HASTE 4
#define SHUNT_SWEEP_PAUSE_S 60 /* between two steps: then the packet path was off */

struct shunt_sweep_order {
	__u64 jiffies; /* out: the kernel's clock */
	__u32 rows;    /* in, for sweep_rows: how many to go over, at most to the end of the table */
	__s32 error;   /* out, of arm_sweeper: 0, or a negative errno */
};

#endif
