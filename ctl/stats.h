/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* What the forms of output of `sealpost stats` share. */
#ifndef CTL_STATS_H
#define CTL_STATS_H

#include <stdio.h>

#include "store/stats.h"

struct ctl;

struct stats_query {
	const char *address; /* NULL: all together */
	int64_t since;       /* 0: everything that is kept */
};

struct stats_result {
	uint64_t registered;
	struct stats_counters sum;
};

/* The first one is `registered`; the keys are an interface. */
struct stats_figure {
	const char *key;
	size_t at;
	const char *help; /* a sentence without its full stop */
};
extern const struct stats_figure stats_figures[];
extern const size_t stats_figure_count;

uint64_t stats_figure(const struct stats_result *r, size_t i);

/*
 * Prometheus' text format: for each figure the accounts that have counters;
 * account="" is what belongs to none.
 */
int stats_print_prometheus(struct ctl *ctl, const struct stats_query *q,
    uint64_t registered, struct err *err) must_check;
/* The value of a label, escaped. */
void stats_print_label(FILE *to, const char *value);

/* What is in the folders now; doveadm is asked, which blocks until it is done. */
struct folders_query {
	const char *address;     /* NULL: all accounts */
	const char *config_file; /* of Dovecot; NULL: its own */
};

/*
 * Nothing is printed when doveadm failed or what it said cannot be understood:
 * ERR_PERM.
 */
int stats_print_folders(struct ctl *ctl, const struct folders_query *q,
    bool json, struct err *err) must_check;
/* Gauges, one for each figure and account. */
int stats_print_prometheus_folders(struct ctl *ctl,
    const struct folders_query *q, struct err *err) must_check;

#endif
