/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "proto/smtp_data.h"

enum { AT_START, AFTER_DOT, AFTER_DOT_CR, IN_LINE, AFTER_CR, ENDED };

/* An octet that is neither held back nor part of the end. */
static int
take(struct smtp_data *d, uint8_t c, struct buf *out, struct err *err)
{
	d->state = IN_LINE;
	if (c == '\n')
		d->malformed = true;
	if (c == '\r') {
		d->state = AFTER_CR;
		return 0;
	}
	return buf_putc(out, c, err);
}

static int
feed_one(struct smtp_data *d, uint8_t c, struct buf *out, struct err *err)
{
	unsigned before = d->state;

	if (before == AFTER_CR && c == '\n') {
		d->state = AT_START;
		return buf_put(out, "\r\n", 2, err);
	}
	if (before == AFTER_DOT_CR && c == '\n') {
		d->state = ENDED;
		return 0;
	}
	if (before == AFTER_CR || before == AFTER_DOT_CR) {
		d->malformed = true; /* the CR stood alone */
		if (buf_putc(out, '\r', err) < 0)
			return -1;
	}
	if (before == AT_START && c == '.') {
		d->state = AFTER_DOT;
		return 0;
	}
	if (before == AFTER_DOT && c == '\r') {
		d->state = AFTER_DOT_CR;
		return 0;
	}
	return take(d, c, out, err);
}

int
smtp_data_feed(struct smtp_data *d, const uint8_t *in, size_t n, size_t *eaten,
    struct buf *out, struct err *err)
{
	size_t i = 0;

	for (; i < n && d->state != ENDED; i++)
		if (feed_one(d, in[i], out, err) < 0)
			return -1;
	*eaten = i;
	return d->state == ENDED;
}
