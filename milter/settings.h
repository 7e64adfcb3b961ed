/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * The configuration as the running milter sees it: immutable snapshots. A
 * session holds the snapshot it began with; SIGHUP publishes a new one.
 */
#ifndef MILTER_SETTINGS_H
#define MILTER_SETTINGS_H

#include "base/conf.h"
#include "crypt/crypt.h"

struct settings {
	const struct conf *conf;
	const struct crypt *crypt;
};

/*
 * Loads `path` (NULL: CONF_DEFAULT_FILE, which may be missing) and publishes
 * it. On failure the snapshot in force stays. Not for concurrent use with itself.
 */
int settings_load(const char *path, struct err *err) must_check;

/* The snapshot in force, never NULL after settings_load(); thread-safe. */
const struct settings *settings_hold(void);
void settings_release(const struct settings **sp);

/* Withdraws the snapshot in force; for the end of main(). */
void settings_close(void);

#endif
