/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "net/authority.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <cmocka.h>

#include "net/tls.h"

enum { DAY = 86400, SIZE = 100000 };

struct folder {
	char path[32];
	int64_t now;
};

static int
set_up(void **state)
{
	struct folder *f = calloc(1, sizeof *f);

	assert_non_null(f);
	(void)snprintf(f->path, sizeof f->path, "/tmp/authority_test.XXXXXX");
	assert_non_null(mkdtemp(f->path));
	f->now = (int64_t)time(NULL);
	*state = f;
	return 0;
}

/* The status of a command in the folder; what it says is in the file "log". */
static int
command(const struct folder *f, const char *text)
{
	char line[4096];
	int n = snprintf(
	    line, sizeof line, "cd %s && { %s ; } >log 2>&1", f->path, text);

	assert_in_range(n, 1, sizeof line - 1);
	return system(line); /* NOLINT: a test */
}

static int
tear_down(void **state)
{
	struct folder *f = *state;
	char line[100];

	(void)snprintf(line, sizeof line, "rm -rf %s", f->path);
	assert_int_equal(system(line), 0); /* NOLINT: a test */
	free(f);
	return 0;
}

static void
must(const struct folder *f, const char *text)
{
	if (command(f, text) != 0) {
		(void)!command(f, "cat log >&2");
		fail_msg("failed: %s", text);
	}
}

static struct net_authority_news
prepare(const struct folder *f, int64_t now)
{
	struct net_authority_news news;
	struct err err = { 0 };

	if (net_authority_prepare(f->path, now, &news, &err) < 0)
		fail_msg("%s", err.text);
	return news;
}

static void
assert_news(struct net_authority_news is, bool ca, bool leaf)
{
	assert_int_equal(is.ca, ca);
	assert_int_equal(is.leaf, leaf);
}

/* As strict as OpenSSL can be, as a client that connects by each name. */
static void
verify_all(const struct folder *f, const char *options)
{
	static const char *const names[] = { "-verify_hostname localhost",
		"-verify_ip 127.0.0.1", "-verify_ip ::1" };
	char line[512];

	for (size_t i = 0; i < countof(names); i++) {
		(void)snprintf(line, sizeof line,
		    "openssl verify -x509_strict -purpose sslserver "
		    "-no-CApath -no-CAstore -CAfile ca.pem %s %s "
		    "localhost.pem",
		    names[i], options);
		must(f, line);
	}
}

static void
test_made(void **state)
{
	struct folder *f = *state;
	static const struct {
		const char *name;
		mode_t mode;
	} files[] = { { "ca-key.pem", 0600 }, { "ca.pem", 0644 },
		{ "localhost.pem", 0600 } };
	char path[100];
	struct stat st;

	assert_news(prepare(f, f->now), true, true);
	verify_all(f, "");
	for (size_t i = 0; i < countof(files); i++) {
		(void)snprintf(
		    path, sizeof path, "%s/%s", f->path, files[i].name);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 07777, files[i].mode);
	}
	must(f, "! grep -q PRIVATE ca.pem");
	must(f, "test $(ls -A | grep -v ^log$ | wc -l) = 3");
	must(f, "openssl x509 -in localhost.pem -noout -checkhost "
		"example.org | grep 'NOT match'");
}

static void
test_again(void **state)
{
	struct folder *f = *state;

	assert_news(prepare(f, f->now), true, true);
	must(f, "cat *.pem | sha256sum > before");
	assert_news(prepare(f, f->now + DAY), false, false);
	must(f, "cat *.pem | sha256sum | cmp - before");
}

/* What another person's CA would say of itself is not enough. */
static void
test_two_differ(void **state)
{
	struct folder *f = *state;

	(void)prepare(f, f->now);
	must(f, "openssl x509 -in ca.pem -noout -subject > one; "
		"openssl x509 -in localhost.pem -noout -serial >> one; "
		"rm *.pem");
	(void)prepare(f, f->now);
	must(f, "openssl x509 -in ca.pem -noout -subject > two; "
		"openssl x509 -in localhost.pem -noout -serial >> two");
	must(f, "test $(cat one two | sort -u | wc -l) = 4");
}

/* Who has stolen the CA's key can use it for nothing else. */
static void
test_constraints(void **state)
{
	struct folder *f = *state;
	static const struct {
		const char *extensions, *why; /* NULL: it is fine */
	} cases[] = {
		{ "subjectAltName=DNS:localhost", NULL },
		{ "subjectAltName=IP:127.9.9.9", NULL },
		{ "subjectAltName=DNS:example.org", "permitted subtree" },
		{ "subjectAltName=DNS:localhost,DNS:example.org",
		    "permitted subtree" },
		{ "subjectAltName=IP:192.0.2.1", "permitted subtree" },
		{ "subjectAltName=IP:::2", "permitted subtree" },
	};
	char line[2000];

	(void)prepare(f, f->now);
	must(f, "openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 "
		"-nodes -keyout x.key -out x.csr -subj /CN=x");
	for (size_t i = 0; i < countof(cases); i++) {
		(void)snprintf(line, sizeof line,
		    "printf '%%s\\nauthorityKeyIdentifier=keyid\\n' '%s' > "
		    "ext; openssl x509 -req -in x.csr -CA ca.pem -CAkey "
		    "ca-key.pem -set_serial 7 -days 2 -extfile ext -out "
		    "x.pem && openssl verify -x509_strict -CAfile ca.pem "
		    "x.pem%s%s%s",
		    cases[i].extensions,
		    cases[i].why == NULL ? "" : " 2>&1 | grep -i '",
		    cases[i].why == NULL ? "" : cases[i].why,
		    cases[i].why == NULL ? "" : "'");
		must(f, line);
	}
	/* an authority below it: what that one signs is refused */
	must(f, "printf 'basicConstraints=critical,CA:TRUE\\nkeyUsage=critical,"
		"keyCertSign\\nsubjectKeyIdentifier=hash\\n"
		"authorityKeyIdentifier=keyid\\n' > ext; "
		"openssl x509 -req -in x.csr -CA ca.pem -CAkey ca-key.pem "
		"-set_serial 8 -days 2 -extfile ext -out sub.pem; "
		"openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 "
		"-nodes -keyout y.key -out y.csr -subj /CN=y; "
		"printf 'subjectAltName=DNS:localhost\\n"
		"authorityKeyIdentifier=keyid\\n' > ext; "
		"openssl x509 -req -in y.csr -CA sub.pem -CAkey x.key "
		"-set_serial 9 -days 2 -extfile ext -out y.pem; "
		"openssl verify -CAfile ca.pem -untrusted sub.pem y.pem 2>&1 "
		"| grep -i 'path length'");
}

static void
test_renewal(void **state)
{
	struct folder *f = *state;
	int64_t last = f->now +
	    (int64_t)(NET_AUTHORITY_LEAF_DAYS - NET_AUTHORITY_RENEW_DAYS - 2) *
	        DAY;
	char options[64];

	(void)prepare(f, f->now);
	must(f, "cp ca.pem before");
	assert_news(prepare(f, last), false, false);
	assert_news(prepare(f, last + 3 * DAY), false, true);
	(void)snprintf(options, sizeof options, "-attime %lld",
	    (long long)(last + 3 * DAY));
	verify_all(f, options);
	/* one that has ended */
	assert_news(prepare(f, last + 800LL * DAY), false, true);
	must(f, "cmp ca.pem before");
	/* the authority, too */
	last = f->now +
	    (int64_t)(NET_AUTHORITY_CA_DAYS - NET_AUTHORITY_LEAF_DAYS) * DAY;
	assert_news(prepare(f, last), true, true);
	must(f, "! cmp ca.pem before");
	(void)snprintf(
	    options, sizeof options, "-attime %lld", (long long)last);
	verify_all(f, options);
}

static void
test_clock_goes_back(void **state)
{
	struct folder *f = *state;

	(void)prepare(f, f->now);
	assert_news(prepare(f, f->now - 100LL * DAY), false, true);
	assert_news(prepare(f, f->now), false, false);
	verify_all(f, "");
}

static void
test_lifetimes(void **state)
{
	struct folder *f = *state;

	(void)prepare(f, f->now);
	must(f, "openssl x509 -in localhost.pem -noout -checkend "
		"$((390 * 86400))");
	/* Apple refuses more than 825 days */
	must(f, "! openssl x509 -in localhost.pem -noout -checkend "
		"$((400 * 86400))");
}

static void
refused(const struct folder *f, const char *why)
{
	struct net_authority_news news;
	struct err err = { 0 };

	must(f, "cat ca-key.pem | sha256sum > before");
	assert_int_equal(
	    net_authority_prepare(f->path, f->now, &news, &err), -1);
	assert_int_equal(err.kind, ERR_PERM);
	if (strstr(err.text, why) == NULL)
		fail_msg("\"%s\" expected, not \"%s\"", why, err.text);
	must(f, "cat ca-key.pem | sha256sum | cmp - before");
}

static void
test_damaged(void **state)
{
	struct folder *f = *state;

	(void)prepare(f, f->now);
	must(f, "cp ca-key.pem ca-key; chmod 0640 ca-key.pem");
	refused(f, "others may read");
	must(f, "chmod 0600 ca-key.pem; head -3 ca-key > ca-key.pem");
	refused(f, "damaged");
	must(f, ": > ca-key.pem");
	refused(f, "damaged");
	must(f, "openssl pkey -in ca-key -aes128 -passout pass:x > "
		"ca-key.pem");
	refused(f, "damaged");
	must(f, "{ openssl ecparam -genkey -noout -name prime256v1; cat "
		"ca.pem; } > ca-key.pem");
	refused(f, "damaged");
	must(f, "cp ca-key ca-key.pem");
	assert_news(prepare(f, f->now), false, false);
	/* a leaf and a copy are made anew */
	must(f, "head -5 localhost.pem > x; cat x > localhost.pem");
	assert_news(prepare(f, f->now), false, true);
	must(f, "chmod 0644 localhost.pem");
	assert_news(prepare(f, f->now), false, true);
	must(f, "rm ca.pem");
	assert_news(prepare(f, f->now), false, false);
	must(f, "cp localhost.pem ca.pem");
	assert_news(prepare(f, f->now), false, false);
	must(f, "! grep -q PRIVATE ca.pem");
	verify_all(f, "");
	/* a leaf of another authority */
	must(f, "rm ca-key.pem");
	assert_news(prepare(f, f->now), true, true);
	verify_all(f, "");
}

static void
test_no_folder(void **state)
{
	struct net_authority_news news;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(
	    net_authority_prepare("/nonexistent", 0, &news, &err), -1);
	assert_int_equal(err.kind, ERR_PERM);
}

static void
test_for_tls(void **state)
{
	struct folder *f = *state;
	struct net_tls *tls = NULL;
	char path[100];

	(void)prepare(f, f->now);
	(void)snprintf(
	    path, sizeof path, "%s/" NET_AUTHORITY_LEAF, f->path);
	assert_int_equal(net_tls_server_new(path, path, &tls, NULL), 0);
	net_tls_free(&tls);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_made),
		TEST(test_again),
		TEST(test_two_differ),
		TEST(test_constraints),
		TEST(test_renewal),
		TEST(test_clock_goes_back),
		TEST(test_lifetimes),
		TEST(test_damaged),
		TEST(test_no_folder),
		TEST(test_for_tls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
