/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "lib.h"
#include "str.h"
#include "sealpost-stats.h"

static const struct {
	const char *name;
	size_t offset;
} figures[SEALPOST_STATS_COUNT] = {
#define FIGURE(name, member) { name, offsetof(struct sealpost_stats, member) }
	FIGURE("folders", folders),
	FIGURE("messages", messages),
	FIGURE("unseen", unseen),
	FIGURE("recent", recent),
	FIGURE("octets", octets),
	FIGURE("physical", physical),
	FIGURE("oldest", oldest),
	FIGURE("newest", newest),
	FIGURE("sealed", sealed),
	FIGURE("sealed-octets", sealed_octets),
	FIGURE("plain", plain),
	FIGURE("plain-octets", plain_octets),
};

const char *sealpost_stats_name(unsigned int i)
{
	return figures[i].name;
}

uint64_t sealpost_stats_value(const struct sealpost_stats *stats,
			      unsigned int i)
{
	return *(const uint64_t *)CONST_PTR_OFFSET(stats, figures[i].offset);
}

bool sealpost_stats_find(const char *name, unsigned int *i_r)
{
	for (unsigned int i = 0; i < SEALPOST_STATS_COUNT; i++) {
		if (strcmp(figures[i].name, name) == 0) {
			*i_r = i;
			return TRUE;
		}
	}
	return FALSE;
}

void sealpost_stats_add(struct sealpost_stats *sum,
			const struct sealpost_stats *stats)
{
	if (stats->messages > 0) {
		if (sum->messages == 0 || stats->oldest < sum->oldest)
			sum->oldest = stats->oldest;
		if (sum->messages == 0 || stats->newest > sum->newest)
			sum->newest = stats->newest;
	}
	sum->folders += stats->folders;
	sum->messages += stats->messages;
	sum->unseen += stats->unseen;
	sum->recent += stats->recent;
	sum->octets += stats->octets;
	sum->physical += stats->physical;
	sum->sealed += stats->sealed;
	sum->sealed_octets += stats->sealed_octets;
	sum->plain += stats->plain;
	sum->plain_octets += stats->plain_octets;
}

void sealpost_stats_append(string_t *str, const struct sealpost_stats *stats,
			   bool sum)
{
	unsigned int first = sum ? 0 : 1;

	for (unsigned int i = first; i < SEALPOST_STATS_COUNT; i++) {
		str_printfa(str, "%s%s %"PRIu64, i == first ? "" : " ",
			    t_str_ucase(figures[i].name),
			    sealpost_stats_value(stats, i));
	}
}
