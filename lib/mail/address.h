/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Mail addresses in the one form the suite stores and compares: lower case,
 * NFC, domain in ASCII (IDNA 2008) form.
 */
#ifndef MAIL_ADDRESS_H
#define MAIL_ADDRESS_H

#include <stddef.h>

#include "base/err.h"

enum { ADDRESS_SIZE = 960 + 1 };

/*
 * Brings `local@domain` (UTF-8, with or without angle brackets) into normal
 * form. Quotes that are not needed go ("ann"@x is ann@x), as does the final dot
 * of a domain; address literals and single labels are domains. ERR_PERM with a
 * sentence when it is no address: no or empty local part or domain, control
 * characters, blanks, a local part that needs its quotes, too long. `out` is
 * untouched then.
 */
int address_normalize(const char *text, char out[ADDRESS_SIZE],
    struct err *err) must_check;

/* The same for a domain alone. */
int domain_normalize(const char *text, char out[ADDRESS_SIZE],
    struct err *err) must_check;

/*
 * The address without its extension: the local part is cut at the first of the
 * delimiter characters that is not at its very beginning. 1 and out, or 0 when
 * there is no extension (out is then a copy). `address` is in normal form.
 */
int address_strip_extension(const char *address, const char *delimiters,
    char out[ADDRESS_SIZE]);

#endif
