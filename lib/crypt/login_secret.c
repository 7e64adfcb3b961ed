/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "crypt/login_secret.h"

#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/limits.h"
#include "crypt/kdf.h"

#define SALT_PREFIX "sealpost"

enum { OCTETS = 32, ITERATIONS = 600000 };

static int
stretch(const struct crypt *c, const char *address, struct crypt_bytes password,
    uint8_t out[OCTETS], struct err *err)
{
	char salt[sizeof SALT_PREFIX + LIMIT_ADDRESS];
	int n = snprintf(salt, sizeof salt, SALT_PREFIX "%s", address);

	if (n >= (int)sizeof salt)
		return err_set(err, ERR_PERM, "the address is too long");
	return pbkdf2_sha256(c, password,
	    (struct crypt_bytes){ salt, (size_t)n }, ITERATIONS, out, OCTETS,
	    err);
}

static int
expand(const struct crypt *c, const uint8_t stretched[OCTETS],
    const char *purpose, char out[LOGIN_SECRET_SIZE], struct err *err)
{
	const struct crypt_bytes key = { stretched, OCTETS }, none = { "", 0 };
	uint8_t octets[OCTETS];

	int rc = hkdf_sha256(c, key, none,
	    (struct crypt_bytes){ purpose, strlen(purpose) }, octets,
	    sizeof octets, err);

	if (rc == 0)
		out[base64_encode(octets, sizeof octets, out)] = '\0';
	explicit_bzero(octets, sizeof octets);
	return rc;
}

void
login_secret_wipe(struct login_secret *s)
{
	explicit_bzero(s, sizeof *s);
}

int
login_secret_derive(const struct crypt *c, const char *address,
    struct crypt_bytes password, struct login_secret *out, struct err *err)
{
	uint8_t stretched[OCTETS];
	int rc = stretch(c, address, password, stretched, err) < 0 ||
		expand(c, stretched, "sealpost login v1", out->login, err) <
		    0 ||
		expand(c, stretched, "sealpost vault v1", out->passphrase,
		    err) < 0
	    ? -1
	    : 0;

	explicit_bzero(stretched, sizeof stretched);
	if (rc < 0)
		login_secret_wipe(out);
	return rc;
}
