/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "proto/imap_members.h"

#include <stdlib.h>

#include "base/buf.h"
#include "proto/imap_set.h"

void
imap_members_reset(struct imap_members *m)
{
	free(m->ranges);
	*m = (struct imap_members){ 0 };
}

static int
by_low(const void *a, const void *b)
{
	const struct imap_range *x = a, *y = b;

	return (x->low > y->low) - (x->low < y->low);
}

/* Ranges that touch or overlap become one. */
static void
merge(struct imap_members *m)
{
	size_t kept = 0;

	qsort(m->ranges, m->count, sizeof m->ranges[0], by_low);
	for (size_t i = 0; i < m->count; i++) {
		struct imap_range *last = &m->ranges[kept == 0 ? 0 : kept - 1];

		if (kept > 0 && m->ranges[i].low <= last->high) {
			if (m->ranges[i].high > last->high)
				last->high = m->ranges[i].high;
			continue;
		}
		m->ranges[kept++] = m->ranges[i];
	}
	m->count = kept;
	for (size_t i = 0; i < kept; i++)
		m->left += (uint64_t)m->ranges[i].high - m->ranges[i].low + 1;
}

int
imap_members_init(
    struct imap_members *m, const void *set, size_t n, struct err *err)
{
	size_t at = 0, room = 0;
	struct imap_range r;

	*m = (struct imap_members){ 0 };
	m->all = n == 1 && *(const char *)set == '$';
	while (at < n && imap_set_next(set, n, &at, &r.low, &r.high)) {
		if (m->count == room) {
			room = room == 0 ? 8 : room * 2;

			struct imap_range *more =
			    reallocarray(m->ranges, room, sizeof *more);

			if (more == NULL)
				return err_nomem(err);
			m->ranges = more;
		}
		m->ranges[m->count++] = r;
		m->last = m->last || r.high == UINT32_MAX;
	}
	if (m->count > 0)
		merge(m);
	return 0;
}

static bool
has(const struct imap_members *m, uint32_t number)
{
	size_t low = 0, high = m->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (number > m->ranges[middle].high)
			low = middle + 1;
		else
			high = middle;
	}
	return low < m->count && number >= m->ranges[low].low;
}

bool
imap_members_take(struct imap_members *m, uint32_t number)
{
	if (m->all)
		return true;
	if (has(m, number)) {
		if (m->left == 0)
			return false;
		m->left--;
		return true;
	}

	bool last = m->last;

	m->last = false;
	return last;
}
