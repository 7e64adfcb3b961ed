/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * LOGIN, which no standard describes: the server asks for the name, then for
 * the password. A client may say its name unasked.
 */

#include "proto/sasl_private.h"

enum { AWAIT_NAME, AWAIT_PASSWORD };

static int
answer(struct sasl *s, const uint8_t *in, size_t n, enum sasl_step *next,
    struct err *err)
{
	*next = SASL_MALFORMED;
	if (s->state == AWAIT_NAME) {
		if (sasl_take_user(s, in, n) == 0)
			return 0;
		s->state = AWAIT_PASSWORD;
		*next = SASL_CHALLENGE;
		return buf_puts(&s->challenge, "Password:", err);
	}

	int rc = sasl_take_password(s, in, n, err);

	if (rc == 1)
		*next = SASL_PASSWORD;
	return rc < 0 ? -1 : 0;
}

const struct sasl_mechanism sasl_login = {
	.name = "LOGIN",
	.properties = "plaintext",
	.plaintext = true,
	.first_challenge = "Username:",
	.answer = answer,
};
