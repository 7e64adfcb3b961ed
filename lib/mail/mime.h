/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * The structured MIME fields Content-Type, Content-Disposition and
 * Content-Transfer-Encoding (RFC 2045, RFC 2183): a word and parameters.
 */
#ifndef MAIL_MIME_H
#define MAIL_MIME_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct mime_param {
	char *name;  /* lower case */
	char *value; /* unquoted, unfolded; may hold octets above 127 */
};

struct mime_value {
	char *word; /* lower case: "text/plain", "inline", "7bit" */
	struct mime_param *params;
	size_t param_count;
	/*
	 * Every reader must understand the value in the same way: it holds no
	 * comment and no parameter in the form of RFC 2231.
	 */
	bool exact;
};

/*
 * Parses the raw value of a field, folding included. 1 and *out; 0 when it is
 * not what the RFCs allow (a parameter given twice, text after the end, control
 * bytes, over a limit; a final semicolon is let pass); -1 with ERR_TEMP.
 */
int mime_value_parse(const void *raw, size_t n, struct mime_value **out,
    struct err *err) must_check;
void mime_value_free(struct mime_value **vp);

/* The parameter of that name (lower case), borrowed; NULL for none. */
const char *mime_value_param(const struct mime_value *v, const char *name);

#endif
