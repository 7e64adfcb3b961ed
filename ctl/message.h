/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Messages on standard input and output, in LF or CRLF form; in memory they
 * have CRLF.
 */
#ifndef CTL_MESSAGE_H
#define CTL_MESSAGE_H

#include "base/buf.h"
#include "mail/lineend.h"

/*
 * Reads everything from fd into `out` (.secret, .limit = LIMIT_MESSAGE_FILE)
 * and says which form it had. out->data is not NULL then, whatever was read.
 */
int message_read(int fd, struct buf *out, enum lineend *form,
    struct err *err) must_check;

/* Writes all n octets to a descriptor: the end of an output filter. */
struct message_writer {
	int fd;
};
struct sink message_sink(struct message_writer *w);

#endif
