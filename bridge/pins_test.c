/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "pins.h"
#include "state.h"

enum { ROUNDS = 4096, PATH_SIZE = 4096 };

static char folder[] = "/tmp/sealpost-pins-XXXXXX";
static char address[] = "a/b@x.example", user[] = "a", host[] = "imap.example";
static struct account account = { .address = address, .user = user };
static struct server server = { .host = host, .port = 993 };
static const struct crypt_bytes salt = { "0123456789abcdef", 16 };
static const struct crypt_bytes other = { "0123456789abcdeX", 16 };
static const struct crypt_bytes none = { NULL, 0 };

static struct pin
pin_of(const char *service)
{
	return (struct pin){ folder, &account, &server, service };
}

/* As the user does whose password was changed at the server. */
static void
forget(const struct pin *p)
{
	cleanup(buf_reset) struct buf path = { .limit = PATH_SIZE };
	char kind[16];

	(void)snprintf(kind, sizeof kind, "pin-%s", p->service);
	assert_int_equal(state_put_path(p->state_directory, kind,
	                     p->account->address, &path, NULL), 0);
	assert_int_equal(unlink((const char *)path.data), 0);
}

static int
make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) == NULL ? -1 : 0;
}

static int
remove_folder(void **state)
{
	(void)state;
	return rmdir(folder);
}

static void
test_pins(void **state)
{
	const struct pin imap = pin_of("imap"), smtp = pin_of("smtp");
	struct err err = { 0 };

	(void)state;
	assert_int_equal(pin_check(&imap, salt, ROUNDS, &err), 0);
	assert_int_equal(pin_check(&imap, none, 0, &err), 0);
	assert_int_equal(pin_store(&imap, salt, ROUNDS, &err), 0);
	assert_int_equal(pin_check(&imap, salt, ROUNDS, &err), 1);
	assert_int_equal(pin_check(&imap, none, 0, &err), 1);
	assert_int_equal(pin_check(&smtp, none, 0, &err), 0);
	assert_int_equal(pin_check(&imap, other, ROUNDS, &err), -1);
	assert_int_equal(err.kind, ERR_PERM);
	assert_non_null(strstr(err.text, "/pin-imap-a%2Fb@x.example"));
	assert_int_equal(pin_check(&imap, salt, ROUNDS + 1, &err), -1);
	/* a shorter number is not the same for being the beginning */
	assert_int_equal(pin_check(&imap, salt, ROUNDS / 10, &err), -1);
	server.port = 994; /* the configuration was changed */
	assert_int_equal(pin_check(&imap, other, ROUNDS, &err), 0);
	server.port = 993;
	assert_int_equal(pin_store(&imap, other, ROUNDS, &err), 0);
	assert_int_equal(pin_check(&imap, other, ROUNDS, &err), 1);
	assert_int_equal(pin_store(&smtp, salt, ROUNDS, &err), 0);
	forget(&imap);
	forget(&smtp);
	assert_int_equal(pin_check(&imap, salt, ROUNDS, &err), 0);
	assert_int_equal(pin_check(&smtp, salt, ROUNDS, &err), 0);
}

static void
test_mode(void **state)
{
	const struct pin imap = pin_of("imap");
	char path[100];
	struct stat st;

	(void)state;
	(void)snprintf(path, sizeof path, "%s/pin-imap-a%%2Fb@x.example",
	    folder);
	assert_int_equal(pin_store(&imap, salt, ROUNDS, NULL), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	forget(&imap);
	assert_int_equal(symlink("/etc/hostname", path), 0);
	assert_int_equal(pin_check(&imap, salt, ROUNDS, NULL), -1);
	assert_int_equal(unlink(path), 0);
}

/* Longer than the name of a file may be, once it is written with %XX. */
static void
test_long_address(void **state)
{
	char name[201];
	struct account known = account;
	struct pin p = pin_of("imap");
	struct err err = { 0 };

	(void)state;
	p.account = &known;
	known.address = name;
	for (char last = 'a'; last <= 'b'; last++) {
		memset(name, '/', sizeof name);
		name[sizeof name - 2] = last;
		name[sizeof name - 1] = '\0';
		assert_int_equal(pin_check(&p, salt, ROUNDS, &err), 0);
		assert_int_equal(pin_store(&p, salt, ROUNDS, &err), 0);
		assert_int_equal(pin_check(&p, salt, ROUNDS, &err), 1);
	}
	for (char last = 'a'; last <= 'b'; last++) {
		name[sizeof name - 2] = last;
		forget(&p);
	}
}

static void
test_no_folder(void **state)
{
	struct pin p = pin_of("imap");
	struct err err = { 0 };

	(void)state;
	p.state_directory = "/nonexistent/folder";
	assert_int_equal(pin_store(&p, salt, ROUNDS, &err), -1);
	assert_int_equal(err.kind, ERR_TEMP);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pins),
		cmocka_unit_test(test_mode),
		cmocka_unit_test(test_long_address),
		cmocka_unit_test(test_no_folder),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
