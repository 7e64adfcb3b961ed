/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "base/buf.h"

#include <stdarg.h>
#include <string.h>

static void
give_back(struct buf *b)
{
	if (b->data == NULL)
		return;
	if (b->secret)
		explicit_bzero(b->data, b->size);
	free(b->data);
}

void
buf_reset(struct buf *b)
{
	give_back(b);
	b->data = NULL;
	b->len = 0;
	b->size = 0;
}

void
buf_clear(struct buf *b)
{
	if (b->secret && b->data != NULL)
		explicit_bzero(b->data, b->size);
	b->len = 0;
}

/* At least twice as much as there was, and no more than that without need. */
static size_t
grown_size(const struct buf *b, size_t need)
{
	size_t size = b->size > SIZE_MAX / 2 ? need : b->size * 2;

	if (size < 64)
		size = 64;
	return size < need ? need : size;
}

static int
grow(struct buf *b, size_t need, struct err *err)
{
	size_t size = grown_size(b, need);
	uint8_t *data =
	    b->secret ? malloc(size) : realloc(b->data, size);

	if (data == NULL)
		return err_nomem(err);
	if (b->secret) {
		if (b->len > 0)
			memcpy(data, b->data, b->len);
		give_back(b);
	}
	b->data = data;
	b->size = size;
	return 0;
}

int
buf_reserve(struct buf *b, size_t n, struct err *err)
{
	if (n > b->limit || b->len > b->limit - n)
		return err_set(err, ERR_PERM, "more than %zu octets",
		    b->limit);
	/* one octet more: room for the NUL of buf_str() */
	if (b->data != NULL && b->size - b->len > n)
		return 0;
	return grow(b, b->len + n + 1, err);
}

int
buf_put(struct buf *b, const void *data, size_t n, struct err *err)
{
	if (buf_reserve(b, n, err) < 0)
		return -1;
	if (n > 0)
		memcpy(b->data + b->len, data, n);
	b->len += n;
	return 0;
}

int
buf_puts(struct buf *b, const char *s, struct err *err)
{
	return buf_put(b, s, strlen(s), err);
}

int
buf_putc(struct buf *b, uint8_t c, struct err *err)
{
	return buf_put(b, &c, 1, err);
}

int
buf_putf(struct buf *b, struct err *err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		return err_set(err, ERR_TEMP, "cannot format a text");
	if (buf_reserve(b, (size_t)n, err) < 0)
		return -1;
	va_start(ap, fmt);
	(void)vsnprintf((char *)b->data + b->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
	return 0;
}

const char *
buf_str(struct buf *b, struct err *err)
{
	if (buf_reserve(b, 0, err) < 0)
		return NULL;
	b->data[b->len] = '\0';
	return (const char *)b->data;
}

uint8_t *
buf_steal(struct buf *b, size_t *len)
{
	*len = b->len;
	b->len = 0;
	b->size = 0;
	return steal(&b->data);
}
