// SPDX-License-Identifier: Apache-2.0
#include "bench/connbench/figures.h"

#include <stdio.h>
#include <stdlib.h>

static int compare_u32(const void *left, const void *right)
{
	uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;

	return a < b ? -1 : a > b;
}

static int compare_double(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return a < b ? -1 : a > b;
}

double median_u32(uint32_t *values, int count)
{
	qsort(values, count, sizeof(*values), compare_u32);
	return values[count / 2];
}

static double median_double(double *values, int count)
{
	qsort(values, count, sizeof(*values), compare_double);
	return values[count / 2];
}

static double mean(const uint32_t *values, int count)
{
	double sum = 0;

	for (int i = 0; i < count; i++)
		sum += values[i];
	return sum / count;
}

void report_figure(struct arm *arms, int arm_count, int figure, uint32_t **values, int count, int rounds)
{
	const double *base = arms[0].round_medians[figure];
	double *compared = malloc(sizeof(double) * rounds);

	for (int i = 0; i < arm_count; i++) {
		const double *own = arms[i].round_medians[figure];
		uint32_t *sorted = values[i];
		double difference, ratio;

		qsort(sorted, count, sizeof(*sorted), compare_u32);
		for (int round = 0; round < rounds; round++)
			compared[round] = own[round] - base[round];
		difference = median_double(compared, rounds);
		for (int round = 0; round < rounds; round++)
			compared[round] = own[round] / base[round];
		ratio = median_double(compared, rounds);
		printf("  %-6s %-12s n=%-7d p50=%-7u p99=%-7u mean=%-8.0f diff=%+-7.0f ratio=%.4f\n",
		       figure ? "second" : "first", arms[i].name, count, sorted[count / 2],
		       sorted[(int)(count * 0.99)], mean(sorted, count), difference, ratio);
	}
	free(compared);
}
