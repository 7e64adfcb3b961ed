/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* Addresses: what is normal stays as it is, and so does what is cut off it. */

#include <string.h>

#include "base/buf.h"
#include "fuzz.h"
#include "mail/address.h"

typedef int (*normalizer)(
    const char *text, char out[ADDRESS_SIZE], struct err *err);

static int
check(normalizer normalize, const char *text, char out[ADDRESS_SIZE])
{
	char again[ADDRESS_SIZE];
	struct err err = { 0 };

	if (normalize(text, out, &err) < 0) {
		CHECK(err.kind == ERR_PERM && err.text[0] != '\0');
		return -1;
	}
	CHECK(strlen(out) > 0 && strlen(out) < ADDRESS_SIZE);
	CHECK(normalize(out, again, &err) == 0);
	CHECK(strcmp(out, again) == 0);
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup(free_str) char *text = strndup((const char *)data, size);
	char out[ADDRESS_SIZE], cut[ADDRESS_SIZE];

	CHECK(text != NULL);
	(void)check(domain_normalize, text, out);
	if (check(address_normalize, text, out) < 0)
		return 0;
	int found = address_strip_extension(out, "+-", cut);
	CHECK(found == (strlen(cut) < strlen(out)));
	CHECK(strcmp(strrchr(cut, '@'), strrchr(out, '@')) == 0);
	return 0;
}
