/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "openpgp/unseal.h"

#include <string.h>
#include <strings.h>

#include "base/limits.h"
#include "mail/sealed.h"
#include "openpgp/decrypt.h"

/* The decrypted entity. */
struct entity {
	struct buf text;
	struct message_parts parts; /* of the text */
};

static void
entity_reset(struct entity *e)
{
	buf_reset(&e->text);
	message_parts_reset(&e->parts);
}

static const uint8_t *
find(const uint8_t *p, size_t n, const char *text)
{
	return n == 0 ? NULL : memmem(p, n, text, strlen(text));
}

/* The first armored message of a PGP/MIME body. */
static int
find_armor(const struct message_parts *s, const uint8_t **armor, size_t *len,
    struct err *err)
{
	static const char tail[] = "-----END PGP MESSAGE-----";
	const uint8_t *begin =
	    find(s->body, s->body_len, "-----BEGIN PGP MESSAGE-----");
	const uint8_t *end = begin == NULL
	    ? NULL
	    : find(begin, s->body_len - (size_t)(begin - s->body), tail);

	if (end == NULL)
		return err_set(err, ERR_PERM,
		    "the message has no armored OpenPGP part");
	*armor = begin;
	*len = (size_t)(end - begin) + strlen(tail);
	return 0;
}

static int
decrypt_entity(const char *home, const struct message_parts *s,
    struct entity *e, struct err *err)
{
	const uint8_t *armor = NULL;
	size_t len = 0;

	e->text = (struct buf){ .limit = SIZE_MAX / 2, .secret = true };
	if (find_armor(s, &armor, &len, err) < 0 ||
	    pgp_decrypt(home, armor, len, &e->text, err) < 0)
		return -1;
	return header_split(e->text.data, e->text.len, &e->parts, err);
}

static int
rebuild(const char *home, const struct message_parts *s,
    const struct sealed_marker *marker, struct buf *out, struct err *err)
{
	cleanup(entity_reset) struct entity e = { 0 };
	cleanup(buf_reset) struct buf record = { .limit = LIMIT_HEAD,
		.secret = true };

	if (pgp_decrypt(home, marker->head.data, marker->head.len, &record,
		err) < 0)
		return err_context(err, "sealed header record");
	if (decrypt_entity(home, s, &e, err) < 0)
		return -1;
	if (e.parts.body_len != marker->body_octets)
		return err_set(err, ERR_PERM,
		    "the sealed body has %zu octets, its marker says %llu",
		    e.parts.body_len, (unsigned long long)marker->body_octets);
	if (sealed_rebuild_header(&s->header, marker, record.data, record.len,
		out, err) < 0)
		return -1;
	return buf_put(out, e.parts.body, e.parts.body_len, err);
}

static bool
replaced_by_entity(const struct header_field *f, const struct entity *e)
{
	size_t count;

	if (header_field_begins(f, "Content-"))
		return true;
	if (!header_field_is(f, "Subject"))
		return false;
	(void)header_find(&e->parts.header, "Subject", &count);
	return count > 0;
}

/* What its sender encrypted: the entity's fields replace the outer ones. */
static int
rebuild_foreign(const char *home, const struct message_parts *s,
    struct buf *out, struct err *err)
{
	cleanup(entity_reset) struct entity e = { 0 };

	if (decrypt_entity(home, s, &e, err) < 0)
		return -1;
	for (size_t i = 0; i < s->header.count; i++) {
		const struct header_field *f = &s->header.fields[i];

		if (!replaced_by_entity(f, &e) &&
		    buf_put(out, f->raw, f->raw_len, err) < 0)
			return -1;
	}
	for (size_t i = 0; i < e.parts.header.count; i++)
		if (buf_put(out, e.parts.header.fields[i].raw,
			e.parts.header.fields[i].raw_len, err) < 0)
			return -1;
	if (buf_puts(out, "\r\n", err) < 0)
		return -1;
	return buf_put(out, e.parts.body, e.parts.body_len, err);
}

static bool
is_pgp_mime(const struct message_parts *s)
{
	static const char type[] = "multipart/encrypted";
	size_t count, n;
	const struct header_field *f =
	    header_find(&s->header, "Content-Type", &count);

	if (f == NULL)
		return false;

	const uint8_t *v = header_field_value(f, &n);

	while (n > 0 && strchr(" \t\r\n", *v) != NULL) {
		v++;
		n--;
	}
	return n >= strlen(type) &&
	    strncasecmp((const char *)v, type, strlen(type)) == 0;
}

static int
unseal_stored(const char *home, const struct message_parts *s, struct buf *out,
    struct err *err)
{
	cleanup(sealed_marker_reset) struct sealed_marker marker = { 0 };

	if (!is_pgp_mime(s))
		return 0;

	int rc = sealed_find_marker(&s->header, &marker, err);

	if (rc == 1)
		rc = rebuild(home, s, &marker, out, err);
	else if (rc == 0)
		rc = rebuild_foreign(home, s, out, err);
	return rc < 0 ? -1 : 1;
}

int
unseal_message(const char *gnupg_home, const void *message, size_t n,
    struct buf *out, struct err *err)
{
	cleanup(message_parts_reset) struct message_parts s = { 0 };

	if (header_split(message, n, &s, err) < 0)
		return -1;

	int rc = unseal_stored(gnupg_home, &s, out, err);

	if (rc != 1)
		buf_reset(out);
	return rc;
}
