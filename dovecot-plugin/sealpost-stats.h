/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* The figures of one folder, or of many. */
#ifndef DOVECOT_PLUGIN_SEALPOST_STATS_H
#define DOVECOT_PLUGIN_SEALPOST_STATS_H

struct sealpost_stats {
	uint64_t folders;
	uint64_t messages, unseen, recent;
	/* as IMAP counts them (RFC822.SIZE), and as they are stored */
	uint64_t octets, physical;
	/* INTERNALDATE, seconds since 1970; 0 = there is no message */
	uint64_t oldest, newest;
	/* PGP/MIME encrypted, and all others */
	uint64_t sealed, sealed_octets;
	uint64_t plain, plain_octets;
};

#define SEALPOST_STATS_COUNT 12

/* Name of the i-th figure, in lower case. The first is "folders", which makes
   sense in sums only. */
const char *sealpost_stats_name(unsigned int i);
uint64_t sealpost_stats_value(const struct sealpost_stats *stats,
			      unsigned int i);
/* Returns FALSE if there is no figure of that name. */
bool sealpost_stats_find(const char *name, unsigned int *i_r);

void sealpost_stats_add(struct sealpost_stats *sum,
			const struct sealpost_stats *stats);
/* Append "MESSAGES 1 UNSEEN 0 ...", with "FOLDERS n" in front if it's a sum. */
void sealpost_stats_append(string_t *str, const struct sealpost_stats *stats,
			   bool sum);

#endif
