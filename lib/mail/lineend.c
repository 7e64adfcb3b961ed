/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "mail/lineend.h"

#include <string.h>

#include "base/limits.h"

void
lineend_in_init(struct lineend_filter *f, struct sink to)
{
	*f = (struct lineend_filter){
		.to = to,
		.first = { .limit = LIMIT_HEADER, .secret = true },
	};
}

void
lineend_out_init(struct lineend_filter *f, enum lineend form, struct sink to)
{
	*f = (struct lineend_filter){ .to = to, .form = form };
}

void
lineend_reset(struct lineend_filter *f)
{
	buf_reset(&f->first);
}

static int
lf_to_crlf(struct lineend_filter *f, const uint8_t *p, size_t n,
    struct err *err)
{
	while (n > 0) {
		const uint8_t *lf = memchr(p, '\n', n);
		size_t text = lf == NULL ? n : (size_t)(lf - p);

		if (text > 0 && sink_put(&f->to, p, text, err) < 0)
			return -1;
		if (lf == NULL)
			return 0;
		if (sink_put(&f->to, "\r\n", 2, err) < 0)
			return -1;
		p += text + 1;
		n -= text + 1;
	}
	return 0;
}

static int
in_known(struct lineend_filter *f, const uint8_t *p, size_t n,
    struct err *err)
{
	if (f->form == LINEEND_LF)
		return lf_to_crlf(f, p, n, err);
	return n == 0 ? 0 : sink_put(&f->to, p, n, err);
}

int
lineend_in_put(struct lineend_filter *f, const void *data, size_t n,
    struct err *err)
{
	if (f->form != LINEEND_UNKNOWN)
		return in_known(f, data, n, err);

	const uint8_t *lf = memchr(data, '\n', n);

	if (buf_put(&f->first, data, n, err) < 0)
		return -1;
	if (lf == NULL)
		return 0;

	size_t at = f->first.len - n + (size_t)(lf - (const uint8_t *)data);

	f->form = at > 0 && f->first.data[at - 1] == '\r' ? LINEEND_CRLF
							  : LINEEND_LF;
	return in_known(f, f->first.data, f->first.len, err);
}

int
lineend_in_finish(struct lineend_filter *f, struct err *err)
{
	if (f->form != LINEEND_UNKNOWN)
		return 0;
	f->form = LINEEND_CRLF;
	return in_known(f, f->first.data, f->first.len, err);
}

static int
put_held_cr(struct lineend_filter *f, struct err *err)
{
	if (!f->cr)
		return 0;
	f->cr = false;
	return sink_put(&f->to, "\r", 1, err);
}

static int
crlf_to_lf(struct lineend_filter *f, const uint8_t *p, size_t n,
    struct err *err)
{
	if (n > 0 && p[0] == '\n')
		f->cr = false;
	if (n > 0 && put_held_cr(f, err) < 0)
		return -1;
	while (n > 0) {
		const uint8_t *cr = memchr(p, '\r', n);
		size_t text = cr == NULL ? n : (size_t)(cr - p);

		if (text > 0 && sink_put(&f->to, p, text, err) < 0)
			return -1;
		if (cr == NULL)
			return 0;
		p += text + 1;
		n -= text + 1;
		f->cr = true;
		if (n > 0 && p[0] == '\n')
			f->cr = false;
		if (n > 0 && put_held_cr(f, err) < 0)
			return -1;
	}
	return 0;
}

int
lineend_out_put(struct lineend_filter *f, const void *data, size_t n,
    struct err *err)
{
	if (f->form == LINEEND_LF)
		return crlf_to_lf(f, data, n, err);
	return n == 0 ? 0 : sink_put(&f->to, data, n, err);
}

int
lineend_out_finish(struct lineend_filter *f, struct err *err)
{
	return put_held_cr(f, err);
}
