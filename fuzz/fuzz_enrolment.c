/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * What comes from a user's machine: an enrolment file, then its certificate and
 * its vault; or, with a NUL between, a certificate and a vault alone.
 */
#include <string.h>

#include "base/limits.h"
#include "fuzz.h"
#include "openpgp/vault.h"
#include "store/enrolment.h"

static void
check_vault(const char *certificate, const char *vault, size_t n)
{
	const struct pgp_cert cert = {
		.data = (uint8_t *)(uintptr_t)certificate,
		.data_len = strlen(certificate),
	};
	struct err err = { 0 };

	if (pgp_vault_check(&cert, vault, n, &err) < 0)
		CHECK(err.kind == ERR_PERM && err.text[0] != '\0');
	else
		CHECK(memmem(vault, n, "PRIVATE", 7) != NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup(enrolment_free) struct enrolment *e = NULL;
	const char *text = (const char *)data;
	const char *nul = size == 0 ? NULL : memchr(text, '\0', size);
	struct err err = { 0 };

	if (nul != NULL)
		check_vault(text, nul + 1, size - (size_t)(nul + 1 - text));
	if (enrolment_parse(text, size, &e, &err) < 0) {
		CHECK(e == NULL);
		CHECK(err.kind == ERR_PERM && err.text[0] != '\0');
		return 0;
	}
	CHECK(strcmp(e->format, ENROLMENT_FORMAT) == 0);
	CHECK(strlen(e->address) <= LIMIT_ADDRESS);
	CHECK(strlen(e->vault) <= LIMIT_VAULT);
	check_vault(e->certificate, e->vault, strlen(e->vault));
	return 0;
}
