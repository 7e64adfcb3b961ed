/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Does a Subject carry a password? "encrypt:" at its beginning, however it is
 * encoded, spaced or replied to. A wrong yes hides a subject that could have
 * been shown; a wrong no stores a password in the clear. So doubt is yes.
 */

#include <string.h>
#include <strings.h>
#include <unicase.h>
#include <unictype.h>
#include <uninorm.h>
#include <unistr.h>

#include "base/limits.h"
#include "mail/encoded_word.h"
#include "mail/sealed.h"

/* A reply prefix ("Re", "Antw", ...) has at most so many octets. */
enum { PREFIX_MAX = 24, LIST_TAG_MAX = 80 };

static bool
is_invisible(ucs4_t c)
{
	static const uint32_t blank =
	    UC_CATEGORY_MASK_Z | UC_CATEGORY_MASK_Cc | UC_CATEGORY_MASK_Cf;

	return uc_is_general_category_withtable(c, blank) ||
	       uc_is_property_default_ignorable_code_point(c);
}

/* Copies the characters of s: without broken ones, maybe only the visible. */
static int
put_characters(
    const struct buf *s, bool only_visible, struct buf *out, struct err *err)
{
	for (size_t i = 0; i < s->len;) {
		ucs4_t c;
		int step = u8_mbtoucr(&c, s->data + i, s->len - i);

		if (step <= 0) {
			i++;
			continue;
		}
		if (!(only_visible && is_invisible(c)) &&
		    buf_put(out, s->data + i, (size_t)step, err) < 0)
			return -1;
		i += (size_t)step;
	}
	return 0;
}

/* The subject as a reader sees it: decoded, one case, one width, no blanks. */
static int
put_visible(const uint8_t *value, size_t n, struct buf *out, bool *complete,
    struct err *err)
{
	cleanup(buf_reset) struct buf text = {
		.limit = LIMIT_SUBJECT,
		.secret = true,
	};
	cleanup(buf_reset) struct buf valid = {
		.limit = LIMIT_SUBJECT,
		.secret = true,
	};

	if (encoded_words_decode(value, n, &text, complete, err) < 0 ||
	    put_characters(&text, false, &valid, err) < 0)
		return -1;
	if (valid.len == 0)
		return 0;
	size_t len = 0;
	cleanup(free_bytes) uint8_t *folded =
	    u8_casefold(valid.data, valid.len, NULL, UNINORM_NFKC, NULL, &len);
	if (folded == NULL)
		return err_nomem(err);
	const struct buf view = { .data = folded, .len = len };
	int rc = put_characters(&view, true, out, err);
	explicit_bzero(folded, len);
	return rc;
}

static bool
begins_with(const uint8_t *s, size_t n, const char *prefix)
{
	size_t len = strlen(prefix);

	return n >= len && memcmp(s, prefix, len) == 0;
}

/* Octets of "[text]" or "(text)" at s, 0 when there is none. */
static size_t
bracketed(const uint8_t *s, size_t n)
{
	if (n == 0 || (s[0] != '[' && s[0] != '('))
		return 0;
	uint8_t close = s[0] == '[' ? ']' : ')';
	for (size_t i = 1; i < n && i < LIST_TAG_MAX; i++)
		if (s[i] == close)
			return i + 1;
	return 0;
}

/*
 * Octets of a reply prefix at s: a short word of any language, a count such
 * as [2], (2) or ^2, and a colon; or the tag of a mailing list.
 */
static size_t
reply_prefix(const uint8_t *s, size_t n)
{
	size_t tag = bracketed(s, n);
	size_t i = 0;

	if (tag > 0)
		return tag;
	while (i < n && i < PREFIX_MAX && s[i] != ':' && s[i] != '[' &&
	       s[i] != '(')
		i++;
	i += bracketed(s + i, n - i);
	return i < n && s[i] == ':' ? i + 1 : 0;
}

static bool
visible_has_password(const uint8_t *s, size_t n)
{
	for (;;) {
		if (begins_with(s, n, "encrypt:") || begins_with(s, n, "=?"))
			return true;
		size_t prefix = reply_prefix(s, n);

		if (prefix == 0)
			return false;
		s += prefix;
		n -= prefix;
	}
}

bool
sealed_subject_has_password(const uint8_t *value, size_t len)
{
	cleanup(buf_reset) struct buf visible = {
		.limit = LIMIT_SUBJECT,
		.secret = true,
	};
	bool complete = false;

	if (len > LIMIT_SUBJECT ||
	    put_visible(value, len, &visible, &complete, NULL) < 0)
		return true;
	return !complete || (visible.len > 0 && visible_has_password(
						    visible.data, visible.len));
}

/* ---- fields of any name ---- */

/* Their values cannot be text that somebody wrote as a subject. */
static bool
is_structured(const uint8_t *name, size_t n)
{
	static const char *const names[] = { "From", "To", "Cc", "Bcc",
		"Sender", "Reply-To", "Date", "Message-ID", "In-Reply-To",
		"References", "MIME-Version", "Content-Type",
		"Content-Transfer-Encoding", "Content-Disposition", "Received",
		"Return-Path", "DKIM-Signature", "Autocrypt",
		"Disposition-Notification-To", "Return-Receipt-To" };

	for (size_t i = 0; i < countof(names); i++)
		if (strlen(names[i]) == n &&
		    strncasecmp((const char *)name, names[i], n) == 0)
			return true;
	return false;
}

/* Most fields cannot: no colon, nothing encoded, no wide characters. */
static bool
may_begin_so(const uint8_t *value, size_t n)
{
	if (memchr(value, ':', n) != NULL || memmem(value, n, "=?", 2) != NULL)
		return true;
	for (size_t i = 0; i < n; i++)
		if (value[i] > 0x7f)
			return true;
	return false;
}

/* A name of letters, digits and hyphens, and not the word itself. */
static bool
is_usual(const uint8_t *name, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!(name[i] >= 'a' && name[i] <= 'z') &&
		    !(name[i] >= 'A' && name[i] <= 'Z') &&
		    !(name[i] >= '0' && name[i] <= '9') && name[i] != '-')
			return false;
	return n > 0 && strncasecmp((const char *)name, "encrypt", n) != 0;
}

bool
sealed_text_has_password(const uint8_t *field, size_t n)
{
	const uint8_t *colon = memchr(field, ':', n);
	size_t name = colon == NULL ? 0 : (size_t)(colon - field);

	if (colon == NULL || !is_usual(field, name))
		return sealed_subject_has_password(field, n) ||
		    (colon != NULL &&
		        sealed_subject_has_password(
		            colon + 1, n - name - 1));
	if (is_structured(field, name))
		return false;
	return may_begin_so(colon + 1, n - name - 1) &&
	    sealed_subject_has_password(colon + 1, n - name - 1);
}
