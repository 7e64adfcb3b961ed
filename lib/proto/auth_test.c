/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* Conversations as text, whole and cut at every step. */

#include "proto/auth.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"

#define HELLO "VERSION\t1\t0\nCPID\t7\n"

struct conversation {
	const char *name;
	const char *in;
	const char *events; /* as write_event() writes them; "!" = broken */
};

static const struct conversation conversations[] = {
	{ "handshake", HELLO, "" },
	{ "postfix plain",
	    HELLO "AUTH\t1\tPLAIN\tservice=smtp\tnologin\tlip=127.0.0.1\t"
	          "rip=192.0.2.1\tsecured\tresp=AGFubgBwdw==\n",
	    "AUTH 1 PLAIN rip=192.0.2.1 secured resp=?ann?pw;" },
	{ "no initial response", HELLO "AUTH\t1\tLOGIN\tservice=smtp\n",
	    "AUTH 1 LOGIN rip=;" },
	{ "empty initial response", HELLO "AUTH\t1\tPLAIN\tresp=\n",
	    "AUTH 1 PLAIN rip= resp=;" },
	{ "cont", HELLO "CONT\t2\tYWJj\nCONT\t3\t\nCONT\t4\n",
	    "CONT 2 resp=abc;CONT 3 resp=;CONT 4 resp=;" },
	{ "cancel", HELLO "CANCEL\t4294967295\n", "CANCEL 4294967295;" },
	{ "later minor version", "VERSION\t1\t9\nCPID\t1\nCANCEL\t1\n",
	    "CANCEL 1;" },
	{ "unknown parameters",
	    HELLO "AUTH\t1\tPLAIN\tfoo\tbar=baz\tsecured=tls\n",
	    "AUTH 1 PLAIN rip= secured;" },
	{ "secured is a word", HELLO "AUTH\t1\tPLAIN\tsecuredx\n",
	    "AUTH 1 PLAIN rip=;" },
	{ "escapes", HELLO "AUTH\t1\tPLAIN\trip=a\001tb\001nc\0011d\n",
	    "AUTH 1 PLAIN rip=a?b?c?d;" },
	{ "not base64", HELLO "AUTH\t1\tPLAIN\tresp=%%%%\nCONT\t2\t*\n",
	    "AUTH 1 PLAIN rip= garbled;CONT 2 garbled;" },
	{ "a stranger's tab is no parameter",
	    HELLO "AUTH\t1\tPLAIN\tresp=AAAA\tsecured\trip=127.0.0.1\n",
	    "AUTH 1 PLAIN rip= garbled;" },
	{ "nor in cont", HELLO "CONT\t1\tAAAA\tAAAA\n", "CONT 1 garbled;" },
	{ "broken escape", HELLO "AUTH\t1\tPLAIN\trip=a\001\n", "!" },
	{ "escaped nul", HELLO "AUTH\t1\tPLAIN\trip=a\0010\n", "!" },
	{ "long value",
	    HELLO "AUTH\t1\tPLAIN\trip=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	          "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n",
	    "!" },
	{ "version 2", "VERSION\t2\t0\n", "!" },
	{ "version twice", "VERSION\t1\t0\nVERSION\t1\t0\n", "!" },
	{ "cpid first", "CPID\t1\n", "!" },
	{ "auth before cpid", "VERSION\t1\t0\nAUTH\t1\tPLAIN\n", "!" },
	{ "no version number", "VERSION\n", "!" },
	{ "unknown command", HELLO "MASTER\t1\n", "!" },
	{ "empty line", HELLO "\n", "!" },
	{ "no id", HELLO "AUTH\n", "!" },
	{ "empty id", HELLO "AUTH\t\tPLAIN\n", "!" },
	{ "signed id", HELLO "AUTH\t-1\tPLAIN\n", "!" },
	{ "large id", HELLO "AUTH\t4294967296\tPLAIN\n", "!" },
	{ "no mechanism", HELLO "AUTH\t1\n", "!" },
	{ "empty mechanism", HELLO "AUTH\t1\t\tsecured\n", "!" },
	{ "nothing after a fault", HELLO "\nCANCEL\t1\n", "!" },
};

static void printf_like(2, 3)
put(struct buf *b, const char *fmt, ...)
{
	char text[400];
	struct err err;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	assert_int_equal(buf_puts(b, text, &err), 0);
}

static void
put_clean(struct buf *b, const void *s, size_t n)
{
	const uint8_t *p = s;

	for (size_t i = 0; i < n; i++)
		put(b, "%c", p[i] < 0x20 ? '?' : p[i]);
}

static void
write_event(const struct auth_event *ev, struct buf *b)
{
	static const char *const names[] = { "AUTH", "CONT", "CANCEL" };

	put(b, "%s %u", names[ev->kind], ev->id);
	if (ev->kind == AUTH_EVENT_AUTH) {
		put(b, " %s rip=", ev->mechanism);
		put_clean(b, ev->rip, strlen(ev->rip));
	}
	if (ev->secured)
		put(b, " secured");
	if (ev->garbled)
		put(b, " garbled");
	else if (ev->has_response) {
		put(b, " resp=");
		put_clean(b, ev->response, ev->response_len);
	}
	put(b, ";");
}

/* 0 all of it was eaten, -1 broken. */
static int
feed_piece(struct auth_reader *r, const uint8_t *data, size_t len,
    struct buf *out)
{
	struct auth_event ev;
	struct err err = { 0 };
	int rc;

	while ((rc = auth_feed(r, &data, &len, &ev, &err)) > 0)
		write_event(&ev, out);
	if (rc < 0)
		assert_int_equal(err.kind, ERR_PROTO);
	else
		assert_int_equal(len, 0);
	return rc;
}

static void
play(const char *in, size_t len, size_t step, struct buf *out)
{
	cleanup(auth_reader_free) struct auth_reader *r = NULL;
	struct err err;
	int rc = 0;

	assert_int_equal(auth_reader_new(&r, &err), 0);
	for (size_t at = 0; at < len && rc == 0; at += step)
		rc = feed_piece(r, (const uint8_t *)in + at,
		    at + step < len ? step : len - at, out);
	if (rc < 0) {
		put(out, "!");
		assert_int_equal(feed_piece(r, (const uint8_t *)HELLO,
		                     strlen(HELLO), out), -1);
	}
}

static void
cut_at_every_step(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(conversations); i++) {
		const struct conversation *c = &conversations[i];
		size_t len = strlen(c->in);

		for (size_t step = 1; step <= len + 1; step++) {
			cleanup(buf_reset) struct buf out = { .limit = 9999 };
			struct err err;

			play(c->in, len, step, &out);

			const char *is = buf_str(&out, &err);

			if (strcmp(is, c->events) != 0)
				fail_msg("%s, step %zu: %s", c->name, step,
				    is);
		}
	}
}

static void
nul_is_a_fault(void **state)
{
	static const char in[] = HELLO "AUTH\t1\tPLA\0IN\n";
	cleanup(buf_reset) struct buf out = { .limit = 9999 };
	struct err err;

	(void)state;
	play(in, sizeof in - 1, sizeof in, &out);
	assert_string_equal(buf_str(&out, &err), "!");
}

static void
long_line_is_a_fault(void **state)
{
	cleanup(auth_reader_free) struct auth_reader *r = NULL;
	cleanup(buf_reset) struct buf out = { .limit = 9999 };
	uint8_t a[100];
	size_t eaten = 0;
	struct err err;

	(void)state;
	memset(a, 'a', sizeof a);
	assert_int_equal(auth_reader_new(&r, &err), 0);
	while (feed_piece(r, a, sizeof a, &out) == 0)
		eaten += sizeof a;
	assert_in_range(eaten, LIMIT_AUTH_LINE - sizeof a, LIMIT_AUTH_LINE);
}

/* ---- the serializer ---- */

static void
greeting(void **state)
{
	cleanup(buf_reset) struct buf b = { .limit = 9999 };
	const struct auth_greeting g = { .pid = 5, .connection = 6,
		.cookie = { 0xab, 1 } };
	struct err err;

	(void)state;
	assert_int_equal(auth_put_version(&b, &err), 0);
	assert_int_equal(auth_put_mechanism(&b, "PLAIN", "plaintext", &err),
	    0);
	assert_int_equal(auth_put_ids(&b, &g, &err), 0);
	assert_string_equal(buf_str(&b, &err),
	    "VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nSPID\t5\nCUID\t6\n"
	    "COOKIE\tab010000000000000000000000000000\nDONE\n");
}

static void
answers(void **state)
{
	cleanup(buf_reset) struct buf b = { .limit = 9999 };
	struct err err;

	(void)state;
	assert_int_equal(auth_put_cont(&b, 1, NULL, 0, &err), 0);
	assert_int_equal(auth_put_cont(&b, 2, "Username:", 9, &err), 0);
	assert_int_equal(auth_put_ok(&b, 3, "ann@example.org", &err), 0);
	assert_int_equal(auth_put_fail(&b, 4, &err), 0);
	assert_string_equal(buf_str(&b, &err),
	    "CONT\t1\t\nCONT\t2\tVXNlcm5hbWU6\nOK\t3\tuser=ann@example.org\n"
	    "FAIL\t4\n");
}

static void
separators_are_refused(void **state)
{
	static const char *const bad[] = { "a\tb", "a\nb", "a\rb", "a\001b" };

	(void)state;
	for (size_t i = 0; i < countof(bad); i++) {
		cleanup(buf_reset) struct buf b = { .limit = 9999 };
		struct err err = { 0 };

		assert_int_equal(auth_put_ok(&b, 1, bad[i], &err), -1);
		assert_int_equal(err.kind, ERR_PROTO);
		assert_int_equal(auth_put_mechanism(&b, bad[i], "", &err),
		    -1);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cut_at_every_step),
		cmocka_unit_test(nul_is_a_fault),
		cmocka_unit_test(long_line_is_a_fault),
		cmocka_unit_test(greeting),
		cmocka_unit_test(answers),
		cmocka_unit_test(separators_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
