/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* Who decrypts what: our own code with the unlocked key, or GPGME. */
#include <string.h>

#include "openpgp/armor.h"
#include "opener_private.h"
#include "user_private.h"

/* A passphrase may have to be typed, but a client waits. */
enum { GPG_TIMEOUT_MS = 60 * 1000, PIECE = 4096 };

/* What is wrong with a message stays wrong with it. */
static int
never(struct err *err)
{
	if (err != NULL && err->kind == ERR_PROTO)
		err->kind = ERR_PERM;
	return -1;
}

/* Forgets what came out before it was proven; returns rc. */
static int
take_back(struct buf *to, size_t before, int rc)
{
	if (to->data != NULL)
		explicit_bzero(to->data + before, to->len - before);
	to->len = before;
	return rc;
}

static int
decrypt_with_gpg(struct user *u, const char *session_key, const void *data,
    size_t n, struct buf *to, struct pgp_signature *signature, struct err *err)
{
	const struct pgp_decryption how = { .gnupg_home = user_gnupg_home(u),
		.session_key = session_key,
		.timeout_ms = GPG_TIMEOUT_MS };
	struct pgp_signature dropped;
	cleanup(buf_reset) struct buf out = { .limit = to->limit - to->len,
		.secret = true };

	if (pgp_decrypt_more(&how, data, n, &out,
		signature == NULL ? &dropped : signature, err) < 0)
		return -1;
	return buf_put(to, out.data, out.len, err);
}

/*
 * Not for the unlocked key. The keyring is asked when it is the source of keys,
 * or when the configuration names one.
 */
static int
decrypt_with_keyring(struct user *u, const void *data, size_t n, struct buf *to,
    struct pgp_signature *signature, struct err *err)
{
	if (u->secret != NULL && user_gnupg_home(u) == NULL)
		return err_set(err, ERR_PERM,
		    "the message is not for the key of %s", u->account->address);
	return decrypt_with_gpg(u, NULL, data, n, to, signature, err);
}

/* What the unlocked key decrypts, but our code does not read. */
static int
decrypt_left_over(struct user *u, const void *data, size_t n, struct buf *to,
    struct pgp_signature *signature, struct err *err)
{
	cleanup(buf_reset) struct buf other = { .limit = 2 * n + PIECE };
	char key[PGP_SESSION_KEY_TEXT_SIZE];
	int rc = pgp_secret_for_gpg(u->secret, data, n, key, &other, err);

	if (rc == 0)
		return decrypt_with_keyring(u, data, n, to, signature, err);
	if (rc == 1)
		rc = decrypt_with_gpg(u, key,
		    other.len > 0 ? other.data : data,
		    other.len > 0 ? other.len : n, to, signature, err);
	explicit_bzero(key, sizeof key);
	return rc;
}

static int
decrypt_here(struct opening *o, const void *data, size_t n, struct buf *to,
    struct err *err)
{
	size_t before = to->len;
	int rc = pgp_secret_decrypt_next(
	    o->user->secret, &o->last, data, n, sink_to_buf(to), err);

	return rc == 1 ? 1 : take_back(to, before, rc);
}

int
opener_decrypt(struct opening *o, const void *data, size_t n, struct buf *to,
    struct pgp_signature *signature, struct err *err)
{
	struct user *u = o->user;
	struct err why = { 0 };

	if (signature != NULL)
		*signature = (struct pgp_signature){ .verdict = PGP_UNSIGNED };
	if (u->secret == NULL)
		return decrypt_with_keyring(u, data, n, to, signature, err);

	int rc = decrypt_here(o, data, n, to, &why);

	/* libraries do not always say when memory was short */
	if (rc < 0 && why.kind != ERR_TEMP) {
		pgp_last_reset(&o->last);
		rc = decrypt_here(o, data, n, to, &why);
	}
	if (rc < 0)
		return err_set(err, why.kind, "%s", why.text);
	return rc == 1 ? 0 : decrypt_left_over(u, data, n, to, signature, err);
}

static const uint8_t *
find(const uint8_t *p, size_t n, const char *text)
{
	return n == 0 ? NULL : memmem(p, n, text, strlen(text));
}

/* The first armored message of a PGP/MIME body, to the end of its tail line. */
static int
find_armor(const struct opener_parts *s, const uint8_t **armor, size_t *len,
    struct err *err)
{
	static const char tail[] = "-----END PGP MESSAGE-----";
	const uint8_t *begin =
	    find(s->body, s->body_len, "-----BEGIN PGP MESSAGE-----");
	const uint8_t *end = begin == NULL
				 ? NULL
				 : find(begin,
				       s->body_len - (size_t)(begin - s->body),
				       tail);

	if (end == NULL)
		return err_set(err, ERR_PERM,
		    "the message has no armored OpenPGP part");
	*armor = begin;
	*len = (size_t)(end - begin) + strlen(tail);
	return 0;
}

static int
dearmor(const uint8_t *armor, size_t n, struct buf *out, struct err *err)
{
	cleanup(armor_reader_free) struct armor_reader *r = NULL;

	if (buf_reserve(out, n / 4 * 3, err) < 0 ||
	    armor_reader_new(sink_to_buf(out), &r, err) < 0)
		return -1;
	if (armor_reader_feed(r, armor, n, err) < 0 ||
	    armor_reader_finish(r, err) < 0)
		return never(err);
	return 0;
}

int
opener_decrypt_body(struct opening *o, const struct opener_parts *stored,
    struct buf *to, struct pgp_signature *signature, struct err *err)
{
	cleanup(buf_reset) struct buf binary = { .limit = stored->body_len };
	const uint8_t *armor = NULL;
	size_t n = 0;

	if (find_armor(stored, &armor, &n, err) < 0 ||
	    dearmor(armor, n, &binary, err) < 0)
		return -1;
	return opener_decrypt(o, binary.data, binary.len, to, signature, err);
}
