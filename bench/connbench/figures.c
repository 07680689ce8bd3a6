// SPDX-License-Identifier: Apache-2.0
// Medians over rounds of each arm against the first: a noisy machine disturbs both alike.
#include <stdio.h>
#include <stdlib.h>

#include "bench/connbench/connbench.h"

static int cmp_u32(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static int cmp_dbl(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

double median_u32(uint32_t *v, int n)
{
	qsort(v, n, sizeof(*v), cmp_u32);
	return v[n / 2];
}

void report(struct arm *arms, int narms, int which, uint32_t **all, int n, int rounds)
{
	double *tmp = malloc(sizeof(double) * rounds);

	for (int i = 0; i < narms; i++) {
		struct arm *a = &arms[i];
		uint32_t *v = all[i];
		double sum = 0, diff, ratio;

		qsort(v, n, sizeof(*v), cmp_u32);
		for (int k = 0; k < n; k++)
			sum += v[k];
		for (int r = 0; r < rounds; r++)
			tmp[r] = a->round_median[which][r] - arms[0].round_median[which][r];
		qsort(tmp, rounds, sizeof(*tmp), cmp_dbl);
		diff = tmp[rounds / 2];
		for (int r = 0; r < rounds; r++)
			tmp[r] = a->round_median[which][r] / arms[0].round_median[which][r];
		qsort(tmp, rounds, sizeof(*tmp), cmp_dbl);
		ratio = tmp[rounds / 2];
		printf("  %-6s %-12s n=%-7d p50=%-7u p99=%-7u mean=%-8.0f diff=%+-7.0f ratio=%.4f\n",
		       which ? "second" : "first", a->name, n, v[n / 2], v[(int)(n * 0.99)], sum / n, diff,
		       ratio);
	}
	free(tmp);
}
