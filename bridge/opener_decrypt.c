/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* Who decrypts what: our own code with the unlocked key, or GPGME. */
#include <string.h>

#include "base/limits.h"
#include "opener_private.h"
#include "user_private.h"

/* A passphrase may have to be typed, but a client waits. */
enum { GPG_TIMEOUT_MS = 60 * 1000, PIECE = 4096, SPOOL_PIECE = 32768 };

/* ---- where it goes ---- */

static int
put_some(struct opener_target *t, const void *data, size_t n, struct err *err)
{
	if (n > t->most - (t->to->len - t->before))
		return err_set(
		    err, ERR_PERM, "more was encrypted than it says");
	return n == 0 ? 0 : buf_put(t->to, data, n, err);
}

static int
put_rest(struct opener_target *t, struct err *err)
{
	size_t n;
	const uint8_t *rest = header_reader_rest(&t->reader, &n);

	return put_some(t, rest, n, err);
}

static int
put_plaintext(void *ctx, const uint8_t *data, size_t n, struct err *err)
{
	struct opener_target *t = ctx;
	size_t used = 0;

	if (t->body_only && !t->reader.done) {
		if (header_reader_feed(&t->reader, data, n, &used, err) < 0)
			return -1;
		if (!t->reader.done)
			return 0;
		if (put_rest(t, err) < 0)
			return -1;
	}
	return put_some(t, data + used, n - used, err);
}

static int
target_finish(struct opener_target *t, struct err *err)
{
	if (!t->body_only || t->reader.done)
		return 0;
	return header_reader_finish(&t->reader, err) < 0 ? -1
							 : put_rest(t, err);
}

/* The header alone: what is in `to` stays. */
static void
target_reset(struct opener_target *t)
{
	for (size_t i = 0; i < t->dropped.count; i++)
		explicit_bzero(t->dropped.fields[i].raw,
		    t->dropped.fields[i].raw_len);
	header_reader_reset(&t->reader);
	header_reset(&t->dropped);
}

static void
target_begin(struct opener_target *t)
{
	target_reset(t);
	header_reader_init(&t->reader, &t->dropped);
	t->reader.pending.secret = true;
}

/* Forgets what came out before it was proven, and is as it was before. */
static void
take_back(struct opener_target *t)
{
	if (t->to->len > t->before)
		explicit_bzero(
		    t->to->data + t->before, t->to->len - t->before);
	t->to->len = t->before;
	target_begin(t);
}

static struct sink
target_sink(struct opener_target *t)
{
	return (struct sink){ .put = put_plaintext, .ctx = t };
}

/* ---- by GPGME ---- */

/* In memory, which is all that GPGME's side of it takes. */
static int
load(const struct opener_cipher *in, struct buf *held,
    struct opener_cipher *out, struct err *err)
{
	const struct sink to = sink_to_buf(held);

	*out = *in;
	if (in->spool == NULL)
		return 0;
	held->limit = (size_t)spool_size(in->spool);
	if (buf_reserve(held, held->limit, err) < 0 ||
	    spool_replay(in->spool, SPOOL_PIECE, &to, err) < 0)
		return -1;
	*out = (struct opener_cipher){ .data = held->data, .n = held->len };
	return 0;
}

static int
decrypt_with_gpg(struct user *u, const char *session_key, const void *data,
    size_t n, struct buf *out, struct pgp_signature *signature,
    struct err *err)
{
	const struct pgp_decryption how = { .gnupg_home = user_gnupg_home(u),
		.session_key = session_key,
		.timeout_ms = GPG_TIMEOUT_MS };
	struct pgp_signature dropped;

	/* at once, unless it is compressed */
	if (buf_reserve(out, n < out->limit ? n : out->limit, err) < 0)
		return -1;
	return pgp_decrypt_more(&how, data, n, out,
	    signature == NULL ? &dropped : signature, err);
}

/*
 * Not for the unlocked key. The keyring is asked when it is the source of keys,
 * or when the configuration names one.
 */
static int
decrypt_with_keyring(struct user *u, const struct opener_cipher *in,
    struct buf *out, struct pgp_signature *signature, struct err *err)
{
	if (u->secret != NULL && user_gnupg_home(u) == NULL)
		return err_set(err, ERR_PERM,
		    "the message is not for the key of %s",
		    u->account->address);
	return decrypt_with_gpg(u, NULL, in->data, in->n, out, signature, err);
}

/* What the unlocked key decrypts, but our code does not read. */
static int
decrypt_left_over(struct user *u, const struct opener_cipher *in,
    struct buf *out, struct pgp_signature *signature, struct err *err)
{
	cleanup(buf_reset) struct buf other = { .limit = 2 * in->n + PIECE };
	char key[PGP_SESSION_KEY_TEXT_SIZE];
	int rc =
	    pgp_secret_for_gpg(u->secret, in->data, in->n, key, &other, err);

	if (rc == 0)
		return decrypt_with_keyring(u, in, out, signature, err);
	if (rc == 1)
		rc = decrypt_with_gpg(u, key,
		    other.len > 0 ? other.data : in->data,
		    other.len > 0 ? other.len : in->n, out, signature, err);
	explicit_bzero(key, sizeof key);
	return rc;
}

static int
decrypt_elsewhere(struct user *u, const struct opener_cipher *in,
    struct opener_target *to, struct pgp_signature *signature, struct err *err)
{
	cleanup(buf_reset) struct buf held = { .limit = 0 };
	cleanup(buf_reset) struct buf out = { .secret = true };
	const struct sink sink = target_sink(to);
	struct opener_cipher all;

	out.limit =
	    to->to->limit - to->to->len + (to->body_only ? LIMIT_HEADER : 0);
	if (load(in, &held, &all, err) < 0)
		return -1;

	int rc = u->secret == NULL
		     ? decrypt_with_keyring(u, &all, &out, signature, err)
		     : decrypt_left_over(u, &all, &out, signature, err);

	buf_reset(&held);
	return rc < 0 ? -1 : sink_put(&sink, out.data, out.len, err);
}

/* ---- in this process ---- */

/* 1; 0 it is for GPGME, -1: nothing has come out then. */
static int
decrypt_here(struct opening *o, const struct opener_cipher *in,
    struct opener_target *to, struct err *err)
{
	const struct pgp_secret *s = o->user->secret;
	const struct sink sink = target_sink(to);
	int rc = in->spool != NULL
		     ? pgp_secret_decrypt_spool(
			   s, &o->last, in->spool, sink, err)
		     : pgp_secret_decrypt_next(
			   s, &o->last, in->data, in->n, sink, err);

	if (rc != 1)
		take_back(to);
	return rc;
}

static int
decrypt_somewhere(struct opening *o, const struct opener_cipher *in,
    struct opener_target *to, struct pgp_signature *signature, struct err *err)
{
	struct user *u = o->user;
	struct err why = { 0 };

	if (u->secret == NULL)
		return decrypt_elsewhere(u, in, to, signature, err);

	int rc = decrypt_here(o, in, to, &why);

	/* libraries do not always say when memory was short */
	if (rc < 0 && why.kind != ERR_TEMP) {
		pgp_last_reset(&o->last);
		rc = decrypt_here(o, in, to, &why);
	}
	if (rc < 0)
		return err_set(err, why.kind, "%s", why.text);
	return rc == 1 ? 0 : decrypt_elsewhere(u, in, to, signature, err);
}

int
opener_decrypt(struct opening *o, const struct opener_cipher *in,
    struct opener_target *to, struct pgp_signature *signature, struct err *err)
{
	if (signature != NULL)
		*signature = (struct pgp_signature){ .verdict = PGP_UNSIGNED };
	to->before = to->to->len;
	target_begin(to);

	int rc = decrypt_somewhere(o, in, to, signature, err);

	if (rc == 0)
		rc = target_finish(to, err);
	if (rc < 0)
		take_back(to);
	target_reset(to);
	return rc;
}
