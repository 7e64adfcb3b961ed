/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * IMAP (RFC 3501) as it comes in: gathers commands or responses, which are
 * lines with literals between them. Pure; the octets of a literal are the
 * caller's, who may keep them, pass them on or throw them away.
 */
#ifndef PROTO_IMAP_FRAME_H
#define PROTO_IMAP_FRAME_H

#include <stdbool.h>

#include "base/buf.h"

struct imap_literal {
	uint64_t octets;
	bool waits;  /* {n}: a client waits for leave to send it */
	bool binary; /* ~{n}: may hold NUL (RFC 3516) */
};

/*
 * `text` is born with its limit by the owner; all else zero. In it line ends
 * are CRLF: behind each literal's "{n}", none at the end of the whole.
 */
struct imap_frame {
	struct buf text;
	bool is_response; /* of a server: status responses have no literal */
	bool within;      /* something of the command has come */
	bool no_literals; /* of this response */
	struct imap_literal literal;
	size_t line_at; /* where the line that is being gathered begins */
};

enum imap_framed {
	IMAP_FRAME_MORE,    /* all was eaten */
	IMAP_FRAME_LITERAL, /* frame.literal is next, then imap_frame_resume()
			     */
	IMAP_FRAME_WHOLE,   /* then imap_frame_reset() */
};

/*
 * Eats up to *eaten octets of in. ERR_PROTO for a NUL, a line that passes the
 * limit (that of text, or without literals LIMIT_IMAP_RESPONSE), a literal's
 * size that is no number; ERR_TEMP.
 */
int imap_frame_feed(struct imap_frame *f, const uint8_t *in, size_t n,
    size_t *eaten, enum imap_framed *what, struct err *err) must_check;

/*
 * The literal is over. The caller has put its octets behind text, or has
 * cleared text because what it held is dealt with.
 */
void imap_frame_resume(struct imap_frame *f);

/* Ready for the next one; keeps the memory. */
void imap_frame_reset(struct imap_frame *f);

/*
 * Does this line (without line end) end with a literal's announcement? 1 and
 * *out, 0, or -1 ERR_PROTO when the size is no number.
 */
int imap_literal_announced(const void *line, size_t n, struct imap_literal *out,
    struct err *err) must_check;

#endif
