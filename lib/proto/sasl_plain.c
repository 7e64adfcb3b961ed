/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* PLAIN (RFC 4616): authorization name, name, password, with NULs between. */

#include <string.h>

#include "proto/sasl_private.h"

/* Nobody acts for another: an authorization name must be one's own. */
static bool
is_own_name(const uint8_t *authzid, size_t n, const uint8_t *name,
    size_t name_len)
{
	return n == 0 || (n == name_len && memcmp(authzid, name, n) == 0);
}

static int
answer(struct sasl *s, const uint8_t *in, size_t n, enum sasl_step *next,
    struct err *err)
{
	const uint8_t *name = n == 0 ? NULL : memchr(in, '\0', n);

	*next = SASL_MALFORMED;
	if (name == NULL)
		return 0;
	name++;

	const uint8_t *end = in + n;
	const uint8_t *password = memchr(name, '\0', (size_t)(end - name));

	if (password == NULL)
		return 0;

	size_t name_len = (size_t)(password - name);

	password++;
	if (!is_own_name(in, (size_t)(name - in) - 1, name, name_len) ||
	    sasl_take_user(s, name, name_len) == 0)
		return 0;

	int rc = sasl_take_password(s, password, (size_t)(end - password),
	    err);

	if (rc == 1)
		*next = SASL_PASSWORD;
	return rc < 0 ? -1 : 0;
}

const struct sasl_mechanism sasl_plain = {
	.name = "PLAIN",
	.properties = "plaintext",
	.plaintext = true,
	.first_challenge = "",
	.answer = answer,
};
