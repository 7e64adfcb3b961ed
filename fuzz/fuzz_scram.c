/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * The SASL mechanisms: messages that are parted by 0x1e, with a verifier that
 * nobody knows a password for. None is accepted, names and passwords are clean.
 */

#include <string.h>

#include "base/limits.h"
#include "base/utf8.h"
#include "fuzz.h"
#include "proto/sasl.h"

enum { PART = 0x1e };

static void
check_user(const struct sasl *s)
{
	const char *user = sasl_user(s);
	size_t len = strlen(user);

	CHECK(len > 0 && len <= LIMIT_ADDRESS);
	for (size_t i = 0, n; i < len; i += n) {
		n = utf8_character(user + i, len - i);
		CHECK(n > 0 && (uint8_t)user[i] >= 0x20);
	}
}

static void
check_password(const struct sasl *s)
{
	size_t len;
	const char *password = sasl_password(s, &len);

	CHECK(len > 0 && len <= LIMIT_PASSWORD);
	CHECK(memchr(password, '\0', len) == NULL);
}

/* Whether it goes on. */
static bool
follow(struct sasl *s, enum sasl_step step)
{
	static const struct verifier v = { .iterations = 4096,
		.salt_len = 16, .stored_key = { 1 }, .server_key = { 2 } };

	if (step == SASL_VERIFIER) {
		check_user(s);
		CHECK(sasl_give_verifier(s, &v, true, &step, NULL) == 0);
		CHECK(step == SASL_CHALLENGE);
	}
	if (step == SASL_PASSWORD) {
		check_user(s);
		check_password(s);
	}
	CHECK(step != SASL_ACCEPTED);
	return step == SASL_CHALLENGE;
}

static void
play(const struct crypt *c, const char *mechanism, const uint8_t *data,
    size_t size)
{
	cleanup(sasl_free) struct sasl *s = NULL;
	bool on = true;

	CHECK(sasl_new(c, sasl_find(mechanism), "nonce", &s, NULL) == 0);
	while (on) {
		const uint8_t *end = size ? memchr(data, PART, size) : NULL;
		size_t n = end == NULL ? size : (size_t)(end - data);
		enum sasl_step step;

		CHECK(sasl_answer(s, data, n, &step, NULL) == 0);
		on = follow(s, step) && end != NULL;
		if (end != NULL) {
			data += n + 1;
			size -= n + 1;
		}
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const mechanisms[] = { "PLAIN", "LOGIN",
		"SCRAM-SHA-256" };
	cleanup(crypt_close) struct crypt *c = NULL;

	CHECK(crypt_open(&c, NULL) == 0);
	for (size_t i = 0; i < countof(mechanisms); i++)
		play(c, mechanisms[i], data, size);
	return 0;
}
