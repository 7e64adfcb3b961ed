/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "facts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "mail/structure.h"

static const char text[] = "Subject: hidden\r\n"
			   "Content-Type: text/html\r\n"
			   "\r\n"
			   "<p>body</p>\r\n";
static const struct message_key key = { "INBOX", 7, 42 };

struct fixture {
	struct crypt *crypt;
	struct metacache *cache;
	char *folder;
	char path[64];
};

static struct fixture fixture;

static void
open_cache(struct fixture *f)
{
	const uint8_t secret[METACACHE_KEY_LEN] = { 1 };

	assert_int_equal(
	    metacache_open(f->crypt, f->path, secret, &f->cache, NULL), 0);
}

static int
set_up(void **state)
{
	struct fixture *f = *state = &fixture;

	f->folder = strdup("/tmp/sealpost-facts-XXXXXX");
	assert_non_null(f->folder);
	assert_non_null(mkdtemp(f->folder));
	snprintf(f->path, sizeof f->path, "%.40s/cache.db", f->folder);
	assert_int_equal(crypt_open(&f->crypt, NULL), 0);
	open_cache(f);
	return 0;
}

static int
tear_down(void **state)
{
	static const char *const suffixes[] = { "", "-wal", "-shm" };
	struct fixture *f = *state;
	char name[80];

	metacache_close(&f->cache);
	crypt_close(&f->crypt);
	for (size_t i = 0; i < countof(suffixes); i++) {
		snprintf(name, sizeof name, "%s%s", f->path, suffixes[i]);
		(void)unlink(name);
	}
	assert_int_equal(rmdir(f->folder), 0);
	free(f->folder);
	return 0;
}

static void
keep(struct fixture *f, const struct facts *facts)
{
	assert_int_equal(facts_put(f->cache, "a@b.example", &key, facts, NULL),
	    0);
	metacache_close(&f->cache);
	open_cache(f);
}

static void
equal(const struct buf *b, const char *want)
{
	assert_int_equal(b->len, strlen(want));
	assert_memory_equal(b->data, want, b->len);
}

static void
a_message_is_known_again(void **state)
{
	struct fixture *f = *state;
	const struct message m = { (const uint8_t *)text, strlen(text),
		OPENED_FOREIGN };
	cleanup(structure_free) struct structure *s = NULL;
	cleanup(facts_reset) struct facts in = { 0 };
	cleanup(facts_reset) struct facts out = { 0 };

	assert_int_equal(structure_parse(m.data, m.len, &s, NULL), 0);
	assert_int_equal(facts_of(&m, s, &in, NULL), 0);
	keep(f, &in);
	assert_int_equal(
	    facts_get(f->cache, "a@b.example", &key, &out, NULL), 1);
	assert_int_equal(out.kind, OPENED_FOREIGN);
	assert_int_equal(out.octets, strlen(text));
	assert_true(facts_know_structure(&out));
	equal(&out.header, "Subject: hidden\r\n"
			   "Content-Type: text/html\r\n\r\n");
	assert_int_equal(out.body.len, in.body.len);
	assert_memory_equal(out.body.data, in.body.data, in.body.len);
	assert_int_equal(out.bodystructure.len, in.bodystructure.len);
}

static void
a_header_is_known_again(void **state)
{
	struct fixture *f = *state;
	struct buf header = { .limit = 100 };
	cleanup(facts_reset) struct facts in = { 0 };
	cleanup(facts_reset) struct facts out = { 0 };

	assert_int_equal(buf_puts(&header, "Subject: x\r\n\r\n", NULL), 0);
	assert_int_equal(facts_of_header(&header, 1234, &in, NULL), 0);
	buf_reset(&header);
	keep(f, &in);
	assert_int_equal(
	    facts_get(f->cache, "a@b.example", &key, &out, NULL), 1);
	assert_int_equal(out.kind, OPENED_SEALED);
	assert_int_equal(out.octets, 1234);
	equal(&out.header, "Subject: x\r\n\r\n");
	assert_false(facts_know_structure(&out));
}

static void
others_are_not(void **state)
{
	static const struct message_key keys[] = {
		{ "INBOX", 7, 43 },
		{ "INBOX", 8, 42 },
		{ "INBOX2", 7, 42 },
		{ "", 7, 42 },
	};
	struct fixture *f = *state;
	const struct facts in = { .octets = 1 };

	keep(f, &in);
	for (size_t i = 0; i < countof(keys); i++) {
		cleanup(facts_reset) struct facts out = { 0 };

		assert_int_equal(facts_get(f->cache, "a@b.example", &keys[i],
				     &out, NULL),
		    0);
	}

	cleanup(facts_reset) struct facts out = { 0 };

	assert_int_equal(
	    facts_get(f->cache, "c@b.example", &key, &out, NULL), 0);
}

static void
too_large_a_header_is_not_kept(void **state)
{
	struct fixture *f = *state;
	cleanup(facts_reset) struct facts in = {
		.header = { .limit = SIZE_MAX / 4 } };
	cleanup(facts_reset) struct facts out = { 0 };

	while (in.header.len <= METACACHE_VALUE_MAX)
		assert_int_equal(
		    buf_puts(&in.header, "X-Long: field\r\n", NULL), 0);
	keep(f, &in);
	assert_int_equal(
	    facts_get(f->cache, "a@b.example", &key, &out, NULL), 0);
}

static int
are_there(const struct fixture *f, const char *account,
    struct message_key where)
{
	return facts_are_there(f->cache, account, &where, NULL);
}

/* Whatever the UID. */
static void
a_mailbox_is_marked(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(are_there(f, "a@b.example", key), 0);
	assert_int_equal(facts_mark(f->cache, "a@b.example", &key, NULL), 0);
	assert_int_equal(metacache_flush(f->cache, NULL), 0);
	assert_int_equal(are_there(f, "a@b.example", key), 1);
	assert_int_equal(are_there(f, "a@b.example",
			     (struct message_key){ "INBOX", 7, 1 }),
	    1);
	assert_int_equal(are_there(f, "a@b.example",
			     (struct message_key){ "INBOX", 8, 42 }),
	    0);
	assert_int_equal(are_there(f, "a@b.example",
			     (struct message_key){ "INBOX2", 7, 42 }),
	    0);
	assert_int_equal(are_there(f, "c@b.example", key), 0);
}

#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_message_is_known_again),
		test(a_header_is_known_again),
		test(others_are_not),
		test(too_large_a_header_is_not_kept),
		test(a_mailbox_is_marked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
