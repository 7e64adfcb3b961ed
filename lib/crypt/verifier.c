/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "crypt/verifier.h"

#include <string.h>

#include "base/base64.h"
#include "crypt/hash.h"
#include "crypt/kdf.h"

static const char scheme[] = "{SCRAM-SHA-256}";

enum { BASE64_SALT_MAX = 88, BASE64_KEY_LEN = 44 };

/* SaltedPassword, then StoredKey and ServerKey of RFC 5802, section 3. */
static int
derive(const struct crypt *c, struct verifier *v, const char *password,
    size_t password_len, struct err *err)
{
	uint8_t salted[VERIFIER_KEY_LEN];
	uint8_t client[VERIFIER_KEY_LEN];
	int rc = -1;

	const struct crypt_bytes secret = { password, password_len };
	const struct crypt_bytes key = { salted, sizeof salted };

	if (pbkdf2_sha256(c, secret,
		(struct crypt_bytes){ v->salt, v->salt_len }, v->iterations,
		salted, sizeof salted, err) == 0 &&
	    hmac_of(c, HASH_SHA256, key,
		(struct crypt_bytes){ "Client Key", 10 }, client, err) == 0 &&
	    hash_of(
		c, HASH_SHA256, client, sizeof client, v->stored_key, err) == 0)
		rc = hmac_of(c, HASH_SHA256, key,
		    (struct crypt_bytes){ "Server Key", 10 }, v->server_key,
		    err);
	explicit_bzero(salted, sizeof salted);
	explicit_bzero(client, sizeof client);
	return rc;
}

static int
write_text(const struct verifier *v, char out[VERIFIER_SIZE], struct err *err)
{
	char salt[BASE64_SALT_MAX];
	char stored[BASE64_KEY_LEN];
	char server[BASE64_KEY_LEN];
	int salt_len = (int)base64_encode(v->salt, v->salt_len, salt);

	base64_encode(v->stored_key, VERIFIER_KEY_LEN, stored);
	base64_encode(v->server_key, VERIFIER_KEY_LEN, server);

	int n = snprintf(out, VERIFIER_SIZE, "%s%u,%.*s,%.*s,%.*s", scheme,
	    (unsigned)v->iterations, salt_len, salt, BASE64_KEY_LEN, stored,
	    BASE64_KEY_LEN, server);

	if (n < 0 || n >= VERIFIER_SIZE)
		return err_set(err, ERR_TEMP, "cannot write a verifier");
	return 0;
}

int
verifier_make_salted(const struct crypt *c, struct crypt_bytes password,
    const uint8_t salt[VERIFIER_SALT_LEN], uint32_t iterations,
    char out[VERIFIER_SIZE], struct err *err)
{
	struct verifier v = {
		.iterations = iterations,
		.salt_len = VERIFIER_SALT_LEN,
	};

	if (iterations < VERIFIER_ITERATIONS_MIN)
		return err_set(err, ERR_PERM, "less than %d iterations",
		    VERIFIER_ITERATIONS_MIN);
	memcpy(v.salt, salt, VERIFIER_SALT_LEN);
	if (derive(c, &v, password.data, password.len, err) < 0)
		return -1;
	return write_text(&v, out, err);
}

int
verifier_make(const struct crypt *c, const char *password, size_t password_len,
    uint32_t iterations, char out[VERIFIER_SIZE], struct err *err)
{
	uint8_t salt[VERIFIER_SALT_LEN];

	if (crypt_random(c, salt, sizeof salt, err) < 0)
		return -1;
	return verifier_make_salted(c,
	    (struct crypt_bytes){ password, password_len }, salt, iterations,
	    out, err);
}

static int
bad(struct err *err)
{
	return err_set(err, ERR_PERM, "not a SCRAM-SHA-256 verifier");
}

/* Decimal, no sign, no leading zero, ended by a comma. */
static const char *
parse_iterations(const char *s, uint32_t *out)
{
	uint64_t value = 0;

	if (*s < '1' || *s > '9')
		return NULL;
	for (; *s >= '0' && *s <= '9'; s++) {
		value = value * 10 + (uint64_t)(*s - '0');
		if (value > UINT32_MAX)
			return NULL;
	}
	*out = (uint32_t)value;
	return *s == ',' ? s + 1 : NULL;
}

/* The number of octets; 0 when it is not base64 or does not fit. */
static size_t
parse_base64(const char *s, size_t len, uint8_t *out, size_t size)
{
	uint8_t octets[BASE64_SALT_MAX];

	if (len > BASE64_SALT_MAX)
		return 0;

	long n = base64_decode(s, len, octets);

	if (n <= 0 || (size_t)n > size)
		return 0;
	memcpy(out, octets, (size_t)n);
	return (size_t)n;
}

int
verifier_parse(const char *text, struct verifier *out, struct err *err)
{
	struct verifier v = { 0 };

	if (strncmp(text, scheme, sizeof scheme - 1) != 0)
		return bad(err);

	const char *salt =
	    parse_iterations(text + sizeof scheme - 1, &v.iterations);
	const char *stored = salt == NULL ? NULL : strchr(salt, ',');
	const char *server = stored == NULL ? NULL : strchr(stored + 1, ',');

	if (server == NULL || v.iterations < VERIFIER_ITERATIONS_MIN)
		return bad(err);
	v.salt_len =
	    parse_base64(salt, (size_t)(stored - salt), v.salt, sizeof v.salt);
	if (v.salt_len == 0 ||
	    parse_base64(stored + 1, (size_t)(server - stored - 1),
		v.stored_key, sizeof v.stored_key) != VERIFIER_KEY_LEN ||
	    parse_base64(server + 1, strlen(server + 1), v.server_key,
		sizeof v.server_key) != VERIFIER_KEY_LEN)
		return bad(err);
	*out = v;
	return 0;
}

int
verifier_check(const struct crypt *c, const struct verifier *v,
    const char *password, size_t password_len, struct err *err)
{
	struct verifier made = *v;

	if (derive(c, &made, password, password_len, err) < 0)
		return -1;
	return crypt_equal(made.stored_key, v->stored_key, VERIFIER_KEY_LEN);
}
