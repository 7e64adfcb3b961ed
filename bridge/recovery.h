/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * The recovery sheet and its code (doc/enrolment.md). The sheet is text to be
 * printed: the private key, protected by the code, which is not on it.
 */
#ifndef BRIDGE_RECOVERY_H
#define BRIDGE_RECOVERY_H

#include "base/buf.h"
#include "crypt/crypt.h"
#include "mail/address.h"
#include "openpgp/cert.h"

/*
 * 7 groups of 4 random characters and one that checks them, with hyphens
 * between: 140 bits. The text is the key's passphrase, as it stands.
 */
enum { RECOVERY_GROUPS = 7, RECOVERY_CODE_SIZE = RECOVERY_GROUPS * 6 };

int recovery_code_make(const struct crypt *c, char out[RECOVERY_CODE_SIZE],
    struct err *err) must_check;

/*
 * A code as people type it: any case, blanks and hyphens anywhere, O for 0 and
 * I or L for 1. ERR_PERM when it is none, with the number of the group that is
 * mistyped. `text` needs no NUL; nothing of it is in the error.
 */
int recovery_code_read(const char *text, size_t n,
    char out[RECOVERY_CODE_SIZE], struct err *err) must_check;

struct recovery_sheet {
	char address[ADDRESS_SIZE]; /* normal form */
	char fingerprint[PGP_FINGERPRINT_HEX_SIZE];
	const char *armored; /* borrowed */
	size_t armored_len;
};

/* day is "2026-11-21". */
int recovery_sheet_write(const struct recovery_sheet *s, const char *day,
    struct buf *out, struct err *err) must_check;

/*
 * Reads a sheet that was kept or typed: LF or CRLF, blanks at the ends of lines,
 * other text around its parts. ERR_PERM with a sentence. out->armored borrows
 * from text.
 */
int recovery_sheet_read(const char *text, size_t n, struct recovery_sheet *out,
    struct err *err) must_check;

#endif
