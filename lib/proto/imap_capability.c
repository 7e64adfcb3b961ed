/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "proto/imap_capability.h"

#include <string.h>
#include <strings.h>

/* Those that end with "=" or "*" pass with whatever follows. */
static const char *const allowed[] = { "IMAP4rev1", "SASL-IR", "ID", "ENABLE",
	"IDLE", "NAMESPACE", "CHILDREN", "UIDPLUS", "MOVE", "UNSELECT",
	"LIST-EXTENDED", "LIST-STATUS", "SPECIAL-USE", "CREATE-SPECIAL-USE",
	"CONDSTORE", "QRESYNC", "ESEARCH", "SEARCHRES", "WITHIN", "I18NLEVEL=1",
	"QUOTA", "QUOTASET", "QUOTA=*", "ACL", "RIGHTS=*", "METADATA",
	"METADATA-SERVER", "SAVEDATE", "OBJECTID", "MULTIAPPEND", "XLIST" };

static bool
matches(const struct imap_value *v, const char *pattern)
{
	size_t n = strlen(pattern);

	if (pattern[n - 1] != '*')
		return imap_is(v, pattern);
	return v->len >= n - 1 &&
	       strncasecmp((const char *)v->data, pattern, n - 1) == 0;
}

static bool
passes(const struct imap_value *v)
{
	if (v->type != IMAP_ATOM)
		return false;
	for (size_t i = 0; i < countof(allowed); i++)
		if (matches(v, allowed[i]))
			return true;
	return false;
}

/*
 * What is stored of a message of n octets: base64 in lines (4/3 and 65/64), the
 * header twice, a certificate's worth of packets.
 */
static int
put_append_limit(const struct imap_value *v, struct buf *out, struct err *err)
{
	static const char name[] = "APPENDLIMIT=";
	const size_t at = sizeof name - 1;
	uint64_t limit = 0;
	uint32_t n = 0;

	if (v->len < at || strncasecmp((const char *)v->data, name, at) != 0)
		return 0;
	if (!imap_number(v->data + at, v->len - at, &n))
		return 0;
	if (n > 64 << 10)
		limit = ((uint64_t)n - (64 << 10)) * 7 / 10;
	return buf_putf(out, err, "%s%s%llu", out->len > 0 ? " " : "", name,
	    (unsigned long long)limit);
}

int
imap_capability_filter(
    const void *list, size_t n, struct buf *out, struct err *err)
{
	struct imap_cursor c = imap_cursor(list, n);
	struct imap_value v;
	int rc;

	while ((rc = imap_next(&c, &v, err)) > 0) {
		if (put_append_limit(&v, out, err) < 0)
			return -1;
		if (passes(&v) &&
		    ((out->len > 0 && buf_putc(out, ' ', err) < 0) ||
			buf_put(out, v.data, v.len, err) < 0))
			return -1;
	}
	if (rc < 0)
		return -1;
	return buf_puts(out, out->len > 0 ? " LITERAL+" : "LITERAL+", err);
}

bool
imap_capability_has(const void *list, size_t n, const char *word)
{
	struct imap_cursor c = imap_cursor(list, n);
	struct imap_value v;

	while (imap_next(&c, &v, NULL) > 0)
		if (imap_is(&v, word))
			return true;
	return false;
}

bool
imap_enable_passes(const void *name, size_t n)
{
	return imap_equal(name, n, "CONDSTORE") ||
	       imap_equal(name, n, "QRESYNC");
}
