/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* A recovery sheet and a code, as people type them. */
#include <string.h>

#include "fuzz.h"
#include "recovery.h"

static void
check_code(const char *text, size_t n)
{
	char code[RECOVERY_CODE_SIZE], again[RECOVERY_CODE_SIZE];
	struct err err = { 0 };

	if (recovery_code_read(text, n, code, &err) < 0) {
		CHECK(err.kind == ERR_PERM && err.text[0] != '\0');
		return;
	}
	CHECK(strlen(code) == RECOVERY_CODE_SIZE - 1);
	CHECK(recovery_code_read(code, strlen(code), again, &err) == 0);
	CHECK(strcmp(code, again) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct recovery_sheet sheet = { .armored = NULL };
	struct err err = { 0 };

	check_code(text, size);
	if (recovery_sheet_read(text, size, &sheet, &err) < 0) {
		CHECK(err.kind == ERR_PERM && err.text[0] != '\0');
		return 0;
	}
	CHECK(sheet.armored >= text);
	CHECK(sheet.armored + sheet.armored_len <= text + size);
	CHECK(strchr(sheet.address, '@') != NULL);
	CHECK(strlen(sheet.fingerprint) > 0);
	return 0;
}
