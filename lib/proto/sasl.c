/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* The table of mechanisms, and what they have in common. */

#include "proto/sasl.h"

#include <string.h>

#include "base/utf8.h"
#include "proto/sasl_private.h"

static const struct sasl_mechanism *const mechanisms[] = {
	&sasl_plain,
	&sasl_login,
	&sasl_scram_sha_256,
};

const struct sasl_mechanism *
sasl_find(const char *name)
{
	for (size_t i = 0; i < countof(mechanisms); i++)
		if (strcmp(mechanisms[i]->name, name) == 0)
			return mechanisms[i];
	return NULL;
}

const char *
sasl_name(const struct sasl_mechanism *m)
{
	return m->name;
}

const char *
sasl_properties(const struct sasl_mechanism *m)
{
	return m->properties;
}

bool
sasl_is_plaintext(const struct sasl_mechanism *m)
{
	return m->plaintext;
}

int
sasl_new(const struct crypt *crypt, const struct sasl_mechanism *m,
    const char *nonce, struct sasl **out, struct err *err)
{
	const struct buf secret = { .limit = LIMIT_AUTH_LINE, .secret = true };

	if (strlen(nonce) > LIMIT_SASL_NONCE)
		return err_set(err, ERR_PERM, "the nonce is too long");

	struct sasl *s = calloc(1, sizeof *s);

	if (s == NULL)
		return err_nomem(err);
	s->mechanism = m;
	s->crypt = crypt;
	s->challenge = secret;
	s->password = secret;
	s->gs2 = secret;
	s->nonce = secret;
	s->said = secret;
	memcpy(s->own_nonce, nonce, strlen(nonce) + 1);
	*out = s;
	return 0;
}

void
sasl_free(struct sasl **sp)
{
	struct sasl *s = steal(sp);

	if (s == NULL)
		return;
	buf_reset(&s->challenge);
	buf_reset(&s->password);
	buf_reset(&s->gs2);
	buf_reset(&s->nonce);
	buf_reset(&s->said);
	explicit_bzero(s, sizeof *s);
	free(s);
}

/* Nothing comes after the end. */
static int
settle(struct sasl *s, int rc, enum sasl_step next)
{
	s->ended = rc < 0 || (next != SASL_CHALLENGE && next != SASL_VERIFIER);
	return rc;
}

int
sasl_begin(struct sasl *s, enum sasl_step *next, struct err *err)
{
	*next = SASL_CHALLENGE;
	return settle(s,
	    buf_puts(&s->challenge, s->mechanism->first_challenge, err),
	    *next);
}

int
sasl_answer(struct sasl *s, const uint8_t *in, size_t n,
    enum sasl_step *next, struct err *err)
{
	*next = SASL_MALFORMED;
	if (s->ended)
		return 0;
	buf_clear(&s->challenge);

	int rc = s->mechanism->answer(s, in, n, next, err);

	return settle(s, rc, *next);
}

int
sasl_give_verifier(struct sasl *s, const struct verifier *v, bool allowed,
    enum sasl_step *next, struct err *err)
{
	*next = SASL_MALFORMED;
	if (s->ended || s->mechanism->give_verifier == NULL)
		return 0;
	s->verifier = *v;
	s->allowed = allowed;

	int rc = s->mechanism->give_verifier(s, next, err);

	return settle(s, rc, *next);
}

const char *
sasl_user(const struct sasl *s)
{
	return s->user;
}

const uint8_t *
sasl_challenge(const struct sasl *s, size_t *len)
{
	*len = s->challenge.len;
	return s->challenge.data;
}

const char *
sasl_password(const struct sasl *s, size_t *len)
{
	*len = s->password.len;
	return (const char *)s->password.data;
}

static bool
is_clean_text(const uint8_t *s, size_t n)
{
	for (size_t i = 0, step; i < n; i += step) {
		step = utf8_character(s + i, n - i);
		if (step == 0 || s[i] < 0x20 || s[i] == 0x7f)
			return false;
	}
	return true;
}

int
sasl_take_user(struct sasl *s, const void *name, size_t n)
{
	if (n == 0 || n > LIMIT_ADDRESS || !is_clean_text(name, n))
		return 0;
	memcpy(s->user, name, n);
	s->user[n] = '\0';
	return 1;
}

int
sasl_take_password(struct sasl *s, const void *password, size_t n,
    struct err *err)
{
	if (n == 0 || n > LIMIT_PASSWORD || memchr(password, '\0', n) != NULL)
		return 0;
	return buf_put(&s->password, password, n, err) < 0 ? -1 : 1;
}
