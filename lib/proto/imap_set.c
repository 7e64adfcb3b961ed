/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "proto/imap_set.h"

#include <string.h>

#include "proto/imap_token.h"

static bool
take_number(const uint8_t *s, size_t n, size_t *at, uint32_t *out)
{
	size_t begin = *at;

	if (*at < n && s[*at] == '*') {
		++*at;
		*out = UINT32_MAX;
		return true;
	}
	while (*at < n && s[*at] >= '0' && s[*at] <= '9')
		++*at;
	return imap_number(s + begin, *at - begin, out) && *out > 0;
}

bool
imap_set_next(
    const void *set, size_t n, size_t *at, uint32_t *low, uint32_t *high)
{
	const uint8_t *s = set;

	if (*at > 0 && *at < n && s[*at] == ',')
		++*at;
	if (!take_number(s, n, at, low))
		return false;
	*high = *low;
	if (*at < n && s[*at] == ':') {
		++*at;
		if (!take_number(s, n, at, high))
			return false;
	}
	if (*low > *high) {
		uint32_t swap = *low;

		*low = *high;
		*high = swap;
	}
	return *at == n || (s[*at] == ',' && *at + 1 < n);
}

bool
imap_set_valid(const void *set, size_t n)
{
	size_t at = 0;
	uint32_t low, high;

	if (n == 1 && *(const uint8_t *)set == '$')
		return true;
	while (at < n)
		if (!imap_set_next(set, n, &at, &low, &high))
			return false;
	return n > 0;
}

int
imap_set_put(const uint32_t *numbers, size_t n, size_t room, struct buf *out,
    size_t *used, struct err *err)
{
	size_t begin = out->len;

	for (*used = 0; *used < n;) {
		size_t i = *used, run = 1;

		if (i > 0 &&
		    out->len - begin + sizeof ",4294967295:4294967295" > room)
			return 0;
		while (i + run < n && numbers[i + run] == numbers[i] + run)
			run++;
		if (buf_putf(out, err, "%s%u", i > 0 ? "," : "", numbers[i]) <
			0 ||
		    (run > 1 &&
			buf_putf(out, err, ":%u", numbers[i + run - 1]) < 0))
			return -1;
		*used += run;
	}
	return 0;
}
