/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "archive.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
test_there_and_back(void **state)
{
	static const struct archive_entry entries[] = {
		{ "directory.db", 0, 0 },
		{ "a", 1, 1 },
		{ "secrets.db", 077777777777, 1795251357 },
	};

	(void)state;
	for (size_t i = 0; i < countof(entries); i++) {
		uint8_t block[ARCHIVE_BLOCK];
		struct archive_entry e;
		struct err err;

		assert_int_equal(
		    archive_put_header(&entries[i], block, &err), 0);
		assert_int_equal(archive_read_header(block, &e, &err), 1);
		assert_string_equal(e.name, entries[i].name);
		assert_int_equal(e.size, entries[i].size);
		assert_int_equal(e.time, entries[i].time);
	}
}

static void
test_what_does_not_fit(void **state)
{
	struct archive_entry e = { .name = "a", .size = 0100000000000 };
	uint8_t block[ARCHIVE_BLOCK] = { 0 };
	struct err err;

	(void)state;
	assert_int_equal(archive_put_header(&e, block, &err), -1);
	assert_int_equal(err.kind, ERR_PERM);
	assert_int_equal(archive_read_header(block, &e, &err), 0);
	assert_int_equal(archive_padding(0), 0);
	assert_int_equal(archive_padding(1), 511);
	assert_int_equal(archive_padding(512), 0);
	assert_int_equal(archive_padding(513), 511);
}

/* Every octet that is changed is seen; nothing reads beyond the block. */
static void
test_damage(void **state)
{
	const struct archive_entry whole = { "stats.db", 12345, 99 };
	uint8_t block[ARCHIVE_BLOCK];
	struct archive_entry e;
	struct err err;

	(void)state;
	assert_int_equal(archive_put_header(&whole, block, &err), 0);
	for (size_t i = 0; i < 500; i++) {
		uint8_t was = block[i];

		block[i] ^= 0x40;
		int rc = archive_read_header(block, &e, &err);

		/* two octets behind the sum are not looked at */
		if (rc != -1 && (i < 154 || i > 155))
			fail_msg("octet %zu", i);
		block[i] = was;
	}
	memset(block, 'x', sizeof block);
	assert_int_equal(archive_read_header(block, &e, &err), -1);
}

/* A name must not lead anywhere, and only plain files are read. */
static void
test_foreign_entries(void **state)
{
	static const char *const names[] = { "../x", "/etc/passwd", "a/b", ".",
		".." };
	struct err err;

	(void)state;
	for (size_t i = 0; i < countof(names); i++) {
		struct archive_entry e = { .size = 1 };
		uint8_t block[ARCHIVE_BLOCK];

		(void)snprintf(e.name, sizeof e.name, "%s", names[i]);
		assert_int_equal(archive_put_header(&e, block, &err), 0);
		assert_int_equal(archive_read_header(block, &e, &err), -1);
		assert_int_equal(err.kind, ERR_PERM);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_what_does_not_fit),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_foreign_entries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
