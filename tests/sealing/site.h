/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* A temporary folder with databases, accounts and a configuration. */
#ifndef TESTS_SITE_H
#define TESTS_SITE_H

#include <stdbool.h>

/*
 * Makes the folder, publishes its configuration (settings_load) and registers
 * the callbacks. Accounts: ann@example.org (SEIPD v1), bob@example.org (v2),
 * eve@example.org (expired certificate), kim@example.org (none),
 * shy@example.org (protect_subject). `more` is put into [milter].
 */
void site_begin(const char *more);
void site_end(void);

/* A path in the folder; valid until the next call. */
const char *site_path(const char *name);

#endif
