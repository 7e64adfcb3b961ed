/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * SCRAM-SHA-256 (RFC 5802, RFC 7677). Without channel binding, which cannot
 * reach us through Postfix: "p=" is refused, "y" is what a client says that
 * would have liked it.
 */

#include <string.h>

#include "base/base64.h"
#include "crypt/hash.h"
#include "proto/sasl_private.h"

enum { AWAIT_FIRST, AWAIT_VERIFIER, AWAIT_FINAL, AWAIT_EMPTY };

enum { KEY_LEN = VERIFIER_KEY_LEN, KEY_TEXT = 44 };

/* What is left of a message that is being read. */
struct text {
	const uint8_t *at;
	size_t len;
};

/* The text up to the next comma, or to the end; the comma is eaten. */
static struct text
next_part(struct text *t)
{
	const uint8_t *comma = t->len == 0 ? NULL : memchr(t->at, ',', t->len);
	struct text part = { t->at,
		comma == NULL ? t->len : (size_t)(comma - t->at) };
	size_t eaten = part.len + (comma != NULL);

	if (eaten > 0)
		t->at += eaten;
	t->len -= eaten;
	return part;
}

/* Is it "x=value"? *value is set then. */
static bool
is_attribute(struct text part, char name, struct text *value)
{
	if (part.len < 2 || part.at[0] != (uint8_t)name ||
	    part.at[1] != '=')
		return false;
	*value = (struct text){ part.at + 2, part.len - 2 };
	return true;
}

/* A saslname: =2C is a comma, =3D an equals sign. 0 when it is none. */
static int
decode_name(struct text t, char out[LIMIT_ADDRESS], size_t *len)
{
	*len = 0;
	for (size_t i = 0; i < t.len; i++) {
		char c = (char)t.at[i];

		if (c == '=') {
			if (t.len - i < 3 || (memcmp(t.at + i, "=2C", 3) != 0 &&
			                         memcmp(t.at + i, "=3D", 3) != 0))
				return 0;
			c = t.at[i + 1] == '2' ? ',' : '=';
			i += 2;
		}
		if (*len == LIMIT_ADDRESS)
			return 0;
		out[(*len)++] = c;
	}
	return 1;
}

static bool
is_nonce(struct text t)
{
	for (size_t i = 0; i < t.len; i++)
		if (t.at[i] < 0x21 || t.at[i] > 0x7e)
			return false;
	return t.len > 0 && t.len <= LIMIT_SASL_NONCE;
}

/* "n,," or "y,a=name,": 1 and the name it acts for, 0 it is no such thing. */
static int
read_gs2(struct text *t, char authzid[LIMIT_ADDRESS], size_t *authzid_len)
{
	struct text flag = next_part(t);
	struct text acts_for, name;

	*authzid_len = 0;
	if (flag.len != 1 || (flag.at[0] != 'n' && flag.at[0] != 'y') ||
	    t->len == 0)
		return 0;
	acts_for = next_part(t);
	if (acts_for.len == 0)
		return 1;
	return is_attribute(acts_for, 'a', &name) &&
	    decode_name(name, authzid, authzid_len);
}

/* The client's first message: 1 it is in order, 0 not. */
static int
read_first(struct sasl *s, struct text whole, struct text *bare,
    struct text *nonce)
{
	char authzid[LIMIT_ADDRESS], user[LIMIT_ADDRESS];
	size_t authzid_len, user_len;
	struct text name;

	*bare = whole;
	if (whole.len == 0 || !read_gs2(bare, authzid, &authzid_len))
		return 0;

	struct text rest = *bare;

	if (!is_attribute(next_part(&rest), 'n', &name) ||
	    !is_attribute(next_part(&rest), 'r', nonce) || !is_nonce(*nonce) ||
	    !decode_name(name, user, &user_len) ||
	    sasl_take_user(s, user, user_len) == 0)
		return 0;
	return authzid_len == 0 ||
	    (authzid_len == user_len && memcmp(authzid, user, user_len) == 0);
}

static int
take_first(struct sasl *s, struct text whole, enum sasl_step *next,
    struct err *err)
{
	struct text bare, nonce;

	if (!read_first(s, whole, &bare, &nonce))
		return 0;
	if (buf_put(&s->gs2, whole.at, whole.len - bare.len, err) < 0 ||
	    buf_put(&s->said, bare.at, bare.len, err) < 0 ||
	    buf_put(&s->nonce, nonce.at, nonce.len, err) < 0 ||
	    buf_puts(&s->nonce, s->own_nonce, err) < 0)
		return -1;
	s->state = AWAIT_VERIFIER;
	*next = SASL_VERIFIER;
	return 0;
}

static int
put_base64(struct buf *b, const void *data, size_t n, struct err *err)
{
	if (buf_reserve(b, base64_size(n), err) < 0)
		return -1;
	b->len += base64_encode(data, n, (char *)b->data + b->len);
	return 0;
}

static int
give_verifier(struct sasl *s, enum sasl_step *next, struct err *err)
{
	struct buf *out = &s->challenge;

	if (s->state != AWAIT_VERIFIER)
		return 0;
	if (buf_puts(out, "r=", err) < 0 ||
	    buf_put(out, s->nonce.data, s->nonce.len, err) < 0 ||
	    buf_puts(out, ",s=", err) < 0 ||
	    put_base64(out, s->verifier.salt, s->verifier.salt_len, err) < 0 ||
	    buf_putf(out, err, ",i=%u", (unsigned)s->verifier.iterations) < 0)
		return -1;
	if (buf_putc(&s->said, ',', err) < 0 ||
	    buf_put(&s->said, out->data, out->len, err) < 0 ||
	    buf_putc(&s->said, ',', err) < 0)
		return -1;
	s->state = AWAIT_FINAL;
	*next = SASL_CHALLENGE;
	return 0;
}

static bool
is_same(struct text t, const struct buf *b)
{
	return t.len == b->len && (t.len == 0 || !memcmp(t.at, b->data, t.len));
}

/* The channel binding is the header again, in base64. */
static int
is_own_gs2(struct sasl *s, struct text t, struct err *err)
{
	cleanup(buf_reset) struct buf b = { .limit = LIMIT_AUTH_LINE };

	if (put_base64(&b, s->gs2.data, s->gs2.len, err) < 0)
		return -1;
	return is_same(t, &b);
}

/*
 * The client's final message: 1 and its proof, 0 it is not in order, -1. Its
 * text before ",p=" completes s->said.
 */
static int
read_final(struct sasl *s, struct text whole, uint8_t proof[KEY_LEN],
    struct err *err)
{
	struct text rest = whole, binding, nonce, p, part;
	uint8_t octets[KEY_TEXT];

	if (!is_attribute(next_part(&rest), 'c', &binding) ||
	    !is_attribute(next_part(&rest), 'r', &nonce) ||
	    !is_same(nonce, &s->nonce))
		return 0;
	do
		part = next_part(&rest); /* extensions are passed over */
	while (rest.len > 0);
	if (!is_attribute(part, 'p', &p) || p.len != KEY_TEXT ||
	    base64_decode((const char *)p.at, p.len, octets) != KEY_LEN)
		return 0;
	memcpy(proof, octets, KEY_LEN);
	if (buf_put(&s->said, whole.at,
	        (size_t)(part.at - whole.at) - 1, err) < 0)
		return -1;
	return is_own_gs2(s, binding, err);
}

/* 1 the proof was made with the password, 0 it was not. */
static int
check_proof(struct sasl *s, const uint8_t proof[KEY_LEN], struct err *err)
{
	uint8_t key[KEY_LEN], stored[KEY_LEN];

	if (hmac_of(s->crypt, HASH_SHA256,
	        (struct crypt_bytes) { s->verifier.stored_key, KEY_LEN },
	        (struct crypt_bytes) { s->said.data, s->said.len }, key,
	        err) < 0)
		return -1;
	for (size_t i = 0; i < KEY_LEN; i++)
		key[i] ^= proof[i];

	int rc = hash_of(s->crypt, HASH_SHA256, key, KEY_LEN, stored, err);

	explicit_bzero(key, sizeof key);
	if (rc < 0)
		return -1;
	return crypt_equal(stored, s->verifier.stored_key, KEY_LEN);
}

static int
put_signature(struct sasl *s, struct err *err)
{
	uint8_t signature[KEY_LEN];

	if (hmac_of(s->crypt, HASH_SHA256,
	        (struct crypt_bytes) { s->verifier.server_key, KEY_LEN },
	        (struct crypt_bytes) { s->said.data, s->said.len }, signature,
	        err) < 0 ||
	    buf_puts(&s->challenge, "v=", err) < 0)
		return -1;
	return put_base64(&s->challenge, signature, KEY_LEN, err);
}

static int
take_final(struct sasl *s, struct text whole, enum sasl_step *next,
    struct err *err)
{
	uint8_t proof[KEY_LEN] = { 0 };
	int rc = read_final(s, whole, proof, err);

	if (rc <= 0)
		return rc;

	int right = check_proof(s, proof, err);

	if (right < 0 || put_signature(s, err) < 0)
		return -1;
	if (right == 0 || !s->allowed) {
		buf_clear(&s->challenge);
		*next = SASL_REFUSED;
		return 0;
	}
	s->state = AWAIT_EMPTY;
	*next = SASL_CHALLENGE;
	return 0;
}

static int
answer(struct sasl *s, const uint8_t *in, size_t n, enum sasl_step *next,
    struct err *err)
{
	struct text whole = { in, n };

	*next = SASL_MALFORMED;
	switch (s->state) {
	case AWAIT_FIRST:
		return take_first(s, whole, next, err);
	case AWAIT_FINAL:
		return take_final(s, whole, next, err);
	case AWAIT_EMPTY:
		if (n == 0)
			*next = SASL_ACCEPTED;
		return 0;
	default:
		return 0;
	}
}

const struct sasl_mechanism sasl_scram_sha_256 = {
	.name = "SCRAM-SHA-256",
	.properties = "mutual-auth",
	.first_challenge = "",
	.answer = answer,
	.give_verifier = give_verifier,
};
