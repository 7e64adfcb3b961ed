/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "proto/sasl_client.h"

#include <string.h>

#include "base/base64.h"
#include "base/limits.h"
#include "crypt/hash.h"
#include "crypt/kdf.h"

enum { KEY_LEN = 32, SALT_MAX = 256, GS2_LEN = 3 };
enum { AWAIT_FIRST, TOOK_FIRST, AWAIT_FINAL, OVER };

struct scram_client {
	struct scram_setup setup;
	unsigned state;
	struct buf first; /* with its GS2 header "n,," */
	struct buf said;  /* AuthMessage */
	struct buf nonce; /* ours and the server's */
	uint8_t salt[SALT_MAX];
	size_t salt_len;
	uint32_t iterations;
	uint8_t signature[KEY_LEN]; /* what the server must prove */
};

int
sasl_client_plain(const char *user, struct crypt_bytes password,
    struct buf *out, struct err *err)
{
	if (password.len > 0 &&
	    memchr(password.data, '\0', password.len) != NULL)
		return err_set(err, ERR_PERM, "the password holds a NUL");
	if (buf_putc(out, '\0', err) < 0 || buf_puts(out, user, err) < 0 ||
	    buf_putc(out, '\0', err) < 0)
		return -1;
	return buf_put(out, password.data, password.len, err);
}

void
scram_client_free(struct scram_client **sp)
{
	struct scram_client *s = steal(sp);

	if (s == NULL)
		return;
	buf_reset(&s->first);
	buf_reset(&s->said);
	buf_reset(&s->nonce);
	explicit_bzero(s, sizeof *s);
	free(s);
}

/* A saslname: comma and equals sign are escaped. */
static int
put_name(struct buf *b, const char *name, struct err *err)
{
	for (; *name != '\0'; name++) {
		int rc = *name == ','  ? buf_puts(b, "=2C", err)
		    : *name == '=' ? buf_puts(b, "=3D", err)
				   : buf_putc(b, (uint8_t)*name, err);

		if (rc < 0)
			return -1;
	}
	return 0;
}

int
scram_client_new(const struct scram_setup *setup, struct scram_client **out,
    struct err *err)
{
	cleanup(scram_client_free) struct scram_client *s =
	    calloc(1, sizeof *s);

	if (s == NULL)
		return err_nomem(err);
	s->setup = *setup;
	s->first.limit = s->nonce.limit = LIMIT_AUTH_LINE;
	s->said = (struct buf){ .limit = 4 * LIMIT_AUTH_LINE };
	if (buf_puts(&s->first, "n,,n=", err) < 0 ||
	    put_name(&s->first, setup->user, err) < 0 ||
	    buf_puts(&s->first, ",r=", err) < 0 ||
	    buf_puts(&s->first, setup->nonce, err) < 0 ||
	    buf_put(&s->said, s->first.data + GS2_LEN, s->first.len - GS2_LEN,
	        err) < 0)
		return -1;
	*out = steal(&s);
	return 0;
}

const uint8_t *
scram_client_first(const struct scram_client *s, size_t *len)
{
	*len = s->first.len;
	return s->first.data;
}

/* ---- the server's messages ---- */

struct text {
	const uint8_t *at;
	size_t len;
};

/* Takes "x=value" up to a comma or the end. */
static bool
take_attribute(struct text *t, char name, struct text *value)
{
	const uint8_t *comma = t->len == 0 ? NULL : memchr(t->at, ',', t->len);
	size_t len = comma == NULL ? t->len : (size_t)(comma - t->at);

	if (len < 2 || t->at[0] != (uint8_t)name || t->at[1] != '=')
		return false;
	*value = (struct text){ t->at + 2, len - 2 };
	len += comma != NULL;
	t->at += len;
	t->len -= len;
	return true;
}

static bool
is_nonce(const struct scram_client *s, struct text t)
{
	size_t own = strlen(s->setup.nonce);

	if (t.len <= own || t.len > own + LIMIT_SASL_NONCE ||
	    memcmp(t.at, s->setup.nonce, own) != 0)
		return false;
	for (size_t i = 0; i < t.len; i++)
		if (t.at[i] < 0x21 || t.at[i] > 0x7e)
			return false;
	return true;
}

static bool
read_iterations(struct text t, uint32_t *out)
{
	uint64_t n = 0;

	if (t.len == 0 || t.len > 10 || t.at[0] == '0')
		return false;
	for (size_t i = 0; i < t.len; i++) {
		if (t.at[i] < '0' || t.at[i] > '9')
			return false;
		n = n * 10 + (uint64_t)(t.at[i] - '0');
	}
	*out = (uint32_t)n;
	return n <= UINT32_MAX;
}

static bool
read_salt(struct scram_client *s, struct text t)
{
	long n;

	if (t.len == 0 || t.len > SALT_MAX)
		return false;
	n = base64_decode((const char *)t.at, t.len, s->salt);
	s->salt_len = n > 0 ? (size_t)n : 0;
	return n > 0;
}

static int
check_iterations(const struct scram_client *s, struct err *err)
{
	if (s->iterations < s->setup.min_iterations)
		return err_set(err, ERR_PERM,
		    "the server asks for only %u rounds of SCRAM, at least %u "
		    "are needed: it, or somebody between, could guess the "
		    "password",
		    s->iterations, s->setup.min_iterations);
	if (s->iterations > s->setup.max_iterations)
		return err_set(err, ERR_PERM,
		    "the server asks for %u rounds of SCRAM, more than %u",
		    s->iterations, s->setup.max_iterations);
	return 0;
}

int
scram_client_take_first(struct scram_client *s, const uint8_t *in, size_t n,
    struct crypt_bytes *salt, uint32_t *iterations, struct err *err)
{
	struct text rest = { in, n }, nonce, salt_text, count;

	if (s->state != AWAIT_FIRST || n > LIMIT_AUTH_LINE ||
	    !take_attribute(&rest, 'r', &nonce) || !is_nonce(s, nonce) ||
	    !take_attribute(&rest, 's', &salt_text) ||
	    !read_salt(s, salt_text) || !take_attribute(&rest, 'i', &count) ||
	    !read_iterations(count, &s->iterations))
		return err_set(err, ERR_PROTO,
		    "the server's first message of SCRAM is malformed");
	if (check_iterations(s, err) < 0 ||
	    buf_put(&s->nonce, nonce.at, nonce.len, err) < 0 ||
	    buf_putc(&s->said, ',', err) < 0 ||
	    buf_put(&s->said, in, n, err) < 0 ||
	    buf_putc(&s->said, ',', err) < 0)
		return -1;
	*salt = (struct crypt_bytes){ s->salt, s->salt_len };
	*iterations = s->iterations;
	s->state = TOOK_FIRST;
	return 0;
}

/* ---- the proof ---- */

struct keys {
	uint8_t salted[KEY_LEN], client[KEY_LEN], stored[KEY_LEN],
	    server[KEY_LEN], proof[KEY_LEN];
};

static void
wipe_keys(struct keys *k)
{
	explicit_bzero(k, sizeof *k);
}

static int
hmac(const struct scram_client *s, const uint8_t key[KEY_LEN],
    struct crypt_bytes data, uint8_t out[KEY_LEN], struct err *err)
{
	return hmac_of(s->setup.crypt, HASH_SHA256,
	    (struct crypt_bytes){ key, KEY_LEN }, data, out, err);
}

/* RFC 5802, section 3. */
static int
compute(struct scram_client *s, struct keys *k, struct err *err)
{
	const struct crypt *c = s->setup.crypt;
	const struct crypt_bytes said = { s->said.data, s->said.len };

	if (pbkdf2_sha256(c, s->setup.password,
	        (struct crypt_bytes){ s->salt, s->salt_len }, s->iterations,
	        k->salted, KEY_LEN, err) < 0 ||
	    hmac(s, k->salted, (struct crypt_bytes){ "Client Key", 10 },
	        k->client, err) < 0 ||
	    hash_of(c, HASH_SHA256, k->client, KEY_LEN, k->stored, err) < 0 ||
	    hmac(s, k->salted, (struct crypt_bytes){ "Server Key", 10 },
	        k->server, err) < 0 ||
	    hmac(s, k->stored, said, k->proof, err) < 0 ||
	    hmac(s, k->server, said, s->signature, err) < 0)
		return -1;
	for (size_t i = 0; i < KEY_LEN; i++)
		k->proof[i] ^= k->client[i];
	return 0;
}

int
scram_client_final(struct scram_client *s, struct buf *out, struct err *err)
{
	cleanup(wipe_keys) struct keys k;
	char proof[(KEY_LEN + 2) / 3 * 4];

	if (s->state != TOOK_FIRST)
		return err_set(err, ERR_PROTO, "SCRAM is out of order");
	buf_clear(out);
	/* biws is the GS2 header "n,," in base64 */
	if (buf_puts(out, "c=biws,r=", err) < 0 ||
	    buf_put(out, s->nonce.data, s->nonce.len, err) < 0 ||
	    buf_put(&s->said, out->data, out->len, err) < 0 ||
	    compute(s, &k, err) < 0 || buf_puts(out, ",p=", err) < 0)
		return -1;
	(void)base64_encode(k.proof, KEY_LEN, proof);
	s->state = AWAIT_FINAL;
	return buf_put(out, proof, sizeof proof, err);
}

int
scram_client_verify(
    struct scram_client *s, const uint8_t *in, size_t n, struct err *err)
{
	struct text rest = { in, n }, value;
	uint8_t octets[(KEY_LEN + 2) / 3 * 4];

	if (s->state != AWAIT_FINAL)
		return err_set(err, ERR_PROTO, "SCRAM is out of order");
	s->state = OVER;
	if (take_attribute(&rest, 'e', &value))
		return 0;
	if (!take_attribute(&rest, 'v', &value) || value.len != sizeof octets ||
	    base64_decode((const char *)value.at, value.len, octets) != KEY_LEN)
		return err_set(err, ERR_PROTO,
		    "the server's final message of SCRAM is malformed");
	if (!crypt_equal(octets, s->signature, KEY_LEN))
		return err_set(err, ERR_PERM,
		    "the server could not prove that it knows this account: "
		    "it may not be the server it should be");
	return 1;
}
