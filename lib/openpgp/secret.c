/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "openpgp/secret.h"

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "crypt/kdf.h"
#include "openpgp/fingerprint.h"
#include "openpgp/keyblock.h"
#include "openpgp/message.h"
#include "openpgp/packet.h"
#include "openpgp/packet_writer.h"
#include "openpgp/pkesk.h"
#include "openpgp/recipients.h"
#include "openpgp/rewrap.h"
#include "openpgp/secret_packet.h"

struct pgp_secret {
	const struct crypt *crypt;
	uint8_t fingerprint[PGP_FINGERPRINT_MAX];
	size_t fingerprint_len;
	struct buf public_key; /* transferable, binary */
	struct secret_key *keys[LIMIT_SUBKEYS];
	size_t count;
	bool unprotected; /* one of all was not protected */
};

static int
put_packet(struct buf *to, unsigned tag, struct octets body, struct err *err)
{
	uint8_t header[PACKET_HEADER_MAX];
	size_t n = packet_header(tag, (uint32_t)body.n, header);

	if (buf_put(to, header, n, err) < 0)
		return -1;
	return buf_put(to, body.p, body.n, err);
}

static int
take_key(struct pgp_secret *s, const struct secret_packet *p,
    struct crypt_bytes passphrase, struct err *err)
{
	if (p->unusable != NULL)
		return 1; /* a key that signs, or lies elsewhere */
	if (s->count == LIMIT_SUBKEYS)
		return err_set(err, ERR_PERM, "more than %d encryption keys",
		    LIMIT_SUBKEYS);

	int rc = secret_packet_unlock(
	    s->crypt, p, passphrase, &s->keys[s->count], err);

	if (rc == 1)
		s->count++;
	return rc;
}

/* The primary key and its subkeys. 1, 0 wrong passphrase, -1. */
static int
take_secret(struct pgp_secret *s, unsigned tag, struct octets body,
    struct crypt_bytes passphrase, struct err *err)
{
	bool primary = tag == PGP_TAG_SECRET_KEY;
	struct secret_packet p;

	if (secret_packet_read(tag, body, &p, err) < 0)
		return -1;
	if (primary &&
	    pgp_fingerprint(s->crypt, p.public_part.p, p.public_part.n,
		s->fingerprint, &s->fingerprint_len, err) < 0)
		return -1;
	if (put_packet(&s->public_key,
		primary ? PGP_TAG_PUBLIC_KEY : PGP_TAG_PUBLIC_SUBKEY,
		p.public_part, err) < 0)
		return -1;
	if (p.usage == SECRET_PLAIN)
		s->unprotected = true;
	return take_key(s, &p, passphrase, err);
}

static int
take_packet(struct pgp_secret *s, const struct keyblock_packet *packet,
    struct crypt_bytes passphrase, struct err *err)
{
	enum { TAG_TRUST = 12 };

	switch (packet->tag) {
	case PGP_TAG_SECRET_KEY:
	case PGP_TAG_SECRET_SUBKEY:
		return take_secret(
		    s, packet->tag, packet->body, passphrase, err);
	case PGP_TAG_MARKER:
	case PGP_TAG_PADDING:
	case TAG_TRUST:
		return 1;
	default:
		return put_packet(&s->public_key, packet->tag, packet->body,
			   err) < 0
			   ? -1
			   : 1;
	}
}

int
pgp_secret_unlock(const struct crypt *crypt, const void *key, size_t n,
    const char *passphrase, size_t passphrase_len, struct pgp_secret **out,
    struct err *err)
{
	cleanup(pgp_secret_free) struct pgp_secret *s = calloc(1, sizeof *s);
	cleanup(keyblock_free) struct keyblock *kb = NULL;
	const struct crypt_bytes words = { passphrase, passphrase_len };

	if (s == NULL)
		return err_nomem(err);
	s->crypt = crypt;
	s->public_key.limit = LIMIT_CERTIFICATE;
	if (keyblock_read_secret(key, n, &kb, err) < 0)
		return -1;
	for (size_t i = 0; i < kb->count; i++) {
		int rc = take_packet(s, &kb->packets[i], words, err);

		if (rc <= 0)
			return rc;
	}
	if (s->count == 0)
		return err_set(err, ERR_PERM,
		    "the private key has no encryption key that can be used "
		    "here; import it into GnuPG and use \"key = keyring\"");
	*out = steal(&s);
	return 1;
}

void
pgp_secret_free(struct pgp_secret **sp)
{
	struct pgp_secret *s = steal(sp);

	if (s == NULL)
		return;
	for (size_t i = 0; i < s->count; i++)
		secret_key_free(&s->keys[i]);
	buf_reset(&s->public_key);
	free(s);
}

bool
pgp_secret_was_protected(const struct pgp_secret *s)
{
	return !s->unprotected;
}

const uint8_t *
pgp_secret_fingerprint(const struct pgp_secret *s, size_t *len)
{
	*len = s->fingerprint_len;
	return s->fingerprint;
}

int
pgp_secret_derive(const struct pgp_secret *s, const char *purpose,
    uint8_t out[PGP_DERIVED_LEN], struct err *err)
{
	return hkdf_sha256(s->crypt,
	    (struct crypt_bytes){ s->keys[0]->seed, SECRET_SEED_LEN },
	    (struct crypt_bytes){ NULL, 0 },
	    (struct crypt_bytes){ purpose, strlen(purpose) }, out,
	    PGP_DERIVED_LEN, err);
}

bool
pgp_secret_has(
    const struct pgp_secret *s, const uint8_t *fingerprint, size_t len)
{
	for (size_t i = 0; i < s->count; i++) {
		const struct pgp_subkey *k = &s->keys[i]->subkey;

		if (k->fingerprint_len == len &&
		    memcmp(k->fingerprint, fingerprint, len) == 0)
			return true;
	}
	return false;
}

int
pgp_secret_public(
    const struct pgp_secret *s, struct buf *out, struct err *err)
{
	return buf_put(out, s->public_key.data, s->public_key.len, err);
}

/*
 * One PKESK packet with each key it may be for. 1; 0 it is for none; -1
 * ERR_PERM it is for one, and damaged.
 */
static int
open_recipient(const struct pgp_secret *s, const struct recipient *r,
    struct session_key *out, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < s->count; i++) {
		const struct secret_key *k = s->keys[i];

		if (k->subkey.algorithm != r->algorithm ||
		    !recipient_is(r, k->subkey.fingerprint,
			k->subkey.fingerprint_len))
			continue;
		if (pkesk_open(
			s->crypt, k, r->version, r->rest, out, err) == 0)
			return 1;
		if (err->kind == ERR_TEMP)
			return -1;
		if (r->id.n > 0)
			rc = -1; /* it says that it is for this one */
	}
	return rc;
}

static bool
is_version_2(const struct recipients *all)
{
	return all->data_tag == PGP_TAG_SEIPD && all->data_version == 2;
}

/* Version 3 goes with SEIPD version 1 and GnuPG's own, 6 with version 2. */
static bool
goes_with(const struct recipient *r, const struct recipients *all)
{
	return r->version == (is_version_2(all) ? 6 : 3);
}

static int
find_session_key(const struct pgp_secret *s, const struct recipients *all,
    struct session_key *out, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < all->known; i++) {
		if (!goes_with(&all->of[i], all))
			continue;

		int one = open_recipient(s, &all->of[i], out, err);

		if (one == 1 || (one < 0 && err->kind == ERR_TEMP))
			return one;
		rc = one < 0 ? -1 : rc;
	}
	return rc;
}

/* Are message.h and its session key for each other? */
static bool
is_read_here(const struct recipients *all, const struct session_key *key)
{
	enum { AES128 = 7, AES256 = 9 };

	if (all->data_tag != PGP_TAG_SEIPD)
		return false;
	if (all->data_version == 2)
		return true;
	return key->cipher >= AES128 && key->cipher <= AES256 &&
	       key->len == 16 + 8 * (size_t)(key->cipher - AES128);
}

static int
put_message(void *ctx, const uint8_t *data, size_t n, struct err *err)
{
	return message_reader_feed(ctx, data, n, err);
}

static int
read_message(const struct pgp_secret *s, const struct session_key *key,
    const struct input *in, struct sink to, struct err *err)
{
	cleanup(message_reader_free) struct message_reader *r = NULL;
	struct err why = { 0 };

	if (message_reader_new(s->crypt, (struct aes_key){ key->key, key->len },
		to, &r, err) < 0)
		return -1;

	const struct sink message = { .put = put_message, .ctx = r };
	int rc = input_put(in, &message, &why);

	if (rc == 0)
		rc = message_reader_finish(r, &why);
	if (message_reader_needs_gpg(r))
		return 0;
	if (rc == 0)
		return 1;
	return err_set(err, why.kind == ERR_TEMP ? ERR_TEMP : ERR_PERM, "%s",
	    why.text);
}

void
pgp_last_reset(struct pgp_last *last)
{
	buf_reset(&last->recipients);
	explicit_bzero(last, sizeof *last);
}

static bool
is_as_last(const struct recipients *all, const struct pgp_last *last)
{
	return last->recipients.len > 0 && last->data_tag == all->data_tag &&
	       last->data_version == all->data_version &&
	       last->recipients.len == all->bodies.len &&
	       memcmp(last->recipients.data, all->bodies.data,
		   all->bodies.len) == 0;
}

static int
remember(struct pgp_last *last, const struct recipients *all,
    const struct session_key *key, struct err *err)
{
	pgp_last_reset(last);
	last->recipients.limit = all->bodies.limit;
	last->data_tag = all->data_tag;
	last->data_version = all->data_version;
	last->cipher = key->cipher;
	last->key_len = key->len;
	memcpy(last->key, key->key, sizeof last->key);
	return buf_put(
	    &last->recipients, all->bodies.data, all->bodies.len, err);
}

/* The session key, with or without a public-key operation. */
static int
next_session_key(const struct pgp_secret *s, struct pgp_last *last,
    const struct recipients *all, struct session_key *out, struct err *err)
{
	if (is_as_last(all, last)) {
		out->cipher = last->cipher;
		out->len = last->key_len;
		memcpy(out->key, last->key, sizeof out->key);
		return 1;
	}

	int rc = find_session_key(s, all, out, err);

	if (rc == 1 && remember(last, all, out, err) < 0)
		return -1;
	return rc;
}

static int
decrypt(const struct pgp_secret *s, struct pgp_last *last,
    const struct input *in, struct sink to, struct err *err)
{
	cleanup(recipients_reset) struct recipients all;
	struct session_key key = { 0 };
	struct err why = { 0 }; /* err may be NULL, and its kind is needed */
	int rc = recipients_read(in, &all, &why);

	if (rc == 0)
		rc = next_session_key(s, last, &all, &key, &why);
	if (rc == 1)
		rc = is_read_here(&all, &key)
			 ? read_message(s, &key, in, to, &why)
			 : 0;
	explicit_bzero(&key, sizeof key);
	return rc < 0 ? err_set(err, why.kind, "%s", why.text) : rc;
}

int
pgp_secret_decrypt_next(const struct pgp_secret *s, struct pgp_last *last,
    const void *data, size_t n, struct sink to, struct err *err)
{
	const struct input in = { .data = data, .n = n };

	return decrypt(s, last, &in, to, err);
}

int
pgp_secret_decrypt_spool(const struct pgp_secret *s, struct pgp_last *last,
    struct spool *message, struct sink to, struct err *err)
{
	const struct input in = { .spool = message };

	return decrypt(s, last, &in, to, err);
}

int
pgp_secret_decrypt(const struct pgp_secret *s, const void *data, size_t n,
    struct sink to, struct err *err)
{
	cleanup(pgp_last_reset) struct pgp_last last = { .cipher = 0 };

	return pgp_secret_decrypt_next(s, &last, data, n, to, err);
}

/* "9:00FF..." */
static void
put_key_text(
    const struct session_key *key, char text[PGP_SESSION_KEY_TEXT_SIZE])
{
	static const char digits[] = "0123456789ABCDEF";
	int n = snprintf(text, PGP_SESSION_KEY_TEXT_SIZE, "%u:", key->cipher);
	char *at = text + n;

	for (size_t i = 0; i < key->len; i++) {
		*at++ = digits[key->key[i] >> 4];
		*at++ = digits[key->key[i] & 15];
	}
	*at = '\0';
}

static int
rewrap(const struct pgp_secret *s, struct crypt_bytes data,
    struct session_key *key, struct buf *message, struct err *err)
{
	uint8_t fresh[SESSION_KEY_LEN];
	struct err why = { 0 };
	int rc = message_rewrap(s->crypt, (struct aes_key){ key->key, key->len },
	    data, fresh, message, &why);

	key->cipher = CIPHER_AES256_ID;
	key->len = sizeof fresh;
	memcpy(key->key, fresh, sizeof fresh);
	explicit_bzero(fresh, sizeof fresh);
	if (rc == 0)
		return 0;
	buf_reset(message);
	return err_set(err, why.kind == ERR_TEMP ? ERR_TEMP : ERR_PERM, "%s",
	    why.text);
}

static int
session_key_of(const struct pgp_secret *s, const void *data, size_t n,
    struct recipients *all, struct session_key *out, struct err *err)
{
	const struct input in = { .data = data, .n = n };
	struct err why = { 0 };
	int rc = recipients_read(&in, all, &why);

	if (rc == 0)
		rc = find_session_key(s, all, out, &why);
	return rc < 0 ? err_set(err, why.kind, "%s", why.text) : rc;
}

int
pgp_secret_for_gpg(const struct pgp_secret *s, const void *data, size_t n,
    char key[PGP_SESSION_KEY_TEXT_SIZE], struct buf *message, struct err *err)
{
	cleanup(recipients_reset) struct recipients all;
	struct session_key found = { 0 };
	int rc = session_key_of(s, data, n, &all, &found, err);

	if (rc == 1 && is_version_2(&all) &&
	    rewrap(s, (struct crypt_bytes){ data, n }, &found, message, err) <
		0)
		rc = -1;
	if (rc == 1)
		put_key_text(&found, key);
	explicit_bzero(&found, sizeof found);
	return rc;
}
