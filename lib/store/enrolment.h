/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * The enrolment file (doc/enrolment.md): what a user's machine gives the server
 * to make an account of. It holds nothing that the server could use in the
 * user's place, save to check logins.
 */
#ifndef STORE_ENROLMENT_H
#define STORE_ENROLMENT_H

#include <stddef.h>

#include "base/err.h"

#define ENROLMENT_FORMAT "sealpost enrolment"
enum { ENROLMENT_VERSION = 1 };

struct enrolment {
	char *format;
	char *address;     /* as it stands in the file */
	char *fingerprint; /* upper-case hexadecimal */
	char *certificate; /* armored */
	char *verifier;
	char *vault; /* armored */
	char *created; /* for people */
};

/*
 * Reads the text of a file, strictly: one JSON object (RFC 8259) of UTF-8 with
 * exactly the members of the format, each once and of its type and size, and no
 * NUL. What the members say is not looked at, save format and version. ERR_PERM
 * and a sentence for anything else, ERR_TEMP when memory is short. No I/O.
 */
int enrolment_parse(const char *text, size_t n, struct enrolment **out,
    struct err *err) must_check;
void enrolment_free(struct enrolment **ep);

#endif
