/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "store/testing_calls.h"

#include "base/limits.h"

struct fixture {
	struct folder folder;
	struct secrets *s;
	struct err err;
};

static struct fixture fixture;

static int
set_up(void **state)
{
	fixture = (struct fixture){ 0 };
	*state = &fixture;
	folder_make(&fixture.folder);
	must(secrets_create(fixture.folder.db, &fixture.err), &fixture.err);
	must(secrets_open(
		 fixture.folder.db, STORE_WRITE, &fixture.s, &fixture.err),
	    &fixture.err);
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	secrets_close(&f->s);
	folder_remove(&f->folder);
	return 0;
}

static void
assert_verifier(struct fixture *f, const char *address, const char *expect,
    bool expect_enabled)
{
	cleanup(buf_reset) struct buf b = { .limit = 2000, .secret = true };
	bool enabled = false;

	assert_int_equal(
	    secrets_verifier_get(f->s, address, &b, &enabled, &f->err), 1);
	assert_string_equal(buf_str(&b, NULL), expect);
	assert_int_equal(enabled, expect_enabled);
}

static void
verifiers(void **state)
{
	struct fixture *f = *state;
	cleanup(buf_reset) struct buf b = { .limit = 2000 };
	bool enabled = false;

	assert_int_equal(
	    secrets_verifier_get(f->s, testing_ann, &b, &enabled, &f->err), 0);
	assert_int_equal(
	    secrets_set_enabled(f->s, testing_ann, true, &f->err), 0);
	must(secrets_verifier_put(f->s, testing_ann, "{X}1", "", true, &f->err),
	    &f->err);
	assert_verifier(f, testing_ann, "{X}1", true);
	assert_int_equal(
	    secrets_set_enabled(f->s, testing_ann, false, &f->err), 1);
	assert_verifier(f, testing_ann, "{X}1", false);
	must(secrets_verifier_put(f->s, testing_ann, "{X}2", "", true, &f->err),
	    &f->err);
	assert_verifier(f, testing_ann, "{X}2", true);
	assert_int_equal(secrets_verifier_get(
			     f->s, "bob@example.org", &b, &enabled, &f->err),
	    0);
	assert_int_equal(b.len, 0);
}

static void
vaults(void **state)
{
	struct fixture *f = *state;
	cleanup(buf_reset) struct buf a = { .limit = LIMIT_VAULT };
	cleanup(buf_reset) struct buf p = { .limit = 100 };

	assert_int_equal(
	    secrets_vault_get(f->s, testing_ann, &a, &p, &f->err), 0);
	must(secrets_vault_put(f->s, testing_ann, "old", "AA", &f->err),
	    &f->err);
	must(secrets_vault_put(f->s, testing_ann, "new\nkey", "BB", &f->err),
	    &f->err);
	assert_int_equal(
	    secrets_vault_get(f->s, testing_ann, &a, &p, &f->err), 1);
	assert_string_equal(buf_str(&a, NULL), "new\nkey");
	assert_string_equal(buf_str(&p, NULL), "BB");
}

static void
removal(void **state)
{
	struct fixture *f = *state;
	cleanup(buf_reset) struct buf b = { .limit = 2000 };
	bool enabled;

	must(secrets_remove(f->s, testing_ann, &f->err), &f->err);
	must(secrets_verifier_put(f->s, testing_ann, "{X}1", "", true, &f->err),
	    &f->err);
	must(secrets_verifier_put(
		 f->s, "bob@example.org", "{X}2", "", true, &f->err),
	    &f->err);
	must(secrets_vault_put(f->s, testing_ann, "old", "AA", &f->err),
	    &f->err);
	must(secrets_remove(f->s, testing_ann, &f->err), &f->err);
	assert_int_equal(
	    secrets_verifier_get(f->s, testing_ann, &b, &enabled, &f->err), 0);
	assert_int_equal(
	    secrets_vault_get(f->s, testing_ann, &b, &b, &f->err), 0);
	assert_verifier(f, "bob@example.org", "{X}2", true);
}

static bool
file_has(const char *path, const char *text)
{
	static uint8_t data[1 << 20];
	cleanup(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, data, sizeof data);

	assert_in_range(n, 1, sizeof data - 1);
	return memmem(data, (size_t)n, text, strlen(text)) != NULL;
}

/* What was removed or replaced is not left in the file. */
static void
secrets_are_wiped(void **state)
{
	static const char secret[] = "{X}the-old-verifier-of-ann";
	struct fixture *f = *state;

	for (int replace = 0; replace < 2; replace++) {
		must(secrets_verifier_put(
			 f->s, testing_ann, secret, "", true, &f->err),
		    &f->err);
		assert_true(file_has(f->folder.db, secret));
		if (replace)
			must(secrets_verifier_put(
				 f->s, testing_ann, "{X}", "", true, &f->err),
			    &f->err);
		else
			must(secrets_remove(f->s, testing_ann, &f->err),
			    &f->err);
		assert_false(file_has(f->folder.db, secret + 8));
	}
}

static void
bad_secrets(void **state)
{
	static char large[LIMIT_VAULT + 2];
	struct fixture *f = *state;

	memset(large, 'x', sizeof large - 1);
	assert_int_equal(
	    secrets_vault_put(f->s, testing_ann, large, "A", &f->err), -1);
	assert_int_equal(f->err.kind, ERR_PERM);
	large[LIMIT_VERIFIER + 1] = '\0';
	assert_int_equal(
	    secrets_verifier_put(f->s, testing_ann, large, "", true, &f->err), -1);
	assert_int_equal(f->err.kind, ERR_PERM);
	assert_int_equal(
	    secrets_verifier_put(f->s, "Ann@example.org", "x", "", true, &f->err),
	    -1);
	assert_int_equal(f->err.kind, ERR_PERM);
	assert_int_equal(
	    secrets_vault_put(f->s, "nobody", "x", "A", &f->err), -1);
	assert_int_equal(f->err.kind, ERR_PERM);
}

/* secrets.db is for its group (saslauthd, Dovecot), and nobody else. */
enum { SOME_UID = 54321, SOME_GID = 54320 };

static int
read_it(void *ctx)
{
	cleanup(secrets_close) struct secrets *s = NULL;
	cleanup(buf_reset) struct buf b = { .limit = 2000 };
	struct err err = { 0 };
	bool enabled;

	if (secrets_open(ctx, STORE_READ, &s, &err) < 0)
		return err.kind == ERR_TEMP ? 10 : 11;
	return secrets_verifier_get(s, testing_ann, &b, &enabled, &err);
}

static void
only_its_group_reads(void **state)
{
	struct fixture *f = *state;

	need_root();
	must(secrets_verifier_put(f->s, testing_ann, "{X}1", "", true, &f->err),
	    &f->err);
	secrets_close(&f->s);
	assert_return_code(chown(f->folder.db, 0, SOME_GID), errno);
	assert_int_equal(run_as(SOME_UID, SOME_GID, read_it, f->folder.db), 1);
	assert_int_equal(run_as(NOBODY, NOBODY, read_it, f->folder.db), 10);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(verifiers),
		TEST(vaults),
		TEST(removal),
		TEST(secrets_are_wiped),
		TEST(bad_secrets),
		TEST(only_its_group_reads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
