/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* The answer to a program that was asked in parts (RFC 3501, 4731, 5182). */

#include <inttypes.h>

#include "proto/imap_set.h"
#include "search_node.h"

static int
put_numbers(
    const uint32_t *numbers, size_t count, struct buf *out, struct err *err)
{
	if (buf_puts(out, "* SEARCH", err) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (buf_putf(out, err, " %" PRIu32, numbers[i]) < 0)
			return -1;
	return buf_puts(out, "\r\n", err);
}

/* A tag has no character that a quoted string may not have. */
static int
put_esearch(const struct search *s, const char *tag, bool by_uid,
    const uint32_t *numbers, size_t count, struct buf *out, struct err *err)
{
	const struct search_return *asks = &s->asks;
	size_t used;

	if (buf_putf(out, err, "* ESEARCH (TAG \"%s\")%s", tag,
		by_uid ? " UID" : "") < 0)
		return -1;
	if (count > 0 && asks->min &&
	    buf_putf(out, err, " MIN %" PRIu32, numbers[0]) < 0)
		return -1;
	if (count > 0 && asks->max &&
	    buf_putf(out, err, " MAX %" PRIu32, numbers[count - 1]) < 0)
		return -1;
	if (count > 0 && asks->all &&
	    (buf_puts(out, " ALL ", err) < 0 ||
		imap_set_put(numbers, count, SIZE_MAX, out, &used, err) < 0))
		return -1;
	if (asks->count && buf_putf(out, err, " COUNT %zu", count) < 0)
		return -1;
	return buf_puts(out, "\r\n", err);
}

int
search_put_answer(const struct search *s, const char *tag, bool by_uid,
    const uint32_t *numbers, size_t count, struct buf *out, struct err *err)
{
	const struct search_return *asks = &s->asks;

	if (!asks->there)
		return put_numbers(numbers, count, out, err);
	if (!asks->min && !asks->max && !asks->all && !asks->count)
		return 0; /* SAVE alone */
	return put_esearch(s, tag, by_uid, numbers, count, out, err);
}

/* RFC 5182, 2.4: MIN and MAX without more save only what they tell. */
static size_t
numbers_to_save(const struct search *s, const uint32_t *numbers, size_t count,
    uint32_t ends[2])
{
	const struct search_return *asks = &s->asks;
	size_t n = 0;

	if (asks->all || asks->count || (!asks->min && !asks->max))
		return count;
	if (count > 0 && asks->min)
		ends[n++] = numbers[0];
	if (count > 0 && asks->max && (n == 0 || count > 1))
		ends[n++] = numbers[count - 1];
	return n;
}

int
search_put_save(const struct search *s, bool by_uid, size_t room,
    const uint32_t *numbers, size_t count, size_t *done, struct buf *out,
    struct err *err)
{
	uint32_t ends[2];
	size_t n = numbers_to_save(s, numbers, count, ends), used;
	bool first = *done == 0;

	if (!s->asks.save || (!first && *done >= n))
		return 0;
	if (buf_puts(out, "RETURN (SAVE) ", err) < 0)
		return -1;
	if (n == 0) {
		*done = 1;
		return buf_puts(out, "NOT ALL", err) < 0 ? -1 : 1;
	}
	if ((!first && buf_puts(out, "OR $ ", err) < 0) ||
	    (by_uid && buf_puts(out, "UID ", err) < 0) ||
	    imap_set_put((n < count ? ends : numbers) + *done, n - *done, room,
		out, &used, err) < 0)
		return -1;
	*done += used;
	return 1;
}
