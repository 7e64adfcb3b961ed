/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "base/conf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/limits.h"

/* Linked with --wrap: the n-th allocation from now fails; 0 = none does. */
static unsigned fail_in;

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
char *__real_strdup(const char *s);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
char *__wrap_strdup(const char *s);

static bool
fails_now(void)
{
	return fail_in > 0 && --fail_in == 0;
}

void *
__wrap_malloc(size_t n)
{
	return fails_now() ? NULL : __real_malloc(n);
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return fails_now() ? NULL : __real_calloc(n, size);
}

void *
__wrap_realloc(void *p, size_t n)
{
	return fails_now() ? NULL : __real_realloc(p, n);
}

char *
__wrap_strdup(const char *s)
{
	return fails_now() ? NULL : __real_strdup(s);
}

struct file {
	char path[64];
};

static void
file_write(struct file *f, const void *text, size_t n)
{
	(void)snprintf(f->path, sizeof f->path, "/tmp/conf_test.XXXXXX");

	int fd = mkstemp(f->path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, n), n);
	close(fd);
}

static void
file_remove(struct file *f)
{
	if (f->path[0] != '\0')
		unlink(f->path);
}

/* Loads the text; the error's text is cut behind the path. */
static int
load(const void *text, size_t n, struct conf **out, char *message,
    size_t size)
{
	cleanup(file_remove) struct file f = { "" };
	struct err err = { .kind = ERR_NONE };

	file_write(&f, text, n);

	int rc = conf_load(f.path, false, out, &err);

	message[0] = '\0';
	if (rc < 0) {
		assert_int_equal(err.kind, ERR_PERM);
		assert_memory_equal(err.text, f.path, strlen(f.path));
		(void)snprintf(message, size, "%s",
		    err.text + strlen(f.path));
	}
	return rc;
}

static void
test_defaults(void **state)
{
	cleanup(conf_free) struct conf *c = NULL;
	struct err err;

	(void)state;
	assert_int_equal(conf_load(NULL, false, &c, &err), 0);
	assert_string_equal(c->accounts.directory,
	    "/var/lib/sealpost/directory.db");
	assert_string_equal(c->accounts.secrets,
	    "/var/lib/sealpost/secrets.db");
	assert_string_equal(c->accounts.recipient_delimiter, "+");
	assert_int_equal(c->accounts.iterations, 600000);
	assert_int_equal(c->stats.retention_days, 400);
	assert_string_equal(c->milter.listen,
	    "unix:/run/sealpost/milter.sock");
	assert_int_equal(c->milter.missing_key, POLICY_DEFER);
	assert_int_equal(c->milter.unenrolled, POLICY_DEFER);
	assert_string_equal(c->milter.user, "");
	assert_int_equal(c->milter.stop_timeout, 30);
	assert_string_equal(c->hop.listen, "127.0.0.1:10027");
	assert_false(c->hop.system_users);
}

static void
test_values(void **state)
{
	static const char text[] = "# a comment\n"
				   "; another\n"
				   "\n"
				   "[accounts]\r\n"
				   "directory=/srv/\xc3\xa4 b/d.db\n"
				   "  iterations  =  100000  \n"
				   "recipient_delimiter =\n"
				   "[ stats ]\n"
				   "retention = 7d\n"
				   "[milter]\n"
				   "unenrolled = reject\n"
				   "missing_key = reject\n"
				   "listen = inet:[::1]:10026\n"
				   "stop_timeout = 5s\n"
				   "[saslauthd]\n"
				   "mechanisms = SCRAM-SHA-256\n"
				   "[hop]\n"
				   "system_users = yes\n"
				   "[accounts]\n"
				   "secrets = /srv/s.db";
	cleanup(conf_free) struct conf *c = NULL;
	char message[ERR_TEXT_SIZE];

	(void)state;
	load(text, sizeof text - 1, &c, message, sizeof message);
	assert_string_equal(message, "");
	assert_string_equal(c->accounts.directory, "/srv/\xc3\xa4 b/d.db");
	assert_int_equal(c->accounts.iterations, 100000);
	assert_string_equal(c->accounts.recipient_delimiter, "");
	assert_string_equal(c->accounts.secrets, "/srv/s.db");
	assert_int_equal(c->stats.retention_days, 7);
	assert_int_equal(c->milter.unenrolled, POLICY_REJECT);
	assert_int_equal(c->milter.missing_key, POLICY_REJECT);
	assert_string_equal(c->milter.listen, "inet:[::1]:10026");
	assert_int_equal(c->milter.stop_timeout, 5);
	assert_string_equal(c->saslauthd.mechanisms, "SCRAM-SHA-256");
	assert_true(c->hop.system_users);
}

#define TEXT(s) (s), sizeof(s) - 1

static const struct {
	const char *name;
	const char *text;
	size_t len;
	const char *message;
} bad[] = {
	{ "unknown section", TEXT("[mitler]\n"),
	    ":1: there is no section [mitler]; see sealpost.conf(5)" },
	{ "unknown key", TEXT("\n[milter]\nlitsen = x\n"),
	    ":3: there is no setting \"litsen\" in [milter]; see "
	    "sealpost.conf(5)" },
	{ "key of another section", TEXT("[milter]\nsecrets = /x\n"),
	    ":2: there is no setting \"secrets\" in [milter]; see "
	    "sealpost.conf(5)" },
	{ "duplicate", TEXT("[hop]\nlisten = a:1\n[hop]\nlisten = a:1\n"),
	    ":4: listen is set in line 2 already" },
	{ "no section", TEXT("listen = a:1\n"),
	    ":1: listen stands before the first [section]" },
	{ "no value", TEXT("[hop]\nlisten\n"),
	    ":2: \"listen\" is neither [section] nor key = value" },
	{ "no key", TEXT("[hop]\n= x\n"),
	    ":2: \"= x\" is neither [section] nor key = value" },
	{ "open section", TEXT("[hop\n"), ":1: \"[hop\" lacks its ]" },
	{ "text behind a section", TEXT("[hop] x\n"),
	    ":1: \"[hop] x\" lacks its ]" },
	{ "NUL", TEXT("[hop]\nlisten = 127\0.0.0.1:1\n"),
	    ":2: the line holds a control character (0x00)" },
	{ "bare CR", TEXT("[hop]\nlisten = a\rb:1\n"),
	    ":2: the line holds a control character (0x0d)" },
	{ "Latin-1", TEXT("# caf\xe9\n"), ":1: the line is not UTF-8 text" },
	{ "overlong UTF-8", TEXT("# \xc0\xaf\n"),
	    ":1: the line is not UTF-8 text" },
	{ "overlong UTF-8, 3", TEXT("# \xe0\x80\xaf\n"),
	    ":1: the line is not UTF-8 text" },
	{ "surrogate", TEXT("# \xed\xa0\x80\n"),
	    ":1: the line is not UTF-8 text" },
	{ "cut UTF-8", TEXT("# \xe2\x82\n"),
	    ":1: the line is not UTF-8 text" },
	{ "above Unicode", TEXT("# \xf4\x90\x80\x80\n"),
	    ":1: the line is not UTF-8 text" },
	{ "relative path", TEXT("[stats]\ndatabase = stats.db\n"),
	    ":2: database: \"stats.db\" is not an absolute path" },
	{ "empty path", TEXT("[stats]\ndatabase =\n"),
	    ":2: database: \"\" is not an absolute path" },
	{ "number too small", TEXT("[accounts]\niterations = 99999\n"),
	    ":2: iterations: \"99999\" is not a number from 100000 to "
	    "100000000" },
	{ "number too large", TEXT("[accounts]\niterations = 4294967297\n"),
	    ":2: iterations: \"4294967297\" is not a number from 100000 to "
	    "100000000" },
	{ "number with a sign", TEXT("[accounts]\niterations = +600000\n"),
	    ":2: iterations: \"+600000\" is not a number from 100000 to "
	    "100000000" },
	{ "number with text", TEXT("[milter]\nmax_threads = 10 # ten\n"),
	    ":2: max_threads: \"10 # ten\" is not a number from 1 to "
	    "10000" },
	{ "time without unit", TEXT("[stats]\nretention = 400\n"),
	    ":2: retention: \"400\" is not a time from 1d to 36500d" },
	{ "time with another unit", TEXT("[stats]\nretention = 400h\n"),
	    ":2: retention: \"400h\" is not a time from 1d to 36500d" },
	{ "time without number", TEXT("[stats]\nretention = d\n"),
	    ":2: retention: \"d\" is not a time from 1d to 36500d" },
	{ "pass for a missing key", TEXT("[milter]\nmissing_key = pass\n"),
	    ":2: missing_key: \"pass\" is none of defer and reject" },
	{ "unknown policy", TEXT("[milter]\nunenrolled = accept\n"),
	    ":2: unenrolled: \"accept\" is none of defer, reject and pass" },
	{ "bool", TEXT("[hop]\nsystem_users = true\n"),
	    ":2: system_users: \"true\" is neither yes nor no" },
	{ "relative socket", TEXT("[milter]\nlisten = unix:m.sock\n"),
	    ":2: listen: \"unix:m.sock\": the path of a socket must be "
	    "absolute" },
	{ "socket without kind", TEXT("[milter]\nlisten = /m.sock\n"),
	    ":2: listen: \"/m.sock\" is neither unix:/path nor "
	    "inet:host:port" },
	{ "hop with a kind", TEXT("[hop]\nlisten = inet:127.0.0.1:1\n"),
	    ":2: listen: \"inet:127.0.0.1:1\" is not host:port" },
	{ "deliver", TEXT("[hop]\ndeliver = lmtp\n"),
	    ":2: deliver: \"lmtp\" is not transport:nexthop" },
	{ "mechanism", TEXT("[saslauthd]\nmechanisms = PLAIN CRAM-MD5\n"),
	    ":2: mechanisms: \"CRAM-MD5\" is none of PLAIN, LOGIN and "
	    "SCRAM-SHA-256" },
	{ "no mechanism", TEXT("[saslauthd]\nmechanisms =\n"),
	    ":2: mechanisms: no mechanism is named" },
	{ "delimiter", TEXT("[accounts]\nrecipient_delimiter = @\n"),
	    ":2: recipient_delimiter: \"@\" holds a character that cannot "
	    "delimit an address extension" },
	{ "user", TEXT("[milter]\nuser = a b\n"),
	    ":2: user: \"a b\" is not the name of a user or group" },
	{ "pass with system users",
	    TEXT("[milter]\nunenrolled = pass\n[hop]\nsystem_users = yes\n"),
	    ": unenrolled = pass and system_users = yes exclude each other: a "
	    "system user has an address in every local domain, and only one "
	    "is the account's" },
};

static void
test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(bad); i++) {
		struct conf *c = NULL;
		char message[ERR_TEXT_SIZE];
		int rc = load(bad[i].text, bad[i].len, &c, message,
		    sizeof message);

		if (rc != -1 || c != NULL ||
		    strcmp(message, bad[i].message) != 0)
			fail_msg("%s: rc=%d, expected \"%s\", got \"%s\"",
			    bad[i].name, rc, bad[i].message, message);
	}
}

static void
test_line_limit(void **state)
{
	char line[LIMIT_CONF_LINE + 2];
	char message[ERR_TEXT_SIZE];

	(void)state;
	memset(line, 'x', sizeof line);
	line[0] = '#';
	line[LIMIT_CONF_LINE] = '\n';

	cleanup(conf_free) struct conf *c = NULL;

	assert_int_equal(
	    load(line, LIMIT_CONF_LINE + 1, &c, message, sizeof message), 0);
	conf_free(&c);
	line[LIMIT_CONF_LINE] = 'x';
	line[LIMIT_CONF_LINE + 1] = '\n';
	assert_int_equal(
	    load(line, sizeof line, &c, message, sizeof message), -1);
	assert_string_equal(message,
	    ":1: the line has more than 1000 octets");
}

static void
test_file_limit(void **state)
{
	static char text[LIMIT_CONF_FILE + 1];
	struct conf *c = NULL;
	char message[ERR_TEXT_SIZE];

	(void)state;
	memset(text, '\n', sizeof text);
	assert_int_equal(
	    load(text, sizeof text, &c, message, sizeof message), -1);
	assert_string_equal(message, ": more than 262144 octets");
	assert_null(c);
}

/* Cut anywhere, the file is good or bad, and nothing is read beyond it. */
static void
test_cut_anywhere(void **state)
{
	static const char text[] = "[accounts]\niterations = 600000\n"
				   "[hop]\nsystem_users = yes\n";

	(void)state;
	for (size_t n = 0; n < sizeof text; n++) {
		cleanup(conf_free) struct conf *c = NULL;
		char message[ERR_TEXT_SIZE];
		int rc = load(text, n, &c, message, sizeof message);

		assert_int_equal(rc == 0, c != NULL);
		assert_int_equal(rc < 0, message[0] != '\0');
	}
}

static void
test_missing_file(void **state)
{
	cleanup(conf_free) struct conf *c = NULL;
	struct err err = { .kind = ERR_NONE };

	(void)state;
	assert_int_equal(
	    conf_load("/nonexistent/s.conf", false, &c, &err), -1);
	assert_int_equal(err.kind, ERR_PERM);
	assert_string_equal(err.text,
	    "open /nonexistent/s.conf: No such file or directory");
	assert_int_equal(conf_load("/nonexistent/s.conf", true, &c, &err),
	    0);
	assert_non_null(c);
	conf_free(&c);
	assert_int_equal(conf_load("/tmp", true, &c, &err), -1);
	assert_null(c);
}

/* The printed defaults are a file that gives the defaults again. */
static void
test_printed_defaults(void **state)
{
	char *text = NULL;
	size_t n = 0;
	FILE *to = open_memstream(&text, &n);
	char message[ERR_TEXT_SIZE];
	cleanup(conf_free) struct conf *c = NULL;

	(void)state;
	assert_non_null(to);
	conf_print_defaults(to);
	fclose(to);
	load(text, n, &c, message, sizeof message);
	assert_string_equal(message, "");
	assert_string_equal(c->milter.spool_directory, "/var/tmp");
	assert_non_null(strstr(text, "\n[hop]\nlisten = 127.0.0.1:10027\n"));
	assert_non_null(strstr(text, "\nuser =\n"));
	free(text);
}

/* Whatever allocation fails: a temporary error and nothing half read. */
static void
test_faults(void **state)
{
	static const char text[] = "[milter]\nuser = mail\n"
				   "listen = inet:a:1\nmax_threads = 3\n";
	cleanup(file_remove) struct file f = { "" };

	(void)state;
	file_write(&f, text, sizeof text - 1);
	for (unsigned n = 1;; n++) {
		cleanup(conf_free) struct conf *c = NULL;
		struct err err = { .kind = ERR_NONE };

		fail_in = n;

		int rc = conf_load(f.path, false, &c, &err);
		bool ran_past = fail_in > 0;

		fail_in = 0;
		if (ran_past) {
			assert_int_equal(rc, 0);
			assert_string_equal(c->milter.user, "mail");
			assert_true(n > 15);
			return;
		}
		assert_int_equal(rc, -1);
		assert_null(c);
		assert_int_equal(err.kind, ERR_TEMP);
	}
}

static const struct {
	const char *text;
	const char *path;
	const char *host;
	uint16_t port; /* 0: the text is bad */
} sockets[] = {
	{ "unix:/run/s", "/run/s", "", 1 },
	{ "inet:127.0.0.1:12345", "", "127.0.0.1", 12345 },
	{ "inet:localhost:1", "", "localhost", 1 },
	{ "inet:[::1]:65535", "", "::1", 65535 },
	{ "inet:[::ffff:1.2.3.4]:25", "", "::ffff:1.2.3.4", 25 },
	{ "unix:", NULL, NULL, 0 },
	{ "unix:run/s", NULL, NULL, 0 },
	{ "inet:127.0.0.1", NULL, NULL, 0 },
	{ "inet:127.0.0.1:", NULL, NULL, 0 },
	{ "inet:127.0.0.1:0", NULL, NULL, 0 },
	{ "inet:127.0.0.1:65536", NULL, NULL, 0 },
	{ "inet:127.0.0.1:4294967321", NULL, NULL, 0 },
	{ "inet::25", NULL, NULL, 0 },
	{ "inet:::1:25", NULL, NULL, 0 },
	{ "inet:[]:25", NULL, NULL, 0 },
	{ "inet:[host]:25", NULL, NULL, 0 },
	{ "inet:a b:25", NULL, NULL, 0 },
	{ "INET:a:25", NULL, NULL, 0 },
	{ "", NULL, NULL, 0 },
};

static void
test_sockets(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(sockets); i++) {
		struct conf_socket s;
		struct err err = { .kind = ERR_NONE };
		int rc = conf_socket_parse(sockets[i].text, &s, &err);

		if ((rc == 0) != (sockets[i].port != 0))
			fail_msg("\"%s\": rc=%d %s", sockets[i].text, rc,
			    err.text);
		if (rc < 0) {
			assert_int_equal(err.kind, ERR_PERM);
			continue;
		}
		assert_string_equal(s.path, sockets[i].path);
		assert_string_equal(s.host, sockets[i].host);
		assert_int_equal(s.is_unix, s.path[0] != '\0');
		if (!s.is_unix)
			assert_int_equal(s.port, sockets[i].port);
	}
}

static void
test_socket_path_limit(void **state)
{
	char text[5 + 108 + 1] = "unix:/";
	struct conf_socket s;
	struct err err;

	(void)state;
	memset(text + 6, 'x', sizeof text - 7);
	assert_int_equal(conf_socket_parse(text, &s, &err), -1);
	text[sizeof text - 2] = '\0';
	assert_int_equal(conf_socket_parse(text, &s, &err), 0);
	assert_int_equal(strlen(s.path), 107);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_line_limit),
		cmocka_unit_test(test_file_limit),
		cmocka_unit_test(test_cut_anywhere),
		cmocka_unit_test(test_missing_file),
		cmocka_unit_test(test_printed_defaults),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_sockets),
		cmocka_unit_test(test_socket_path_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
