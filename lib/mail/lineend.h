/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Messages in files have LF or CRLF line ends; the library works on CRLF. A
 * file whose first line ends with a bare LF is in LF form: every LF becomes
 * CRLF on the way in and every CRLF becomes LF on the way out, which is undone
 * exactly whatever else the file holds. Any other file is taken as it is.
 */
#ifndef MAIL_LINEEND_H
#define MAIL_LINEEND_H

#include "base/sink.h"

enum lineend { LINEEND_UNKNOWN, LINEEND_CRLF, LINEEND_LF };

struct lineend_filter {
	struct sink to;
	enum lineend form;
	bool cr; /* a CR waits for its LF (output) or was last (input) */
	struct buf first; /* input: the first line, until the form is known */
};

/* Input side: bytes of a file in any form, CRLF out. Decides the form. */
void lineend_in_init(struct lineend_filter *f, struct sink to);
int lineend_in_put(struct lineend_filter *f, const void *data, size_t n,
    struct err *err) must_check;
int lineend_in_finish(struct lineend_filter *f, struct err *err) must_check;

/* Output side: CRLF in, the given form out. */
void lineend_out_init(struct lineend_filter *f, enum lineend form,
    struct sink to);
int lineend_out_put(struct lineend_filter *f, const void *data, size_t n,
    struct err *err) must_check;
int lineend_out_finish(struct lineend_filter *f, struct err *err) must_check;

void lineend_reset(struct lineend_filter *f);

#endif
