/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* What lib/mail knows, without headers of Dovecot's. */
#ifndef DOVECOT_PLUGIN_SEALPOST_SEALED_H
#define DOVECOT_PLUGIN_SEALPOST_SEALED_H

#include <stddef.h>

/*
 * Does this value of Content-Type announce PGP/MIME encryption, as the milter
 * understands it? 1 yes, 0 no, -1 out of memory.
 */
int sealpost_is_sealed_type(const char *content_type, size_t len);

#endif
